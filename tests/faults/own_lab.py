"""Verbs of the command on a Postgres of one's own (tests/own_postgres.py), with a gateway that is simulated."""

import io
import os
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from ibconnect.cli.main import main
from tests.own_postgres import OwnServer
from tests.paths import CAPTURES
from tests.processes import Process, accounts, process
from tests.serving import logged
from tests.waiting import DEADLINE_S

SINGLE = "single"
TARGETS = ("roles", SINGLE)
"""Whom a database belongs to: the roles of deploy/postgres, or one role."""


class Lab:
    """A gateway, and verbs of the command in processes of their own."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self._stack = stack
        self._gateway = ""

    def gateway(self) -> str:
        if not self._gateway:
            capture = str(CAPTURES / "eur-cfd.jsonl")
            running = self._stack.enter_context(
                process(self.directory / "gateway", "simulate", "--port", "0", "--capture", capture)
            )
            self._gateway = running.said(r"(127\.0\.0\.1:\d+)")[1]
        return self._gateway

    def serve(self, url: str, name: str = "serve", **settings: str) -> Process:
        given = {"DB_URL": url, "DATA_DIR": str(self.directory / name), "PORT": "0", "HOST": "127.0.0.1", **settings}
        given = {key: value for key, value in given.items() if value}
        return self._stack.enter_context(
            process(self.directory / f"{name}.log", "serve", IB_GW=self.gateway(), **given)
        )

    def run(self, *arguments: str, **settings: str) -> tuple[int, str]:
        """Run a verb to its end: in this process, which takes a tenth of the time, unless it may end the process."""
        out = io.StringIO()
        given = {"PATH": os.environ["PATH"], "DATA_DIR": str(self.directory / "verbs"), **settings}
        if arguments[0] == "serve":
            with process(self.directory / "refused.log", *arguments, **given) as refused:
                return refused.popen.wait(DEADLINE_S), refused.output
        with pytest.MonkeyPatch.context() as patch, logged(), redirect_stdout(out), redirect_stderr(out):
            patch.setattr(os, "environ", given)
            code = main(arguments)
        assert "Traceback" not in out.getvalue()
        return code, out.getvalue()

    def must(self, *arguments: str, **settings: str) -> str:
        code, output = self.run(*arguments, **settings)
        assert code == 0, output
        return output

    def install(self, server: OwnServer) -> str:
        """A database set up as README.md says."""
        name = server.new_with_roles()
        said = self.must("migrate", DB_URL=server.url("ibconnect_owner", name))
        assert said.endswith("the roles have their rights on it\n")
        return name

    def record(self, url: str, **settings: str) -> None:
        """Serve until all accounts have been recorded, and have a report."""
        serve = self.serve(url, **settings)
        serve.said("refresh ended")
        accounts(serve.url(), 1)
        serve.stop()
        assert (serve.popen.returncode, "Traceback" in serve.output) == (0, False), serve.output


def single(server: OwnServer) -> str:
    """A database of a role that owns all."""
    if not server.do(f"SELECT 1 FROM pg_roles WHERE rolname = '{SINGLE}'"):
        server.do(f"CREATE ROLE {SINGLE} LOGIN")
        server.set_password(SINGLE, role="chief")
    return server.new_database(SINGLE)


def roles_of(kind: str) -> tuple[str, str]:
    return ("ibconnect_recorder", "ibconnect_backup") if kind == "roles" else (SINGLE, SINGLE)
