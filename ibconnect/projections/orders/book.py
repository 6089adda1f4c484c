"""The orders of a batch as they stand: which order something is said of, and whether that is a new state of it.

In: orders as the tables have them, facts in the order of events. Out: orders with what is new in them. Called by
:mod:`fold`. Pure.

1. An order is known by IB's permId and its account. Until it has a permId it is known by its gateway, its client and
   the client's number of it; when one comes, it is the same order. A completed order comes without these: it is one
   that is no longer open and never got a permId, if there is one with the same terms.
2. A state is a row if it is not the one that the same gateway told last. What another gateway has told already, it
   tells late: of two gateways that see one account, each goes through the same states, at its own pace.
3. An order that is not in a list of open ones, where it was, and that the next list of completed ones does not have
   either, is gone: nobody knows what became of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from ibconnect.projections.orders.facts import FINAL, GONE, Cells, Fact, Key, Kind, ListEnded, Of, Said

STATE_COLUMNS: tuple[str, ...] = (
    "status",
    "filled",
    "remaining",
    "avg_fill_price",
    "last_fill_price",
    "why_held",
    "mkt_cap_price",
    "total_quantity",
    "order_type",
    "lmt_price",
    "aux_price",
)
# From here on they are terms that its client may change.
_TERMS_AT = STATE_COLUMNS.index("total_quantity")
# By which a completed order is found that never had a permId.
_SAME_TERMS = ("ib_contract_id", "action", "order_type", "tif", "lmt_price", "aux_price", "order_ref", "oca_group")
_TEXT_COLUMNS = frozenset(("status", "why_held", "order_type"))
# What a list of completed orders does not say, and what holds on only as long as no more is filled.
_OF_FILLS = ("remaining", "avg_fill_price", "last_fill_price")
# What an openOrder does not say, so that it may not be known yet.
_OF_STATUS = ("filled", *_OF_FILLS, "mkt_cap_price")


class Listing(StrEnum):
    """Whether an order was in its gateway's last list of open ones."""

    LISTED = "listed"
    MISSING = "missing"
    """It was in one before; the completed ones will say what became of it."""
    NONE = ""


@dataclass(slots=True)
class State:
    """One state. ``is_new``: the table has no row of it yet; ``is_rewritten``: what it has is to be written anew."""

    ordinal: int
    cells: Cells
    inexact: dict[str, str]
    gateway: str
    position: int
    first_seen: int
    last_seen: int
    is_new: bool = True
    is_touched: bool = False
    is_rewritten: bool = False

    def is_like(self, cells: Cells, inexact: dict[str, str]) -> bool:
        """Whether this is the same state, however its figures are written, as far as both are known."""
        if self.cells == cells and self.inexact == inexact:
            return True
        unknown = {name for name in _OF_STATUS if None in (self.cells[name], cells[name])}
        if "filled" in unknown:
            # Of one of them no orderStatus has come.
            unknown.add("why_held")
        if None in (self.cells["order_type"], cells["order_type"]):
            unknown.update(STATE_COLUMNS[_TERMS_AT:])
        columns = [name for name in STATE_COLUMNS if name not in unknown]
        return _meaning(columns, self.cells, self.inexact) == _meaning(columns, cells, inexact)

    def learn(self, cells: Cells, inexact: dict[str, str]) -> None:
        """The same state is told again: what was not known of it before."""
        news = {name: text for name, text in cells.items() if text is not None and self.cells[name] is None}
        if news:
            self.cells |= news
            self.inexact |= {name: text for name, text in inexact.items() if name in news}
            self.is_rewritten = True


@dataclass(slots=True)
class Seen:
    """How one gateway has seen an order: up to which state, and in which list."""

    ordinal: int
    listing: Listing = Listing.NONE
    is_changed: bool = True


