"""Every alert of deploy/prometheus/alerts.yml fires and stops, each by its fault, seen by a real Prometheus.

It scrapes real processes of the service with the token and the job that deploy/ makes, and judges by our rules. The
faults are real: processes are killed, Postgres is killed or refuses, gateways go away or lose IB, the spool is filled,
files in it are damaged. Only the times of the rules are shorter, see :func:`tests.faults.prometheus.quicker`.
"""

import json
import os
import shutil
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from aiohttp.test_utils import unused_port
from ruamel.yaml import YAML

from ibconnect.codes import MOST_LISTED
from tests.conftest import url_of
from tests.faults.family import family
from tests.faults.lab import Simulators
from tests.faults.processes import Server, running_server
from tests.faults.prometheus import DEPLOY, WINDOW_S, Prometheus, prometheus, promtool
from tests.hostile import FLOODS, HostileGateway
from tests.paths import ROOT, scratch
from tests.processes import Process, process
from tests.small_gateway import listening
from tests.waiting import DEADLINE_S, wait_for

ALERTS = [rule["alert"] for rule in YAML(typ="safe").load(DEPLOY / "alerts.yml")["groups"][0]["rules"]]


class World:
    """Instances on one Postgres, and who watches them. ``fired``: the alerts that have."""

    def __init__(self, server: Server, directory: Path, watch: Prometheus, stack: ExitStack) -> None:
        self.server = server
        self.watch = watch
        self.fired: set[str] = set()
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


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    secrets = ["sh", str(ROOT / "deploy" / "make-secrets.sh"), str(tmp_path / "secrets")]
    subprocess.run(secrets, check=True, capture_output=True)
    with (
        prometheus(tmp_path, tmp_path / "secrets" / "prometheus_token") as watch,
        running_server() as server,
        ExitStack() as stack,
    ):
        yield World(server, tmp_path, watch, stack)


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


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_alert_fires_by_its_fault_and_stops(world: World) -> None:
    with (
        Simulators(2, rate=20) as steady,
        Simulators(1, first=2, speed=60) as quiet,
        Simulators(1, first=3, rate=1000) as busy,
        Simulators(1, rate=20) as twin,
    ):
        of_main, away = steady.addresses.split(",")
        of_victim = quiet.addresses
        main = world.serving("main", IB_GW=f"{of_main},{away}")
        world.serving("victim", IB_GW=of_victim)
        wait_for(lambda: world.get(f"{main}/readyz") == 200, "it is ready")
        by_hand(world, of_victim)
        lost_part(world)
        hung(world)
        bad_answers(world, main)
        kills(world)
        quiet.do(0, "connectivity", seconds=3600)
        gateway_away(world, steady, away)
        named_twice(world, twin)
        rows_refused(world, steady)
        tables_refused(world)
        crowd(world, main)
        locks(world)
        world.fires("NothingRecorded", gateway=of_victim)
        quiet.do(0, "clear")
        refused(world)
        postgres_away(world, busy)
        embedded(world)
        flooded(world)
        for alert in ALERTS:
            world.watch.stops(alert, 3 * WINDOW_S)
    assert world.fired == set(ALERTS)


def by_hand(world: World, gateway: str) -> None:
    """The owner writes an event at a position of his own; a session that does not record holds a gateway's name."""
    world.server.do(
        "INSERT INTO stored_events (notification_id, originator_version, originator_id, topic, state)"
        " VALUES (9223372036854775807, 1, gen_random_uuid(), 'v', '[\"made up\"]')"
    )
    world.fires("PositionsBeyond", instance="main")
    world.server.do(
        "ALTER TABLE stored_events DISABLE TRIGGER ALL; DELETE FROM stored_events WHERE notification_id > 9e18;"
        " ALTER TABLE stored_events ENABLE ALWAYS TRIGGER events_are_immutable"
    )
    world.watch.stops("PositionsBeyond")
    world.running["victim"].stop()
    with psycopg.connect(world.server.url, autocommit=True) as holder:
        held = "SELECT coordination.take('gateway ' || %(name)s, 7106, hashtext(%(name)s))"
        assert holder.execute(held, {"name": gateway}).fetchone() == (True,)
        world.serving("victim")
        world.fires("NobodyLeads", gateway=gateway)
    world.watch.stops("NobodyLeads")


def lost_part(world: World) -> None:
    """The projector dies of tables that do not say what they are. (It is well again when it has run for a minute.)"""
    world.server.do("DELETE FROM snapshots.projection")
    world.fires("PartRestarts", instance="main")


