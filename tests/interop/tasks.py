"""The tasks of tasks.ts in Python, built or checked under the target root of the environment.

    python tasks.py build   builds them, then tells of them as `check` does
    python tasks.py check   tells of each: its id, where its output is, whether that is there and is what it should be
"""

import datetime as dt
import enum
import json
import sys
import typing as t

import stardag as sd
from pydantic import BaseModel

UTC = dt.timezone.utc


@sd.task
def get_range(limit: int) -> list[int]:
    return list(range(limit))


@sd.task
def get_sum(integers: sd.Depends[list[int]]) -> int:
    return sum(integers)


@sd.task
def interop_floats(xs: list[float]) -> list[float]:
    return xs


@sd.task
def interop_text(text: str) -> str:
    return text


@sd.task
def interop_strings(texts: list[str]) -> list[str]:
    return texts


@sd.task
def interop_maybe(n: t.Optional[int]) -> t.Optional[int]:
    return n


class Row(BaseModel):
    i: int
    s: str
    x: t.Optional[float]
    flags: list[bool]


@sd.task
def interop_rows(n: int) -> list[Row]:
    return [Row(i=i, s="å" * i, x=None if i % 2 else i / 4, flags=[i > 0]) for i in range(n)]


@sd.task
def interop_tree(keys: list[str]) -> dict[str, dict[str, list[t.Optional[int]]]]:
    return {key: {"inner": [len(key), None]} for key in keys}


@sd.task
def interop_tags(names: frozenset[str], numbers: frozenset[int]) -> set[int]:
    return {len(name) for name in names} | numbers


@sd.task
def interop_when(moment: dt.datetime, day: dt.date) -> dt.datetime:
    return moment


@sd.task
def interop_big(n: int) -> int:
    return n + 1


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Config(BaseModel):
    rate: float
    rates: list[float] = [1.0]
    name: t.Optional[str] = None


@sd.task
def interop_options(
    config: Config,
    color: Color,
    mode: t.Literal["fast", "slow"],
    extra: dict[str, t.Any],
    flag: bool = True,
) -> tuple[float, str]:
    return (config.rate, mode)


class InteropJoin(sd.Task[dict[str, int]]):
    __namespace__ = "stardag.interop"
    __version__ = "2"

    parts: dict[str, sd.TaskLoads[int]]
    verbose: t.Annotated[bool, sd.StardagField(significant=False)] = False
    penalty: t.Annotated[float, sd.StardagField(compat_default=0.0)] = 0.0

    def requires(self):
        return self.parts

    def run(self):
        self.target().save({key: part.target().load() for key, part in self.parts.items()})


FLOATS = [1.0, 0.1, 1e16, 1e-7, -0.0, 5e-324, 1.7976931348623157e308, 123456789012345680.0, 2.5]
UNUSUAL = 'Åsa ⭐ 🌟 "quoted" back\\slash\ttab \u007f \u2028 \uff5e end\n'


def cases() -> dict[str, tuple[sd.Task, t.Any]]:
    the_range = get_range(limit=4)
    the_sum = get_sum(integers=the_range)
    return {
        "range": (the_range, [0, 1, 2, 3]),
        "sum": (the_sum, 6),
        "floats": (interop_floats(xs=FLOATS), FLOATS),
        "text": (interop_text(text=UNUSUAL), UNUSUAL),
        "empty text": (interop_text(text=""), ""),
        "strings": (interop_strings(texts=[UNUSUAL, "", "\u0000"]), [UNUSUAL, "", "\u0000"]),
        "null": (interop_maybe(n=None), None),
        "not null": (interop_maybe(n=0), 0),
        "rows": (
            interop_rows(n=3),
            [
                Row(i=0, s="", x=0.0, flags=[False]),
                Row(i=1, s="å", x=None, flags=[True]),
                Row(i=2, s="åå", x=0.5, flags=[True]),
            ],
        ),
        "no rows": (interop_rows(n=0), []),
        "tree": (
            interop_tree(keys=["\uff5e", "🌟", "a"]),
            {"\uff5e": {"inner": [1, None]}, "🌟": {"inner": [1, None]}, "a": {"inner": [1, None]}},
        ),
        "tags": (
            interop_tags(names=frozenset(["🌟x", "\uff5e", "a"]), numbers=frozenset([10, 9, -1])),
            {1, 2, 9, 10, -1},
        ),
        "when": (
            interop_when(
                moment=dt.datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC), day=dt.date(2024, 2, 29)
            ),
            dt.datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        ),
        "big": (interop_big(n=2**70), 2**70 + 1),
        "options": (
            interop_options(
                config=Config(rate=2),
                color=Color.BLUE,
                mode="slow",
                extra={"é": [1, 2.5, None, True, "ü"], "b": {}},
            ),
            (2.0, "slow"),
        ),
        "join": (
            InteropJoin(parts={"b": the_sum, "a": interop_maybe(n=0)}, verbose=True),
            {"b": 6, "a": 0},
        ),
        "join with penalty": (InteropJoin(parts={"b": the_sum}, penalty=1), {"b": 6}),
    }


def tell(task: sd.Task, expected: t.Any) -> dict[str, t.Any]:
    complete = task.complete()
    loaded = task.target().load() if complete else None
    # As text too, for what counts as equal and is not the same: 1 and 1.0, 0.0 and -0.0.
    same = loaded == expected and (
        isinstance(expected, (set, dt.datetime)) or same_text(loaded, expected)
    )
    return {
        "id": str(task.id),
        "uri": task.target().uri,
        "complete": complete,
        "same": complete and same,
        "loaded": repr(loaded),
    }


def same_text(a: t.Any, b: t.Any) -> bool:
    if isinstance(a, dict):
        a, b = sorted(a.items()), sorted(b.items())
    return repr(a) == repr(b)


if __name__ == "__main__":
    table = cases()
    if sys.argv[1] == "build":
        sd.build([task for task, _ in table.values()])
    json.dump({name: tell(task, expected) for name, (task, expected) in table.items()}, sys.stdout)