@dataclass(slots=True)
class Order:
    """An order, its newest states, and the gateways that have told of it. ``cells``: the columns of its row."""

    id: int
    key: Key
    account: str
    gateway: str
    first_position: int
    first_seen: int
    cells: Cells = field(default_factory=dict)
    inexact: dict[str, str] = field(default_factory=dict)
    described: int = 0
    last_seen: int = 0
    states: list[State] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)
    is_new: bool = True
    is_changed: bool = True
    is_touched: bool = False
    told: Cells | None = None
    """What was said of its terms last: the same is understood once, and is the same object."""
    written_account: str = ""
    written_names: frozenset[tuple[str, str]] = frozenset()

    @property
    def names(self) -> frozenset[tuple[str, str]]:
        """What it is asked for by: its account, with the symbol and the local symbol of its contract."""
        found = (self.cells.get("symbol"), self.cells.get("local_symbol"))
        return frozenset((self.account, name) for name in found if name)

    @property
    def status(self) -> str | None:
        """Of its latest state."""
        return self.states[-1].cells.get("status") if self.states else None

    @property
    def is_open(self) -> bool:
        """Whether it may still be filled, as far as is known."""
        return self.status not in FINAL

    def state_of(self, gateway: str) -> State | None:
        """The state that a gateway told last, or else the latest."""
        if not self.states:
            return None
        seen = self.seen.get(gateway)
        return self.states[-1] if seen is None else self._state(seen.ordinal)

    def _state(self, ordinal: int) -> State:
        """The state of this number, or the oldest that is kept in memory."""
        return self.states[max(ordinal - self.states[0].ordinal, 0)]

    def note(self, state: State) -> None:
        """A gateway tells of a state: a new one, or one that is there."""
        seen = self.seen.get(state.gateway)
        known = [each for each in self.states if seen is None or each.ordinal >= seen.ordinal]
        found = next((each for each in known if each.is_like(state.cells, state.inexact)), None)
        if found is None:
            state.ordinal = self.states[-1].ordinal + 1 if self.states else 1
            self.states.append(state)
            self.is_changed, found = True, state
        else:
            found.learn(state.cells, state.inexact)
        if found is self.states[-1]:
            found.last_seen, found.is_touched = max(found.last_seen, state.last_seen), True
        self.last_seen, self.is_touched = max(self.last_seen, state.last_seen), True
        if seen is None:
            self.seen[state.gateway] = Seen(found.ordinal)
        elif seen.ordinal != found.ordinal:
            seen.ordinal, seen.is_changed = found.ordinal, True

    def is_listed_elsewhere(self, gateway: str) -> bool:
        """Whether another gateway has it in its list of open orders."""
        return any(name != gateway and seen.listing is Listing.LISTED for name, seen in self.seen.items())


class Book:
    """Of one batch. ``next_id``: that of the next order that nobody knows yet."""

    def __init__(self, orders: Iterable[Order], next_id: int) -> None:
        self.next_id = next_id
        self.orders: dict[int, Order] = {}
        self._by_perm_id: dict[int, list[Order]] = {}
        self._by_client: dict[tuple[int, int], list[Order]] = {}
        self._in: dict[tuple[str, Listing], dict[int, Order]] = {}
        for order in sorted(orders, key=lambda each: each.id):
            self._add(order)

    def apply(self, fact: Fact) -> None:
        """What was said, or a list that has ended."""
        if isinstance(fact, Of):
            self._say(fact)
        elif fact.kind is Kind.OPEN:
            self._end_open(fact)
        else:
            self._end_completed(fact)

    def _add(self, order: Order) -> None:
        self.orders[order.id] = order
        if order.key.perm_id:
            self._by_perm_id.setdefault(order.key.perm_id, []).append(order)
        if order.key.order_id:
            self._by_client.setdefault(order.key[1:], []).append(order)
        for gateway, seen in order.seen.items():
            self._in.setdefault((gateway, seen.listing), {})[order.id] = order

    def _list(self, order: Order, gateway: str, listing: Listing) -> None:
        """A gateway has an order in its list, or not."""
        seen = order.seen[gateway]
        self._in.get((gateway, seen.listing), {}).pop(order.id, None)
        self._in.setdefault((gateway, listing), {})[order.id] = order
        if seen.listing is not listing:
            seen.listing, seen.is_changed = listing, True

    def _say(self, fact: Of) -> None:
        said, gateway = fact.said, fact.gateway
        order = self._find(said, gateway)
        if order is None:
            order = Order(self.next_id, said.key, said.account, gateway, said.position, said.at)
            self.next_id += 1
            self._add(order)
        elif fact.is_late and said.at < order.last_seen:
            # It was true once; what is known by now came after it.
            return
        self._learn(order, said)
        _describe(order, said)
        order.note(_next_state(order, said, gateway))
        is_listed = said.kind is Kind.OPEN and order.is_open
        self._list(order, gateway, Listing.LISTED if is_listed else _unlisted(order, gateway))

    def _find(self, said: Said, gateway: str) -> Order | None:
        """The order that is meant, the newest if several could be."""
        key = said.key
        found = [each for each in self._by_perm_id.get(key.perm_id, ()) if _may_be_of(each, said)]
        # Two accounts may share a permId, as those of an advisor's order do: who says no account means what it has.
        found = [each for each in found if each.account == said.account] or found
        if found:
            return next((each for each in reversed(found) if gateway in each.seen), found[-1])
        if said.kind is Kind.COMPLETED:
            return next(
                (each for each in self._of_list(gateway, Listing.MISSING) if _may_have_become(each, said)), None
            )
        if not key.order_id:
            return None
        of_client = [
            each
            for each in self._by_client.get(key[1:], ())
            if gateway in each.seen and each.is_open and _may_be_of(each, said) and 0 in (each.key.perm_id, key.perm_id)
        ]
        return of_client[-1] if of_client else None

    def _learn(self, order: Order, said: Said) -> None:
        """What an order is called, as far as it was not known."""
        if said.key.perm_id and not order.key.perm_id:
            self._by_perm_id.setdefault(said.key.perm_id, []).append(order)
            order.key, order.is_changed = order.key._replace(perm_id=said.key.perm_id), True
        if said.key.order_id and not order.key.order_id:
            self._by_client.setdefault(said.key[1:], []).append(order)
            order.key, order.is_changed = Key(order.key.perm_id, *said.key[1:]), True
        if said.account and not order.account:
            order.account, order.is_changed = said.account, True

    def _of_list(self, gateway: str, listing: Listing) -> list[Order]:
        return list(self._in.get((gateway, listing), {}).values())

    def _end_open(self, fact: ListEnded) -> None:
        perm_ids = {key.perm_id for key in fact.keys if key.perm_id}
        pending = {key[1:] for key in fact.keys if not key.perm_id}
        for order in self._of_list(fact.gateway, Listing.LISTED):
            if order.key.perm_id not in perm_ids and order.key[1:] not in pending:
                self._list(order, fact.gateway, Listing.MISSING if _is_about(order, fact) else Listing.NONE)

    def _end_completed(self, fact: ListEnded) -> None:
        for order in self._of_list(fact.gateway, Listing.MISSING):
            self._list(order, fact.gateway, Listing.NONE)
            if order.is_open and not order.is_listed_elsewhere(fact.gateway):
                terms = {name: order.states[-1].cells.get(name) for name in STATE_COLUMNS[_TERMS_AT:]}
                cells: Cells = {**dict.fromkeys(STATE_COLUMNS), **terms, "status": GONE}
                order.note(State(0, cells, {}, fact.gateway, fact.position, fact.at, fact.at))


