"""What a gateway knows of a contract besides its terms: names, identifiers, industry, hours.

In: an instrument and a day. Out: the values of messages 10 and 18. Called by the part ``contracts``. Names and ISINs of
well-known shares are the real ones; those of others are made up, with check digits that are right.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from ibconnect.simulator.scenario.encoding import plain
from ibconnect.simulator.scenario.instruments import Instrument
from ibconnect.simulator.wire.layout import Row
from ibconnect.simulator.wire.messages import ascii_text

Details = Mapping[str, "str | list[Row]"]

# conId → long name, ISIN, industry, category, subcategory
_SHARES = {
    265598: ("APPLE INC", "US0378331005", "Technology", "Computers", "Computers"),
    272093: ("MICROSOFT CORP", "US5949181045", "Technology", "Software", "Applications Software"),
    4815747: ("NVIDIA CORP", "US67066G1040", "Technology", "Semiconductors", "Electronic Compo-Semicon"),
    8314: ("INTL BUSINESS MACHINES CORP", "US4592001014", "Technology", "Computers", "Computer Services"),
    756733: ("SS SPDR S&P 500 ETF TRUST-US", "US78462F1030", "", "", ""),
    9579970: ("ISHARES RUSSELL 2000 ETF", "US4642876555", "", "", ""),
    14094: ("BAYERISCHE MOTOREN WERKE AG", "DE0005190003", "Consumer, Cyclical", "Auto Manufacturers", "Auto-Cars"),
    14204: ("SAP SE", "DE0007164600", "Technology", "Software", "Enterprise Software"),
    117589399: ("ASML HOLDING NV", "NL0010273215", "Technology", "Semiconductors", "Semiconductor Equipment"),
    13904: ("NESTLÉ SA-REG", "CH0038863350", "Consumer, Non-cyclical", "Food", "Food-Misc"),
    12178: ("NOVARTIS AG-REG", "CH0012005267", "Consumer, Non-cyclical", "Pharmaceuticals", "Medical-Drugs"),
    2585629: ("TENCENT HOLDINGS LTD", "KYG875721634", "Communications", "Internet", "Internet Content"),
    9511: ("HSBC HOLDINGS PLC", "GB0005405286", "Financial", "Banks", "Diversified Banks"),
    14016: ("TOYOTA MOTOR CORP", "JP3633400001", "Consumer, Cyclical", "Auto Manufacturers", "Auto-Cars"),
    14009: ("SONY GROUP CORP", "JP3435000009", "Technology", "Computers", "Electronics"),
}
_FUNDS = (756733, 9579970)
_ZONES = {"USD": "US/Eastern", "EUR": "MET", "CHF": "MET", "HKD": "Hongkong", "JPY": "Japan"}
_MARKETS = {"STK": "NMS", "CASH": "CASH.IDEALPRO", "CRYPTO": "PAXOS.CRYPTO", "BOND": "Corp"}
_COUNTRIES = {"USD": "US", "EUR": "DE", "CHF": "CH", "JPY": "JP", "HKD": "HK"}
_ORDER_TYPES = "ACTIVETIM,AD,ADJUST,ALERT,ALGO,ALLOC,AON,AVGCOST,BASKET,COND,DAY,GTC,GTD,LMT,MKT,STP,TRAIL,WHATIF"


def isin_of(instrument: Instrument) -> str:
    """The ISIN of a share or a bond; empty for what has none."""
    if instrument.con_id in _SHARES:
        return _SHARES[instrument.con_id][1]
    if instrument.sec_type not in ("STK", "BOND"):
        return ""
    body = f"{_COUNTRIES.get(instrument.currency, 'XS')}{instrument.con_id % 10**9:09d}"
    return body + _check_digit(body)


def _check_digit(body: str) -> str:
    """Luhn's, over the letters as two digits each."""
    digits = "".join(str(int(c, 36)) for c in body)
    doubled = [int(d) * (2 if n % 2 == 0 else 1) for n, d in enumerate(reversed(digits))]
    return str(-sum(n // 10 + n % 10 for n in doubled) % 10)


def long_name(instrument: Instrument) -> str:
    """What the contract is called in words."""
    i = instrument
    if i.con_id in _SHARES:
        return _SHARES[i.con_id][0]
    names = {
        "STK": f"SIMULATED HOLDINGS {i.symbol} INC",
        "FUT": f"{i.symbol} Index Futures",
        "CASH": f"{i.symbol} against {i.currency}",
        "CRYPTO": f"{i.symbol} Cryptocurrency",
        "BOND": f"{i.symbol} bond due {i.expiry}",
    }
    return names.get(i.sec_type, f"{i.symbol} {i.sec_type}")


def details(instrument: Instrument, underlying: Instrument | None, name: str, today: date) -> Details:
    """The values of message 10, without those of the request."""
    i = instrument
    _, _, industry, category, subcategory = _SHARES.get(i.con_id, ("", "", "", "", ""))
    expiry = f"{i.expiry} 15:00 US/Central" if i.sec_type in ("OPT", "FOP") else i.expiry
    smart = "SMART," if i.sec_type in ("STK", "OPT", "BOND") else ""
    return {
        "symbol": i.symbol,
        "secType": i.sec_type,
        "lastTradeDateOrContractMonth": expiry,
        "lastTradeDate": i.expiry,
        "strike": i.strike or "0",
        "right": i.right,
        "exchange": "SMART" if smart else i.exchange,
        "currency": i.currency,
        "localSymbol": i.local_symbol,
        "marketName": _MARKETS.get(i.sec_type, i.symbol),
        "tradingClass": i.trading_class,
        "conId": str(i.con_id),
        "minTick": plain(i.tick),
        "multiplier": i.multiplier,
        "orderTypes": _ORDER_TYPES,
        "validExchanges": f"{smart}{i.exchange}",
        "underConId": str(underlying.con_id) if underlying else "0",
        "longName": ascii_text(name),
        "primaryExchange": i.exchange if i.sec_type == "STK" else "",
        "contractMonth": i.expiry[:6],
        "industry": industry,
        "category": category,
        "subcategory": subcategory,
        "timeZoneId": _ZONES.get(i.currency, "UTC"),
        "tradingHours": _hours(today, "0400", "2000"),
        "liquidHours": _hours(today, "0930", "1600"),
        "secIdList": _identifiers(i),
        "underSymbol": underlying.symbol if underlying else "",
        "underSecType": underlying.sec_type if underlying else "",
        "realExpirationDate": i.expiry,
        "stockType": "" if i.sec_type != "STK" else "ETF" if i.con_id in _FUNDS else "COMMON",
        "minSize": "0.00000001" if i.sec_type == "CRYPTO" else "1",
        "sizeIncrement": "0.00000001" if i.sec_type == "CRYPTO" else "1",
    }


def bond_details(instrument: Instrument, name: str, today: date) -> Details:
    """The values of message 18, without those of the request."""
    i = instrument
    coupon = i.local_symbol.split()[1]
    return {
        "symbol": i.symbol,
        "secType": i.sec_type,
        "cusip": isin_of(i)[2:11] if i.currency == "USD" else "",
        "coupon": plain(Decimal(coupon)),
        "maturity": i.expiry,
        "issueDate": "20200115",
        "ratings": "A2/A",
        "bondType": "CORP",
        "couponType": "FIXED",
        "descAppend": i.local_symbol,
        "exchange": i.exchange,
        "currency": i.currency,
        "marketName": _MARKETS["BOND"],
        "tradingClass": i.trading_class,
        "conId": str(i.con_id),
        "minTick": plain(i.tick),
        "orderTypes": _ORDER_TYPES,
        "validExchanges": i.exchange,
        "longName": ascii_text(name),
        "timeZoneId": _ZONES.get(i.currency, "UTC"),
        "tradingHours": _hours(today, "0800", "1700"),
        "liquidHours": _hours(today, "0800", "1700"),
        "secIdList": _identifiers(i),
    }


def _identifiers(instrument: Instrument) -> list[Row]:
    isin = isin_of(instrument)
    if not isin:
        return []
    rows: list[Row] = [{"tag": "ISIN", "value": isin}]
    return [{"tag": "CUSIP", "value": isin[2:11]}, *rows] if isin.startswith("US") else rows


def _hours(today: date, opens: str, closes: str) -> str:
    """The hours of this day and of the next four."""
    days = []
    for number in range(5):
        day = today + timedelta(days=number)
        is_open = day.weekday() < 5
        days.append(f"{day:%Y%m%d}:{opens}-{day:%Y%m%d}:{closes}" if is_open else f"{day:%Y%m%d}:CLOSED")
    return ";".join(days)
