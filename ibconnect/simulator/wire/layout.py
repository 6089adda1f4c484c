"""Messages whose fields depend on the server version: a layout is a table, written and read by the same walk.

In: values by name, and a version. Out: wire fields; or the other way round. Called by :mod:`layouts`' tables, which the
parts of the gateway use, and by :func:`convert`, for recordings that a client of another version plays.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ibconnect.errors import SimulatorError
from ibconnect.simulator.wire.frames import Fields

Row = Mapping[str, str]
Values = Mapping[str, "str | Sequence[Row]"]
Known = dict[str, "str | Sequence[Row]"]
"""Values while a message is walked through: what stands before an entry, defaults included, is in it."""
_NEVER = 10_000


class LayoutError(SimulatorError):
    """A message does not have the fields of its layout."""


class Item(Protocol):
    """One entry of a layout."""

    def write(self, values: Known, version: int, out: list[str]) -> None: ...

    def read(self, fields: Iterator[str], version: int, values: Known) -> None: ...


@dataclass(frozen=True, slots=True)
class F:
    """One field: its name, what stands there if nothing is said, the versions that have it (``until`` excluded)."""

    name: str
    default: str = ""
    since: int = 0
    until: int = _NEVER

    def write(self, values: Known, version: int, out: list[str]) -> None:
        if self.since <= version < self.until:
            value = values.setdefault(self.name, self.default)
            assert isinstance(value, str), self.name
            out.append(value)

    def read(self, fields: Iterator[str], version: int, values: Known) -> None:
        if self.since <= version < self.until:
            values[self.name] = _next(fields)


@dataclass(frozen=True, slots=True)
class Many:
    """A count, and so many rows of the same fields."""

    name: str
    items: Sequence[F]
    since: int = 0

    def write(self, values: Known, version: int, out: list[str]) -> None:
        if version < self.since:
            return
        rows = values.get(self.name, ())
        assert not isinstance(rows, str), self.name
        out.append(str(len(rows)))
        for row in rows:
            known: Known = dict(row)
            for item in self.items:
                item.write(known, version, out)

    def read(self, fields: Iterator[str], version: int, values: Known) -> None:
        if version < self.since:
            return
        rows: list[Row] = []
        for _ in range(_count(fields)):
            row: Known = {}
            for item in self.items:
                item.read(fields, version, row)
            rows.append({name: str(value) for name, value in row.items()})
        values[self.name] = rows


@dataclass(frozen=True, slots=True)
class Typed:
    """A count, and so many rows that each begin with their type, which says how many fields follow."""

    name: str
    lengths: Mapping[str, int]

    def write(self, values: Known, version: int, out: list[str]) -> None:
        rows = values.get(self.name, ())
        assert not isinstance(rows, str), self.name
        out.append(str(len(rows)))
        for row in rows:
            out.extend(row.values())

    def read(self, fields: Iterator[str], version: int, values: Known) -> None:
        rows: list[Row] = []
        for _ in range(_count(fields)):
            kind = _next(fields)
            if kind not in self.lengths:
                raise LayoutError(f"{self.name} of type {kind!r}")
            rows.append({"type": kind, **{str(n): _next(fields) for n in range(self.lengths[kind])}})
        values[self.name] = rows


@dataclass(frozen=True, slots=True)
class When:
    """Fields that are there only if what stands before them says so."""

    is_there: Callable[[Values], bool]
    items: Sequence[Item]
    since: int = 0

    def write(self, values: Known, version: int, out: list[str]) -> None:
        if version >= self.since and self.is_there(values):
            for item in self.items:
                item.write(values, version, out)

    def read(self, fields: Iterator[str], version: int, values: Known) -> None:
        if version >= self.since and self.is_there(values):
            for item in self.items:
                item.read(fields, version, values)


@dataclass(frozen=True, slots=True)
class Layout:
    """A message: its id and its entries in order."""

    id: str
    items: Sequence[Item]
    _plain: dict[int, list[tuple[str, str]] | None] = field(default_factory=dict, compare=False, repr=False)
    """By version: names and defaults of the fields, of a message that has nothing but single ones."""

    def encode(self, version: int, values: Values) -> Fields:
        """The message's fields for a server version; what ``values`` does not name has its default."""
        if version not in self._plain:
            singles = [item for item in self.items if isinstance(item, F)]
            known = [(item.name, item.default) for item in singles if item.since <= version < item.until]
            self._plain[version] = known if len(singles) == len(self.items) else None
        plain = self._plain[version]
        if plain is not None:
            return [self.id, *(str(values.get(name, default)) for name, default in plain)]
        return self._walk(version, values)

    def _walk(self, version: int, values: Values) -> Fields:
        out, known = [self.id], dict(values)
        for item in self.items:
            item.write(known, version, out)
        return out

    def decode(self, version: int, fields: Fields) -> Values:
        """The values of a message. Raises :class:`LayoutError` if it does not have this layout."""
        rest = iter(fields[1:])
        values: Known = {}
        for item in self.items:
            item.read(rest, version, values)
        if next(rest, None) is not None:
            raise LayoutError(f"a message {self.id} has more fields than version {version} has")
        return values


def _next(fields: Iterator[str]) -> str:
    try:
        return next(fields)
    except StopIteration:
        raise LayoutError("a message is too short") from None


def _count(fields: Iterator[str]) -> int:
    text = _next(fields)
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise LayoutError(f"a count is {text!r}")
    return int(text)