def _may_be_of(order: Order, said: Said) -> bool:
    return "" in (order.account, said.account) or order.account == said.account


def _may_have_become(order: Order, said: Said) -> bool:
    """Whether an order that never got a permId may be the completed one that is told."""
    terms = {name: order.cells.get(name) for name in _SAME_TERMS}
    is_same = terms == {name: said.about.get(name) for name in _SAME_TERMS}
    return not order.key.perm_id and order.account == said.account and is_same


def _unlisted(order: Order, gateway: str) -> Listing:
    """What does not come of a list of open orders says nothing of it, but that an order is over."""
    return order.seen[gateway].listing if order.is_open else Listing.NONE


def _is_about(order: Order, fact: ListEnded) -> bool:
    """Whether the list is one of the order's account: a gateway may have another login by now."""
    return fact.codes is None or not order.account or order.account in fact.codes or order.account[:-1] in fact.codes


def _describe(order: Order, said: Said) -> None:
    """What is said of the order's terms holds from now on; what is not said stays."""
    if not said.about or said.about is order.told:
        return
    order.told = said.about
    about: Cells = {name: text for name, text in {**order.cells, **said.about}.items() if text is not None}
    inexact = {name: text for name, text in order.inexact.items() if name not in said.about} | said.inexact
    if (about, inexact) != (order.cells, order.inexact):
        order.cells, order.inexact, order.is_changed = about, inexact, True
        order.described = said.position


def _next_state(order: Order, said: Said, gateway: str) -> State:
    """The state that is told: what is not said is as the gateway told it before."""
    former = order.state_of(gateway)
    cells: Cells = dict.fromkeys(STATE_COLUMNS)
    inexact: dict[str, str] = {}
    if former is not None:
        cells, inexact = {**former.cells}, {**former.inexact}
    unsaid = [name for name in _OF_FILLS if name not in said.state] if "filled" in said.state else []
    if unsaid and _value(said.state["filled"]) != _value(cells["filled"]):
        cells |= dict.fromkeys(unsaid)
        inexact = {name: text for name, text in inexact.items() if name not in unsaid}
    if said.state.get("status", cells["status"]) != cells["status"]:
        # Why it was held in another state, and what was filled by then, says nothing of this one.
        others = [name for name in ("why_held", *_unknown(said)) if name not in said.state]
        cells |= dict.fromkeys(others)
        inexact = {name: text for name, text in inexact.items() if name not in others}
    inexact = {name: text for name, text in inexact.items() if name not in said.state} | said.state_inexact
    return State(0, {**cells, **said.state}, inexact, gateway, said.position, said.at, said.at)


def _unknown(said: Said) -> Sequence[str]:
    """What another status leaves unknown: an openOrder whose orderStatus was cut off says nothing of fills."""
    return () if "filled" in said.state else _OF_STATUS


def _meaning(columns: Sequence[str], cells: Cells, inexact: dict[str, str]) -> tuple[object, ...]:
    return tuple(
        cells.get(name) if name in _TEXT_COLUMNS else _value(cells.get(name)) if cells.get(name) else inexact.get(name)
        for name in columns
    )


def _value(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
