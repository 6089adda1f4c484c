"""Every request a client can make: message id → handler.

In: a connection and the request's fields. Out: answers on the connection, through the :class:`Desk` where
rules span clients. What this gateway does not serve (orders, market data) is answered with the error that a
real one gives to a login without that right. Called by ``server`` for each request after startApi.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.source import Refusal
from ibconnect.simulator.subscriptions import Desk

Handler = Callable[[Desk, Connection, list[str]], None]

ANSWERED_BY_IB = frozenset({"81"})
"""Requests that a gateway passes on to IB's servers, and so cannot answer while it has lost them."""


class Unreadable(Exception):
    """A field that is missing or not of its type: IB's error 320."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(name, value)
        self.text = f"Error reading request. Unable to parse field: '{name}' for input string: '{value}'"


def _text(fields: list[str], index: int, name: str) -> str:
    if index >= len(fields):
        raise Unreadable(name, "")
    return fields[index]


def _int(fields: list[str], index: int, name: str = "Client Req Id") -> int:
    value = _text(fields, index, name)
    try:
        return int(value)
    except ValueError:
        raise Unreadable(name, value) from None


def _account_updates(desk: Desk, connection: Connection, fields: list[str]) -> None:
    if _int(fields, 2, "Subscribe"):
        desk.subscribe_account(connection, _text(fields, 3, "Account Code"))
    else:
        desk.unsubscribe_account(connection)


def _positions(desk: Desk, connection: Connection, fields: list[str]) -> None:
    desk.open(connection, ("positions", 0), desk.source.positions())


def _account_summary(desk: Desk, connection: Connection, fields: list[str]) -> None:
    request_id = _int(fields, 2)
    desk.subscribe_summary(connection, request_id, _text(fields, 3, "Group"), _text(fields, 4, "Tags"))


def _account_updates_multi(desk: Desk, connection: Connection, fields: list[str]) -> None:
    request_id = _int(fields, 2)
    feed = desk.source.account_updates_multi(
        request_id,
        _text(fields, 3, "Account"),
        _text(fields, 4, "Model Code"),
        bool(_int(fields, 5, "Ledger And NLV")),
    )
    desk.open(connection, ("multi", request_id), feed)


def _positions_multi(desk: Desk, connection: Connection, fields: list[str]) -> None:
    request_id = _int(fields, 2)
    feed = desk.source.positions_multi(request_id, _text(fields, 3, "Account"), _text(fields, 4, "Model Code"))
    desk.open(connection, ("positions_multi", request_id), feed)


def _pnl(desk: Desk, connection: Connection, fields: list[str]) -> None:
    request_id = _int(fields, 1)
    feed = desk.source.pnl(request_id, _text(fields, 2, "Account"), _text(fields, 3, "Model Code"))
    desk.open(connection, ("pnl", request_id), feed)


def _pnl_single(desk: Desk, connection: Connection, fields: list[str]) -> None:
    request_id = _int(fields, 1)
    feed = desk.source.pnl_single(
        request_id,
        _text(fields, 2, "Account"),
        _text(fields, 3, "Model Code"),
        str(_int(fields, 4, "Con Id")),
    )
    desk.open(connection, ("pnl_single", request_id), feed)


def _ids(desk: Desk, connection: Connection, fields: list[str]) -> None:
    connection.send((desk.source.next_valid_id(),))


def _managed_accounts(desk: Desk, connection: Connection, fields: list[str]) -> None:
    connection.send((desk.source.managed_accounts(),))


def _current_time(desk: Desk, connection: Connection, fields: list[str]) -> None:
    connection.send((desk.source.current_time(),))


def _current_time_in_millis(desk: Desk, connection: Connection, fields: list[str]) -> None:
    seconds = desk.source.current_time()[2]
    connection.send((("109", f"{seconds}000"),))


def _family_codes(desk: Desk, connection: Connection, fields: list[str]) -> None:
    connection.send((desk.source.family_codes(),))


def _matching_symbols(desk: Desk, connection: Connection, fields: list[str]) -> None:
    connection.send((("79", str(_int(fields, 1)), "0"),))


def _user_info(desk: Desk, connection: Connection, fields: list[str]) -> None:
    connection.send((desk.source.user_info(_int(fields, 1)),))


def _advisor_data(desk: Desk, connection: Connection, fields: list[str]) -> None:
    connection.send((desk.source.advisor_data(_int(fields, 2, "FA Data Type")),))


def _open_orders(desk: Desk, connection: Connection, fields: list[str]) -> None:
    connection.send((("53", "1"),))


def _completed_orders(desk: Desk, connection: Connection, fields: list[str]) -> None:
    connection.send((("102",),))


def _executions(desk: Desk, connection: Connection, fields: list[str]) -> None:
    connection.send((("55", "1", str(_int(fields, 2))),))


def _accepted(desk: Desk, connection: Connection, fields: list[str]) -> None:
    """A setting that a real gateway takes without an answer."""


def _cancel(kind: str, index: int | None) -> Handler:
    def handler(desk: Desk, connection: Connection, fields: list[str]) -> None:
        request_id = 0 if index is None else _int(fields, index)
        if connection.feeds.pop((kind, request_id), None) is None and index is not None:
            raise Refusal(300, f"Can't find EId with tickerId:{request_id}")

    return handler


def _refuse(code: int, text: str, index: int | None = None) -> Handler:
    """A handler that answers with an error, naming the request's id if it has one at ``index``."""

    def handler(desk: Desk, connection: Connection, fields: list[str]) -> None:
        request_id = -1
        if index is not None:
            request_id = _int(fields, index)
        connection.send_error(request_id, code, text)

    return handler


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request: IB's name for it, what answers it, and where its id is (for errors)."""

    name: str
    handler: Handler
    answer: str
    id_field: int | None = None


