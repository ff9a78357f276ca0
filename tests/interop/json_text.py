"""Canonical text as Python's own json module writes it, for each of the values on standard input.

The input is a JSON array of [kind, value]: "float" is the 16 hex digits of a double, "string" a JSON string, "value" any.
"""

import json
import struct
import sys


def value_of(kind, value):
    if kind == "float":
        return struct.unpack(">d", bytes.fromhex(value))[0]
    return value


def text_of(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


json.dump([text_of(value_of(*each)) for each in json.load(sys.stdin)], sys.stdout)
