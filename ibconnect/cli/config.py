"""``ibconnect config``: the effective settings, a line each, with where it comes from. Called by the command line."""

import argparse
import sys
from collections.abc import Mapping

from ibconnect.config import describe, load, near_misses, sources
from ibconnect.gateway.collectors.registry import chosen
from ibconnect.http.server.auth import read_tokens
from ibconnect.observe import Kind


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb takes none."""


def run(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the settings, secrets hidden; the exit code is 0.

    :raises ConfigError: a setting is wrong
    """
    config = load(environ)
    tokens = read_tokens(config)
    chosen(config.collect)
    found = sources(environ)
    for name, value, text in describe(config):
        print(f"{name}={value}  # {found[name]}: {text}")
    for name, meant in near_misses(environ).items():
        print(f"ibconnect: {name} is set, and is no setting; {meant} is one", file=sys.stderr)
    for number in tokens.bare if tokens is not None else ():
        print(f"ibconnect: API_TOKENS, entry {number}: {Kind.HTTP_TOKEN_BARE.value.text}", file=sys.stderr)
    return 0
