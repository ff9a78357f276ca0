"""Runs commands of the original's command line, then tells what its configuration is.

The argument is a JSON array of commands, each an array of arguments. The answer is a JSON object.
"""

import contextlib
import json
import sys

from stardag.config import load_config


def run(command):
    from stardag._cli import app

    app(command, standalone_mode=False)


def secret_of(value):
    return value.get_secret_value() if value else None


with contextlib.redirect_stdout(sys.stderr):
    for command in json.loads(sys.argv[1]):
        run(command)

config = load_config()
auth = config.registry.auth if config.registry else None
print(
    json.dumps(
        {
            "url": config.registry and config.registry.url.rstrip("/"),
            "timeout": config.registry.timeout if config.registry else 30,
            "profile": config.context.profile,
            "registryName": config.context.registry_name,
            "workspaceId": config.registry and (config.registry.workspace_id or None),
            "environmentId": config.registry and (config.registry.environment_id or None),
            "user": auth and auth.user_email,
            "apiKey": auth and secret_of(auth.api_key),
            "accessToken": auth and secret_of(auth.access_token),
            "roots": config.target.roots,
        }
    )
)