_READ_ONLY = "Error validating request.-'bF' : cause - The API interface is currently in Read-Only mode."
_NOT_SUBSCRIBED = "Requested market data is not subscribed."
_NO_HISTORY = "Historical Market Data Service error message:No market data permissions"
_NOT_SERVED = "Error validating request.-'bF' : cause - This request is not served by a simulated gateway."
_NO_SCANNER = "Historical Market Data Service error message:No market data permissions for scanner"


def _served() -> dict[str, Request]:
    return {
        "5": Request("reqOpenOrders", _open_orders, "53"),
        "6": Request("reqAccountUpdates", _account_updates, "6, 7, 8, 54; 321, 2101, 2100"),
        "7": Request("reqExecutions", _executions, "55", 2),
        "8": Request("reqIds", _ids, "9"),
        "14": Request("setServerLogLevel", _accepted, "none, as in reality"),
        "15": Request("reqAutoOpenOrders", _accepted, "none, as in reality"),
        "16": Request("reqAllOpenOrders", _open_orders, "53"),
        "17": Request("reqManagedAccts", _managed_accounts, "15"),
        "18": Request("requestFA", _advisor_data, "16; 321 without an advisor's login"),
        "49": Request("reqCurrentTime", _current_time, "49"),
        "61": Request("reqPositions", _positions, "61, 62; 10275"),
        "62": Request("reqAccountSummary", _account_summary, "63, 64; 321, 322", 2),
        "63": Request("cancelAccountSummary", _cancel("summary", 2), "none; 300", 2),
        "64": Request("cancelPositions", _cancel("positions", None), "none"),
        "74": Request("reqPositionsMulti", _positions_multi, "71, 72; 321", 2),
        "75": Request("cancelPositionsMulti", _cancel("positions_multi", 2), "none; 300", 2),
        "76": Request("reqAccountUpdatesMulti", _account_updates_multi, "73, 74; 321", 2),
        "77": Request("cancelAccountUpdatesMulti", _cancel("multi", 2), "none; 300", 2),
        "80": Request("reqFamilyCodes", _family_codes, "78"),
        "81": Request("reqMatchingSymbols", _matching_symbols, "79, without a symbol; silence while IB is lost", 1),
        "92": Request("reqPnL", _pnl, "94; 321", 1),
        "93": Request("cancelPnL", _cancel("pnl", 1), "none; 300", 1),
        "94": Request("reqPnLSingle", _pnl_single, "95; 321; silence for an unknown conId", 1),
        "95": Request("cancelPnLSingle", _cancel("pnl_single", 1), "none; 300", 1),
        "99": Request("reqCompletedOrders", _completed_orders, "102"),
        "104": Request("reqUserInfo", _user_info, "107", 1),
        "105": Request("reqCurrentTimeInMillis", _current_time_in_millis, "109"),
    }