def hung(world: World) -> None:
    """Every process that projects stands still."""
    projectors = [family(world.running[name])["project"] for name in ("main", "victim")]
    for each in projectors:
        each.suspend()
    world.fires("ProcessSilent", instance="main")
    world.fires("NobodyProjects", instance="main")
    for each in projectors:
        each.resume()
    world.watch.stops("ProcessSilent")
    world.watch.stops("NobodyProjects")


def bad_answers(world: World, url: str) -> None:
    """A table is not what it should be, for one request; somebody guesses tokens."""
    gateways = f"{url}/v1/gateways"
    wait_for(lambda: world.get(gateways) == 200, "the tables are there")
    world.server.do("ALTER TABLE coordination.gateway RENAME COLUMN last_notice_at TO gone")
    wait_for(lambda: world.get(gateways) == 500, "it fails")
    world.server.do("ALTER TABLE coordination.gateway RENAME COLUMN gone TO last_notice_at")
    wait_for(lambda: world.get(gateways) == 200, "it does not")
    for _ in range(60):
        assert world.get(f"{url}/v1/accounts", "a-token-that-is-not-in-force") in (401, 429)
    world.fires("RequestsFail", instance="main")
    world.fires("TokensRefused", instance="main")


def kills(world: World) -> None:
    world.running["victim"].stop(signal.SIGKILL)
    world.fires("IbConnectDown", instance="victim")
    for _ in range(2):
        world.serving("victim")
        world.running["victim"].stop(signal.SIGKILL)
    world.serving("victim")
    world.watch.stops("IbConnectDown")
    world.fires("KeepsDying", instance="victim")


def gateway_away(world: World, gateways: Simulators, address: str) -> None:
    gateways.do(1, "restart", seconds=3600)
    world.fires("GatewayDisconnected", gateway=address)
    world.fires("NoCompleteRefresh", gateway=address)
    gateways.listen(1)
    world.watch.stops("GatewayDisconnected", gateway=address)
    world.watch.stops("NoCompleteRefresh", gateway=address)


def named_twice(world: World, twin: Simulators) -> None:
    """A gateway lists accounts that another one has named; a pin decides whose they are."""
    world.serving("twin", IB_GW=twin.addresses)
    world.fires("AccountConflict", gateway=twin.addresses)
    world.running["twin"].stop()
    world.serving("twin", IB_GW=f"{twin.addresses}@{','.join(twin.accounts)}")
    world.watch.stops("AccountConflict")
    world.running["twin"].stop()
    world.watch.forget("twin")


def rows_refused(world: World, gateways: Simulators) -> None:
    """The event store does not take some rows; later they cannot be kept in files either."""
    spool = world.directory / "main" / "spool"
    with refusing(world.server, "public.stored_events", "23514", "NEW.topic = 'n'"):
        gateways.do(0, "notice", text="nobody takes it")
        world.fires("EventsRefused", instance="main")
        (kept,) = spool.glob("refused-*.rows")
        kept.rename(spool.parent / "seen")
        names = [kept, *(kept.with_name(f"{kept.stem}-{number}.rows") for number in range(2, 11))]
        for name in names:
            name.mkdir()
        gateways.do(0, "notice", text="nobody can keep it")
        world.fires("WriterFails", instance="main")
    for name in names:
        name.rmdir()
    world.watch.stops("WriterFails")
    for name in spool.glob("refused-*.rows"):
        name.rename(spool.parent / "seen too")


def tables_refused(world: World) -> None:
    """The disk of Postgres is full, as far as the snapshots know; then somebody's constraint forbids them."""
    with refusing(world.server, "snapshots.account_snapshot", "53100"):
        world.fires("ProjectionFails", instance="main")
        world.fires("ProjectionLagging")
    world.watch.stops("ProjectionFails")
    world.watch.stops("ProjectionLagging")
    with refusing(world.server, "snapshots.account_snapshot", "23514"):
        world.fires("EventsSetAside")
    with process(world.directory / "verb.log", "retry-poison", DB_URL=world.server.url) as verb:
        assert verb.popen.wait(DEADLINE_S) == 0, verb.output
    world.watch.stops("EventsSetAside")


