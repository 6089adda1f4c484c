"""What an instance tells of Postgres and of where it can be asked."""

import time

import pytest

from ibconnect.gateway import peers as module
from ibconnect.gateway.peers import Peers


def test_the_seconds_begin_with_the_first_answer_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    peers = Peers()
    assert peers.seconds() == 0
    for now[0] in (100.0, 101.0, 102.0):
        peers.answered("one")
    assert peers.seconds() == 2
    peers.answered("two")
    peers.broke("one")
    assert peers.seconds() == 0
    peers.answered("one")
    now[0] = 102.5
    assert peers.seconds() == 0.5
    now[0] = 102.0 + module.SILENT_S
    assert peers.seconds() == 0, "nothing has been answered lately"
    peers.answered("one")
    assert peers.seconds() == pytest.approx(module.SILENT_S), "a pause is no failure"


@pytest.mark.parametrize(
    ("bound", "local", "address"),
    [
        (None, "10.0.0.5", None),
        (("127.0.0.1", 3000), "10.0.0.5", "127.0.0.1:3000"),
        (("192.168.0.9", 80), "10.0.0.5", "192.168.0.9:80"),
        (("fd00::9", 80), "10.0.0.5", "[fd00::9]:80"),
        (("0.0.0.0", 3000), "10.0.0.5", "10.0.0.5:3000"),
        (("0.0.0.0", 3000), None, "127.0.0.1:3000"),
        (("::", 3000), "fd00::5", "[fd00::5]:3000"),
        (("::", 3000), None, "[::1]:3000"),
    ],
)
def test_the_address_to_be_asked_at(bound: tuple[str, int] | None, local: str | None, address: str | None) -> None:
    peers = Peers()
    peers.bound = bound
    assert peers.address(local) == address


async def test_each_of_the_others_is_asked() -> None:
    async def ask(name: str, address: str) -> float | None:
        return {"bert at b:1": 5.0}.get(f"{name} at {address}")

    peers = Peers(ask)
    assert await peers.ask() == []
    peers.known = {"bert": "b:1", "carl": "c:1", "dora": None}
    assert await peers.ask() == [5.0, None, None]
