"""All accounts at one moment: what each is worth, what that has changed by, the total, and the rates that were used."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from tests.last_values import Name
from tests.witness import answers
from tests.witness.answers import micros, numeral, rfc3339
from tests.witness.asking import Asker
from tests.witness.differences import same
from tests.witness.downloads import figure
from tests.witness.ledgers import currencies_of
from tests.witness.snapshots import Snapshot, Witness

PERIODS = ("SinceClose", "MonthToDate", "YearToDate")
_EXACT = Context(prec=5000, rounding=ROUND_HALF_EVEN)
_ROUNDED = Decimal("1e-11")
_FIGURES = {"NetLiquidation": "NetLiquidation", "Cash": "TotalCashValue", "GrossPositionValue": "GrossPositionValue"}


class Ledger(NamedTuple):
    """A rate that a ledger gives: one unit of ``source`` in ``base``."""

    source: str
    base: str
    rate: str
    created: int
    account: str


_Closing = tuple[tzinfo, time]
_UTC: _Closing = (UTC, time())
_NEW_YORK: _Closing = (ZoneInfo("America/New_York"), time(16))


async def compare_overviews(asker: Asker, witness: Witness) -> None:
    """At some moments, now, in several currencies, with days that close at several times."""
    moments = sorted({each.completed for each in witness.snapshots})
    bases = sorted({each.base for each in witness.snapshots if each.base})
    for number, at in enumerate([None, *moments[-1 :: -max(len(moments) // 4, 1)]]):
        closing = (_UTC, _NEW_YORK)[number % 2]
        query = {"tz": "America/New_York", "close": "16:00"} if closing is _NEW_YORK else {}
        await _compare(asker, witness, {**query, "currency": bases[number % len(bases)]}, at, closing)
    await _compare(asker, witness, {}, moments[-1], _UTC)


@dataclass
class _Asked:
    """One overview: what each account shows, and showed at the closes; the rates of each moment to the currency."""

    witness: Witness
    at: int | None
    target: str | None
    reports: dict[str, Snapshot | None]
    before: list[dict[str, Snapshot | None]]
    rates: list[dict[str, Decimal]]

    @property
    def counted(self) -> list[str]:
        """The accounts that are in the total."""
        return [code for code, report in self.reports.items() if self._counts(report)]

    def _counts(self, report: Snapshot | None) -> bool:
        if report is None or not report.ready or self.is_gone(report):
            return False
        return self.converted(report, _money(report, "NetLiquidation")) is not None

    def is_gone(self, report: Snapshot | None) -> bool:
        """Whether no gateway lists the account now, and its last one has walked over all accounts since, by then."""
        if report is None or self.witness.is_listed(report.account):
            return False
        last = self.witness.of(report.account)[-1]
        walks = self.witness.walks[last.walk + 1 :]
        later = [each for each in walks if each.gateway == last.gateway and not each.is_of_some]
        return bool(later) and (self.at is None or later[0].created <= self.at)

    def converted(self, report: Snapshot | None, net: str | None) -> str | None:
        """An amount in the currency of the total."""
        if report is None or net is None or report.base not in self.rates[0]:
            return None
        return net if report.base == self.target else f"{_EXACT.multiply(Decimal(net), self.rates[0][report.base]):f}"


async def _compare(asker: Asker, witness: Witness, query: dict[str, str], at: int | None, closing: _Closing) -> None:
    moment = {} if at is None else {"at": rfc3339(at)}
    path = f"/v1/overview?{urlencode({'limit': '2', **query, **moment})}"
    reports = {account: _report(witness, account, at) for account in sorted(witness.accounts)}
    shown, currency = _there(reports), query.get("currency")
    if currency is not None and not _is_reachable(shown, currency):
        await asker.text(path, status=400)
        return
    pages = await asker.pages(path)
    overview, rows = pages[0], [row for page in pages for row in page["Accounts"]]
    if at is not None:
        closes = map(rfc3339, closes_before(at, *closing))
        same(overview["Closes"], dict(zip(PERIODS, closes, strict=True)), path)
    before = [
        {code: _before(witness, code, micros(close)) for code in reports} for close in overview["Closes"].values()
    ]
    bases = {each.base for each in shown if each.base}
    target = currency or (next(iter(bases)) if len(bases) == 1 else None)
    same(overview["Currency"], target, path)
    found = zip(("At", *PERIODS), (shown, *map(_there, before)), strict=True)
    rates = [_used(overview, moment, reports_then, target, path) for moment, reports_then in found]
    asked = _Asked(witness, at, target, reports, before, rates)
    expected = [_row(asked, code) for code in reports]
    same([{name: row[name] for name in expected[0]} for row in rows], expected, path)
    same(overview["Total"], _total(asked, overview["Total"]), f"total of {path}")
    missing = (each["AccountCodes"] for each in overview["Total"]["Excluded"] if each["Figure"] == "NetLiquidation")
    excluded = {code for codes in missing for code in codes}
    same(excluded, set(reports) - set(asked.counted), f"what is left out of {path}")
    same(overview["Total"]["Complete"], all(asked.is_gone(reports[code]) for code in excluded), path)


def closes_before(at: int, zone: tzinfo, close: time) -> list[int]:
    """The last close before a moment, and the last ones of the month and of the year before."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    day = moment.astimezone(zone).date() + timedelta(days=2)
    closes = []
    while len(closes) < 800:
        # A day that closes at midnight does so at its end.
        end = datetime.combine(day + timedelta(days=close == time()), close, zone).astimezone(UTC)
        if end < moment:
            closes.append((day, end))
        day -= timedelta(days=1)
    today = (moment - timedelta(microseconds=1)).astimezone(zone).date()
    found = [
        closes[0][1],
        next(end for each, end in closes if (each.year, each.month) < (today.year, today.month)),
        next(end for each, end in closes if each.year < today.year),
    ]
    return [(each - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for each in found]


def _report(witness: Witness, account: str, at: int | None) -> Snapshot | None:
    return witness.latest(account) if at is None else answers.as_of(witness, account, at)


def _before(witness: Witness, account: str, at: int) -> Snapshot | None:
    found = answers.as_of(witness, account, at)
    return found if found is not None and found.ready else None


def _there(found: dict[str, Snapshot | None]) -> list[Snapshot]:
    return [each for each in found.values() if each is not None]


def _money(report: Snapshot | None, tag: str) -> str | None:
    return figure(report.values.get(Name(tag, "", report.base, False), "")) if report and report.base else None


def _ledgers(found: list[Snapshot]) -> list[Ledger]:
    """The rates of the ledgers that can be relied on."""
    return [
        Ledger(source, each.base, rate, each.created, each.account)
        for each in found
        if each.ready and each.base
        for source, rate in answers.rates(each).items()
        if source not in (each.base, "BASE") and Decimal(rate) > 0
    ]


def _is_reachable(found: list[Snapshot], currency: str) -> bool:
    """Whether one of the reports that can be relied on has a ledger in it, or a rate to it."""
    ready = [each for each in found if each.ready and each.base]
    if any(currency in currencies_of(each) for each in ready):
        return True
    ledgers = _ledgers(found)
    return not ready or any(_steps(base, currency, ledgers) for base in {each.base for each in ready})


def _steps(source: str, target: str, ledgers: list[Ledger]) -> int:
    """How many rates lead from one currency to the other, and one more; 0: two are not enough."""
    pairs = {frozenset((each.source, each.base)) for each in ledgers}
    if source == target:
        return 1
    if frozenset((source, target)) in pairs:
        return 2
    over = {code for pair in pairs for code in pair}
    return 3 if any({frozenset((source, code)), frozenset((code, target))} <= pairs for code in over) else 0


def _used(overview: Any, moment: str, found: list[Snapshot], target: str | None, path: str) -> dict[str, Decimal]:
    """The rates of a moment to the total's currency; each is what the newest ledgers say."""
    ledgers = _ledgers(found)
    rates = {target: Decimal(1)} if target else {}
    for used in (each for each in overview["Rates"] if each["Moment"] == moment):
        assert used["To"] == target, path
        steps = _steps(used["From"], target, ledgers)
        assert len(used["Ledgers"]) == steps - 1, f"{path}: {used}"
        at, above, below = used["From"], Decimal(1), Decimal(1)
        for given in used["Ledgers"]:
            pair = (given["Currency"], given["BaseCurrency"])
            newest = max(each.created for each in ledgers if (each.source, each.base) == pair)
            assert micros(given["Timestamp"]) == newest, f"{path}: {given} is not the newest"
            row = Ledger(*pair, given["ExchangeRate"][1:], newest, given["AccountCode"])
            assert row in ledgers, f"{path}: {row}"
            with localcontext(_EXACT):
                if given["Currency"] == at:
                    at, above = given["BaseCurrency"], above * Decimal(row.rate)
                else:
                    at, below = given["Currency"], below * Decimal(row.rate)
        assert at == target
        # What a ledger gives is exact, a quotient is rounded.
        rate = Decimal(used["Rate"][1:])
        with localcontext(_EXACT):
            is_right = rate == above if below == 1 else abs(rate * below / above - 1) < _ROUNDED
        assert is_right, f"{path}: {used}"
        rates[used["From"]] = rate
    needed = {each.base for each in found if each.base and target and _steps(each.base, target, ledgers)}
    assert needed >= set(rates) - {target}, path
    return rates


def _row(asked: _Asked, account: str) -> dict[str, Any]:
    report, witness = asked.reports[account], asked.witness
    net, gross = _money(report, "NetLiquidation"), _money(report, "GrossPositionValue")
    listing = [
        name for name, codes in witness.listed.items() if account in codes and witness.owners.owns(account, name)
    ]
    row = {
        "AccountCode": account,
        "AccountType": report and report.values.get(Name("AccountType", "", "", False)),
        "BaseCurrency": (report and report.base) or None,
        "NetLiquidation": numeral(net),
        "NetLiquidationIn": numeral(asked.converted(report, net)),
        "Cushion": report and numeral(figure(report.values.get(Name("Cushion", "", "", False), ""))),
        "Cash": numeral(_money(report, "TotalCashValue")),
        "GrossPositionValue": numeral(gross),
        "Leverage": numeral(_leverage(gross, net)),
        "Latest": report and rfc3339(report.created),
        "Ready": report and report.ready,
        "Gateways": sorted(listing),
    }
    for period, found in zip(PERIODS, asked.before, strict=True):
        row[f"Report{period}"] = found[account] and rfc3339(found[account].created)
        row[f"Change{period}"] = numeral(_change(report, net, found[account]))
        row[f"Return{period}"] = None
    return row


def _change(report: Snapshot | None, net: str | None, then: Snapshot | None) -> str | None:
    old = _money(then, "NetLiquidation")
    if net is None or old is None or report is None or not report.ready or then is None or then.base != report.base:
        return None
    return f"{_EXACT.plus(_EXACT.subtract(Decimal(net), Decimal(old))):f}"


def _leverage(gross: str | None, net: str | None) -> str | None:
    if gross is None or net is None or Decimal(net) <= 0:
        return None
    return f"{_EXACT.divide(Decimal(gross), Decimal(net)).quantize(Decimal('0.0001'), context=_EXACT):f}"


def _total(asked: _Asked, shown: dict[str, Any]) -> dict[str, Any]:
    """What a total has to be, but for what it says is left out."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    with localcontext(_EXACT):
        for code in asked.counted:
            for name, amount in _parts(asked, code):
                sums[name] += amount
        net, gross = sums.get("NetLiquidation"), sums.get("GrossPositionValue")
        is_whole = all(_money(asked.reports[code], "GrossPositionValue") is not None for code in asked.counted)
        leverage = _leverage(f"{gross:f}", f"{net:f}") if is_whole and net is not None and gross is not None else None
    names = [*_FIGURES, *(f"Change{period}" for period in PERIODS)]
    return {
        **shown,
        "Currency": asked.target,
        "Accounts": f"#{len(asked.counted)}",
        "Leverage": numeral(leverage),
        **{name: _as_shown(shown[name], sums.get(name)) for name in names},
    }


def _parts(asked: _Asked, code: str) -> Iterator[tuple[str, Decimal]]:
    """What an account adds to each figure of the total."""
    report = asked.reports[code]
    rate = asked.rates[0][report.base]
    for name, tag in _FIGURES.items():
        if (text := _money(report, tag)) is not None:
            yield name, Decimal(text) * rate
    now = Decimal(_money(report, "NetLiquidation")) * rate
    for period, found, rates in zip(PERIODS, asked.before, asked.rates[1:], strict=True):
        then, old = found[code], _money(found[code], "NetLiquidation")
        if old is not None and then.base in rates:
            yield f"Change{period}", now - Decimal(old) * rates[then.base]


def _as_shown(shown: str | None, amount: Decimal | None) -> str | None:
    """An amount as it is shown, if that is the same number: how many zeros a sum ends with is not said."""
    if amount is not None and shown is not None and Decimal(shown.removeprefix("#")) == amount:
        return shown
    return None if amount is None else f"#{amount:f}"
