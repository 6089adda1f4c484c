"""Profits (reqPnL and reqPnLSingle): the day's, unrealized and realized, of an account and of a position."""

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import Message, Part, Request, Sorting, cancel, number, text
from ibconnect.simulator.scenario.book import ZERO, Account, Market, Position
from ibconnect.simulator.scenario.encoding import plain
from ibconnect.simulator.scenario.feeds import ProfitFeed, ScriptFeed
from ibconnect.simulator.scenario.figures import cents
from ibconnect.simulator.scenario.profits import of_account, of_position
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.source import NO_POSITIONS, Feed, Question, Recordings, Refusal
from ibconnect.simulator.subscriptions import Subscriptions
from ibconnect.simulator.wire.frames import Fields


def _of_account(scenario: Scenario, request_id: int, account: str, model: str) -> Feed:
    scenario.check(account)

    def current() -> Fields | None:
        found = scenario.account(account)
        return pnl_row(request_id, found, scenario.world.market) if found else None

    return ProfitFeed(current)


def _of_position(scenario: Scenario, request_id: int, account: str, model: str, con_id: int) -> Feed:
    scenario.check(account)

    def current() -> Fields | None:
        found = scenario.account(account)
        position = found.positions.get(con_id) if found else None
        return pnl_single_row(request_id, position, scenario.world.market) if position else None

    return ProfitFeed(current)


def pnl_row(request_id: int, account: Account, market: Market) -> Fields:
    """Message 94: the day's, the unrealized and the realized profit in the base currency."""
    profit = of_account(account, market)
    return ("94", str(request_id), cents(profit.daily), cents(profit.unrealized), cents(profit.realized))


def pnl_single_row(request_id: int, position: Position, market: Market) -> Fields:
    """Message 95: size, the day's, unrealized and realized profit, value; in the contract's currency."""
    profit = of_position("", position, market)
    figures = (profit.daily, profit.unrealized, profit.realized, profit.value or ZERO)
    return ("95", str(request_id), plain(position.quantity), *map(cents, figures))


def _recorded(recordings: Recordings, request_id: int, account: str, model: str) -> Feed:
    return _rows(recordings, "pnl", request_id, account)


def _single_recorded(recordings: Recordings, request_id: int, account: str, model: str, con_id: int) -> Feed:
    return _rows(recordings, "pnl_single", request_id, account)


def _rows(recordings: Recordings, kind: str, request_id: int, account: str) -> Feed:
    recordings.check(account)
    rows = recordings.rows(kind, request_id)
    if not rows:
        raise Refusal(*NO_POSITIONS)
    return ScriptFeed([[m] for m in rows])


PNL = Question(_of_account, _recorded)
"""By request id, account and model."""
PNL_SINGLE = Question(_of_position, _single_recorded)
"""By request id, account, model and contract."""


def _ask_pnl(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    request_id, account, model = number(fields, 1), text(fields, 2, "Account"), text(fields, 3, "Model Code")
    subscriptions.open(connection, ("pnl", request_id), subscriptions.source.answer(PNL, request_id, account, model))


def _ask_pnl_single(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    request_id, account, model = number(fields, 1), text(fields, 2, "Account"), text(fields, 3, "Model Code")
    con_id = number(fields, 4, "Con Id")
    feed = subscriptions.source.answer(PNL_SINGLE, request_id, account, model, con_id)
    subscriptions.open(connection, ("pnl_single", request_id), feed)


PART = Part(
    requests={
        "92": Request("reqPnL", _ask_pnl, "94; 321", 1, kind="pnl", about=(2,)),
        "93": cancel("cancelPnL", "pnl", 1),
        "94": Request(
            "reqPnLSingle", _ask_pnl_single, "95; 321; silence for an unknown conId", 1, kind="pnl_single", about=(2, 4)
        ),
        "95": cancel("cancelPnLSingle", "pnl_single", 1),
    },
    messages={
        "94": Message("pnl", "pnl", Sorting.TOGETHER, 1, is_end=True),
        "95": Message("pnlSingle", "pnl_single", Sorting.TOGETHER, 1, is_end=True),
    },
)
