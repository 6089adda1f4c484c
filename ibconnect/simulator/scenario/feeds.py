"""Subscriptions to a book: everything first, then what changed.

In: functions that print the present state as rows. Out: :class:`~ibconnect.simulator.source.Feed` objects.
Called by the parts of the gateway. Rows are compared by what identifies them; twins under one key and currency
(AccruedCash at account level and in the ledger) go out in one, or a reader could not know which of them
changed.
"""

from collections.abc import Callable, Sequence

from ibconnect.simulator.scenario.trading import Entry, Trading
from ibconnect.simulator.source import Pulse
from ibconnect.simulator.wire.frames import Fields

Rows = Callable[[], list[Fields]]


class Differ:
    """Remembers rows by identity and says which are new or changed."""

    def __init__(self, *identity: int) -> None:
        self._identity = identity
        self._known: dict[Fields, list[Fields]] = {}

    def changed(self, rows: Sequence[Fields]) -> list[Fields]:
        """The rows whose group differs from the last time, in order."""
        groups: dict[Fields, list[Fields]] = {}
        for fields in rows:
            groups.setdefault(tuple(fields[i] for i in self._identity), []).append(fields)
        known, self._known = self._known, groups
        return [row for key, group in groups.items() if known.get(key) != group for row in group]


class RowsFeed:
    """Rows with an end message; changed ones at each period, or as soon as ``accounts`` traded."""

    def __init__(
        self, rows: Rows, identity: Sequence[int], end: Fields, accounts: Callable[[], Sequence[str]], at_once: bool
    ) -> None:
        self._rows = rows
        self._end = end
        self._accounts = accounts
        self._at_once = at_once
        self._differ = Differ(*identity)

    def first(self) -> Sequence[Fields]:
        return [*self._differ.changed(self._rows()), self._end]

    def more(self, pulse: Pulse) -> Sequence[Fields]:
        traded = self._at_once and not pulse.traded.isdisjoint(self._accounts())
        return self._differ.changed(self._rows()) if pulse.period or traded else ()


class AccountFeed:
    """reqAccountUpdates: values, then each position and the time, then the time again, then the end."""

    def __init__(
        self,
        account: str,
        values: Rows,
        positions: Rows,
        clock: Callable[[], Fields],
        members: Callable[[], Sequence[str]],
    ) -> None:
        self._account = account
        self._values = values
        self._positions = positions
        self._clock = clock
        self._members = members
        self._known_values = Differ(2, 4)
        self._known_positions = Differ(2)

    def first(self) -> Sequence[Fields]:
        return [*self._news(), ("54", "1", self._account)]

    def more(self, pulse: Pulse) -> Sequence[Fields]:
        if not pulse.period and pulse.traded.isdisjoint(self._members()):
            return ()
        news = self._news()
        return news if len(news) > 1 else ()

    def _news(self) -> list[Fields]:
        clock = self._clock()
        news = self._known_values.changed(self._values())
        for row in self._known_positions.changed(self._positions()):
            news += (row, clock)
        return [*news, clock]


class ProfitFeed:
    """reqPnL and reqPnLSingle: one row, again whenever it changed; nothing while there is no row."""

    def __init__(self, row: Callable[[], Fields | None]) -> None:
        self._row = row
        self._last: Fields | None = None

    def first(self) -> Sequence[Fields]:
        return self.more(Pulse())

    def more(self, pulse: Pulse) -> Sequence[Fields]:
        row = self._row()
        if row is None or row == self._last:
            return ()
        self._last = row
        return (row,)


class ScriptFeed:
    """A feed that plays batches: the first at once, one more at each period."""

    def __init__(self, batches: Sequence[Sequence[Fields]]) -> None:
        self._batches = batches
        self._next = 1

    def first(self) -> Sequence[Fields]:
        return self._batches[0] if self._batches else ()

    def more(self, pulse: Pulse) -> Sequence[Fields]:
        if not pulse.period or self._next >= len(self._batches):
            return ()
        self._next += 1
        return self._batches[self._next - 1]


class JournalFeed:
    """What happens to orders from now on, as it happens."""

    def __init__(self, trading: Trading, rows: Callable[[Entry], Sequence[Fields]]) -> None:
        self._trading = trading
        self._rows = rows
        self._place = trading.told

    def first(self) -> Sequence[Fields]:
        return ()

    def more(self, pulse: Pulse) -> Sequence[Fields]:
        if self._place == self._trading.told:
            return ()
        entries = self._trading.since(self._place)
        self._place = self._trading.told
        return [row for entry in entries for row in self._rows(entry)]
