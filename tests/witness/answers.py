"""What the REST API has to say of snapshots: reports, lists, times.

JSON numbers are texts with ``#`` before them here, so that ``"1.50"`` and ``1.50`` differ.
"""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

import iso4217

from ibconnect.tags import UNSET_TEXTS
from tests.last_values import Name
from tests.witness.downloads import RATIOS, VALUE, Contract, Held, figure, number
from tests.witness.snapshots import Snapshot, Witness

MONEY = (
    *("AccruedCash", "AvailableFunds", "BuyingPower", "EquityWithLoanValue", "ExcessLiquidity", "FullAvailableFunds"),
    *("FullExcessLiquidity", "FullInitMarginReq", "FullMaintMarginReq", "GrossPositionValue", "InitMarginReq"),
    *("LookAheadAvailableFunds", "LookAheadExcessLiquidity", "LookAheadInitMarginReq", "LookAheadMaintMarginReq"),
    *("MaintMarginReq", "NetLiquidation", "TotalCashBalance", "TotalCashValue"),
)
FIGURES = ("Position", "MarketPrice", "MarketValue", "AverageCost", "UnrealizedPNL", "RealizedPNL")
MORE_THAN_ANY = Context(prec=2000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(micros: int) -> str:
    """A time as the API writes it."""
    text = (_EPOCH + timedelta(microseconds=micros)).isoformat()[:-6]
    return f"{text.rstrip('0') if '.' in text else text}Z"


def micros(text: str) -> int:
    """A time that the API wrote, at any width."""
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) - _EPOCH) // timedelta(microseconds=1)


def numeral(text: str | None) -> str | None:
    """A figure as a JSON number."""
    return None if text is None else f"#{text}"


def report(snapshot: Snapshot) -> dict[str, Any]:
    """All of it, but for the details of remarks: their codes alone."""
    return {
        "AccountCode": snapshot.account,
        "Timestamp": rfc3339(snapshot.created),
        "Gateway": snapshot.gateway,
        "Source": snapshot.source,
        "Ended": snapshot.ended,
        "Ready": snapshot.ready,
        "Balance": balance(snapshot),
        "Positions": positions(snapshot),
        "Values": values(snapshot),
        "Completed": snapshot.completed,
        "AsOf": snapshot.as_of,
        "Remarks": snapshot.codes,
    }


def balance(snapshot: Snapshot) -> dict[str, Any]:
    """The figures of the whole account."""
    sent, base = snapshot.values, snapshot.base

    def money(tag: str) -> str | None:
        name = Name(tag, "", "BASE", True) if tag == "TotalCashBalance" else Name(tag, "", base, False)
        amount = figure(sent.get(name, ""))
        return f"{base} {amount}" if amount and base else None

    ratios = {tag: numeral(figure(sent.get(Name(tag, "", "", False), ""))) for tag in RATIOS}
    kind = sent.get(Name("AccountType", "", "", False))
    return {"AccountType": kind, **ratios, **{tag: money(tag) for tag in MONEY}}


def values(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Every value as text, in its order; those of models last."""

    def rank(name: Name) -> tuple[Any, ...]:
        return name.tag, name.segment, name.currency != "", name.currency != "BASE", name.currency, name.is_ledger

    found = [_value(name, snapshot.values[name]) for name in sorted(snapshot.values, key=rank)]
    for model, part in snapshot.download.models.items():
        found += [{**_value(name, text), "ModelCode": model} for name, text in part.values.items()]
    return models_sorted(found)


def models_sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, with those of models in an order of their own: which one they come in is not said."""
    own = [row for row in rows if "ModelCode" not in row]
    others = [row for row in rows if "ModelCode" in row]
    assert rows[: len(own)] == own, "those of models come last"
    return [*own, *sorted(others, key=lambda row: [part or "" for part in row.values()])]


def _value(name: Name, text: str) -> dict[str, Any]:
    return {"Tag": name.tag, "Segment": name.segment or None, "Currency": name.currency or None, "Value": text}


def rates(snapshot: Snapshot) -> dict[str, str]:
    """The ledger's exchange rates to the base currency."""
    found = {
        name.currency: figure(text)
        for name, text in snapshot.values.items()
        if name.tag == "ExchangeRate" and name.is_ledger
    }
    return {currency: rate for currency, rate in found.items() if rate is not None and currency}


def positions(snapshot: Snapshot) -> list[dict[str, Any]]:
    """By market value, largest first, then by contract; those of models last."""
    contracts = iter(snapshot.contracts)
    found = []
    for model, part in {None: snapshot.download.whole, **snapshot.download.models}.items():
        rows = [(held, next(contracts)) for held in part.held]
        found += [position(held, shown, model, rates(snapshot)) for held, shown in sorted(rows, key=_by_value)]
    return found


def _by_value(row: tuple[Held, Contract]) -> tuple[Any, ...]:
    value = row[0].numbers[VALUE]
    return value is None, -Decimal(value or 0), int(row[1].con_id or 0)


def position(held: Held, shown: Contract, model: str | None, known: dict[str, str]) -> dict[str, Any]:
    """A row of ``Positions``."""
    figures = dict(zip(FIGURES, held.numbers, strict=True))
    value, rate = figures["MarketValue"], known.get(shown.currency)
    product = None
    if value is not None and rate is not None:
        product = f"{MORE_THAN_ANY.multiply(Decimal(value), Decimal(rate)):f}"
    currency = _currency(shown.currency)
    return {
        "IbContractId": numeral(shown.con_id or None),
        "Symbol": shown.symbol or None,
        "LocalSymbol": shown.local_symbol or None,
        "SecurityType": shown.sec_type or None,
        "Exchange": shown.exchange or None,
        "Iso4217Code": None if currency is None else f"#{currency.number}",
        "Currency": None if currency is None else currency.currency_name,
        "CurrencyCode": shown.currency or None,
        **{name: numeral(text) for name, text in figures.items()},
        "Multiplier": _term(shown.multiplier),
        "Strike": _term(shown.strike),
        "Right": shown.right or None,
        "Expiry": shown.expiry or None,
        "TradingClass": shown.trading_class or None,
        "ModelCode": model,
        "MarketValueBase": numeral(product),
        "ExchangeRate": numeral(rate),
    }


def _currency(code: str) -> Any:
    return next((each for each in iso4217.Currency if each.code == code), None)


def _term(text: str) -> str | None:
    """A number where IB's text is one as it stands."""
    if not text or text in UNSET_TEXTS:
        return None
    return f"#{text}" if number(text) == text else text


def accounts(witness: Witness, visible: set[str] | None = None) -> list[dict[str, Any]]:
    """The list of accounts that somebody may see."""
    found = []
    for code in sorted(witness.accounts if visible is None else witness.accounts & visible):
        latest = witness.latest(code)
        found.append(
            {
                "AccountCode": code,
                "Latest": latest and rfc3339(latest.created),
                "Listed": witness.is_listed(code),
                "Ready": None if latest is None else latest.ready,
            }
        )
    return found


def as_of(witness: Witness, account: str, at: int, *, takes_any: bool = False) -> Snapshot | None:
    """The newest that was complete by then and can be relied on, or else the newest that was."""
    known = [each for each in witness.of(account) if max(each.created, each.completed) <= at]
    ready = [each for each in known if each.ready and not takes_any]
    return (ready or known or [None])[-1]
