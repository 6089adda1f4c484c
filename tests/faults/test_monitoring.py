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
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import psycopg
import pytest
from aiohttp.test_utils import unused_port
from ruamel.yaml import YAML

from ibconnect.codes import MOST_LISTED
from tests.conftest import url_of
from tests.faults.family import family
from tests.faults.lab import Simulators
from tests.faults.monitored import World, locked, refusing
from tests.faults.processes import running_server
from tests.faults.prometheus import DEPLOY, WINDOW_S, prometheus
from tests.faults.test_flex import QUERIES, TOKEN, Flex
from tests.faults.test_flex import listening as statements_for
from tests.hostile import FLOODS, HostileGateway
from tests.partitions import name_of, take_away, this_month
from tests.paths import ROOT, scratch
from tests.processes import process
from tests.small_gateway import listening
from tests.waiting import DEADLINE_S, wait_for

ALERTS = [rule["alert"] for rule in YAML(typ="safe").load(DEPLOY / "alerts.yml")["groups"][0]["rules"]]

_FETCHED_S = 4 * DEADLINE_S
"""What is due is looked for every half minute, and asked for at IBKR's pace."""


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


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_alert_fires_by_its_fault_and_stops(world: World) -> None:
    with (
        Simulators(2, rate=20) as steady,
        Simulators(1, first=2, speed=60) as quiet,
        Simulators(1, first=3, rate=1000) as busy,
        Simulators(1, rate=20) as twin,
        statements_for(20) as flex,
    ):
        of_main, away = steady.addresses.split(",")
        of_victim = quiet.addresses
        fetched = {"FLEX_URL": flex.service.url, "FLEX_TOKEN": TOKEN, "FLEX_QUERIES": QUERIES[0]}
        main = world.serving("main", IB_GW=f"{of_main},{away}", FLEX_REF="*/15 * * * * *", **fetched)
        world.serving("victim", IB_GW=of_victim)
        wait_for(lambda: world.get(f"{main}/readyz") == 200, "it is ready")
        by_hand(world, of_victim)
        no_statements(world, flex)
        lost_part(world)
        hung(world)
        bad_answers(world, main)
        kills(world)
        month_in_the_way(world)
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


def no_statements(world: World, flex: Flex) -> None:
    """The token of the Flex Web Service has expired; then there is another one."""
    counts = "SELECT coalesce(sum(failures), 0), count(got) FROM coordination.flex_query"
    wait_for(lambda: world.server.do(counts)[0][1], "statements have come", _FETCHED_S)
    flex.service.inject("code", code=1012, count=0)
    wait_for(lambda: world.server.do(counts)[0][0], "none comes any more", _FETCHED_S)
    world.fires("StatementsMissing", instance="main")
    dashboard_shows(world)
    flex.service.clear_faults()
    wait_for(lambda: not world.server.do(counts)[0][0], "they come again", _FETCHED_S)
    world.watch.stops("StatementsMissing")


def by_hand(world: World, gateway: str) -> None:
    """The owner writes an event at a position of his own; a session that does not record holds a gateway's name."""
    world.server.do(
        "INSERT INTO stored_events (notification_id, originator_version, originator_id, topic, state)"
        " VALUES (9223372036854775807, 1, gen_random_uuid(), 'v', '[\"made up\"]')"
    )
    world.fires("PositionsBeyond", instance="main")
    world.server.do(
        "ALTER TABLE stored_events DISABLE TRIGGER events_are_immutable;"
        " DELETE FROM stored_events WHERE notification_id > 9e18;"
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
    world.server.do("DELETE FROM accounts.projection")
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


def month_in_the_way(world: World) -> None:
    """The next month has no partition, and something else has its name."""
    world.running["victim"].stop()
    following = this_month(1)
    take_away(world.server.url, following)
    world.server.do(f"CREATE TABLE public.{name_of(following)} (n integer)")
    world.serving("victim")
    world.fires("MonthsMissing", instance="victim")
    world.running["victim"].stop()
    world.server.do(f"DROP TABLE public.{name_of(following)}")
    world.serving("victim")
    world.watch.stops("MonthsMissing")


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
    with refusing(world.server, "accounts.account_snapshot", "53100"):
        world.fires("ProjectionFails", instance="main")
        world.fires("ProjectionLagging")
    world.watch.stops("ProjectionFails")
    world.watch.stops("ProjectionLagging")
    with refusing(world.server, "accounts.account_snapshot", "23514"):
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
        with locked(world.server, "accounts.account", "ACCESS EXCLUSIVE"):
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
    assert dashboard_shows(world) == []
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


def dashboard_shows(world: World) -> list[str]:
    """The queries of the dashboard that have found nothing until now: none should be left in the end."""
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "ibconnect.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    world.shown |= {each for each in queries if world.watch.value(each.replace("$__rate_interval", f"{WINDOW_S}s"))}
    return [each for each in queries if each not in world.shown]


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
