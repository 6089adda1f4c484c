"""What must hold in any statements that agree with themselves: read from their XML alone, computed in exact fractions.

In: FlexStatement elements as text, daily ones. Out: :func:`check` fails where a figure does not follow from others.
Nothing of the simulator is used to compute.
"""

import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

ZERO = Decimal(0)
MEMBERS = {
    "Deposits/Withdrawals": "depositsWithdrawals",
    "Dividends": "dividends",
    "Withholding Tax": "withholdingTax",
    "Broker Interest Paid": "interest",
    "Broker Interest Received": "interest",
    "Advisor Fees": "advisorFees",
    "Other Fees": "otherFees",
}
NOT_A_CHANGE = {
    "accountId",
    "acctAlias",
    "model",
    "currency",
    "fromDate",
    "toDate",
    "twr",
    "startingValue",
    "endingValue",
}
# A market value is in cents, and what an account has of a currency is rounded to four decimals.
ROUNDING = Decimal("0.02")


def number(row: ET.Element, name: str) -> Decimal:
    return Decimal(row.attrib[name])


class Statement:
    """One daily FlexStatement."""

    def __init__(self, text: str) -> None:
        self.root = ET.fromstring(text)
        self.account, self.day = self.root.attrib["accountId"], self.root.attrib["toDate"]
        assert self.root.attrib["fromDate"] == self.day
        change = self.root.find("ChangeInNAV")
        assert change is not None
        self.change = change
        self.rates = {
            row.attrib["fromCurrency"]: number(row, "rate") for row in self.rows("ConversionRates", "ConversionRate")
        }
        self.rates[change.attrib["currency"]] = Decimal(1)

    def rows(self, section: str, element: str) -> list[ET.Element]:
        return self.root.findall(f"{section}/{element}")

    def member(self, name: str) -> Decimal:
        return number(self.change, name)

    def summary(self) -> ET.Element:
        (row,) = (
            row
            for row in self.rows("EquitySummaryInBase", "EquitySummaryByReportDateInBase")
            if row.attrib["reportDate"] == self.day
        )
        return row

    def paid(self) -> Mapping[str, Decimal]:
        """Members of ChangeInNAV, from the rows of what was paid and transferred."""
        sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for row in self.rows("CashTransactions", "CashTransaction"):
            if row.attrib["type"] in MEMBERS:
                sums[MEMBERS[row.attrib["type"]]] += number(row, "amount") * number(row, "fxRateToBase")
        for row in self.rows("Transfers", "Transfer"):
            sums["assetTransfers"] += number(row, "positionAmountInBase")
            is_internal = row.attrib["type"] == "INTERNAL"
            cash = number(row, "cashTransfer") * number(row, "fxRateToBase")
            sums["internalCashTransfers" if is_internal else "depositsWithdrawals"] += cash
        return sums

    def values(self) -> Mapping[str, tuple[str, Decimal]]:
        rows = self.rows("OpenPositions", "OpenPosition")
        return {
            row.attrib["conid"]: (row.attrib["currency"], number(row, "positionValue"))
            for row in rows
            if row.attrib["assetCategory"] != "CASH"
        }

    def twr(self) -> Fraction:
        """In percent, flows at the start of the day."""
        starting, ending = Fraction(self.member("startingValue")), Fraction(self.member("endingValue"))
        paid = self.paid()
        flows = Fraction(sum((paid[name] for name in FLOWS), ZERO))
        capital = starting + flows
        if capital <= 0 or (not ending and starting > 0):
            capital = max(starting, starting + flows)
        gain = ending - starting - flows
        return Fraction(0) if capital <= 0 or capital + gain < 0 else gain / capital * 100


