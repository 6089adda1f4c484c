"""How a Flex service behaves: one table of options, for the command line and ``FlexService(**options)``."""

from dataclasses import dataclass, field, fields
from typing import Any

from ibconnect.errors import SimulatorError

STAMPS = ("request", "night")


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class FlexOptions:
    """The behavior of one service. Raises :class:`SimulatorError` for a value that makes no sense."""

    token: str = _option("123456789012345678901234", "the token that it takes")
    pacing: bool = _option(True, "refuse (1018) more than one request a second, or ten a minute")
    slow_tries: int = _option(0, "how often a statement is still being made (1019) when it is asked for")
    slow_seconds: float = _option(0.0, "how long a statement is being made (1019)")
    one_day: bool = _option(True, "without fd and td, a period of several days comes back as its last day")
    stamp: str = _option("request", "whenGenerated: the moment of the request, or the night after the day")

    def __post_init__(self) -> None:
        if self.slow_tries < 0 or not self.slow_seconds >= 0:
            raise SimulatorError("flex: slow_tries and slow_seconds are 0 or more")
        if self.stamp not in STAMPS:
            raise SimulatorError(f"flex: stamp {self.stamp!r}: one of {', '.join(STAMPS)}")


FLEX_HELP: dict[str, str] = {f.name: f.metadata["help"] for f in fields(FlexOptions)}
"""Option name → its help."""
