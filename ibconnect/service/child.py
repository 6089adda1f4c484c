"""One process of ``ibconnect serve``: records, projects or answers, for as long as the one lives that has started it.

In: its role, and what its parent gives it (an end of a channel, sockets to listen on). Out: what the role does; words
on the channel: that it runs, or why it ends. Called by ``python -m ibconnect ROLE --child …``. It ends with its parent,
however that ends, so that nothing runs twice when the service is started again.
"""

import argparse
import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from ibconnect import troubles
from ibconnect.cluster.peers import Peers
from ibconnect.config import Config, load
from ibconnect.errors import ConfigError, DatabaseError, IbConnectError
from ibconnect.observe import Trouble, configure_logging
from ibconnect.roles import ALL, API, ORDER, SUPERVISOR, process_of
from ibconnect.service.channel import Channel, Given, Message
from ibconnect.service.lifetime import lived, stop_event
from ibconnect.service.process import answering, keep_what_is_made, peering, working
from ibconnect.service.supervision import Parts, end_for_sure
from ibconnect.status import Status, of_this_process
from ibconnect.troubles import State

_PR_SET_PDEATHSIG = 1
# How long a word may take to its hearer.
_WORD_S = 0.2


def main(arguments: Sequence[str]) -> int:
    """Run the process; the return value is the exit code."""
    _end_with_parent()
    parser = argparse.ArgumentParser(prog="ibconnect")
    parser.add_argument("role", choices=ORDER)
    parser.add_argument("--child", type=Given.from_argument, required=True)
    chosen = parser.parse_args(arguments)
    try:
        config = load(os.environ)
        configure_logging(config.log_format, config.log_level, chosen.role)
        return asyncio.run(_Child(chosen.role, config, chosen.child).run())
    except IbConnectError as exc:
        print(f"ibconnect: {exc}", file=sys.stderr)
        return 2 if isinstance(exc, ConfigError) else 1


def _end_with_parent() -> None:
    """Have the kernel kill this process when its parent is gone; the channel's end says the same a moment later."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _Child:
    def __init__(self, role: str, config: Config, given: Given) -> None:
        self._role = role
        self._config = config
        self._given = given
        self._channel: Channel
        self._peers = Peers()
        self._stop = asyncio.Event()
        self._orphaned = State(Trouble.PROCESS_SILENT)

    async def run(self) -> int:
        """Live until the parent or a signal says so; the exit code."""
        self._stop = stop_event()
        self._channel = await Channel.over(socket.socket(fileno=self._given.line))
        hearing = asyncio.create_task(self._channel.run(self._answer, self._hear))
        hearing.add_done_callback(self._parent_is_gone)
        try:
            await lived(self._stop, self._enter, self._running, on_failed=end_for_sure)
        except IbConnectError as exc:
            self._channel.tell({"failed": str(exc), "kind": _kind_of(exc)})
            await self._channel.drained(_WORD_S)
            return 2 if isinstance(exc, ConfigError) else 1
        finally:
            hearing.remove_done_callback(self._parent_is_gone)
        return 0

    def _parent_is_gone(self, _: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _running(self, _: object) -> None:
        keep_what_is_made()
        self._channel.tell({"running": True})

    def _hear(self, word: Message) -> None:
        if word.get("ending"):
            troubles.end()
        if word.get("stop"):
            troubles.end()
            self._stop.set()

    async def _answer(self, question: Message) -> Message:
        has_metrics = bool(question.get("metrics"))
        return of_this_process(self._role, self._peers.seconds(), has_metrics=has_metrics).as_json()

    async def _ask(self, has_metrics: bool, seconds: float) -> Mapping[str, Status | None]:
        """What the other processes of the instance say, which the parent asks."""
        question: Message = {"metrics": has_metrics, "seconds": seconds}
        said = await self._channel.ask(question, seconds + _WORD_S)
        if said is None:
            self._orphaned.note(process_of(SUPERVISOR), process=SUPERVISOR)
            return {SUPERVISOR: None}
        self._orphaned.over(process=SUPERVISOR)
        return {name: each and Status.from_json(each) for name, each in said.items()}

    @asynccontextmanager
    async def _enter(self, parts: Parts) -> AsyncIterator[None]:
        roles = frozenset({self._role})
        async with AsyncExitStack() as stack:
            self._peers = await stack.enter_async_context(peering(roles, self._given.bound))
            await stack.enter_async_context(working(self._config, parts, roles, self._peers))
            if self._role == API:
                sockets = [socket.socket(fileno=number) for number in self._given.listen]
                answers = answering(self._config, parts, ALL, process=API, ask=self._ask, sockets=sockets)
                await stack.enter_async_context(answers)
            yield


def _kind_of(exc: IbConnectError) -> str:
    """What a parent can make of an error: it is for a setting, starting again does not mend it, or it may."""
    if isinstance(exc, ConfigError):
        return "setting"
    return "lasting" if isinstance(exc.__cause__, DatabaseError) else "passing"
