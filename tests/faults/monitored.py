"""Instances of the service on one Postgres, which a real Prometheus watches, and ways to keep Postgres from its work.

In: a server, a running Prometheus. Out: instances that are started, and alerts that are waited for. Used by
test_monitoring.
"""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from tests.faults.processes import Server
from tests.faults.prometheus import Prometheus
from tests.processes import Process, process
from tests.waiting import DEADLINE_S, wait_for


class World:
    """Instances on one Postgres, and who watches them.

    ``fired``: the alerts that have; ``shown``: the queries of the dashboard that have found something.
    """

    def __init__(self, server: Server, directory: Path, watch: Prometheus, stack: ExitStack) -> None:
        self.server = server
        self.watch = watch
        self.fired: set[str] = set()
        self.shown: set[str] = set()
        self.directory = directory
        self._stack = stack
        self._settings: dict[str, dict[str, str]] = {}
        self._began: dict[str, set[float]] = {}
        self.running: dict[str, Process] = {}

    def start(self, name: str, **settings: str) -> Process:
        """Start an instance, or start it again."""
        usual = {
            "DB_URL": self.server.url,
            "DATA_DIR": str(self.directory / name),
            "API_TOKENS_FILE": str(self.directory / "secrets" / "api_tokens"),
            "INSTANCE": name,
            "HOST": "127.0.0.1",
            "PORT": "0",
            "ACCT_REF": "*/5 * * * * *",
            "QUIET_TIME": "1",
            "DOWNLOAD_TIMEOUT": "2",
        }
        self._settings[name] = {**usual, **self._settings.get(name, {}), **settings}
        log = self.directory / f"{name}-{len(self._began.setdefault(name, set()))}.log"
        self.running[name] = self._stack.enter_context(process(log, "serve", **self._settings[name]))
        return self.running[name]

    def serving(self, name: str, **settings: str) -> str:
        """The same; its URL, once Prometheus has seen it."""
        url = self.start(name, **settings).url()
        self.watch.watch(name, url)
        self.seen(name)
        return url

    def seen(self, name: str) -> None:
        """Wait until Prometheus has seen a start of it that is new."""
        query = f'process_start_time_seconds{{instance="{name}"}}'
        known = self._began[name]
        wait_for(
            lambda: {value for _, value in self.watch.value(query)} - known,
            lambda: f"{name} is scraped; {self.watch.state()}",
            pause=0.2,
        )
        known |= {value for _, value in self.watch.value(query)}

    def fires(self, alert: str, **labels: str) -> None:
        """Wait until it does."""
        self.watch.fires(alert, **labels)
        self.fired.add(alert)

    def get(self, url: str, token: str = "api_token") -> int:
        """The status of an answer."""
        path = self.directory / "secrets" / token
        text = path.read_text() if path.exists() else token
        try:
            wanted = urllib.request.Request(url, headers={"Authorization": f"Bearer {text}"})
            with urllib.request.urlopen(wanted, timeout=DEADLINE_S) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code


@contextmanager
def refusing(server: Server, table: str, code: str, when: str = "true") -> Iterator[None]:
    """Postgres refuses new rows of a table with an error of its own."""
    server.do(
        f"""
        CREATE FUNCTION public.refuse_rows() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END $$
        """
    )
    made = f"TRIGGER refuse_rows BEFORE INSERT ON {table} FOR EACH ROW WHEN ({when})"
    server.do(f"CREATE {made} EXECUTE FUNCTION public.refuse_rows()")
    try:
        yield
    finally:
        server.do(f"DROP TRIGGER refuse_rows ON {table}")
        server.do("DROP FUNCTION public.refuse_rows")


@contextmanager
def locked(server: Server, table: str, mode: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Somebody holds a lock on a table."""
    with psycopg.connect(server.url) as connection:
        connection.execute(f"LOCK TABLE {table} IN {mode} MODE".encode())
        yield connection
