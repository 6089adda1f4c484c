"""Accounts: their values and positions, as updates, as summaries, and as lists of positions.

In: requests. Out: the messages of reqAccountUpdates (6, 7, 8, 54), reqPositions (61, 62), reqAccountSummary (63, 64),
reqPositionsMulti (71, 72) and reqAccountUpdatesMulti (73, 74). How recordings answer: ``accounts_recorded``.
"""

import copy
from collections.abc import Sequence

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import Message, Part, Request, Sorting, cancel, number, text
from ibconnect.simulator.scenario import accounts_recorded as recorded
from ibconnect.simulator.scenario import encoding
from ibconnect.simulator.scenario.feeds import AccountFeed, RowsFeed
from ibconnect.simulator.scenario.figures import LEDGER
from ibconnect.simulator.scenario.source import MAX_ALL, Scenario
from ibconnect.simulator.source import NO_POSITIONS, Feed, Question, Refusal
from ibconnect.simulator.subscriptions import SUMMARY, Subscriptions
from ibconnect.simulator.wire.frames import Fields


def _updates(scenario: Scenario, account: str) -> Feed:
    return AccountFeed(
        account,
        lambda: encoding.value_rows(scenario.values(account), account),
        lambda: [encoding.portfolio_row(p, scenario.world.market, account) for p in scenario.held(account)],
        lambda: ("8", "1", f"{scenario.world.days.local(scenario.world.now):%H:%M}"),
        scenario.members(account),
    )


def _positions(scenario: Scenario) -> Feed:
    if scenario.world.plan.advisor and len(scenario.world.clients()) > MAX_ALL:
        raise Refusal(*NO_POSITIONS)

    def current() -> list[Fields]:
        accounts = scenario.world.accounts.values()
        return [encoding.position_row(p, a.code) for a in accounts for p in a.positions.values()]

    return RowsFeed(current, (2, 3), ("62", "1"), scenario.codes, at_once=True)


def _summary(scenario: Scenario, request_id: int, group: str, tags: Sequence[str]) -> Feed:
    members = scenario.group(group)

    def current() -> list[Fields]:
        found: list[Fields] = []
        for code in members():
            found += encoding.summary_rows(scenario.values(code), request_id, code, tags, ledger_only=False)
        if group == "All" and len(members()) > 1:
            found += encoding.summary_rows(scenario.values("All"), request_id, "All", tags, ledger_only=True)
        return found

    return RowsFeed(current, (3, 4, 6), ("64", "1", str(request_id)), members, at_once=False)


def _updates_multi(scenario: Scenario, request_id: int, account: str, model: str, ledger_only: bool) -> Feed:
    members = scenario.group(account)

    def current() -> list[Fields]:
        found: list[Fields] = []
        for code in members():
            values = scenario.values(code)
            if ledger_only:
                values = [v for v in values if v.level == LEDGER or v.key == "NetLiquidation"]
            found += encoding.multi_rows(values, request_id, code, model)
        return found

    return RowsFeed(current, (3, 5, 7), ("74", "1", str(request_id)), members, at_once=True)


def _positions_multi(scenario: Scenario, request_id: int, account: str, model: str) -> Feed:
    members = scenario.group(account)

    def current() -> list[Fields]:
        held = [(p, code) for code in members() for p in scenario.held(code)]
        return [encoding.position_multi_row(p, request_id, code, model) for p, code in held]

    return RowsFeed(current, (3, 4), ("72", "1", str(request_id)), members, at_once=True)


def _load(scenario: Scenario, account: str, count: int) -> Sequence[Sequence[Fields]]:
    fork = copy.deepcopy(scenario)
    blocks = []
    for _ in range(count):
        for _ in range(20):
            fork.advance()
        blocks.append(_updates(fork, account).first()[:-1])
    return blocks


