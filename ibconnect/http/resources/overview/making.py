"""An overview, made of what was read: amounts in one currency, what changed, and the total of it.

In: texts of figures, rates. Out: rows, a total, each figure as text with every digit. No float is on the way. Called by
the handler.

Nothing is added up in silence: what is left out of a total is named there, with why.
"""

from collections import defaultdict
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from ibconnect.http.resources.overview.rates import EXACT, Rate, Rates
from ibconnect.http.resources.overview.reading import Account, Found
from ibconnect.http.resources.performance.stated_kept import ReturnsFound

PERIODS = ("SinceClose", "MonthToDate", "YearToDate")
"""What changes are over, in the order of the moments that are compared with."""

REASONS = {
    "no-report": "there is no report that was complete by then; of what is compared with: none that can be relied on.",
    "not-ready": "the report cannot be relied on.",
    "not-listed": "no gateway lists the account any more.",
    "no-figure": "IB did not send it.",
    "no-rate": "no ledger gives a rate for its currency.",
    "other-base": "the base currency was another one then.",
    "several-currencies": "the accounts have several base currencies: name one by `currency`.",
    "not-positive": "the net liquidation value is not above zero.",
    "no-cash-flows": "deposits and withdrawals of these days are not known, without which a change is no return.",
    "no-return": "a day has none: `/v1/performance` says which, and why.",
}
"""Why a figure is null, or left out of a total."""

NET, CASH, GROSS = "NetLiquidation", "Cash", "GrossPositionValue"
CHANGES = tuple(f"Change{period}" for period in PERIODS)

_LEVERAGE = Decimal("0.0001")
# More digits than any figure of the tables has.
_QUOTIENT = Context(prec=400, rounding=ROUND_HALF_EVEN)
_ZERO = Decimal(0)
_NONE: tuple[None, ...] = (None,) * len(PERIODS)


class Row(NamedTuple):
    """An account. ``change``, ``since``: for each of :data:`PERIODS`. ``why``: for what is null, the reason.

    ``rate``: what its base currency is in that of the total.
    """

    account: Account
    net_liquidation_in: str | None
    change: tuple[str | None, ...]
    since: tuple[str, ...]
    leverage: str | None
    why: dict[str, str]
    rate: Decimal | None


class Total(NamedTuple):
    """Over the accounts that count. ``excluded``: which are not in a figure: its name and why, and the codes."""

    accounts: int
    is_complete: bool
    figures: dict[str, str]
    leverage: str | None
    excluded: dict[tuple[str, str], list[str]]


class Overview(NamedTuple):
    """Rows by code. ``rates``: those that were used, at the moment asked for, then for each of :data:`PERIODS`.

    ``returns``: what statements tell.
    """

    currency: str | None
    rows: list[Row]
    total: Total
    rates: list[list[Rate]]
    returns: ReturnsFound


