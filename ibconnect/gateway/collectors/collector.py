"""What a collector is: one kind of question asked of a gateway, when it is asked, and when its answer is whole.

In: a connection. Out: messages, recorded as everything is that a gateway sends, and word of what was not answered.
Every collector is a class of its own and a line of :mod:`~ibconnect.gateway.collectors.registry`; nothing else has to
know of it. Made once for each gateway, run once for each connection to it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ibconnect.cluster.registry import Registry
from ibconnect.config import Config
from ibconnect.gateway.collectors.question import Answer
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.refresh_queue import RefreshQueue

Note = Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Home:
    """What the collectors of a gateway share, over all of its connections."""

    config: Config
    coordination: Registry
    queue: RefreshQueue


class Collector(ABC):
    """One kind of question, of one gateway. Most are a :class:`~ibconnect.gateway.collectors.scheduled.Scheduled`."""

    name: ClassVar[str]
    """One word, the same in every room."""
    messages: ClassVar[Mapping[int, int]]
    """Ids of the messages that it acts on, with the number of fields that it needs of each: those that end an answer.
    All that a gateway sends is recorded, whether it stands here or not."""

    def __init__(self, home: Home) -> None:
        self.home = home

    @abstractmethod
    async def run(self, connection: Connection, note: Note) -> None:
        """Ask whenever it is due, for as long as the connection lasts.

        :param note: hears what became of each round of questions: the first answer that is not whole, or a whole one
        :raises GatewayLost: the connection is over
        """
