"""How many account messages a second the simulated gateway sends, beside a bare socket sending the same bytes.

In: nothing. Out: one line for a person, and the figures of :func:`run`. The gateway and the bare sender each run in
a process of their own; this process only receives, and counts messages after the clock has stopped. The floor is
what the benchmarks of the recorder need: below its target the simulator itself would be measured.
"""

import resource
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bench.figures import Figure
from bench.sizes import FULL, Size

_BARE = """
import socket, sys
data = sys.stdin.buffer.read()
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    connection, _ = server.accept()
    with connection:
        for start in range(0, len(data), 65536):
            connection.sendall(data[start:start + 65536])
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One sender: messages received, wall-clock seconds, and CPU seconds of its process."""

    messages: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


def run(size: int) -> tuple[Result, Result, int]:
    """Measure the gateway, then the bare socket; and how many of the messages were account values."""
    before = _cpu_of_children()
    data, seconds = _receive_from_gateway(size)
    middle = _cpu_of_children()
    bare_seconds = _receive_bare(data)
    after = _cpu_of_children()
    kinds = _count(data)
    total = sum(kinds.values())
    gateway, bare = Result(total, seconds, middle - before), Result(total, bare_seconds, after - middle)
    return gateway, bare, kinds[b"6"]


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _receive_from_gateway(size: int) -> tuple[bytearray, float]:
    """Subscribe to the one account and take so many bytes of load."""
    command = [sys.executable, "-m", "ibconnect", "simulate", "--port", "0", "--accounts", "1", "--positions", "20"]
    with subprocess.Popen([*command, "--rate", "max"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split("127.0.0.1:")[1].split(":", 1)[0])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"API\0" + _frame(b"v157..178"))
            (length,) = struct.unpack(">I", connection.recv(4, socket.MSG_WAITALL))
            connection.recv(length, socket.MSG_WAITALL)
            connection.sendall(_frame(b"71\x002\x001\0\0") + _frame(b"6\x002\x001\0\0"))
            result = _take(connection, size)
        process.terminate()
    return result


def _receive_bare(data: bytearray) -> float:
    """Take the same bytes from a process that does nothing but write them to a socket."""
    command = [sys.executable, "-c", _BARE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(data)
        process.stdin.close()
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            _, seconds = _take(connection, len(data))
    return seconds


def _frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def _take(connection: socket.socket, size: int) -> tuple[bytearray, float]:
    """So many bytes, and the seconds from the first of them to the last."""
    data, filled = bytearray(size), 0
    view = memoryview(data)
    began = 0.0
    while filled < size:
        count = connection.recv_into(view[filled:])
        if not count:
            raise RuntimeError(f"the sender stopped after {filled} bytes")
        began = began or time.perf_counter()
        filled += count
    return data, time.perf_counter() - began


def _count(data: bytearray) -> Counter[bytes]:
    """Whole messages by id."""
    kinds: Counter[bytes] = Counter()
    start, size = 0, len(data)
    while start + 4 <= size:
        end = start + 4 + int.from_bytes(data[start : start + 4], "big")
        if end > size:
            break
        kinds[bytes(data[start + 4 : data.index(0, start + 4)])] += 1
        start = end
    return kinds


def figures(size: Size = FULL) -> Iterator[Figure]:
    """The figure of the simulator: account values alone, of all the messages that it sends."""
    gateway, bare, values = run(size.simulate_bytes)
    yield Figure(
        "simulate_messages_per_s",
        values / gateway.seconds,
        f"account values; {gateway.rate / bare.rate:.2f} of a bare socket sending the same bytes,"
        f" {gateway.cpu_seconds:.2f} s of one core",
    )


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