# id, IB's name, code, text, index of the request's own id
_REFUSED: tuple[tuple[str, str, int, str, int | None], ...] = (
    ("1", "reqMktData", 354, _NOT_SUBSCRIBED, 2),
    ("2", "cancelMktData", 300, "Can't find EId", 2),
    ("3", "placeOrder", 321, _READ_ONLY, 1),
    ("4", "cancelOrder", 10147, "OrderId that needs to be cancelled is not found.", 1),
    ("9", "reqContractDetails", 200, "No security definition has been found for the request", 2),
    ("10", "reqMktDepth", 354, _NOT_SUBSCRIBED, 2),
    ("11", "cancelMktDepth", 300, "Can't find EId", 2),
    ("12", "reqNewsBulletins", 321, _NOT_SERVED, None),
    ("13", "cancelNewsBulletins", 321, _NOT_SERVED, None),
    ("19", "replaceFA", 321, _READ_ONLY, 4),
    ("20", "reqHistoricalData", 162, _NO_HISTORY, 1),
    ("21", "exerciseOptions", 321, _READ_ONLY, 2),
    ("22", "reqScannerSubscription", 162, _NO_SCANNER, 1),
    ("23", "cancelScannerSubscription", 300, "Can't find EId", 2),
    ("24", "reqScannerParameters", 321, _NOT_SERVED, None),
    ("25", "cancelHistoricalData", 300, "Can't find EId", 2),
    ("50", "reqRealTimeBars", 420, "Invalid Real-time Query", 2),
    ("51", "cancelRealTimeBars", 300, "Can't find EId", 2),
    (
        "52",
        "reqFundamentalData",
        430,
        "The fundamentals data for the security specified is not available.",
        2,
    ),
    ("53", "cancelFundamentalData", 300, "Can't find EId", 2),
    ("54", "calculateImpliedVolatility", 354, _NOT_SUBSCRIBED, 2),
    ("55", "calculateOptionPrice", 354, _NOT_SUBSCRIBED, 2),
    ("56", "cancelCalculateImpliedVolatility", 300, "Can't find EId", 2),
    ("57", "cancelCalculateOptionPrice", 300, "Can't find EId", 2),
    ("58", "reqGlobalCancel", 321, _READ_ONLY, None),
    ("59", "reqMarketDataType", 354, _NOT_SUBSCRIBED, None),
    ("65", "verifyRequest", 321, _NOT_SERVED, None),
    ("66", "verifyMessage", 321, _NOT_SERVED, None),
    ("67", "queryDisplayGroups", 321, _NOT_SERVED, 2),
    ("68", "subscribeToGroupEvents", 321, _NOT_SERVED, 2),
    ("69", "updateDisplayGroup", 321, _NOT_SERVED, 2),
    ("70", "unsubscribeFromGroupEvents", 321, _NOT_SERVED, 2),
    ("71", "startApi (again)", 321, _NOT_SERVED, None),
    ("72", "verifyAndAuthRequest", 321, _NOT_SERVED, None),
    ("73", "verifyAndAuthMessage", 321, _NOT_SERVED, None),
    ("78", "reqSecDefOptParams", 200, "No security definition has been found for the request", 1),
    ("79", "reqSoftDollarTiers", 321, _NOT_SERVED, 1),
    ("82", "reqMktDepthExchanges", 321, _NOT_SERVED, None),
    ("83", "reqSmartComponents", 321, _NOT_SERVED, 1),
    ("84", "reqNewsArticle", 10172, "Failed to request news article:No data available", 1),
    ("85", "reqNewsProviders", 321, _NOT_SERVED, None),
    ("86", "reqHistoricalNews", 321, _NOT_SERVED, 1),
    ("87", "reqHeadTimestamp", 162, _NO_HISTORY, 1),
    ("88", "reqHistogramData", 162, _NO_HISTORY, 1),
    ("89", "cancelHistogramData", 300, "Can't find EId", 1),
    ("90", "cancelHeadTimestamp", 300, "Can't find EId", 1),
    ("91", "reqMarketRule", 321, _NOT_SERVED, None),
    ("96", "reqHistoricalTicks", 10187, "Failed to request historical ticks:No market data permissions", 1),
    ("97", "reqTickByTickData", 10189, "Failed to request tick-by-tick data:No market data permissions", 1),
    ("98", "cancelTickByTickData", 300, "Can't find EId", 1),
    ("100", "reqWshMetaData", 10276, "News feed is not allowed.", 1),
    ("101", "cancelWshMetaData", 300, "Can't find EId", 1),
    ("102", "reqWshEventData", 10276, "News feed is not allowed.", 1),
    ("103", "cancelWshEventData", 300, "Can't find EId", 1),
    ("106", "cancelContractData", 300, "Can't find EId", 1),
    ("107", "cancelHistoricalTicks", 300, "Can't find EId", 1),
)

REQUESTS: Mapping[str, Request] = {
    **_served(),
    **{
        number: Request(name, _refuse(code, text, index), f"error {code}", index)
        for number, name, code, text, index in _REFUSED
    },
}
"""Message id of the request → what this gateway does with it."""


def answer(desk: Desk, connection: Connection, fields: list[str]) -> None:
    """Answer one request; whatever is wrong with it becomes an error message, never silence."""
    request = REQUESTS.get(fields[0]) if fields else None
    if request is None:
        number = fields[0][:40] if fields else ""
        connection.send_error(-1, 320, f"Error reading request. Unknown message id '{number}'.")
        return
    try:
        request.handler(desk, connection, fields)
    except Unreadable as exc:
        connection.send_error(-1, 320, exc.text)
    except Refusal as exc:
        connection.send_error(_id_of(request, fields), exc.code, exc.text)


def describe(fields: list[str]) -> str:
    """A request as one line for a person."""
    request = REQUESTS.get(fields[0]) if fields else None
    name = request.name if request else "unknown request"
    return f"{name}: {','.join(fields)}"


def _id_of(request: Request, fields: list[str]) -> int:
    return -1 if request.id_field is None else _int(fields, request.id_field)
