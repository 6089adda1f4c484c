"""A wire-tap between a simulated gateway and the recorder: passes every byte on, and keeps what the gateway sent.

In: a gateway's port. Out: a port to connect to instead, and the frames that passed. Two threads per connection
that copy tens of kilobytes at once: at 100,000 messages a second they take about one hundredth of a core.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_READ_BYTES = 1 << 18


class Relay:
    """One gateway's wire."""

    def __init__(self, gateway_port: int) -> None:
        self._gateway = ("127.0.0.1", gateway_port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._server]
        self._chunks: list[bytes] = []
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def frames(self) -> Iterator[bytes]:
        """The payloads of the frames that the gateway sent over its connections so far."""
        data = b"".join(self._chunks)
        start = 0
        while start + 4 <= len(data):
            end = start + 4 + int.from_bytes(data[start : start + 4])
            yield data[start + 4 : end]
            start = end

    def close(self) -> None:
        """Cut everything off."""
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                gateway = socket.create_connection(self._gateway)
                self._sockets += [client, gateway]
                threading.Thread(target=self._pass, args=(client, gateway, []), daemon=True).start()
                threading.Thread(target=self._pass, args=(gateway, client, self._chunks), daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket, kept: list[bytes]) -> None:
        with suppress(OSError):
            while data := source.recv(_READ_BYTES):
                kept.append(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def relay(gateway_port: int) -> Iterator[Relay]:
    """A relay for as long as the context lasts."""
    wire = Relay(gateway_port)
    try:
        yield wire
    finally:
        wire.close()
