"""What systemd is told: real datagrams on a real socket, by a path or an abstract name; nobody is waited for."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ibconnect.service.service_manager import ENDS, LISTENS, ServiceManager


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket that listens as systemd does, and what ``NOTIFY_SOCKET`` says of it."""
    path = str(tmp_path / "notify")
    name = path if request.param == "path" else f"@ibconnect-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        listening.settimeout(30)
        yield listening, name


def test_words_arrive_as_one_datagram(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    told = ServiceManager({"NOTIFY_SOCKET": name})
    told.tell(LISTENS, "STATUS=answering")
    told.tell(ENDS)
    assert [listening.recv(100) for _ in range(2)] == [b"READY=1\nSTATUS=answering", b"STOPPING=1"]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_nobody_there_is_no_failure(environ: dict[str, str]) -> None:
    ServiceManager(environ).tell(LISTENS)


def test_one_that_does_not_listen_is_not_waited_for(manager: tuple[socket.socket, str]) -> None:
    told = ServiceManager({"NOTIFY_SOCKET": manager[1]})
    for _ in range(10_000):
        told.tell("STATUS=" + "x" * 1000)
