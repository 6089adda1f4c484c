"""How a gateway behaves: one table of options, for the command line and ``Gateway(**options)``.

Where nobody knows publicly what a real gateway does (see docs/simulator.md), the choice is an option here.
"""

from dataclasses import dataclass, field, fields
from typing import Any

from ibconnect.errors import SimulatorError
from ibconnect.simulator.wire.messages import HIGHEST_VERSION, LOWEST_VERSION

PACING = ("slow", "reject", "off")


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class Options:
    """The behavior of one gateway. Raises :class:`SimulatorError` for a value that makes no sense."""

    server_version: int = _option(
        HIGHEST_VERSION, f"newest server version to speak, {LOWEST_VERSION} to {HIGHEST_VERSION}"
    )
    speed: float = _option(1.0, "simulated seconds per second: 60 makes the 3-minute updates come every 3 s")
    pacing: str = _option("slow", "past --max-rate requests a second: slow (delay), reject (error 100), off")
    max_rate: int = _option(50, "requests a second and client before --pacing takes hold")
    max_clients: int = _option(32, "connections that are accepted at one time")
    replace_notice: bool = _option(False, "send 2100 when a client's account subscription replaces its former one")
    end_after_refusal: bool = _option(False, "send accountDownloadEnd after a subscription refused with 2101")
    repeat_end: bool = _option(False, "send accountDownloadEnd again after each periodic update")
    read_only: bool = _option(False, "refuse requests about orders, as with the gateway's read-only switch on")
    master_client: int = _option(-1, "the client that is sent all orders and executions unasked, besides client 0")
    rate: float = _option(0.0, "account messages a second to each subscriber, on top of the usual; max = no limit")
    rate_messages: int = _option(0, "stop --rate after so many messages to a subscriber (0 = never)")
    record: bool = _option(True, "keep every message sent and received in memory (for tests; off on the command line)")

    def __post_init__(self) -> None:
        if not LOWEST_VERSION <= self.server_version <= HIGHEST_VERSION:
            raise SimulatorError(
                f"server_version {self.server_version}: {LOWEST_VERSION} to {HIGHEST_VERSION} are spoken"
            )
        if self.pacing not in PACING:
            raise SimulatorError(f"pacing {self.pacing!r}: one of {', '.join(PACING)}")
        for name in ("speed", "max_rate", "max_clients"):
            if not getattr(self, name) > 0:
                raise SimulatorError(f"{name} {getattr(self, name)}: more than 0")
        for name in ("rate", "rate_messages"):
            if not getattr(self, name) >= 0:
                raise SimulatorError(f"{name} {getattr(self, name)}: 0 or more")


OPTION_HELP: dict[str, str] = {f.name: f.metadata["help"] for f in fields(Options) if f.name != "record"}
"""Option name → its help, for the command line and the docs; without ``record``, which is for tests alone."""
