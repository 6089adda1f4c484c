"""The connections that are open: how many, of which addresses, and which of them makes room for a new one.

In: each connection when it comes and when it goes. Out: whether a new one is let in. Called by the listener and by
connections. An idle connection is worth less than a new one: the oldest of them is closed first, of the address that
has too many, or else of the one that has most.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Protocol

from ibconnect import descriptors
from ibconnect.config import Config
from ibconnect.errors import ConfigError
from ibconnect.http.server.floods import Floods
from ibconnect.http.server.limits import (
    CONNECTIONS_DEFAULT,
    CONNECTIONS_MIN,
    DESCRIPTORS_PER_GATEWAY,
    DESCRIPTORS_RESERVED,
    VICTIMS_AT_ONCE,
)
from ibconnect.observe import HTTP_CONNECTIONS_CLOSED, Kind


class Line(Protocol):
    """A connection."""

    place: "Place"

    def idle_since(self) -> float | None:
        """Since when (``loop.time()``) it waits for a request; None while it is at work, or its request comes."""
        ...

    def give_way(self) -> None:
        """Close it."""
        ...


class Place:
    """What one connection takes; ``line`` is there once it is made."""

    __slots__ = ("address", "is_left", "line")

    def __init__(self, address: str) -> None:
        self.address = address
        self.line: Line | None = None
        self.is_left = False


@dataclass(slots=True)
class _Address:
    """The places of an address, and those found idle when it was last looked, the oldest first."""

    places: set[Place] = field(default_factory=set)
    idle: deque[tuple[float, Place]] = field(default_factory=deque)


class Bounds:
    """How many connections there may be, in all and of one address."""

    __slots__ = ("most", "most_each")

    def __init__(self, most: int, most_each: int) -> None:
        self.most = most
        self.most_each = most_each


def bounds_of(config: Config) -> Bounds:
    """The bounds that the settings name, or that the limit of descriptors leaves room for.

    :raises ConfigError: it leaves no room, or less than the settings name
    """
    limit = descriptors.limit()
    room = limit - DESCRIPTORS_RESERVED - DESCRIPTORS_PER_GATEWAY * len(config.ib_gw)
    if max(config.max_connections or 0, CONNECTIONS_MIN) > room:
        wanted = max(config.max_connections or 0, CONNECTIONS_MIN) + limit - room
        named = f"MAX_CONNECTIONS={config.max_connections}: " if config.max_connections else ""
        raise ConfigError(
            f"{named}this process may have {limit} descriptors and needs {wanted}: raise its hard limit "
            "(LimitNOFILE= of systemd, --ulimit nofile= of a container, ulimit -Hn), or set MAX_CONNECTIONS lower"
        )
    most = config.max_connections or min(room, CONNECTIONS_DEFAULT)
    each = config.max_connections_per_address
    if each is not None and each > most:
        raise ConfigError(f"MAX_CONNECTIONS_PER_ADDRESS={each} is more than there may be in all, {most}: set it lower")
    return Bounds(most, each or (most + 1) // 2)


def address_of(host: str) -> str:
    """Who counts as one: an IPv4 address; the network of 64 bits that an IPv6 address is in, where it may have all."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return host if address.is_loopback else str(ip_network((address, 64), strict=False))


class Crowd:
    """All connections of one server."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._by_address: dict[str, _Address] = {}
        self._floods = Floods(Kind.HTTP_CONNECTIONS_CROWDED)
        self.open = 0

    def enter(self, host: str) -> Place | None:
        """A place for a connection from this address, or None: it is to be closed, since all others are at work."""
        address = address_of(host)
        known = self._by_address.get(address)
        if known is not None and len(known.places) >= self._bounds.most_each and not self._make_room([known]):
            self._refuse(address, "all connections are at work")
            return None
        if self.open >= self._bounds.most and not self._make_room(self._largest_first()):
            self._refuse(address, "all connections are at work")
            return None
        place = Place(address)
        self._by_address.setdefault(address, _Address()).places.add(place)
        self.open += 1
        return place

    def leave(self, place: Place) -> None:
        """The connection is gone, or about to be."""
        if place.is_left:
            return
        place.is_left = True
        self.open -= 1
        known = self._by_address[place.address]
        known.places.discard(place)
        if not known.places:
            del self._by_address[place.address]

    def exhausted(self) -> None:
        """The system gives no more descriptors, although the bounds should leave some: close some that are idle."""
        self._refuse("-", "the system gives no more descriptors")
        for _ in range(VICTIMS_AT_ONCE):
            self._make_room(self._largest_first())

    def close(self) -> None:
        """Log what has not been logged."""
        self._floods.close()

    def _refuse(self, address: str, why: str) -> None:
        HTTP_CONNECTIONS_CLOSED.labels("refused").inc()
        self._floods.note(address, closed="new connections", reason=why, open=self.open)

    def _largest_first(self) -> Iterable[_Address]:
        """The addresses, those with the most connections first."""
        return sorted(self._by_address.values(), key=lambda known: len(known.places), reverse=True)

    def _make_room(self, addresses: Iterable[_Address]) -> bool:
        """Close the idle connection that is oldest, of the first address that has any."""
        for known in addresses:
            if (place := _oldest_idle(known)) is not None and place.line is not None:
                HTTP_CONNECTIONS_CLOSED.labels("idle").inc()
                self._floods.note(place.address, closed="idle connections", reason="new ones came", open=self.open)
                place.line.give_way()
                self.leave(place)
                return True
        return False


def _oldest_idle(known: _Address) -> Place | None:
    """Looks at each of many connections only once for several that have to go."""
    for is_known in (True, False):
        if not is_known:
            found = [(since, place) for place in known.places if (since := _idle_since(place)) is not None]
            known.idle.extend(sorted(found, key=lambda each: each[0])[:VICTIMS_AT_ONCE])
        while known.idle:
            since, place = known.idle.popleft()
            if not place.is_left and _idle_since(place) == since:
                return place
    return None


def _idle_since(place: Place) -> float | None:
    return None if place.line is None else place.line.idle_since()