def crowd(world: World, url: str) -> None:
    """Somebody locks a table that reports need, while many ask for them."""
    over = threading.Event()

    def keep_asking() -> None:
        while not over.is_set():
            assert world.get(f"{url}/v1/accounts/DU1/as-of/2030-01-01T00:00:00Z") in (404, 503, 504)

    clients = [threading.Thread(target=keep_asking) for _ in range(16)]
    try:
        with locked(world.server, "snapshots.account", "ACCESS EXCLUSIVE"):
            for client in clients:
                client.start()
            world.fires("PoolExhausted", instance="main")
    finally:
        over.set()
        for client in clients:
            client.join(DEADLINE_S)
    world.watch.stops("PoolExhausted")


def locks(world: World) -> None:
    """Somebody locks the table of the events, again and again."""

    def lock() -> None:
        with locked(world.server, "public.stored_events", "EXCLUSIVE") as connection:
            connection.execute("SELECT pg_sleep(1.5)")

    world.watch.fires("CommitSlow", lock, instance="main")
    world.fired.add("CommitSlow")


def refused(world: World) -> None:
    """An instance is given a database that nobody has made yet."""
    port = unused_port()
    world.start("refused", IB_GW="127.0.0.1:1", PORT=str(port), DB_URL=url_of(world.server.url, "later"))
    world.watch.watch("refused", f"http://127.0.0.1:{port}")
    world.fires("DatabaseRefuses", instance="refused")
    world.server.do("CREATE DATABASE later")
    world.watch.stops("DatabaseRefuses")
    world.running["refused"].stop()
    world.watch.forget("refused")


def postgres_away(world: World, busy: Simulators) -> None:
    """Postgres is killed; one instance starts meanwhile, another fills its spool, a third leaves a damaged one."""
    world.serving("full", IB_GW=busy.addresses, SPOOL_MAX_BYTES="1MiB")
    busy.go_on(100)
    world.server.kill()
    port = unused_port()
    world.start("late", IB_GW="127.0.0.1:1", PORT=str(port))
    world.watch.watch("late", f"http://127.0.0.1:{port}")
    for alert, instance in (
        ("MessagesLost", "full"),
        ("RecordingInterrupted", "full"),
        ("SpoolNearlyFull", "full"),
        ("DatabaseAway", "main"),
        ("SpoolInUse", "main"),
        ("SchemaWaits", "late"),
    ):
        world.fires(alert, instance=instance)
    world.running["main"].stop(signal.SIGKILL)
    journal = max((world.directory / "main" / "spool").glob("*/*.segment"), key=lambda path: path.stat().st_size)
    damage(journal)
    world.serving("main")
    world.fires("LeftoversWait", instance="main")
    dashboard_shows(world.watch)
    world.server.start()
    world.fires("LeftoversKept", instance="main")
    for alert in (
        "DatabaseAway",
        "SpoolInUse",
        "SchemaWaits",
        "SpoolNearlyFull",
        "RecordingInterrupted",
        "LeftoversWait",
    ):
        world.watch.stops(alert)
    (kept,) = (world.directory / "main" / "spool").glob("damaged-*")
    kept.rename(world.directory / "damaged")
    world.watch.stops("LeftoversKept")
    for name in ("full", "late"):
        world.running[name].stop()
        world.watch.forget(name)


def dashboard_shows(watch: Prometheus) -> None:
    """Every query of the dashboard finds something."""
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "ibconnect.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert [each for each in queries if not watch.value(each.replace("$__rate_interval", f"{WINDOW_S}s"))] == []


def damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        (byte,) = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte ^ 0xFF]))


def embedded(world: World) -> None:
    """The embedded Postgres is killed, and cannot be started again."""
    data = scratch("ibc-alert-")
    try:
        world.serving("embedded", IB_GW="127.0.0.1:1", DB_URL="", DATA_DIR=str(data))
        (pid,) = data.glob("pg*/postmaster.pid")
        version = pid.with_name("PG_VERSION")
        version.rename(data / "gone")
        os.kill(int(pid.read_text().split()[0]), signal.SIGKILL)
        world.fires("EmbeddedPostgresDown", instance="embedded")
        (data / "gone").rename(version)
        world.watch.stops("EmbeddedPostgresDown")
        world.running["embedded"].stop()
        world.watch.forget("embedded")
    finally:
        shutil.rmtree(data, ignore_errors=True)


class Flooding(HostileGateway):
    """Lists more accounts than are asked for, and sends values without end once it is told to."""

    def __init__(self) -> None:
        super().__init__(*(f"DU{number}" for number in range(MOST_LISTED + 1)))
        self.is_flooding = threading.Event()

    async def subscribed(self, account: str, nth: int) -> None:
        await super().subscribed(account, nth)
        while self.is_flooding.is_set() and await self.push(FLOODS["values"](1 << 20, Random(nth))):
            pass


