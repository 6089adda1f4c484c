"""One process of ``ibconnect serve``, as the one that keeps it sees it: started, asked, ended, its death explained.

In: a role, the environment, what it is given. Out: what it says of itself; how it ended. Called by the supervisor.
"""

import asyncio
import signal
import socket
import sys
import sysconfig
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import ibconnect
from ibconnect.errors import ConfigError, IbConnectError, PartFailed, ProcessDied
from ibconnect.observe import Trouble
from ibconnect.roles import process_of
from ibconnect.service.channel import Channel, Given, Message
from ibconnect.status import PATIENCE_S
from ibconnect.troubles import State

MODULE = "ibconnect"
"""What is run by ``python -m``."""
# Who tells a whole control group to end tells this process as well, perhaps a moment later.
_HEED_S = 0.2
# A process that has not said so long after its start that it runs hangs.
_STARTING_S = 60.0

Ask = Callable[[Message], Awaitable[Message]]


class Member:
    """One process; :meth:`run` starts it, and may be called again once it has ended.

    :param answer: answers its questions
    """

    def __init__(
        self,
        role: str,
        environ: Mapping[str, str],
        listen: Sequence[socket.socket],
        bound: Sequence[tuple[str, int]],
        answer: Ask,
    ) -> None:
        self.role = role
        self.runs = asyncio.Event()
        """Set once it has said that it runs."""
        self.ends = False
        """Whether it has been told to end."""
        self._environ = environ
        self._listen = listen
        self._bound = tuple(bound)
        self._answer = answer
        self._channel: Channel | None = None
        self._process: Process | None = None
        self._started = 0.0
        self._failed: Message = {}
        self._silent = State(Trouble.PROCESS_SILENT)

    @property
    def is_silent(self) -> bool:
        """Whether it runs, and has not answered when it was last asked."""
        return self._silent.lasts

    async def run(self) -> None:
        """Start it and wait until it has ended, which it does only when told so.

        :raises ConfigError: it was for a setting, at its first start
        :raises PartFailed: for what starting it again does not mend
        :raises ProcessDied: for anything else
        """
        self._failed, is_first = {}, not self.runs.is_set()
        self._started = asyncio.get_running_loop().time()
        process, line = await self._launched()
        self._process, self._channel = process, await Channel.over(line)
        hearing = asyncio.create_task(self._channel.run(self._answer, self._hear))
        try:
            status = await process.wait()
            # What it has said last is still on its way.
            await asyncio.wait({hearing}, timeout=_HEED_S)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            hearing.cancel()
            self._channel.close()
            self._channel = self._process = None
            self._silent.forget()
        if not self._failed:
            await asyncio.sleep(_HEED_S)
        if self.ends:
            await asyncio.Event().wait()
        raise self._why(status, is_first=is_first)

    async def _launched(self) -> tuple[Process, socket.socket]:
        ours, theirs = socket.socketpair()
        with theirs:
            listen = tuple(each.fileno() for each in self._listen)
            given = Given(theirs.fileno(), listen, self._bound)
            command = (sys.executable, "-m", MODULE, self.role, "--child", given.as_argument())
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=DEVNULL,
                env=importing(self._environ),
                pass_fds=(given.line, *listen),
                # Ctrl-C is for the one that keeps it, which ends all in order.
                start_new_session=True,
            )
        return process, ours

    def _hear(self, word: Message) -> None:
        if word.get("running"):
            self.runs.set()
        if "failed" in word:
            self._failed = word

    def _why(self, status: int, *, is_first: bool) -> IbConnectError:
        text = str(self._failed.get("failed", ""))
        kind = self._failed.get("kind")
        match kind:
            case "setting" if is_first:
                return ConfigError(text)
            case "lasting":
                return PartFailed(text)
        how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        # Later on it is a file of tokens that is wrong for a while, say, for which what records must not end.
        return ProcessDied(how, text, may_be_put_right=kind == "setting")

    def tell(self, word: Message) -> None:
        """Say this to it, if it is there to hear."""
        if self._channel is not None:
            self._channel.tell(word)

    async def status(self, *, has_metrics: bool = False, seconds: float = PATIENCE_S) -> Message | None:
        """What it says of itself; None if it does not say so in time, which is logged by name, or is not there."""
        if self._channel is None or self.ends:
            return None
        said = await self._channel.ask({"metrics": has_metrics}, seconds)
        if said is not None:
            self._silent.over(process=self.role)
        elif self._process is not None and self._is_late():
            self._silent.note(process_of(self.role), process=self.role)
        return said

    def _is_late(self) -> bool:
        return self.runs.is_set() or asyncio.get_running_loop().time() - self._started > _STARTING_S

    async def stop(self, seconds: float) -> None:
        """Have it end cleanly, by force if that takes too long."""
        self.ends = True
        self.tell({"stop": True})
        process = self._process
        if process is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def importing(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the same program is found: a checkout is, otherwise, from its own directory only."""
    root = str(Path(ibconnect.__file__).parents[1])
    if root in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return {**environ, "PYTHONSAFEPATH": "1"}
    paths = [root, *filter(None, [environ.get("PYTHONPATH", "")])]
    return {**environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": ":".join(paths)}
