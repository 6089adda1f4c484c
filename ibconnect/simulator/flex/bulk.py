"""Many daily statements, quickly: simple accounts whose figures hold together, for load and for long histories.

In: a seed, so many accounts, and days. Out: statements as text, a few sections each, or files of them. The same plan
gives the same bytes; every day's end is its beginning, plus what came in, plus what was earned, to the cent, and
``twr`` follows from them by whole numbers. Called by benchmarks and tests; it is a :class:`service.Source` too.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ibconnect.errors import SimulatorError
from ibconnect.simulator.flex.documents import lines
from ibconnect.simulator.flex.queries import DEFAULT_QUERIES, Query, calendar

STOCKS = ((265598, "AAPL", "NASDAQ"), (272093, "MSFT", "NASDAQ"), (756733, "SPY", "ARCA"), (8314, "IBM", "NYSE"))
_HELD = 3
_SCALE = 100 * 10**9
_KINDS = {
    "Deposits/Withdrawals": "flow",
    "Dividends": "dividends",
    "Withholding Tax": "tax",
    "Other Fees": "fees",
    "Broker Interest Received": "interest",
    "Broker Interest Paid": "interest",
}


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """How many accounts, and of which days. Raises :class:`SimulatorError` for sizes that make no sense."""

    accounts: int = 1
    first: date = date(2015, 1, 1)
    last: date = date(2024, 12, 31)
    seed: int = 1
    every_day: bool = False
    flows: float = 0.02
    """The share of days on which something is paid in or out."""
    prefix: str = "U"

    def __post_init__(self) -> None:
        if self.accounts < 1 or self.last < self.first or not 0 <= self.flows <= 1:
            raise SimulatorError("bulk: at least 1 account, a last day that is not before the first, flows from 0 to 1")

    def days(self) -> list[date]:
        return calendar(self.first, self.last, self.every_day)

    def codes(self) -> list[str]:
        return [f"{self.prefix}{self.seed % 1000:03d}{number:05d}" for number in range(1, self.accounts + 1)]


@dataclass(slots=True)
class _Account:
    """Cash and prices in cents, as they are at the end of a day."""

    code: str
    random: random.Random
    cash: int = 0
    held: list[int] = field(default_factory=lambda: [0] * _HELD)
    prices: list[int] = field(default_factory=lambda: [15_000, 30_000, 45_000])
    number: int = 0

    def next_number(self) -> int:
        self.number += 1
        return self.number

    @property
    def stock(self) -> int:
        return sum(quantity * price for quantity, price in zip(self.held, self.prices, strict=True))


@dataclass(slots=True)
class _Day:
    """What happened on a day: sums in cents, and rows."""

    flow: int = 0
    dividends: int = 0
    tax: int = 0
    fees: int = 0
    interest: int = 0
    commissions: int = 0
    cash_rows: list[str] = field(default_factory=list)
    trades: list[str] = field(default_factory=list)


def cents(amount: int) -> str:
    """Cents as statements print them: ``1250`` is ``12.5``."""
    sign, rest = "-" if amount < 0 else "", abs(amount)
    whole, part = divmod(rest, 100)
    return f"{sign}{whole}" if not part else f"{sign}{whole}.{part:02d}".rstrip("0")


def percent(gain: int, capital: int) -> str:
    """``gain`` in percent of ``capital`` with nine decimals, rounded half to even, without zeros at the end."""
    if capital <= 0:
        return "0"
    units, rest = divmod(abs(gain) * _SCALE, capital)
    if 2 * rest > capital or (2 * rest == capital and units % 2):
        units += 1
    whole, part = divmod(units, 10**9)
    text = f"{whole}.{part:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if gain < 0 and units else text


def of_account(plan: BulkPlan, number: int, generated: str = "") -> Iterator[tuple[date, str]]:
    """The days and FlexStatements of the account of this number (from 0), oldest first."""
    code = plan.codes()[number]
    account = _Account(code, random.Random(f"bulk {plan.seed} {number}"))
    for index, day in enumerate(plan.days()):
        starting = account.cash + account.stock
        stamp = f"{day:%Y%m%d}"
        made = _pass_day(account, plan, stamp, is_first=index == 0)
        yield day, _statement(account, stamp, generated or _night(day), starting, made)


def _night(day: date) -> str:
    return f"{day + timedelta(days=1):%Y%m%d};043000"


def _pass_day(account: _Account, plan: BulkPlan, day: str, is_first: bool) -> _Day:
    chance, made = account.random, _Day()
    account.prices = [max(100, price + price * chance.randint(-200, 205) // 10_000) for price in account.prices]
    if is_first:
        _pay(account, made, "Deposits/Withdrawals", 10_000_000 + chance.randrange(90_000_000), day)
    elif chance.random() < plan.flows:
        most = max(account.cash // 2, 1_000_000)
        _pay(account, made, "Deposits/Withdrawals", chance.randrange(-most // 2, most), day)
    if is_first or chance.random() < 0.1:
        _trade(account, made, day)
    if chance.random() < 0.02:
        gross = 100 + chance.randrange(20_000)
        _pay(account, made, "Dividends", gross, day)
        _pay(account, made, "Withholding Tax", -gross * 15 // 100, day)
    if day.endswith("03"):
        interest = account.cash // 2000
        _pay(account, made, f"Broker Interest {'Received' if interest >= 0 else 'Paid'}", interest, day)
        _pay(account, made, "Other Fees", -450, day)
    return made


def _pay(account: _Account, made: _Day, name: str, amount: int, day: str) -> None:
    kind = _KINDS[name]
    setattr(made, kind, getattr(made, kind) + amount)
    account.cash += amount
    made.cash_rows.append(
        f'<CashTransaction accountId="{account.code}" currency="USD" fxRateToBase="1" description="{name.upper()}" '
        f'dateTime="{day};202000" settleDate="{day}" amount="{cents(amount)}" type="{name}" '
        f'transactionID="{_serial(account)}" reportDate="{day}" levelOfDetail="DETAIL" />'
    )


def _serial(account: _Account) -> str:
    return f"{int(account.code[-8:]) * 1_000_000 + account.next_number()}"


def _trade(account: _Account, made: _Day, day: str) -> None:
    which = account.random.randrange(_HELD)
    price = account.prices[which]
    quantity = account.random.randrange(1, 40)
    if account.held[which] >= quantity and (account.cash < 0 or account.random.random() < 0.45):
        quantity = -quantity
    conid, symbol, exchange = STOCKS[which]
    amount, fee = -quantity * price, 100
    account.held[which] += quantity
    account.cash += amount - fee
    made.commissions -= fee
    number = account.next_number()
    stem = f"{int(account.code[-8:]) & 0xFFFFFFFF:08x}.{number:08x}"
    made.trades.append(
        f'<Trade accountId="{account.code}" currency="USD" fxRateToBase="1" assetCategory="STK" symbol="{symbol}" '
        f'conid="{conid}" listingExchange="{exchange}" multiplier="1" tradeID="{_serial(account)}" reportDate="{day}" '
        f'dateTime="{day};153012" tradeDate="{day}" transactionType="ExchTrade" exchange="{exchange}" '
        f'quantity="{quantity}" tradePrice="{cents(price)}" proceeds="{cents(amount)}" taxes="0" '
        f'ibCommission="{cents(-fee)}" ibCommissionCurrency="USD" netCash="{cents(amount - fee)}" '
        f'openCloseIndicator="{"O" if quantity > 0 else "C"}" buySell="{"BUY" if quantity > 0 else "SELL"}" '
        f'ibOrderID="{number}" ibExecID="{stem}.01.01" levelOfDetail="EXECUTION" />'
    )


def _statement(account: _Account, day: str, generated: str, starting: int, made: _Day) -> str:
    code, stock = account.code, account.stock
    ending = account.cash + stock
    earned = ending - starting - made.flow
    mtm = earned - made.dividends - made.tax - made.fees - made.interest - made.commissions
    cash = "\n".join(made.cash_rows)
    trades = "\n".join(made.trades)
    return (
        f'<FlexStatement accountId="{code}" fromDate="{day}" toDate="{day}" period="" whenGenerated="{generated}">\n'
        f'<EquitySummaryInBase>\n<EquitySummaryByReportDateInBase accountId="{code}" currency="USD" reportDate="{day}" '
        f'cash="{cents(account.cash)}" stock="{cents(stock)}" total="{cents(ending)}" />\n</EquitySummaryInBase>\n'
        f'<ChangeInNAV accountId="{code}" currency="USD" fromDate="{day}" toDate="{day}" '
        f'startingValue="{cents(starting)}" mtm="{cents(mtm)}" realized="0" '
        f'depositsWithdrawals="{cents(made.flow)}" internalCashTransfers="0" assetTransfers="0" grantActivity="0" '
        f'dividends="{cents(made.dividends)}" withholdingTax="{cents(made.tax)}" interest="{cents(made.interest)}" '
        f'otherFees="{cents(made.fees)}" commissions="{cents(made.commissions)}" endingValue="{cents(ending)}" '
        f'twr="{percent(earned, starting + made.flow)}" />\n'
        f"<OpenPositions>\n{_positions(account, day)}</OpenPositions>\n"
        + (f"<Trades>\n{trades}\n</Trades>\n" if trades else "")
        + (f"<CashTransactions>\n{cash}\n</CashTransactions>\n" if cash else "")
        + f'<ConversionRates>\n<ConversionRate reportDate="{day}" fromCurrency="EUR" toCurrency="USD" rate="1.0842" />'
        "\n"
        "</ConversionRates>\n</FlexStatement>"
    )


def _positions(account: _Account, day: str) -> str:
    return "".join(
        f'<OpenPosition accountId="{account.code}" currency="USD" fxRateToBase="1" assetCategory="STK" '
        f'symbol="{symbol}" conid="{conid}" multiplier="1" reportDate="{day}" position="{quantity}" '
        f'markPrice="{cents(price)}" positionValue="{cents(quantity * price)}" side="Long" levelOfDetail="SUMMARY" />\n'
        for (conid, symbol, _), quantity, price in zip(STOCKS, account.held, account.prices, strict=False)
        if quantity
    )


def write_files(plan: BulkPlan, directory: Path, query: Query = DEFAULT_QUERIES[0]) -> list[Path]:
    """One file for each account and year, with a statement for each day; the files, in order."""
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for number, code in enumerate(plan.codes()):
        years: dict[int, list[str]] = {}
        for day, text in of_account(plan, number):
            years.setdefault(day.year, []).append(text)
        for year, texts in years.items():
            path = directory / f"{code}-{year}.xml"
            path.write_text("\n".join((*lines(texts, len(texts), query), "")), encoding="utf-8")
            files.append(path)
    return files


class BulkSource:
    """Bulk statements as a Flex service serves them; ``now`` is the day after the last one."""

    def __init__(self, plan: BulkPlan) -> None:
        self.plan = plan
        self._asked = 0

    def now(self) -> datetime:
        """Each time a second later, so that what is asked for again is newer."""
        self._asked += 1
        morning = datetime(self.plan.last.year, self.plan.last.month, self.plan.last.day, 10, tzinfo=UTC)
        return morning + timedelta(days=1, seconds=self._asked)

    def span(self, query: Query) -> tuple[date, date] | None:
        days = self.plan.days()
        return (days[0], days[-1]) if days else None

    def prepare(self) -> None:
        """Nothing changes here."""

    def statements(self, first: date, last: date, query: Query, is_nightly: bool) -> Sequence[str]:
        generated = "" if is_nightly else f"{self.now():%Y%m%d;%H%M%S}"
        return [
            text
            for number, code in enumerate(self.plan.codes())
            if not query.accounts or code in query.accounts
            for day, text in of_account(self.plan, number, generated)
            if first <= day <= last
        ]
