"""``ibconnect health``: ask the service where its settings say that it listens, and say in one line how it is.

In: ``HOST`` and ``PORT`` of the environment. Out: exit code 0 and a line, or 1 and why not; 2 if the settings do not
say where. Called by process supervisors (the image's HEALTHCHECK), so it imports little.
"""

import argparse
import http.client
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence

from ibconnect.config import listening
from ibconnect.errors import ConfigError

# Less than a container engine's time-out, so that it shows why.
PATIENCE_S = 4.0
_WAYS = {"localhost": ("127.0.0.1", "::1"), "0.0.0.0": ("127.0.0.1",), "::": ("::1",)}
_MOST_BYTES = 1 << 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("--ready", action="store_true", help="ask whether requests can be answered (/readyz)")


def main(arguments: Sequence[str]) -> int:
    """Run the verb by itself; the return value is the exit code."""
    parser = argparse.ArgumentParser(
        prog="ibconnect health",
        description="Ask the service at HOST and PORT whether it is alive: exit code 0 if so, else 1.",
    )
    add_arguments(parser)
    return run(parser.parse_args(arguments), os.environ)


def run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Ask each address until one answers as it should; the return value is the exit code."""
    try:
        hosts, port = listening(environ)
        if port == 0:
            raise ConfigError("PORT=0 does not say where the service listens: set PORT to the port that it has")
    except ConfigError as exc:
        print(f"ibconnect: {exc}", file=sys.stderr)
        return 2
    path = "/readyz" if chosen.ready else "/healthz"
    deadline = time.monotonic() + PATIENCE_S
    failures = []
    for host in [way for each in hosts for way in _WAYS.get(each.lower(), (each,))]:
        shown = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
        failure = _failure(host, port, path, deadline - time.monotonic())
        if not failure:
            print(f"{'ready' if chosen.ready else 'healthy'}: {shown}")
            return 0
        failures.append(f"{shown}: {failure}")
    print(f"not {'ready' if chosen.ready else 'healthy'}: {'; '.join(failures)}", file=sys.stderr)
    return 1


def _failure(host: str, port: int, path: str, seconds: float) -> str:
    """Why the service does not answer there as it should; nothing if it does."""
    if seconds <= 0:
        return "there was no time left"
    line = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        line.request("GET", path)
        response = line.getresponse()
        return _why_not(response.status, response.read(_MOST_BYTES))
    except http.client.HTTPException:
        return "what answers there does not speak HTTP"
    except OSError as exc:
        return exc.strerror or str(exc) or type(exc).__name__
    finally:
        line.close()


def _why_not(status: int, body: bytes) -> str:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    match status, said:
        case 200, {"Alive": True} | {"Ready": True}:
            return ""
        case _, {"Alive": False, "Silent": [*silent]}:
            return f"it answers, and its process {', '.join(map(str, silent))} does not"
        case _, {"Ready": False, "Reasons": [*reasons]}:
            return " ".join(", ".join(map(str, reasons)).split()) or "it does not say why"
    return f"status {status} of something that is not ibconnect"