CASH_REPORT = (
    *("commissions", "depositWithdrawals", "accountTransfers", "internalTransfers", "dividends", "brokerInterest"),
    *("paymentInLieu", "withholdingTax", "salesTax", "transactionTax", "advisorFees", "otherFees", "netTradesSales"),
    *("netTradesPurchases", "cashSettlingMtm", "fxTranslationGainLoss"),
)
FLOWS = ("depositsWithdrawals", "internalCashTransfers", "assetTransfers")


def check(texts: Iterable[str]) -> int:
    """See that everything agrees; how many statements there were."""
    former: dict[str, Statement] = {}
    count = 0
    for text in texts:
        statement = Statement(text)
        _check_alone(statement)
        if statement.account in former:
            _check_after(statement, former[statement.account])
        former[statement.account] = statement
        count += 1
    return count


def _check_alone(this: Statement) -> None:
    where = (this.account, this.day)
    change = sum((Decimal(value) for name, value in this.change.attrib.items() if name not in NOT_A_CHANGE), ZERO)
    assert this.member("startingValue") + change == this.member("endingValue"), where
    summary = this.summary()
    assert number(summary, "total") == this.member("endingValue"), where
    parts = ("cash", "stock", "options", "bonds", "crypto", "dividendAccruals", "interestAccruals")
    assert sum((number(summary, part) for part in parts), ZERO) == number(summary, "total"), where
    for part in parts:
        assert number(summary, f"{part}Long") + number(summary, f"{part}Short") == number(summary, part), where
    paid = this.paid()
    for name in {*MEMBERS.values(), *FLOWS}:
        assert paid[name] == this.member(name), (*where, name)
    assert Fraction(this.member("twr")) == Fraction(round(this.twr() * 10**9), 10**9), where
    lines = this.rows("StmtFunds", "StatementOfFundsLine")
    assert lines[-1].attrib["activityDescription"] == "Ending Balance"
    _check_cash(this, where)
    amounts = sum((number(line, "amount") for line in lines), ZERO)
    assert number(lines[0], "balance") + amounts == number(lines[-1], "balance"), where
    assert abs(number(lines[-1], "balance") - number(summary, "cash")) < Decimal("0.01"), where


def _check_cash(this: Statement, where: tuple[str, str]) -> None:
    """Cash of each currency comes from what happened; only futures settle besides."""
    rows = (*this.rows("Trades", "Trade"), *this.rows("OpenPositions", "OpenPosition"))
    settling = {row.attrib["currency"] for row in rows if row.attrib["assetCategory"] == "FUT"}
    for row in this.rows("CashReport", "CashReportCurrency"):
        moved = sum((number(row, name) for name in CASH_REPORT), ZERO)
        assert number(row, "startingCash") + moved == number(row, "endingCash"), where
        if row.attrib["currency"] not in ("BASE_SUMMARY", *settling):
            assert not number(row, "cashSettlingMtm"), where


def _check_after(this: Statement, before: Statement) -> None:
    where = (this.account, this.day)
    assert this.member("startingValue") == before.member("endingValue"), where
    now, was = this.values(), before.values()
    earned = ZERO
    for con_id in {*now, *was}:
        currency = (now.get(con_id) or was[con_id])[0]
        earned += (now.get(con_id, ("", ZERO))[1] - was.get(con_id, ("", ZERO))[1]) * this.rates[currency]
    trades = [row for row in this.rows("Trades", "Trade") if row.attrib["assetCategory"] != "CASH"]
    for row in trades:
        earned -= number(row, "tradeMoney") * this.rates[row.attrib["currency"]]
    for row in this.rows("Transfers", "Transfer"):
        if row.attrib["assetCategory"] == "FUT":  # what it has earned went with the cash
            size = number(row, "quantity") * number(row, "transferPrice") * number(row, "multiplier")
            earned -= size * number(row, "fxRateToBase")
        earned -= number(row, "positionAmountInBase")
    most = max(this.rates.values())
    allowed = ROUNDING * max(Decimal(1), most) * (len({*now, *was}) + len(trades) + 1)
    assert abs(earned - this.member("mtm")) < allowed, where
