"""What a check finds: how it is with one thing, and what to do if it is not well. Made by every check."""

from enum import Enum
from typing import NamedTuple


class Level(Enum):
    """How it is: as it should be; worth a look; nothing will work like this."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


class Finding(NamedTuple):
    """One line of the output."""

    level: Level
    subject: str
    detail: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f" → {self.advice}" if self.advice else ""
        return f"{self.level.value:<4}  {self.subject}: {' '.join(self.detail.split())}{advice}"


def ok(subject: str, detail: str) -> Finding:
    """As it should be."""
    return Finding(Level.OK, subject, detail)


def warn(subject: str, detail: str, advice: str) -> Finding:
    """Worth a look."""
    return Finding(Level.WARN, subject, detail, advice)


def fail(subject: str, detail: str, advice: str) -> Finding:
    """Nothing will work like this."""
    return Finding(Level.FAIL, subject, detail, advice)