def flooded(world: World) -> None:
    """A gateway is none of IB's."""
    gateway = Flooding()
    with listening(gateway) as ports:
        world.serving("flooded", IB_GW=f"127.0.0.1:{ports[0]}", GATEWAY_MAX_EVENTS="1000")
        world.fires("AccountsLeftOut", instance="flooded")
        gateway.is_flooding.set()
        world.fires("GatewayFloods", instance="flooded")
        gateway.is_flooding.clear()
        world.running["flooded"].stop()
        world.watch.forget("flooded")


AS_THEY_STAND: list[tuple[str, dict[str, str], dict[str, bool]]] = [
    # Alert, series (a value each minute), and whether it fires when. A gateway restarts itself each night, for minutes.
    ("GatewayDisconnected", {"ibconnect_gateway_connected": "1x9 0x11 1x20"}, {"21m": False}),
    ("GatewayDisconnected", {"ibconnect_gateway_connected": "0x30"}, {"14m": False, "16m": True}),
    ("IbConnectDown", {"up": "1x9 0x30"}, {"11m": False, "13m": True}),
    # Due an hour after the beginning.
    ("NoCompleteRefresh", {"ibconnect_refresh_due_timestamp_seconds": "3600x300"}, {"3h5m": False, "3h15m": True}),
    # A bound of 1000 bytes, whatever the default is.
    (
        "SpoolNearlyFull",
        {
            "ibconnect_spool_max_bytes": "1000x9",
            "ibconnect_spool_bytes": "190 210x8",
            "ibconnect_spool_leftover_bytes": "200x9",
        },
        {"0m": False, "1m": True},
    ),
    # Started again after five, nine and thirteen minutes.
    (
        "KeepsDying",
        {"process_start_time_seconds": "0x4 300x3 540x3 780x30", "up": "1x40"},
        {"12m": False, "14m": True, "25m": False},
    ),
    (
        "ProjectionLagging",
        {"ibconnect_projection_lag_seconds": "61x9 59x9"},
        {"4m": False, "6m": True, "12m": False},
    ),
    ("ProjectionLagging", {"ibconnect_projection_lag_seconds": "59x30"}, {"20m": False}),
    ("AccountConflict", {"ibconnect_account_conflicts": "0x4 2x20"}, {"8m": False, "11m": True}),
    # Nobody leads for a moment at each hand-over: the trouble is told after 30 s, the alert has no time of its own.
    (
        "NobodyLeads",
        {"ibconnect_gateway_led": "1 0x9 1x9", 'ibconnect_trouble{trouble="gateway_unled"}': "0x4 1x4 0x9"},
        {"4m": False, "6m": True, "11m": False},
    ),
    # Postgres is away: nobody can be seen to lead, and that is told as what it is.
    (
        "NobodyLeads",
        {"ibconnect_gateway_led": "0x30", 'ibconnect_trouble{trouble="gateway_unled"}': "0x30"},
        {"20m": False},
    ),
]


def series(name: str, labels: str) -> str:
    """A series with these labels beside its own."""
    name, _, own = name.rstrip("}").partition("{")
    return f"{name}{{{', '.join(filter(None, [own, labels]))}}}"


def row(alert: str, values: dict[str, str], fires: dict[str, bool]) -> dict[str, Any]:
    """A test for promtool."""
    labels = 'job="ibconnect", instance="one", gateway="gw"'
    query = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)'
    return {
        "interval": "1m",
        "input_series": [{"series": series(name, labels), "values": each} for name, each in values.items()],
        "promql_expr_test": [
            {"expr": query, "eval_time": at, "exp_samples": [{"labels": "{}", "value": int(does)}]}
            for at, does in fires.items()
        ],
    }


@pytest.mark.slow
def test_the_rules_as_they_stand_have_the_times_that_they_should_have(tmp_path: Path) -> None:
    """Those that are shorter above: by promtool, on series that are made up."""
    promtool("check", "rules", DEPLOY / "alerts.yml", cwd=tmp_path)
    with (tmp_path / "tests.yml").open("w") as file:
        YAML().dump({"rule_files": [str(DEPLOY / "alerts.yml")], "tests": [row(*each) for each in AS_THEY_STAND]}, file)
    promtool("test", "rules", "tests.yml", cwd=tmp_path)
