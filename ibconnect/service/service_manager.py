"""What the service tells systemd: that it listens, what it waits for, that it ends (``sd_notify``).

In: the address that systemd gives in ``NOTIFY_SOCKET``; without one nothing is told. Out: one datagram for each word.
Called by the command line and the composition root.
"""

import socket
from collections.abc import Mapping
from contextlib import suppress

LISTENS = "READY=1"
ENDS = "STOPPING=1"


class ServiceManager:
    """Whoever started the service, if it wants to be told."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the NUL of Linux' abstract namespace.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def tell(self, *words: str) -> None:
        """Tell these; nobody who cannot be told is waited for."""
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.setblocking(False)
                line.sendto("\n".join(words).encode(), self._address)


NOBODY = ServiceManager({})
