"""Rows of the snapshot tables as lines of COPY text (PostgreSQL documentation, "COPY", text format).

In: facts and downloads. Out: lines per table, with ids from :class:`~ibconnect.projections.dimensions.Dimensions`.
Called by :mod:`tables`. Tables that only grow are written here; those whose rows change are written by statements.
"""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b

import orjson

from ibconnect.projections.dimensions import Dimensions
from ibconnect.projections.download import Download, Position
from ibconnect.projections.facts import Downloaded, RefreshBegan, SessionBegan
from ibconnect.projections.layout import Layout, Text, layout_of
from ibconnect.projections.numbers import NULL, number_of
from ibconnect.times import from_micros

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def escape(text: str) -> str:
    """A text as one cell."""
    return text.translate(_ESCAPES)


def instant(micros: int) -> str:
    """Microseconds since the epoch as a timestamptz."""
    return from_micros(micros).isoformat()


class Rows:
    """Lines of the tables that only grow, until they are taken."""

    def __init__(self, dimensions: Dimensions) -> None:
        self.dimensions = dimensions
        self.lines: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, table: str, *cells: object) -> None:
        """One row: text, numbers, None for null."""
        line = "\t".join([NULL if cell is None else escape(str(cell)) for cell in cells])
        self.lines[table].append(line)

    def add_session(self, fact: SessionBegan) -> None:
        """A session that is open."""
        gateway_id = self.dimensions.gateway.id_of(fact.gateway)
        self.add(
            "session",
            fact.session_id,
            fact.originator_id,
            gateway_id,
            fact.client_id,
            fact.server_version,
            fact.connection_time,
            fact.instance,
            fact.software,
            instant(fact.opened),
        )

    def add_refresh(self, fact: RefreshBegan) -> None:
        """A refresh that goes on."""
        created, started = instant(fact.created), instant(fact.started)
        self.add("refresh", fact.refresh_id, fact.session_id, created, fact.trigger, started)

    def add_snapshot(self, fact: Downloaded, download: Download) -> None:
        """A snapshot with everything in it."""
        layout = layout_of(download.keys, download.currencies)
        cells = [*download.values, NULL]
        loose = list(layout.loose)
        for index in layout.inexact(download.values):
            cells[index] = NULL
            loose.append(layout.names[index])
        dimensions = self.dimensions
        dimensions.last_snapshot = snapshot_id = dimensions.last_snapshot + 1
        account_id = dimensions.account.id_of(fact.account)
        self.add(
            "account_snapshot",
            snapshot_id,
            account_id,
            instant(dimensions.next_created(account_id, fact.created)),
            fact.refresh_id,
            self._currency(layout.base),
            self._attribute_set(layout, download.values),
            instant(fact.completed),
            fact.source,
            fact.ended,
            layout.ready is None or download.values[layout.ready].lower() != "false",
        )
        self.lines["account_snapshot"][-1] += "\t" + "\t".join(layout.snapshot(cells))
        self._add_figures(snapshot_id, layout, cells)
        self._add_loose(snapshot_id, loose, download.values)
        for position in download.positions:
            self._add_position(snapshot_id, position)

    def _add_figures(self, snapshot_id: int, layout: Layout, cells: Sequence[str]) -> None:
        for segment, pick in layout.segments:
            self.lines["account_segment"].append("\t".join((str(snapshot_id), segment, *pick(cells))))
        for currency, pick in layout.ledgers:
            currency_id = self.dimensions.currency.id_of(currency)
            self.lines["account_ledger"].append("\t".join((str(snapshot_id), str(currency_id), *pick(cells))))

    def _add_loose(self, snapshot_id: int, loose: list[Text], values: Sequence[str]) -> None:
        loose.sort(key=lambda text: text.number)
        for ordinal, (tag, segment, currency, index) in enumerate(loose, 1):
            value = values[index]
            self.add(
                "account_value",
                snapshot_id,
                ordinal,
                tag,
                segment or None,
                self._currency(currency),
                value,
                number_of(value),
            )

    def _add_position(self, snapshot_id: int, position: Position) -> None:
        contracts = self.dimensions.contract
        contract_id = contracts.ids.get(position.contract) or self._contract(position.contract)
        self.lines["account_position"].append("\t".join((str(snapshot_id), str(contract_id), *position.numbers)))

    def _contract(self, texts: tuple[str, ...]) -> int:
        """A contract's id; its row is written here since it refers to names that may be new too."""
        dimensions = self.dimensions
        contract_id = dimensions.contract.id_of(texts)
        (
            ib_contract_id,
            symbol,
            security_type,
            last_trade_date,
            strike,
            option_right,
            multiplier,
            exchange,
            currency,
            local_symbol,
            trading_class,
        ) = texts
        self.add(
            "contract",
            contract_id,
            ib_contract_id,
            dimensions.symbol.id_of(symbol),
            dimensions.security_type.id_of(security_type),
            last_trade_date,
            strike,
            option_right,
            multiplier,
            dimensions.exchange.id_of(exchange),
            dimensions.currency.id_of(currency),
            dimensions.symbol.id_of(local_symbol),
            dimensions.symbol.id_of(trading_class),
        )
        return contract_id

    def _attribute_set(self, layout: Layout, values: Sequence[str]) -> int:
        """The id of the set of attributes; a new set brings its rows."""
        content = [(text.tag, text.segment, text.currency, values[text.number]) for text in layout.attributes]
        digest = blake2b(orjson.dumps(content), digest_size=16).digest()
        known = self.dimensions.attribute_set.ids.get(digest)
        if known is not None:
            return known
        set_id = self.dimensions.attribute_set.id_of(digest)
        self.add("attribute_set", set_id, rf"\x{digest.hex()}")
        for ordinal, (tag, segment, currency, value) in enumerate(content, 1):
            currency_id = self._currency(currency)
            self.add("account_attribute", set_id, ordinal, tag, segment or None, currency_id, value)
        return set_id

    def _currency(self, code: str) -> int | None:
        return self.dimensions.currency.id_of(code) if code else None