class Maker:
    """Makes the overview of accounts, piece by piece, since many take a while."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._used = [_Used(rates, found.currency) for rates in found.rates]
        self._adding = _Adding()
        self.rows: list[Row] = []

    def add(self, most: int) -> None:
        """The next accounts, at most so many."""
        first = len(self.rows)
        for number, account in enumerate(self._found.accounts[first : first + most], first):
            self.rows.append(self._row(number, account))

    def _row(self, number: int, account: Account) -> Row:
        """The row of an account, which is added to the total."""
        why = _why(account)
        net = Decimal(account.net_liquidation) if account.net_liquidation else None
        rate = self._used[0].of(account.base)
        converted = None if net is None or rate is None else _converted(account.net_liquidation, net, rate)
        if converted is None:
            why["NetLiquidationIn"] = why.get(NET) or self._why_no_rate(account)
        leverage, reason = _leverage(account.gross_position_value, net)
        if leverage is None:
            why["Leverage"] = reason
        is_added = self._adding.takes(account, None if converted is not None else why["NetLiquidationIn"])
        if is_added:
            self._adding.add(account, net)
        changes, since = self._compared(number, account, net, why, is_added=is_added)
        if not account.created:
            why = dict.fromkeys(why, "no-report")
        return Row(account, converted, changes, since, leverage, why, None if rate is None else rate.rate)

    def _compared(
        self, number: int, account: Account, net: Decimal | None, why: dict[str, str], *, is_added: bool
    ) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
        """What changed, and since when."""
        since = tuple(before.created[number] for before in self._found.since)
        if net is None or not account.is_ready:
            why.update(dict.fromkeys(CHANGES, "no-figure" if net is None else "not-ready"))
            return _NONE, since
        changes: list[str | None] = []
        for moment, (name, (created, bases, figures)) in enumerate(zip(CHANGES, self._found.since, strict=True), 1):
            text, base, change = figures[number], bases[number], None
            reason = "" if text and base else "no-figure" if created[number] else "no-report"
            before = _ZERO if reason else Decimal(text)
            if is_added:
                why_not = reason or ("" if self._used[moment].of(base) else "no-rate")
                self._adding.compare(moment, account, net=net, base=base, before=before, reason=why_not)
            if not reason and base != account.base:
                reason = "other-base"
            if reason:
                why[name] = reason
            else:
                change = text_of(EXACT.subtract(net, before))
            changes.append(change)
        return tuple(changes), since

    def _why_no_rate(self, account: Account) -> str:
        if not account.base:
            return "no-figure"
        return "no-rate" if self._found.currency else "several-currencies"

    def overview(self, returns: ReturnsFound) -> Overview:
        """The overview of all that were added."""
        rates = [used.rates() for used in self._used]
        return Overview(self._found.currency, self.rows, self._adding.total(self._used), rates, returns)


def text_of(figure: Decimal) -> str:
    """With every digit, and without an exponent."""
    text = str(figure)
    return format(figure, "f") if "E" in text else text


def _converted(text: str, amount: Decimal, rate: Rate) -> str:
    """In the same currency it is the same text."""
    return text_of(EXACT.multiply(amount, rate.rate)) if rate.given else text


def _why(account: Account) -> dict[str, str]:
    """The reasons of the figures that are shown as they are, where they are null."""
    if account.net_liquidation and account.cushion and account.cash and account.gross_position_value:
        return {}
    shown = {
        NET: account.net_liquidation,
        "Cushion": account.cushion,
        CASH: account.cash,
        GROSS: account.gross_position_value,
    }
    return {name: "no-figure" for name, text in shown.items() if not text}


def _leverage(gross: str | None, net: Decimal | None) -> tuple[str | None, str]:
    """What is held, of what the account is worth, rounded; and why there is none."""
    if not gross or net is None:
        return None, "no-figure"
    if net <= _ZERO:
        return None, "not-positive"
    return text_of(_QUOTIENT.quantize(_QUOTIENT.divide(Decimal(gross), net), _LEVERAGE)), ""


class _Used:
    """The rates of a moment to one currency, and which of them were used."""

    def __init__(self, rates: Rates, currency: str | None) -> None:
        self._rates = rates
        self._currency = currency
        self._used: dict[str, Rate | None] = {}

    def of(self, base: str) -> Rate | None:
        """The rate of a currency; None: there is none."""
        if base not in self._used:
            currency = self._currency
            self._used[base] = self._rates.between(base, currency) if base and currency else None
        return self._used[base]

    def rates(self) -> list[Rate]:
        """Those that were used, by currency."""
        return [rate for _, rate in sorted(self._used.items()) if rate is not None and rate.given]


_Sums = defaultdict[str, Decimal]


class _Adding:
    """A total under way: sums by base currency, since the product of a sum is the sum of the products, to the digit."""

    def __init__(self) -> None:
        self._accounts = 0
        self._now: defaultdict[str, _Sums] = defaultdict(lambda: defaultdict(Decimal))
        self._before: list[_Sums] = [defaultdict(Decimal) for _ in PERIODS]
        self._excluded: defaultdict[tuple[str, str], list[str]] = defaultdict(list)

    def takes(self, account: Account, reason: str | None) -> bool:
        """Whether an account counts; if not, it is noted why."""
        if not account.created:
            reason = "no-report"
        elif account.is_gone:
            reason = "not-listed"
        elif not account.is_ready:
            reason = "not-ready"
        if reason:
            self._excluded[NET, reason].append(account.code)
        return not reason

    def add(self, account: Account, net: Decimal | None) -> None:
        """What an account is worth, and what it holds."""
        assert net is not None
        self._accounts += 1
        base = account.base
        self._now[NET][base] = EXACT.add(self._now[NET][base], net)
        for name, text in ((CASH, account.cash), (GROSS, account.gross_position_value)):
            if text:
                self._now[name][base] = EXACT.add(self._now[name][base], Decimal(text))
            else:
                self._excluded[name, "no-figure"].append(account.code)

    def compare(self, moment: int, account: Account, *, net: Decimal, base: str, before: Decimal, reason: str) -> None:
        """What an account is worth, and was worth at one of the moments, then in another base currency perhaps.

        :param reason: why it cannot be compared; empty: it can
        """
        name = CHANGES[moment - 1]
        if reason:
            self._excluded[name, reason].append(account.code)
            return
        self._now[name][account.base] = EXACT.add(self._now[name][account.base], net)
        self._before[moment - 1][base] = EXACT.add(self._before[moment - 1][base], before)

    def total(self, used: list[_Used]) -> Total:
        """The total of what was added."""
        sums = {name: _sum(amounts, used[0]) for name, amounts in self._now.items()}
        for name, amounts, rates in zip(CHANGES, self._before, used[1:], strict=True):
            if name in sums:
                sums[name] = EXACT.subtract(sums[name], _sum(amounts, rates))
        is_whole = not any(name == GROSS for name, _ in self._excluded)
        figures = {name: text_of(amount) for name, amount in sums.items()}
        return Total(
            self._accounts,
            not any(name == NET and why != "not-listed" for name, why in self._excluded),
            figures,
            _leverage(figures.get(GROSS), sums.get(NET))[0] if is_whole else None,
            dict(self._excluded),
        )


def _sum(amounts: _Sums, used: _Used) -> Decimal:
    """Amounts by currency as one."""
    total = _ZERO
    for base, amount in amounts.items():
        rate = used.of(base)
        assert rate is not None
        total = EXACT.add(total, EXACT.multiply(amount, rate.rate))
    return total
