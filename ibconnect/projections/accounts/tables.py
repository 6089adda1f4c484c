"""Facts into the snapshot tables, a batch at a time.

In: facts in the order of events, downloads for those that have one. Out: rows by COPY, changed rows by statements,
all in the caller's transaction. Called live and by a rebuild alike.
"""

from typing import Any

import orjson
from psycopg import Connection, Cursor
from psycopg.types.json import Jsonb

from ibconnect.database.sql import queries
from ibconnect.projections.accounts.dimensions import Dimensions
from ibconnect.projections.accounts.download import Download
from ibconnect.projections.accounts.facts import (
    AccountsNamed,
    AccountsStated,
    Concluded,
    Downloaded,
    RefreshBegan,
    RefreshFinished,
    SessionBegan,
    SessionEnded,
)
from ibconnect.projections.accounts.listing import Listing
from ibconnect.projections.accounts.owners import Standing
from ibconnect.projections.accounts.rows import Rows
from ibconnect.times import from_micros

Q = queries("projections/accounts/load")

_ABORTED = "aborted"

# Rows refer to rows of the tables before theirs. The first ones hold an id and a content.
_NAMES = ("currency", "gateway", "account", "security_type", "exchange", "symbol")
_TABLES = (
    "gateway_account",
    "contract",
    "session",
    "refresh",
    "attribute_set",
    "account_attribute",
    "account_snapshot",
    "account_segment",
    "account_ledger",
    "account_value",
    "account_position",
    "account_model_position",
    "account_model_value",
)


class Tables:
    """What is to be written, until :meth:`write`."""

    def __init__(self, dimensions: Dimensions) -> None:
        self.dimensions = dimensions
        self.rows = Rows(dimensions)
        self.listing = Listing(dimensions)
        self.ended: list[dict[str, Any]] = []
        self.closed: list[dict[str, Any]] = []

    def add_snapshot(self, fact: Downloaded, download: Download) -> None:
        """A download has become a snapshot; a late one only if the account has no newer one.

        One of which nothing came, not even its end, has not.
        """
        owners = self.dimensions.owners
        owners.claim(fact.account, fact.gateway)
        if fact.concluded is not None:
            self.listing.conclude(fact.concluded)
        is_foreign = not fact.is_owned_by_all and owners.standing(fact.account, fact.gateway) is not Standing.OWNER
        has_newer = fact.is_late and self.dimensions.has_newer(fact.account, fact.created, is_foreign=is_foreign)
        is_nothing = download.is_empty and fact.ended not in ("download-end", "quiet")
        if not is_nothing and not has_newer:
            self.rows.add_snapshot(fact, download, is_foreign=is_foreign)

    def add(
        self,
        fact: SessionBegan | SessionEnded | AccountsNamed | AccountsStated | RefreshBegan | RefreshFinished | Concluded,
    ) -> None:
        """Anything but a snapshot."""
        match fact:
            case SessionBegan():
                self.rows.add_session(fact)
            case SessionEnded():
                self._close(fact)
            case AccountsNamed():
                self.listing.add(fact)
            case AccountsStated():
                for code in fact.codes:
                    self.dimensions.account.id_of(code)
            case RefreshBegan():
                self.rows.add_refresh(fact)
                if fact.configured is not None:
                    self.dimensions.owners.configure(fact.configured)
            case RefreshFinished():
                self._end(fact)
            case Concluded():
                self.listing.conclude(fact)

    def _close(self, fact: SessionEnded) -> None:
        closed = {"session_id": fact.session_id, "closed": from_micros(fact.closed), "reason": fact.reason}
        self.closed.append(closed)
        if fact.refresh_id is not None:
            self._end(RefreshFinished(fact.refresh_id, fact.closed, _ABORTED, None, {}, "", fact.done))

    def _end(self, fact: RefreshFinished) -> None:
        self.ended.append(
            {
                "refresh_id": fact.refresh_id,
                "ended": from_micros(fact.ended),
                "outcome": fact.outcome,
                "request": fact.request,
                "missing": Jsonb(fact.missing, dumps=orjson.dumps) if fact.missing else None,
                "detail": fact.detail or None,
                "done": fact.done,
            }
        )

    def write(self, connection: Connection[Any]) -> None:
        """Write all of it and forget it."""
        with connection.cursor() as cursor:
            for name in _NAMES:
                for number, content in getattr(self.dimensions, name).take_fresh():
                    self.rows.add(name, number, content)
                self._copy(cursor, name)
            self._add_claims()
            self.dimensions.contract.take_fresh()
            self.dimensions.attribute_set.take_fresh()
            for name in _TABLES:
                self._copy(cursor, name)
            if described := self.dimensions.contract.take_described():
                cursor.execute(Q["describe"], described)
            if keys := self.dimensions.keys.take_fresh():
                cursor.execute(Q["add_keys"], keys)
            self._hold(cursor)
            self._change(cursor)

    def _add_claims(self) -> None:
        dimensions = self.dimensions
        for number, account, gateway, standing in dimensions.owners.take_fresh():
            ids = dimensions.gateway.ids[gateway], dimensions.account.ids[account]
            self.rows.add("gateway_account", number, *ids, False, *_columns_of(standing).values())

    def _copy(self, cursor: Cursor[Any], table: str) -> None:
        lines = self.rows.lines.pop(table, None)
        if lines:
            lines.append("")
            with cursor.copy(Q[table]) as copy:
                copy.write("\n".join(lines))

    def _hold(self, cursor: Cursor[Any]) -> None:
        fresh = self.dimensions.holdings.take_fresh()
        if fresh:
            columns = {
                "accounts": [holder.account_id for holder, _ in fresh],
                "contracts": [contract_id for _, contract_id in fresh],
                "gateways": [holder.gateway_id for holder, _ in fresh],
                "foreign": [holder.is_foreign for holder, _ in fresh],
            }
            cursor.execute(Q["hold"], columns)

    def _change(self, cursor: Cursor[Any]) -> None:
        for name, changes in (
            ("end_refresh", self.ended),
            ("close_session", self.closed),
            *self.listing.take(),
            (
                "own_accounts",
                [{"id": number, **_columns_of(now)} for number, now in self.dimensions.owners.take_changed()],
            ),
        ):
            if changes:
                cursor.executemany(Q[name], changes)
        if taken := self.dimensions.repeats.take_changed():
            columns = {
                "accounts": [self.dimensions.account.ids[each.account] for each in taken],
                "gateways": [self.dimensions.gateway.ids[each.gateway] for each in taken],
                "created": [from_micros(each.refreshed) for each in taken],
            }
            cursor.execute(Q["mark_repeats"], columns)
        self.ended, self.closed = [], []
        self.dimensions.note_written()


def _columns_of(standing: Standing) -> dict[str, bool]:
    """What ``gateway_account`` says of it."""
    return {"is_owner": standing is Standing.OWNER, "is_conflict": standing is Standing.CONFLICT}
