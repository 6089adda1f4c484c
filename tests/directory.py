"""What a gateway says of an advisor's directory and of contracts, as messages, for the tests."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from ibconnect.simulator.wire.details import CONTRACT_DETAILS
from ibconnect.times import to_micros
from tests.projecting import Stream
from tests.serving import DU1, DU2, FIRST, GATEWAY


def aliases(**told: str) -> list[str]:
    """Message 16 with the aliases of accounts."""
    rows = "".join(
        f"<AccountAlias><account>{code}</account><alias>{escape(alias)}</alias></AccountAlias>"
        for code, alias in told.items()
    )
    return [
        "16",
        "1",
        "3",
        f'<?xml version="1.0" encoding="UTF-8"?><ListOfAccountAliases>{rows}</ListOfAccountAliases>',
    ]


def groups(**told: Sequence[str]) -> list[str]:
    """Message 16 with the members of groups."""
    rows = "".join(
        f'<Group><name>{escape(name)}</name><ListOfAccts varName="list">'
        + "".join(f"<String>{code}</String>" for code in codes)
        + "</ListOfAccts><defaultMethod>NetLiq</defaultMethod></Group>"
        for name, codes in told.items()
    )
    return ["16", "1", "1", f'<?xml version="1.0" encoding="UTF-8"?><ListOfGroups>{rows}</ListOfGroups>']


def families(**told: str) -> list[str]:
    """Message 78."""
    return ["78", str(len(told)), *(text for pair in told.items() for text in pair)]


def described(contract: int, version: int = 178, **values: Any) -> list[str]:
    """Message 10."""
    ids = [{"tag": tag, "value": values.pop(tag)} for tag in ("ISIN", "CUSIP") if tag in values]
    said = {"symbol": "AAPL", "secType": "STK", "longName": "APPLE INC", "conId": str(contract), "secIdList": ids}
    return list(CONTRACT_DETAILS.encode(version, {**said, **values}))


APPLE: dict[str, Any] = {
    "ISIN": "US0378331005",
    "CUSIP": "037833100",
    "exchange": "SMART",
    "currency": "USD",
    "localSymbol": "AAPL",
    "marketName": "NMS",
    "tradingClass": "NMS",
    "validExchanges": "SMART,NYSE,NASDAQ",
    "primaryExchange": "NASDAQ",
    "industry": "Technology",
    "category": "Computers",
    "subcategory": "Computers",
    "timeZoneId": "US/Eastern",
    "tradingHours": "20240102:0400-20240102:2000",
    "liquidHours": "20240102:0930-20240102:1600",
    "stockType": "COMMON",
}


def reference_world(at: datetime = FIRST) -> Stream:
    """What a login says of the world of tests/serving.py: two contracts, one of which is renamed, and its directory.

    Everything comes half an hour after its first snapshot, what changes an hour later.
    """
    stream = Stream(GATEWAY, at=to_micros(at + timedelta(minutes=30)))
    stream.message(*described(265598, **APPLE), timed=True)
    stream.message(*described(4391, symbol="AMD", longName="ADVANCED MICRO", ISIN="US0079031078"), timed=True)
    stream.message(*aliases(**{DU1: "Smith", DU2: "Keller & Sons"}), timed=True)
    stream.message(*groups(Everyone=(DU1, DU2), First=(DU1,)), timed=True)
    stream.message(*families(**{DU1: "F1", DU2: "F1"}), timed=True)
    stream.at = to_micros(at + timedelta(minutes=90))
    stream.message(*described(4391, symbol="AMD", longName="ADVANCED MICRO DEVICES", ISIN="US0079031078"), timed=True)
    stream.message(*aliases(**{DU1: "Smith Trust", DU2: "Keller & Sons"}), timed=True)
    stream.message(*groups(Everyone=(DU1, DU2), First=(DU2,)), timed=True)
    return stream
