"""Rows of the snapshot tables as lines of COPY text (PostgreSQL documentation, "COPY", text format).

In: facts and downloads. Out: lines per table, with ids from
:class:`~ibconnect.projections.accounts.dimensions.Dimensions`. Called by :mod:`tables`. Tables that only grow are
written here; those whose rows change are written by statements.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import orjson

from ibconnect.projections.accounts.dimensions import Dimensions
from ibconnect.projections.accounts.download import Download, Position
from ibconnect.projections.accounts.facts import Downloaded, RefreshBegan, SessionBegan
from ibconnect.projections.accounts.holdings import Holder
from ibconnect.projections.accounts.judgement import judge
from ibconnect.projections.accounts.keys import Sender
from ibconnect.projections.accounts.layout import Layout, Text, layout_of
from ibconnect.projections.accounts.numbering import has_own_id
from ibconnect.projections.engine.copying import escape, line
from ibconnect.times import from_micros
from ibconnect.wire_numbers import NULL, number_of


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
        self.lines[table].append(line(cells))

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
        gateway_id = self.dimensions.gateway.id_of(fact.gateway)
        created, started = instant(fact.created), instant(fact.started)
        cells = (fact.refresh_id, fact.session_id, gateway_id, created, fact.trigger, started, fact.scope, fact.total)
        self.add("refresh", *cells)

    def add_snapshot(self, fact: Downloaded, download: Download, *, is_foreign: bool = False) -> None:
        """A snapshot with everything in it; ``is_foreign``: the account is another gateway's."""
        texts = download.values.texts
        layout = layout_of(download.values.keys, download.values.currencies)
        cells, unplaced, has_inexact = _cells_of(layout, texts)
        dimensions = self.dimensions
        is_ready, remarks = judge(fact, download, layout, dimensions.owners.of(fact.account) if is_foreign else None)
        dimensions.last_snapshot = snapshot_id = dimensions.last_snapshot + 1
        account_id, gateway_id = dimensions.account.id_of(fact.account), dimensions.gateway.id_of(fact.gateway)
        self.add(
            "account_snapshot",
            snapshot_id,
            account_id,
            instant(dimensions.next_created(account_id, fact.created, is_foreign=is_foreign)),
            instant(fact.completed),
            fact.refresh_id,
            gateway_id,
            self._attribute_set(layout, texts),
            self._currency(layout.base),
            is_ready,
            not is_foreign and dimensions.repeats.add(fact.account, fact.gateway, fact.created, is_ready=is_ready),
            is_foreign,
            has_inexact,
            bool(download.models),
            fact.source,
            fact.ended,
            download.account_time or None,
            fact.account,
        )
        said = orjson.dumps([remark.as_json() for remark in remarks]).decode() if remarks else None
        self.lines["account_snapshot"][-1] += "\t".join(
            ("", *layout.snapshot(cells), NULL if said is None else escape(said))
        )
        self.dimensions.keys.add(Sender(account_id, gateway_id, is_foreign), layout)
        self._add_figures(snapshot_id, layout, cells)
        self._add_unplaced("account_value", snapshot_id, unplaced, texts)
        held = self._add_positions("account_position", str(snapshot_id), download.held, fact)
        dimensions.holdings.hold(Holder(account_id, gateway_id, is_foreign), held)
        ordinal = 1
        for model, part in download.models.items():
            self._add_model(snapshot_id, model, part, fact, ordinal)
            ordinal += len(part.values.keys)

    def _add_model(self, snapshot_id: int, model: str, part: Download, fact: Downloaded, ordinal: int) -> None:
        """What a portfolio under a model holds, and its values, numbered from ``ordinal`` on."""
        layout = layout_of(part.values.keys, part.values.currencies)
        names = sorted({name._replace(number=0): name for name in layout.names}.values(), key=lambda name: name.number)
        self._add_unplaced("account_model_value", snapshot_id, names, part.values.texts, model=(model,), first=ordinal)
        self._add_positions("account_model_position", f"{snapshot_id}\t{escape(model)}", part.held, fact)

    def _add_figures(self, snapshot_id: int, layout: Layout, cells: Sequence[str]) -> None:
        for segment, pick in layout.segments:
            self.lines["account_segment"].append("\t".join((str(snapshot_id), segment, *pick(cells))))
        for currency, pick in layout.ledgers:
            currency_id = self.dimensions.currency.id_of(currency)
            self.lines["account_ledger"].append("\t".join((str(snapshot_id), str(currency_id), *pick(cells))))

    def _add_unplaced(
        self,
        table: str,
        snapshot_id: int,
        unplaced: Iterable[Text],
        texts: Sequence[str],
        *,
        model: tuple[str, ...] = (),
        first: int = 1,
    ) -> None:
        for ordinal, name in enumerate(unplaced, first):
            text = texts[name.number]
            currency_id = self._currency(name.currency)
            what = (name.tag, name.segment or None, currency_id, name.is_ledger)
            self.add(table, snapshot_id, ordinal, *model, *what, text, number_of(text))

    def _add_positions(self, table: str, key: str, held: Iterable[Position], fact: Downloaded) -> set[int]:
        """The rows of positions; what is returned are their contracts."""
        numbered = [(self._contract_of(position.contract, fact), position.numbers) for position in held]
        self.lines[table] += ["\t".join((key, str(contract_id), *numbers)) for contract_id, numbers in numbered]
        return {contract_id for contract_id, _ in numbered}

    def _contract_of(self, texts: tuple[str, ...], fact: Downloaded) -> int:
        """The row that describes a contract; messages of positions alone describe it worse than what is known."""
        contracts = self.dimensions.contract
        if fact.is_multi and has_own_id(texts):
            known = contracts.newest_of(texts)
            if known is not None:
                return known
        return contracts.describe(texts, self.dimensions.last_snapshot) or self._contract(texts)

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
            ib_contract_id or None,
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
            number_of(strike),
            number_of(multiplier),
            dimensions.last_snapshot,
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


def _cells_of(layout: Layout, texts: tuple[str, ...]) -> tuple[list[str], list[Text], bool]:
    """The cells of columns of numbers; what has no column, or is not exactly a number, in the order of arrival; and
    whether there are numbers among those that are not exactly one."""
    cells, unplaced = [*texts, NULL], list(layout.unplaced)
    inexact = layout.inexact(texts)
    for index in inexact:
        cells[index] = NULL
        unplaced.append(layout.names[index])
    has_numbers = any(number_of(texts[index]) is not None for index in inexact)
    return cells, sorted(unplaced, key=lambda name: name.number), has_numbers
