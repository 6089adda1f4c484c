"""What an instance tells of Postgres and of where it can be asked."""

import pytest

from ibconnect.cluster import peers as module
from ibconnect.cluster.peers import Peers


def test_the_seconds_begin_with_the_first_answer_after_a_failure() -> None:
    now = [100.0]
    peers = Peers(clock=lambda: now[0])
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
    ("hosts", "local", "address"),
    [
        ("", "10.0.0.5", None),
        ("127.0.0.1", "10.0.0.5", "127.0.0.1:80"),
        ("127.0.0.1 ::1", "10.0.0.5", "127.0.0.1:80"),
        ("127.0.0.1 ::1", "fd00::5", "[::1]:80"),
        ("127.0.0.1 ::1", None, "127.0.0.1:80"),
        ("192.168.0.9", "10.0.0.5", "192.168.0.9:80"),
        ("fd00::9", "10.0.0.5", "[fd00::9]:80"),
        ("192.168.0.9 10.0.0.5", "10.0.0.5", "10.0.0.5:80"),
        ("fd00::9 192.168.0.9", "10.0.0.5", "192.168.0.9:80"),
        ("127.0.0.1 192.168.0.9", "127.0.0.1", "192.168.0.9:80"),
        ("::1 fe80::1%eth0", None, "[fe80::1%eth0]:80"),
        ("0.0.0.0", "10.0.0.5", "10.0.0.5:80"),
        ("0.0.0.0", "127.0.0.1", "127.0.0.1:80"),
        ("0.0.0.0", None, "127.0.0.1:80"),
        ("0.0.0.0", "fd00::5", None),
        ("::", "fd00::5", "[fd00::5]:80"),
        ("::", None, "[::1]:80"),
        ("::", "10.0.0.5", None),
        ("0.0.0.0 ::", "10.0.0.5", "10.0.0.5:80"),
        ("0.0.0.0 ::", "fd00::5", "[fd00::5]:80"),
        (":: 0.0.0.0", None, "127.0.0.1:80"),
        ("127.0.0.1 ::", "fd00::5", "[fd00::5]:80"),
        ("0.0.0.0 fd00::9", "fd00::5", "[fd00::9]:80"),
    ],
)
def test_the_address_to_be_asked_at(hosts: str, local: str | None, address: str | None) -> None:
    peers = Peers()
    peers.bound = [(host, 80) for host in hosts.split()]
    assert peers.address(local) == address


async def test_each_of_the_others_is_asked() -> None:
    async def ask(name: str, address: str) -> float | None:
        return {"bert at b:1": 5.0}.get(f"{name} at {address}")

    peers = Peers(ask)
    assert await peers.ask() == []
    peers.known = {"bert": "b:1", "carl": "c:1", "dora": None}
    assert await peers.ask() == [5.0, None, None]
