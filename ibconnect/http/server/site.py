"""Where a server listens, for people and for other instances. Called by whoever listens, and by who has bound."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """A listening server: ``urls`` to reach it at, without a trailing slash; the addresses and ports that are bound."""

    urls: tuple[str, ...]
    bound: tuple[tuple[str, int], ...]


def site_of(hosts: Sequence[str], bound: Sequence[tuple[str, int]]) -> Site:
    """What is served where these addresses are bound."""
    return Site(tuple(_url(host, bound[0][1]) for host in hosts), tuple(bound))


def _url(host: str, port: int) -> str:
    """A URL for people: by the name that was configured, on the port that was bound."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