UPDATES = Question(_updates, recorded.updates)
"""Of an account."""
POSITIONS = Question(_positions, recorded.positions)
ACCOUNT_SUMMARY = Question(_summary, recorded.summary)
"""By request id, group and tags."""
UPDATES_MULTI = Question(_updates_multi, recorded.updates_multi)
"""By request id, account, model, and whether ledger figures alone are wanted."""
POSITIONS_MULTI = Question(_positions_multi, recorded.positions_multi)
"""By request id, account and model."""
LOAD = Question(_load, recorded.load)
"""So many consecutive full sets of updates of an account, for load; the source does not move."""


def _ask_updates(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    if number(fields, 2, "Subscribe"):
        account, source = text(fields, 3, "Account Code"), subscriptions.source
        subscriptions.subscribe_account(connection, account, lambda code: source.answer(UPDATES, code))
    else:
        subscriptions.unsubscribe_account(connection)


def _ask_positions(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    subscriptions.open(connection, ("positions", 0), subscriptions.source.answer(POSITIONS))


def _ask_summary(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    request_id, group, tags = number(fields, 2), text(fields, 3, "Group"), text(fields, 4, "Tags")
    wanted = [tag.strip() for tag in tags.split(",") if tag.strip()]
    source = subscriptions.source
    subscriptions.subscribe_summary(
        connection, request_id, lambda: source.answer(ACCOUNT_SUMMARY, request_id, group, wanted)
    )


def _ask_updates_multi(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    request_id, account, model = number(fields, 2), text(fields, 3, "Account"), text(fields, 4, "Model Code")
    ledger_only = bool(number(fields, 5, "Ledger And NLV"))
    feed = subscriptions.source.answer(UPDATES_MULTI, request_id, account, model, ledger_only)
    subscriptions.open(connection, ("multi", request_id), feed)


def _ask_positions_multi(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    request_id, account, model = number(fields, 2), text(fields, 3, "Account"), text(fields, 4, "Model Code")
    feed = subscriptions.source.answer(POSITIONS_MULTI, request_id, account, model)
    subscriptions.open(connection, ("positions_multi", request_id), feed)


PART = Part(
    requests={
        "6": Request("reqAccountUpdates", _ask_updates, "6, 7, 8, 54; 321, 2101, 2100"),
        "61": Request("reqPositions", _ask_positions, "61, 62; 10275"),
        "62": Request("reqAccountSummary", _ask_summary, "63, 64; 321, 322", 2),
        "63": cancel("cancelAccountSummary", SUMMARY, 2),
        "64": cancel("cancelPositions", "positions", None),
        "74": Request("reqPositionsMulti", _ask_positions_multi, "71, 72; 321", 2),
        "75": cancel("cancelPositionsMulti", "positions_multi", 2),
        "76": Request("reqAccountUpdatesMulti", _ask_updates_multi, "73, 74; 321", 2),
        "77": cancel("cancelAccountUpdatesMulti", "multi", 2),
    },
    messages={
        "6": Message("updateAccountValue", "account", Sorting.BY_ACCOUNT),
        "7": Message("updatePortfolio", "account", Sorting.BY_ACCOUNT),
        "8": Message("updateAccountTime", "account", Sorting.NEAREST),
        "54": Message("accountDownloadEnd", "account", Sorting.BY_ACCOUNT),
        "61": Message("position", "positions", Sorting.TOGETHER),
        "62": Message("positionEnd", "positions", Sorting.TOGETHER),
        "63": Message("accountSummary", SUMMARY, Sorting.TOGETHER, 2),
        "64": Message("accountSummaryEnd", SUMMARY, Sorting.TOGETHER, 2),
        "71": Message("positionMulti", "positions_multi", Sorting.BY_ACCOUNT, 2),
        "72": Message("positionMultiEnd", "positions_multi", Sorting.BY_REQUEST, 2),
        "73": Message("accountUpdateMulti", "multi", Sorting.BY_ACCOUNT, 2),
        "74": Message("accountUpdateMultiEnd", "multi", Sorting.BY_REQUEST, 2),
    },
)
