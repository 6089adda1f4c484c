"""The verbs of the command line: one line each, in the order in which ``ibconnect --help`` shows them.

In: nothing. Out: :data:`VERBS`. A verb is a module of this package, named after it, with ``add_arguments(parser)``,
which declares what it takes, and ``run(chosen, environ)``, which does it and returns the exit code. Only the module of
the verb that was chosen is imported, and what it shares with another one: help and the small verbs start at once. Read
by ``ibconnect.cli.main``.
"""

import argparse
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import NamedTuple, Protocol, cast


class Module(Protocol):
    """What the module of a verb has."""

    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Mapping[str, str]], int]


class Verb(NamedTuple):
    """A verb: its name on the command line, and what it does, in words."""

    name: str
    help: str

    @property
    def module(self) -> Module:
        """Its module, imported now: ``set_aside`` for ``set-aside``."""
        return cast("Module", import_module(f"ibconnect.cli.{self.name.replace('-', '_')}"))


VERBS = (
    Verb("serve", "record the gateways and serve the REST API, each in a process of its own, until SIGTERM"),
    Verb("record", "record the gateways alone; answer health and metrics only"),
    Verb("project", "keep the snapshot tables up to date alone; answer health and metrics only"),
    Verb("api", "serve the REST API alone, of what others record and project"),
    Verb("demo", "serve a simulated advisor's login from an embedded Postgres"),
    Verb("health", "ask the service at HOST and PORT whether it is alive"),
    Verb("config", "print the effective settings, secrets hidden; fail if one is wrong"),
    Verb("check", "check settings, Postgres, disk and gateways, a line for each; fail if one of them fails"),
    Verb("migrate", "bring the database's schema up to date"),
    Verb("rebuild", "build the snapshot tables again from the events, beside the live ones"),
    Verb("retry-poison", "apply the events again that were set aside: the former name of `set-aside retry`"),
    Verb("set-aside", "list the events that could not be applied, and why, or apply them again; fail if any are left"),
    Verb("backup", "write the whole database into a file, also while it is recorded into"),
    Verb("restore", "fill a new, empty database from a file that backup has written"),
    Verb(
        "statements",
        "import Flex statements from files, fetch them from IBKR, list those recorded, write one out",
    ),
    Verb("events", "export recorded events, or make a capture of them"),
    Verb("replay", "serve recorded sessions again, as the gateway that sent them"),
    Verb("simulate", "an IB Gateway of our own, for development and tests"),
)
