"""What the demo remembers from start to start: when its world began, where its gateway listens, how long it ran.

In: a directory. Out: :class:`Kept`, in a file of it. A world is a matter of its beginning and of the seconds that have
passed in it, so that one which has passed through the same is the same. Called by the verb ``demo``.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from ibconnect.errors import ConfigError
from ibconnect.simulator.scenario.world import World

_NAME = "demo.json"


@dataclass(slots=True)
class Kept:
    """``began``: RFC 3339. ``gateway``: a port, 0 before it has one. ``runs``: seconds of the world, from and to."""

    began: str
    gateway: int = 0
    has_past: bool = False
    """Whether the two years before the beginning are recorded."""
    is_begun: bool = False
    """Whether an earlier start has begun with that."""
    stated_to: str = ""
    """The last day of which statements were fetched."""
    runs: list[list[int]] = field(default_factory=list)

    @property
    def start(self) -> datetime:
        """When the world began."""
        return datetime.fromisoformat(self.began)

    def pass_again(self, world: World, now: datetime) -> None:
        """Bring a world that is at its beginning to this moment: through all runs; between them nothing happened."""
        for begin, end in self.runs:
            if begin > world.beats:
                world.skip(begin - world.beats)
            while world.beats < end:
                world.beat()
        away = int((now - world.now).total_seconds())
        if self.runs and away > 0:
            world.skip(away)
        self.runs.append([world.beats, world.beats])

    def note(self, world: World) -> None:
        """So far it has run."""
        self.runs[-1][1] = world.beats


def recall(directory: Path, now: datetime) -> Kept:
    """What is known, or a world that begins now.

    :raises ConfigError: the file is there and cannot be read
    """
    path = directory / _NAME
    try:
        return Kept(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Kept(now.isoformat())
    except (OSError, ValueError, TypeError) as exc:
        raise ConfigError(f"{path} cannot be read: {exc}; without it, and {directory}, the demo begins anew") from exc


def remember(directory: Path, kept: Kept) -> None:
    """Keep it, all or as it was; a disk that takes nothing costs the next start its memory, no more."""
    path = directory / _NAME
    with suppress(OSError):
        new = path.with_suffix(".new")
        new.write_text(json.dumps(asdict(kept)) + "\n", encoding="utf-8")
        new.replace(path)
