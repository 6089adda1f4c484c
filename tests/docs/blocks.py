"""The commands in the documentation: what a reader would paste, page by page, and what the page says is printed then.

In: a page of Markdown. Out: its blocks marked ``sh`` (commands) and ``console`` (after ``$``, with what they print),
each with why it is not run, if a comment before it says so: ``<!-- not run: REASON -->``. Called by the test of this
folder.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(r"(?:<!-- not run: ([^>]+) -->\n+)?^```(sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a page prints, and what differs from one run to the next. The longer ones first.
_VARYING = (
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    r"[0-9a-f]{8}-[0-9a-f-]{27}",
    r"[0-9a-f]{8}-[0-9a-f]{4}-",
    r"\b[0-9a-f]{16}\b",
    r"\b(?:DU|U|F)\d{7}\b",
    r"localhost:\d+|127\.0\.0\.1:\d+",
    r"-?\d[\d.,]*\d|\d",
)
_LIKE = (
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z",
    r"[0-9a-f-]{36}",
    r"[0-9a-f]{8}-[0-9a-f]{4}-",
    r"[0-9a-f]{16}",
    r"(?:DU|U|F)\d{7}",
    r"(?:localhost|127\.0\.0\.1):\d+",
    r"-?\d[\d.,]*",
)
_PARTS = re.compile("|".join([*(f"({each})" for each in _VARYING), r"(\s+)"]))


@dataclass
class Step:
    """Some commands that are pasted at once, and what is said to be printed then (empty: nothing is said)."""

    commands: str
    printed: str = ""


@dataclass
class Block:
    """One block of a page; ``why_not``: why it is not run."""

    page: str
    line: int
    why_not: str | None
    steps: list[Step] = field(default_factory=list)


def blocks_of(page: Path, root: Path) -> list[Block]:
    """The blocks of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start(3))
        block = Block(str(page.relative_to(root)), line, match[1] and match[1].strip())
        block.steps = [Step(match[3])] if match[2] == "sh" else _steps(match[3])
        found.append(block)
    return found


def _steps(text: str) -> list[Step]:
    steps = [Step("")]
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            steps.append(Step(line[2:]))
        else:
            steps[-1].printed += line
    return [step for step in steps if step.commands or step.printed.strip()]


class Shape:
    """What is printed: the same words in the same order, whatever the figures are; anything stands where ``…`` does.

    What a service logs meanwhile may come before an answer or after it. Its processes log side by side: their lines
    come in any order.
    """

    def __init__(self, printed: str) -> None:
        lines = printed.splitlines()
        logged = [line for line in lines if line.startswith("… [")]
        answers = [line for line in lines if line not in logged]
        self._texts = [_parts_of(text) for text in (*logged, "\n".join(answers))]

    def is_in(self, text: str) -> bool:
        """Whether a text holds it."""
        return all(_follow(parts, text) for parts in self._texts)


def _parts_of(printed: str) -> list[re.Pattern[str]]:
    # One after the other: a single pattern would try every way to share the text among them.
    return [re.compile(_like(part)) for part in printed.split("…") if part.strip()]


def _follow(parts: list[re.Pattern[str]], text: str) -> bool:
    at = 0
    for part in parts:
        found = part.search(text, at)
        if found is None:
            return False
        at = found.end()
    return True


def _like(printed: str) -> str:
    printed, pattern, at = printed.strip(), "", 0
    for match in _PARTS.finditer(printed):
        index = match.lastindex or 0
        pattern += re.escape(printed[at : match.start()])
        pattern += _LIKE[index - 1] if index <= len(_LIKE) else r"\s*"
        at = match.end()
    return pattern + re.escape(printed[at:])
