"""What the tests of upgrades share: a database on which instances of two versions work.

In: the directories of the versions. Out: processes of either, and what is in the database. Called by the tests of the
next version, and of the one before.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ibconnect.database.pools import connect
from tests.faults.lab import Simulators, Store
from tests.processes import Process, process
from tests.waiting import wait_for

_LOG_CHARS = 4000

REBUILT_S = 300.0
"""How long a rebuild of all reports may take: beside traffic it waits for readers at each of them."""


class Upgrade:
    """A database, its gateway, and the versions of the program that work on it, by name."""

    def __init__(
        self, url: str, directory: Path, simulators: Simulators, stack: ExitStack, roots: dict[str, Path]
    ) -> None:
        self.url = url
        self.store = Store(url)
        self.simulators = simulators
        self.roots = roots
        self._directory = directory
        self._stack = stack

    def _settings(self, name: str) -> dict[str, str]:
        return {"DB_URL": self.url, "DATA_DIR": str(self._directory / f"data-{name}"), "LOG_FORMAT": "json"}

    def serve(self, version: str, name: str = "") -> Process:
        """Start an instance."""
        name = name or version
        settings = {**self._settings(name), "INSTANCE": name, "IB_GW": self.simulators.addresses}
        return self._stack.enter_context(
            process(
                self._directory / f"{name}.log",
                "serve",
                root=self.roots[version],
                HOST="127.0.0.1",
                PORT="0",
                QUIET_TIME="2",
                **settings,
            )
        )

    def run(self, version: str, verb: str, *arguments: str) -> tuple[int, str]:
        """Run a verb to its end: exit code and output."""
        log = self._directory / f"{verb}.log"
        with process(log, verb, *arguments, root=self.roots[version], **self._settings("verbs")) as running:
            return running.popen.wait(REBUILT_S), running.output

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with connect(self.url, name="test") as connection:
            return connection.execute(query.encode()).fetchall()

    def do(self, *statements: str) -> None:
        with connect(self.url, name="test") as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def version(self) -> int:
        return int(self.rows("SELECT version FROM accounts.projection")[0][0])

    @contextmanager
    def reading(self, view: str = "v_contract") -> Iterator[None]:
        """Somebody reads a public view, so no swap can come."""
        with connect(self.url, name="test") as connection, connection.transaction():
            connection.execute(f"LOCK TABLE public.{view} IN ACCESS SHARE MODE".encode())
            yield

    def wait_for_swap(self, view: str = "v_contract") -> None:
        """Wait until a rebuild is ready to put its tables in place."""
        query = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'public.{view}'::regclass"
        wait_for(
            lambda: self.rows(query) != [(0,)],
            lambda: f"a rebuild waits for the reader of a view:\n{self._logs()}",
            REBUILT_S,
        )

    def _logs(self) -> str:
        """The end of what each process said."""
        return "\n".join(
            f"{log.name}:\n{log.read_text()[-_LOG_CHARS:]}" for log in sorted(self._directory.glob("*.log"))
        )

    def go_on(self) -> None:
        """Have everything recorded go on: a refresh, and something new of every gateway."""
        self.store.wait_for_refreshes(self.store.ask_for_refresh(), 1)
        self.store.wait_for_marks(self.simulators)
