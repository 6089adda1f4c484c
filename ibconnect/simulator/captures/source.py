"""Captures as a gateway's world: recorded messages, served at the request that they answer.

In: capture files. Out: a :class:`Source`. Values go out exactly as they stand in the file. Only three things
change: request ids become the client's, account codes are renumbered where two files share one (unless they
are one account's history), and message 4 takes the layout of the negotiated server version. Nothing is
invented: a recording without accountDownloadEnd ends without it, unless ``complete`` is asked for.
"""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from ibconnect.errors import CaptureError
from ibconnect.simulator.captures.file import Capture, Section, free_code, read_capture, rename_accounts
from ibconnect.simulator.source import NO_POSITIONS, NOT_ADVISOR, Feed, Pulse, Refusal, no_such_account, no_such_group
from ibconnect.simulator.wire.frames import Fields
from ibconnect.simulator.wire.messages import REQUEST_ID_FIELD

SAME_ACCOUNT = ("renumber", "history")


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


class Captures:
    """A login whose accounts are recordings. See :meth:`load`; raises :class:`CaptureError`."""

    def __init__(self, captures: Iterable[Capture], same_account: str = "renumber", complete: bool = False) -> None:
        if same_account not in SAME_ACCOUNT:
            raise CaptureError(f"same account {same_account!r}: one of {', '.join(SAME_ACCOUNT)}")
        self._complete = complete
        self._captures = list(captures)
        if not self._captures:
            raise CaptureError("no capture to play")
        if same_account == "renumber":
            self._captures = _distinct(self._captures)
        self._codes = list(dict.fromkeys(code for c in self._captures for code in c.codes()))
        if not self._codes:
            raise CaptureError(f"no account in {', '.join(c.name for c in self._captures)}")
        self._plays: dict[str, int] = {}

    @classmethod
    def load(cls, *paths: Path | str, same_account: str = "renumber", complete: bool = False) -> Self:
        """Read capture files.

        Files that share an account code become accounts of their own (``renumber``: DU0000001, DU0000002
        …), or one account's successive states, one per subscription (``history``). ``complete`` adds the
        end messages that a recording lacks.
        """
        return cls([read_capture(Path(p)) for p in paths], same_account, complete)

    def managed_accounts(self) -> Fields:
        listed = [c.managed for c in self._captures if c.managed is not None]
        if len(self._captures) == 1 and listed:
            return listed[0]
        return ("15", "1", ",".join(self._codes))

    def next_valid_id(self) -> Fields:
        return next((c.next_id for c in self._captures if c.next_id is not None), ("9", "1", "1"))

    def notices(self) -> Sequence[Fields]:
        return [fields for capture in self._captures for fields in capture.notices]

    def codes(self) -> Sequence[str]:
        return self._codes

    def subscribable(self, account: str) -> bool:
        return account in self._codes

    def account_updates(self, account: str) -> Feed:
        plays = [rows for c in self._captures if (rows := c.sections.get(("account", account)))]
        if not plays:
            return ScriptFeed([[("54", "1", account)]])
        turn = self._plays.get(account, 0)
        self._plays[account] = turn + 1
        batches = _batches(plays[min(turn, len(plays) - 1)])
        if self._complete and batches[0][-1][0] != "54":
            batches[0].append(("54", "1", account))
        return ScriptFeed(batches)

    def positions(self) -> Feed:
        return ScriptFeed([self._answer("positions", None, ("62", "1"))])

    def account_summary(self, request_id: int, group: str, tags: Sequence[str]) -> Feed:
        if group != "All" and group not in self._codes:
            raise no_such_group(group)
        rows = self._answer("summary", None, ("64", "1", str(request_id)))
        return ScriptFeed([_with_id([m for m in rows if _summary_wanted(m, group, tags)], request_id)])

    def account_updates_multi(self, request_id: int, account: str, model: str, ledger_only: bool) -> Feed:
        self._check_account(account)
        rows = self._answer("multi", account, ("74", "1", str(request_id)))
        return ScriptFeed([_with_id(rows, request_id)])

    def positions_multi(self, request_id: int, account: str, model: str) -> Feed:
        self._check_account(account)
        rows = self._answer("positions_multi", account, ("72", "1", str(request_id)))
        return ScriptFeed([_with_id(rows, request_id)])

    def pnl(self, request_id: int, account: str, model: str) -> Feed:
        self._check_account(account)
        return self._recorded_pnl("pnl", request_id)

    def pnl_single(self, request_id: int, account: str, model: str, con_id: str) -> Feed:
        self._check_account(account)
        return self._recorded_pnl("pnl_single", request_id)

    def family_codes(self) -> Fields:
        recorded = self._single("family")
        return recorded or ("78", str(len(self._codes)), *(f for code in self._codes for f in (code, "")))

    def user_info(self, request_id: int) -> Fields:
        recorded = self._single("user")
        return _with_id([recorded], request_id)[0] if recorded else ("107", str(request_id), "")

    def advisor_data(self, kind: int) -> Fields:
        recorded = self._single("advisor")
        if recorded is None:
            raise Refusal(*NOT_ADVISOR)
        return recorded

    def current_time(self) -> Fields:
        return self._single("time") or ("49", "1", str(int(time.time())))

    def advance(self) -> Pulse:
        return Pulse()

    def pulse(self) -> Pulse:
        return Pulse()

    def load_blocks(self, account: str, count: int) -> Sequence[Sequence[Fields]]:
        rows = [m for c in self._captures for m in c.sections.get(("account", account), []) if m[0] != "54"]
        return [rows] * count

    def _check_account(self, account: str) -> None:
        if account not in self._codes and account != "All":
            raise no_such_account(account)

    def _answer(self, kind: str, account: str | None, end: Fields) -> list[Fields]:
        """All recorded rows of one kind and one end: the recorded one, or ours if nothing was recorded."""
        found: list[list[Fields]] = []
        for capture in self._captures:
            rows: list[Fields] = []
            for section, messages in capture.sections.items():
                if section[0] == kind and (account in (None, "All") or section[1] == account):
                    rows += messages
            if rows:
                found.append(rows)
        ended = all(any(m[0] == end[0] for m in rows) for rows in found)
        merged = [m for rows in found for m in rows if m[0] != end[0]]
        return [*merged, end] if ended or self._complete else merged

    def _recorded_pnl(self, kind: str, request_id: int) -> Feed:
        rows = self._rows((kind, ""))
        if not rows:
            raise Refusal(*NO_POSITIONS)
        return ScriptFeed([[m] for m in _with_id(rows, request_id)])

    def _rows(self, section: Section) -> list[Fields]:
        return [m for capture in self._captures for m in capture.sections.get(section, [])]

    def _single(self, kind: str) -> Fields | None:
        return next(iter(self._rows((kind, ""))), None)


