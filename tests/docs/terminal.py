"""A terminal as an operator has one: commands are pasted into it, services run in it until they are interrupted.

In: commands. Out: everything that has been printed. Called by the test of this folder.
"""

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.waiting import wait_for

# What runs until it is interrupted, unless the page sends it to the background itself; what it says when it is there.
_STAYS = re.compile(r"^(?:\w+=\S+ )*(?:make demo|ibconnect (?:serve|demo|replay|simulate)\b)[^&]*$")
_READY = r"kind=service_started|listens on|Ctrl-C stops it"
_SECONDS = 240.0


class Terminal:
    """A shell of one user in one directory."""

    def __init__(self, directory: Path, user: Sequence[str], environment: Mapping[str, str]) -> None:
        self._log = directory / "terminal.log"
        self._directory = directory
        self._number = 0
        self._staying: list[int] = []
        with self._log.open("wb") as log:
            self._shell = subprocess.Popen(
                [*user, "bash", "--noprofile", "--norc"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=dict(environment),
                start_new_session=True,
            )
        # Jobs have process groups of their own, as in a terminal, so that each can be interrupted.
        self._send("set -m")

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _send(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(f"{text}\n".encode())
        self._shell.stdin.flush()

    def paste(self, commands: str) -> str:
        """Paste commands, and return what they print; a service among them stays when it is there."""
        began = len(self.output)
        *before, last = [each for each in re.split(r"\n(?![ \t])", commands.replace("\\\n", " ").strip()) if each]
        if before:
            self._done("\n".join(before))
        bare = last.partition("  #")[0].strip()
        if _STAYS.match(bare):
            self._stay(bare)
        else:
            self._done(last)
        return self.output[began:]

    def _done(self, commands: str) -> None:
        self._number += 1
        mark = f"@@{self._number} "
        file = self._directory / f"pasted-{self._number}"
        file.write_text(f"{commands}\n")
        file.chmod(0o644)
        self._send(f"source {file} </dev/null; echo '{mark}'$?")
        found = wait_for(lambda: re.search(rf"{mark}(\d+)\n", self.output), lambda: self._said(commands), _SECONDS)
        assert found[1] == "0", self._said(commands)

    def _stay(self, command: str) -> None:
        self.interrupt()
        self._number += 1
        mark, began = f"@@{self._number} ", len(self.output)
        self._send(f"{command} & echo; echo '{mark}'$!")
        found = wait_for(lambda: re.search(rf"{mark}(\d+)\n", self.output), lambda: self._said(command))
        self._staying.append(int(found[1]))
        wait_for(lambda: re.search(_READY, self.output[began:]), lambda: self._said(command), _SECONDS)

    def _said(self, commands: str) -> str:
        return f"{commands}\nis done:\n{self.output[-6000:]}"

    def interrupt(self) -> None:
        """Ctrl-C to what stays, which must end cleanly."""
        while self._staying:
            self._interrupt(self._staying.pop())

    def _interrupt(self, group: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGINT)
        self._send(f"wait {group}; echo '@@ended {group} '$?")
        ended = wait_for(lambda: re.search(rf"@@ended {group} (\d+)\n", self.output), lambda: self._said("Ctrl-C"))
        # make itself says that it was interrupted; 127: bash has told of its end before.
        assert ended[1] in ("0", "2", "127", "130"), self._said("Ctrl-C")

    def close(self) -> None:
        """End everything."""
        with suppress(AssertionError):
            self.interrupt()
        with suppress(BrokenPipeError):
            self._send("for job in $(jobs -p); do kill -INT -- -$job; done; wait; exit")
        assert self._shell.stdin is not None
        with suppress(BrokenPipeError):
            self._shell.stdin.close()
        try:
            self._shell.wait(60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait(60)
