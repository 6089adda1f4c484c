"""A message whose fields depend on one another, walked from the first to the last by a table of steps.

In: the fields of a message, a layout (:mod:`ibconnect.projections.orders.layout`), the server version. Out: the
fields by name. Called by :mod:`ibconnect.projections.orders.messages`. Pure.

What stands behind a list can only be found by walking over the list. Where a message cannot be walked any further
(it is too short, a count is no number), what is behind is lost, and what came before holds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

Item = dict[str, str]

_FOR_EVER = 1 << 31
_LONGEST_COUNT = 5


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """Fields in a row, by IB's names, of server versions from ``since`` on, and before ``until``."""

    names: tuple[str, ...]
    since: int = 0
    until: int = _FOR_EVER


@dataclass(frozen=True, slots=True, eq=False)
class If:
    """Steps that are there only if a field that came before says so."""

    name: str
    holds: Callable[[str], bool]
    steps: tuple["Step", ...]


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """A count, then so many items, then (if there are any) further steps.

    ``kinds``: an item's first field says which fields follow; None: the fields of ``item`` alone.
    """

    name: str
    item: tuple[str, ...]
    kinds: Mapping[str, tuple[str, ...]] | None = None
    steps: tuple["Step", ...] = ()
    since: int = 0


Step = Fields | If | Repeated
Layout = tuple[Step, ...]


class Walked(NamedTuple):
    """What a message says, by name. ``fault``: why the walk ended before the end; empty if it did not."""

    values: Item
    lists: dict[str, list[Item]]
    fault: str


class _Ends(Exception):
    """The walk cannot go on."""


def walk(layout: Layout, fields: Sequence[str], at: int, version: int) -> Walked:
    """The fields of a message from ``at`` on. What follows the last one that the layout knows is left alone."""
    walked = Walked({}, {}, "")
    try:
        _walk(_steps_of(layout, version), fields, at, walked)
    except _Ends as exc:
        return walked._replace(fault=str(exc))
    return walked


@lru_cache(maxsize=1024)
def _steps_of(layout: Layout, version: int) -> Layout:
    """The steps of one version, fields in a row as one step: nearly all of a message is read a slice at a time."""
    own = [step for step in layout if isinstance(step, If) or step.since <= version]
    own = [step for step in own if not isinstance(step, Fields) or version < step.until]
    steps: list[Step] = []
    for are_fields, some in groupby(own, lambda step: isinstance(step, Fields)):
        found = list(some)
        if are_fields:
            steps.append(Fields(tuple(name for step in found if isinstance(step, Fields) for name in step.names)))
        else:
            steps += [_of_version(step, version) for step in found]
    return tuple(steps)


def _of_version(step: Step, version: int) -> Step:
    if isinstance(step, If):
        return If(step.name, step.holds, _steps_of(step.steps, version))
    return step


def _walk(steps: Layout, fields: Sequence[str], at: int, walked: Walked) -> int:
    for step in steps:
        match step:
            case Fields():
                at = _take(step.names, fields, at, walked.values)
            case If() if step.holds(walked.values[step.name]):
                at = _walk(step.steps, fields, at, walked)
            case Repeated():
                at = _repeat(step, fields, at, walked)
    return at


def _take(names: Sequence[str], fields: Sequence[str], at: int, into: Item) -> int:
    end = at + len(names)
    into.update(zip(names, fields[at:end], strict=False))
    if end > len(fields):
        raise _Ends(f"it ends before its field {names[max(len(fields) - at, 0)]}")
    return end


def _repeat(step: Repeated, fields: Sequence[str], at: int, walked: Walked) -> int:
    counted: Item = {}
    at = _take((f"count of {step.name}",), fields, at, counted)
    (text,) = counted.values()
    count = _count(text, step.name)
    items = walked.lists.setdefault(step.name, [])
    for _ in range(count):
        item: Item = {}
        # An item that is not whole is none: half of a leg would be taken for a leg.
        at = _take(step.item, fields, at, item)
        if step.kinds is not None:
            at = _take(_kind(step, item), fields, at, item)
        items.append(item)
    return _walk(step.steps, fields, at, walked) if count else at


def _count(text: str, name: str) -> int:
    digits = text.removeprefix("-")
    if not text:
        return 0
    if len(digits) > _LONGEST_COUNT or not (digits.isascii() and digits.isdigit()):
        raise _Ends(f"the count of {name} is {text[:20]!r}")
    return max(int(text), 0)


def _kind(step: Repeated, item: Item) -> tuple[str, ...]:
    kind = item[step.item[0]]
    if step.kinds is None or kind not in step.kinds:
        raise _Ends(f"there is an item of kind {kind[:20]!r} in {step.name}")
    return step.kinds[kind]