def _distinct(captures: list[Capture]) -> list[Capture]:
    """The captures with the codes of later ones renumbered where an earlier one has them."""
    taken: list[str] = []
    result: list[Capture] = []
    for capture in captures:
        own = capture.codes()
        codes: dict[str, str] = {}
        for code in own:
            if code in taken:
                codes[code] = free_code(code, [*taken, *own, *codes.values()])
        renamed = rename_accounts(capture, codes) if codes else capture
        taken += renamed.codes()
        result.append(renamed)
    return result


def _batches(rows: Sequence[Fields]) -> list[list[Fields]]:
    """The download (up to its first 54, or everything), then one batch per later account time or end."""
    end = next((i for i, m in enumerate(rows) if m[0] == "54"), len(rows) - 1)
    batches = [list(rows[: end + 1])]
    batch: list[Fields] = []
    for fields in rows[end + 1 :]:
        batch.append(fields)
        if fields[0] in ("8", "54"):
            batches.append(batch)
            batch = []
    return [*batches, batch] if batch else batches


def _with_id(rows: Iterable[Fields], request_id: int) -> list[Fields]:
    """The rows with the recorded request id replaced by the client's."""
    changed: list[Fields] = []
    for fields in rows:
        index = REQUEST_ID_FIELD.get(fields[0])
        if index is None or index >= len(fields):
            changed.append(fields)
        else:
            changed.append((*fields[:index], str(request_id), *fields[index + 1 :]))
    return changed


def _summary_wanted(fields: Fields, group: str, tags: Sequence[str]) -> bool:
    if fields[0] != "63" or len(fields) < 7:
        return True
    account, tag, currency = fields[3], fields[4], fields[6]
    if group not in ("All", account):
        return False
    return tag in tags or _ledger_wanted(tag, currency, tags)


def _ledger_wanted(tag: str, currency: str, tags: Sequence[str]) -> bool:
    """Whether a row that no plain tag asked for belongs to a ``$LEDGER`` that was asked for."""
    if tag in SUMMARY_TAGS:
        return False
    return "$LEDGER:ALL" in tags or f"$LEDGER:{currency}" in tags or ("$LEDGER" in tags and currency == "BASE")


SUMMARY_TAGS = frozenset(
    (
        "AccountType",
        "NetLiquidation",
        "TotalCashValue",
        "SettledCash",
        "BuyingPower",
        "EquityWithLoanValue",
        "PreviousDayEquityWithLoanValue",
        "GrossPositionValue",
        "RegTEquity",
        "RegTMargin",
        "SMA",
        "InitMarginReq",
        "MaintMarginReq",
        "AvailableFunds",
        "ExcessLiquidity",
        "Cushion",
        "FullInitMarginReq",
        "FullMaintMarginReq",
        "FullAvailableFunds",
        "FullExcessLiquidity",
        "LookAheadNextChange",
        "LookAheadInitMarginReq",
        "LookAheadMaintMarginReq",
        "LookAheadAvailableFunds",
        "LookAheadExcessLiquidity",
        "HighestSeverity",
        "DayTradesRemaining",
        "Leverage",
    )
)
"""Account-level tags of reqAccountSummary; any other row of a summary belongs to the ledger."""
