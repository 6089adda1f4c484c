"""A hostile gateway beside an honest one, recorded by real processes: whose an account is, and what a pin does."""

import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.owner_histories import HISTORIES, Ask, examples, rebuilds_alike
from tests.processes import Process, get, process
from tests.small_gateway import SmallGateway, end, listening, position, values
from tests.waiting import DEADLINE_S, wait_for

pytestmark = pytest.mark.slow
TRUE, INVENTED = "100.10", "999999.99"


class Honest(SmallGateway):
    """Has two accounts."""

    accounts = ("OWN1", "OWN2")

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(*values(account, TRUE), position(account, 265598, "AAPL"), end(account))


class Hostile(SmallGateway):
    """Names these too: invents figures of the one, and never answers for the other."""

    accounts = ("OWN1", "OWN2", "NEW1")

    async def subscribed(self, account: str, nth: int) -> None:
        if account != "OWN2":
            await self.say(*values(account, INVENTED), position(account, 666, "FAKE"), end(account))


class World:
    """Both gateways and the settings of a service."""

    def __init__(self, url: str, directory: Path, ports: list[int]) -> None:
        self.directory = directory
        self.honest, self.hostile = (f"127.0.0.1:{port}" for port in ports)
        self._settings = {
            "DB_URL": url,
            "DATA_DIR": str(directory / "data"),
            "PORT": "0",
            "HOST": "127.0.0.1",
            "QUIET_TIME": "0.5",
            "DOWNLOAD_TIMEOUT": "3",
        }

    def serve(self, name: str, ib_gw: str) -> Any:
        return process(self.directory / f"{name}.log", "serve", IB_GW=ib_gw, **self._settings)


def conflicts(service: Process) -> dict[str, list[dict[str, Any]]]:
    _, rows = get(f"{service.url()}/v1/gateways")
    return {row["Gateway"]: row["Conflicts"] for row in rows} if isinstance(rows, list) else {}


def worth(service: Process, path: str = "", **headers: str) -> str | None:
    code, report = get(f"{service.url()}/v1/accounts/OWN1{path}", **headers)
    return report["Balance"]["NetLiquidation"].removeprefix("USD ") if code == 200 else None


def ended(service: Process, gateway: str) -> bool:
    """Whether a refresh of a gateway has ended since the service began."""
    pattern = rf"refresh ended .*gateway={re.escape(gateway)}"
    return re.search(pattern, re.sub(r"\x1b\[\d*m", "", service.output)) is not None


def test_an_account_stays_with_its_gateway_until_the_operator_says_otherwise(database_url: str, tmp_path: Path) -> None:
    honest, hostile = Honest(), Hostile()
    with listening(honest, hostile) as ports:
        world = World(database_url, tmp_path, ports)
        both = f"{world.honest},{world.hostile}"
        with world.serve("honest", world.honest) as service:
            wait_for(lambda: worth(service) == TRUE, lambda: service.output)
            service.stop()
        with world.serve("both", both) as service:
            it_is_set_apart(world, service)
            service.stop()
        with world.serve("pinned", f"{world.honest}@OWN1,OWN2,{world.hostile}@NEW1") as service:
            wait_for(lambda: ended(service, world.hostile), lambda: service.output)
            asked = dict(hostile.subscriptions)
            assert worth(service, Cache_Control="max-age=0") == TRUE
            code, _ = get(f"{service.url()}/v1/accounts/NEW1", Cache_Control="max-age=0")
            assert code == 200
            assert {code for code, times in hostile.subscriptions.items() if times > asked.get(code, 0)} == {"NEW1"}
            assert all(found["Pinned"] for found in conflicts(service)[world.hostile])
            assert counted(service, world.hostile) == 0
            service.stop()
        with world.serve("alone", world.hostile) as service:
            wait_for(lambda: worth(service) == INVENTED, lambda: service.output)
            service.said("accounts belong to this gateway from now on")
            service.stop()
        with world.serve("again", both) as service:
            wait_for(lambda: worth(service) == TRUE, lambda: service.output)
            service.stop()


def it_is_set_apart(world: World, service: Process) -> None:
    """The hostile gateway has been asked for all, and has answered or not."""
    wait_for(lambda: ended(service, world.hostile), lambda: service.output)
    service.said("a gateway lists accounts that belong to another one")
    assert worth(service) == worth(service, "?ready=any") == TRUE
    wait_for(lambda: worth(service, f"?gateway={world.hostile}") == INVENTED, "it can be asked for")
    found = [{"AccountCode": code, "Owners": [world.honest], "Pinned": False} for code in ("OWN1", "OWN2")]
    assert conflicts(service) == {world.honest: [], world.hostile: found}
    assert counted(service, world.hostile) == 2
    # Whoever wants OWN2 refreshed does not wait for a gateway that it does not belong to.
    with urllib.request.urlopen(fresh(f"{service.url()}/v1/accounts/OWN2"), timeout=DEADLINE_S) as response:
        assert response.headers.get_all("Refresh-Incomplete") is None
    assert worth(service, Cache_Control="max-age=0") == TRUE


def fresh(url: str) -> urllib.request.Request:
    return urllib.request.Request(url, headers={"Cache-Control": "max-age=0"})


def counted(service: Process, gateway: str) -> float:
    with urllib.request.urlopen(f"{service.url()}/metrics", timeout=DEADLINE_S) as response:
        text = response.read().decode()
    (found,) = re.findall(rf'ibconnect_account_conflicts{{gateway="{gateway}"}} (.+)', text)
    return float(found)


@examples(50)
@HISTORIES
def test_many_rebuilds_find_the_same_owners(server_url: str, template: str, asks: list[Ask], limit: int) -> None:
    rebuilds_alike(server_url, template, asks, limit)
