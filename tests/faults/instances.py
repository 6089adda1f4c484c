"""Three instances of the service on one database, each behind a proxy of its own, and who of them records what."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ibconnect.database.pools import connect
from tests.faults.judge import Judge
from tests.faults.lab import Simulators, Store, assert_all
from tests.faults.processes import Recorder, Spawner, stop_together
from tests.faults.proxy import Proxy
from tests.waiting import wait_for

NAMES = ("anna", "bert", "carl")
GATEWAYS = 2
UNHURRIED = {
    "cluster.lease._ANSWER_S": 2.0,
    "cluster.peers.SILENT_S": 2.4,
    "cluster.probe.PATIENCE_S": 1.6,
    "cluster.quorum.STEP_DOWN_S": 5.0,
    "cluster.quorum.HOLD_OFF_S": 6.0,
    "cluster.decision.STAND_IN_S": 12.0,
    "cluster.decision.OTHERS_STAND_IN_S": 30.0,
}
"""All waits for others twice as long as the program's own: on a busy machine, whoever does not answer in time counts as
one who cannot be asked, and a leader steps down, as it should."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Instances:
    """Three recorders that serve HTTP, each behind a proxy of its own."""

    def __init__(
        self,
        url: str,
        spawner: Spawner,
        simulators: Simulators,
        proxies: Mapping[str, Proxy],
        times: Mapping[str, float] | None,
    ) -> None:
        self.store = Store(url)
        self.proxies = proxies
        self.simulators = simulators
        self._spawner = spawner
        self._times = times
        self.running: dict[str, Recorder] = {}
        for name in proxies:
            self.start(name)

    def start(self, name: str) -> None:
        self.running[name] = self._spawner.start(
            name, self._times, DB_URL=self.proxies[name].url, IB_GW=self.simulators.addresses, INSTANCE=name, PORT="0"
        )

    def leaders(self) -> dict[str, str]:
        """Which instance says that it records each gateway."""
        with connect(self.store.url, name="test") as connection:
            return dict(
                connection.execute("SELECT name, instance FROM coordination.gateway WHERE connected").fetchall()
            )

    def spread(self) -> dict[str, str]:
        """Wait until every gateway is recorded, by as many instances as possible."""

        def is_spread() -> dict[str, str] | None:
            found = self.leaders()
            return found if len(found) == len(set(found.values())) == GATEWAYS else None

        found: dict[str, str] = wait_for(is_spread, "the gateways are spread over the instances")
        return found

    def acquainted(self, address: str | None = None) -> None:
        """Wait until everybody knows of everybody where he can be asked: there, or anywhere."""
        wait_for(lambda: self._announced(_LONG_AGO, address), "all have said where they can be asked", pause=0.1)
        with connect(self.store.url, name="test") as connection:
            (now,) = connection.execute("SELECT clock_timestamp()").fetchone() or (_LONG_AGO,)
        wait_for(lambda: self._announced(now, address), "all have beaten since, so they know", pause=0.1)

    def _announced(self, since: datetime, address: str | None) -> bool:
        query = """
            SELECT count(*)
            FROM coordination.instance
            WHERE heartbeat > %s AND address IS NOT NULL AND (%s::text IS NULL OR address = %s)
        """
        with connect(self.store.url, name="test") as connection:
            return connection.execute(query, (since, address, address)).fetchone() == (len(self.running),)

    def taken_over(self, position: int, gateways: list[str], victim: str) -> float:
        """Wait until others record these gateways and refresh them; the seconds since the call.

        One that the victim had just given up may have begun its new session before ``position``.
        """
        began = time.monotonic()

        def is_taken_over() -> bool:
            begun = set(self.store.sessions_since(position))
            return all(gateway in begun or self.leaders().get(gateway, victim) != victim for gateway in gateways)

        wait_for(is_taken_over, f"{gateways} are taken over")
        return time.monotonic() - began


@contextmanager
def instances(url: str, directory: Path, times: Mapping[str, float] | None = None) -> Iterator[tuple[Instances, Judge]]:
    """Three of them on a database, checked at the end; ``times``: what differs from the program's own."""
    with Simulators(GATEWAYS, rate=100) as simulators, Spawner(directory) as spawner, ExitStack() as stack:
        judge = Judge(url, simulators.gateways)
        proxies = {name: stack.enter_context(Proxy(url)) for name in NAMES}
        found = Instances(url, spawner, simulators, proxies, times)
        found.spread()
        yield found, judge
        found.spread()
        found.store.wait_for_marks(simulators)
        stop_together(found.running.values())
        assert_all(judge, found.store)
        assert all(recorder.told("keeper_failed") == [] for recorder in found.running.values())
        assert list(directory.glob("**/refused-*.rows")) == [], "everything that arrived is stored"
