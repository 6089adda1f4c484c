"""How recordings answer what ``accounts`` serves: what was recorded, served at the request that it answers.

In: recordings, and what a client named. Out: feeds that play the rows as they stand. Called by ``accounts``.
"""

from collections.abc import Sequence

from ibconnect.simulator.scenario.feeds import ScriptFeed
from ibconnect.simulator.source import Feed, Recordings, no_such_group
from ibconnect.simulator.wire.frames import Fields


def updates(recordings: Recordings, account: str) -> Feed:
    """The next state of the account that was recorded; the last one again after all of them."""
    states = recordings.states("account", account)
    if not states:
        return ScriptFeed([[("54", "1", account)]])
    batches = batches_of(states[min(recordings.turn(account), len(states) - 1)])
    if recordings.is_completed and batches[0][-1][0] != "54":
        batches[0].append(("54", "1", account))
    return ScriptFeed(batches)


def positions(recordings: Recordings) -> Feed:
    return ScriptFeed([recordings.whole("positions", None, ("62", "1"))])


def summary(recordings: Recordings, request_id: int, group: str, tags: Sequence[str]) -> Feed:
    if group != "All" and group not in recordings.codes():
        raise no_such_group(group)
    rows = recordings.whole("summary", None, ("64", "1", str(request_id)), request_id)
    return ScriptFeed([[m for m in rows if _summary_wanted(m, group, tags)]])


def updates_multi(recordings: Recordings, request_id: int, account: str, model: str, ledger_only: bool) -> Feed:
    recordings.check(account)
    return ScriptFeed([recordings.whole("multi", account, ("74", "1", str(request_id)), request_id)])


def positions_multi(recordings: Recordings, request_id: int, account: str, model: str) -> Feed:
    recordings.check(account)
    return ScriptFeed([recordings.whole("positions_multi", account, ("72", "1", str(request_id)), request_id)])


def load(recordings: Recordings, account: str, count: int) -> Sequence[Sequence[Fields]]:
    rows = [m for state in recordings.states("account", account) for m in state if m[0] != "54"]
    return [rows] * count


def batches_of(rows: Sequence[Fields]) -> list[list[Fields]]:
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
