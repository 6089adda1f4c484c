"""The sockets of the REST server: on every address of ``HOST``, all on one port, or on none.

In: names and addresses, a port. Out: bound sockets that do not listen yet. Called by :mod:`ibconnect.http.app`.
"""

import asyncio
import errno
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

from ibconnect.errors import ConfigError

# What a resolver says of "localhost" is not asked: without tokens, nobody beyond this machine may be let in.
_LOCALHOST = (("127.0.0.1", False), ("::1", True))
_NO_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_ALL = ("0.0.0.0", "::")
# A port that is free on one address may be taken on another.
_MOST_TRIES = 20


class _Place(NamedTuple):
    """One address to bind; ``may_lack``: a machine may be without it."""

    host: str
    family: int
    address: tuple[Any, ...]
    may_lack: bool = False


async def bind(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """A socket for each address of the hosts, on ``port``; 0: on any that is free on all of them.

    :raises ConfigError: says which address cannot be bound, and why; none is bound then
    """
    places = await _places(hosts)
    for _ in range(_MOST_TRIES if port == 0 else 1):
        sockets: list[socket.socket] = []
        try:
            for place in places:
                _bind(sockets, place, port or (sockets[0].getsockname()[1] if sockets else 0))
        except OSError as exc:
            for each in sockets:
                each.close()
            if port == 0 and sockets and exc.errno == errno.EADDRINUSE:
                continue
            raise cannot_listen(hosts, port, place.address[0], exc) from exc
        return sockets
    raise ConfigError(f"HOST={','.join(hosts)!r}, PORT=0: no port is free on all of these addresses; set PORT")


def cannot_listen(hosts: Sequence[str], port: int, address: object, exc: OSError) -> ConfigError:
    """What is said when an address cannot be had."""
    return ConfigError(f"HOST={','.join(hosts)!r}, PORT={port}: cannot listen at {address}: {exc.strerror or exc}")


def _bind(sockets: list[socket.socket], place: _Place, port: int) -> None:
    try:
        made = socket.socket(place.family, socket.SOCK_STREAM)
    except OSError as exc:
        if place.may_lack and exc.errno in _NO_IPV6:
            return
        raise
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if place.family == socket.AF_INET6:
            # So that 0.0.0.0 and :: can be bound beside one another.
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((place.address[0], port, *place.address[2:]))
    except OSError as exc:
        made.close()
        if not (place.may_lack and exc.errno in _NO_IPV6):
            raise
    else:
        sockets.append(made)


async def _places(hosts: Sequence[str]) -> list[_Place]:
    """Every address once, without those that one of all addresses covers."""
    found = {place.address: place for host in hosts for place in await _resolved(host)}
    covered = {place.family for place in found.values() if place.address[0] in _ALL}
    return [place for place in found.values() if place.address[0] in _ALL or place.family not in covered]


async def _resolved(host: str) -> list[_Place]:
    if host.lower() == "localhost":
        return [place for each, may_lack in _LOCALHOST for place in await _asked(host, each, may_lack)]
    return await _asked(host, host, may_lack=False)


async def _asked(host: str, name: str, may_lack: bool) -> list[_Place]:
    flags = socket.AI_PASSIVE
    try:
        ip_address(name)
    except ValueError:
        # Not the addresses of a version of IP that this machine does not speak.
        flags |= socket.AI_ADDRCONFIG
    try:
        known = await asyncio.get_running_loop().getaddrinfo(name, 0, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise ConfigError(f"HOST={host!r} is no address of this machine: {why}") from exc
    return [_Place(host, family, address, may_lack) for family, _, _, _, address in known]
