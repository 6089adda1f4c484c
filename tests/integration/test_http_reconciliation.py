"""Reconciliation: two witnesses that say the same agree in every row; each of ten differences is found alone."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ibconnect.times import to_micros
from tests import statements as made
from tests.conftest import create_database, drop_database
from tests.executions import commission, fill
from tests.projecting import Stream, position, project_all, record, value
from tests.serving import PROBLEM, Served, serving
from tests.tables import exact, rows_of

ACCOUNT, OTHER = "U0000001", "U0000002"
PATH = f"/v1/accounts/{ACCOUNT}/reconciliation"
NEW_YORK = ZoneInfo("America/New_York")
FIRST = date(2026, 3, 5)
"""Three days later clocks are put forward in New York."""
DAYS = 6
CONTRACTS = {265598: "AAPL", 272093: "MSFT", 4391: "AMD"}


Fill = tuple[str, datetime, int, Decimal, Decimal, Decimal]
"""Id, time, contract, signed size, price, commission."""


@dataclass
class Truth:
    """What an account was at the end of each day, and what it traded."""

    day: date
    nav: Decimal
    cash: dict[str, Decimal]
    positions: dict[int, tuple[Decimal, Decimal]]
    fills: list[Fill] = field(default_factory=list)

    @property
    def close(self) -> datetime:
        following = self.day + timedelta(days=1)
        return datetime(following.year, following.month, following.day, tzinfo=NEW_YORK).astimezone(UTC)


def truth(seed: int = 1) -> list[Truth]:
    """Statements have nine decimals, gateways two of money."""
    random, days = Random(seed), []
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        some = random.sample(sorted(CONTRACTS), 2)
        days.append(
            Truth(
                day,
                Decimal(random.randint(10**14, 10**15)).scaleb(-9),
                {code: Decimal(random.randint(-(10**12), 10**12)).scaleb(-9) for code in ("EUR", "USD")},
                {
                    each: (Decimal(random.randint(-900, 900)) / 4 + 1000, Decimal(random.randint(1, 10**7)).scaleb(-4))
                    for each in some
                },
            )
        )
        for each in range(3):
            at = datetime(day.year, day.month, day.day, 10, each, number, tzinfo=NEW_YORK).astimezone(UTC)
            size, price = Decimal(random.choice((-5, 7))), Decimal(random.randint(100, 99999)).scaleb(-2)
            days[-1].fills.append((f"f.{number}{each}.01.01", at, some[0], size, price, Decimal("1.0312")))
    return days


def cents(figure: Decimal) -> str:
    return f"{figure.quantize(Decimal('0.01')):f}"


def recorded(days: list[Truth], early: int = 600) -> Stream:
    """A gateway that is read some time before each close, and once long after it, when all is different."""
    first = to_micros(days[0].close) - 86_400_000_000
    stream = Stream(at=first, connection_time="20260304 19:00:00 EST")
    stream.message("15", "1", f"{ACCOUNT},{OTHER}", timed=True)
    for number, of in enumerate(days):
        stream.at = to_micros(of.close) - 40_000_000_000
        stream.refresh({code: download(code, of, wrong=True) for code in (ACCOUNT, OTHER)}, created=stream.at)
        stream.at = to_micros(of.close) - early * 1_000_000
        stream.refresh({code: download(code, of) for code in (ACCOUNT, OTHER)}, created=stream.at)
        stream.own("qa", report="executions", request=7 + number, days=1)
        for code, at, contract, size, price, _ in of.fills:
            local = at.astimezone(NEW_YORK)
            stream.message(
                *fill(
                    code, ACCOUNT, time=f"{local:%Y%m%d  %H:%M:%S} US/Eastern", contract=contract_of(contract),
                    side="BOT" if size > 0 else "SLD", shares=f"{abs(size)}", price=f"{price}",
                ), timed=True,
            )  # fmt: skip
            stream.message(*commission(code, "1.0312"), timed=True)
        stream.message("55", "1", str(7 + number), timed=True)
    return stream


def contract_of(number: int) -> tuple[str, ...]:
    name = CONTRACTS[number]
    return (str(number), name, "STK", "", "0.0", "", "", "SMART", "USD", name, "NMS")


def download(account: str, of: Truth, *, wrong: bool = False) -> list[Any]:
    held = []
    for contract, (size, price) in of.positions.items():
        name = CONTRACTS[contract]
        worth = cents(size * price)
        row = position(contract, size=f"{size:f}", price=f"{price:f}", account=account, symbol=name, local_symbol=name)
        held.append([*row[:-5], worth, *row[-4:]])
    return [
        value("AccountCode", account, account=account),
        value("AccountReady", "true", account=account),
        value("NetLiquidation", "1.00" if wrong else cents(of.nav), "USD", account),
        *(value("CashBalance", "2.00" if wrong else cents(amount), code, account) for code, amount in of.cash.items()),
        value("CashBalance", "1.00", "BASE", account),
        *([] if wrong else held),
    ]


def stated(of: Truth, account: str = ACCOUNT) -> str:
    """The daily statement."""
    day = f"{of.day:%Y%m%d}"
    return made.statement(
        made.section(
            "EquitySummaryInBase",
            made.element("EquitySummaryByReportDateInBase", reportDate=day, currency="USD", total=of.nav, cash=1),
        ),
        made.section(
            "CashReport",
            made.element("CashReportCurrency", currency="BASE_SUMMARY", endingCash=1, fromDate=day, toDate=day),
            *(
                made.element("CashReportCurrency", currency=code, endingCash=amount, fromDate=day, toDate=day)
                for code, amount in of.cash.items()
            ),
        ),
        made.section(
            "OpenPositions",
            *(
                made.element(
                    "OpenPosition",
                    conid=contract,
                    symbol=CONTRACTS[contract],
                    position=size,
                    markPrice=price,
                    positionValue=size * price,
                    currency="USD",
                    reportDate=day,
                    levelOfDetail="SUMMARY",
                )
                for contract, (size, price) in of.positions.items()
            ),
        ),
        made.section("Trades", *(trade(day, each) for each in of.fills)),
        account=account,
        days=day,
    )


def trade(day: str, told: Fill) -> str:
    code, at, contract, size, price, charged = told
    local = at.astimezone(NEW_YORK)
    return made.element(
        "Trade", ibExecID=code, tradeID=f"T{code}", conid=contract, symbol=CONTRACTS[contract], currency="USD",
        quantity=size, tradePrice=price, ibCommission=-charged, ibCommissionCurrency="USD", levelOfDetail="EXECUTION",
        buySell="BUY" if size > 0 else "SELL", dateTime=f"{local:%Y%m%d;%H%M%S}", tradeDate=day,
    )  # fmt: skip


@asynccontextmanager
async def reconciled(
    server_url: str, template: str, of_statements: list[Truth], of_gateway: list[Truth]
) -> AsyncIterator[Served]:
    url = create_database(server_url, name := f"reconciled_{os.getpid()}", template)
    try:
        record(url, recorded(of_gateway).events)
        made.take(url, *(made.document(stated(of)) for of in of_statements))
        project_all(url)
        async with serving(url) as served:
            yield served
    finally:
        drop_database(server_url, name)


async def answer(served: Served, query: str = "") -> Any:
    async with served.get(f"{PATH}?{query}") as response:
        assert response.status == 200, await response.text()
        return exact(await response.text())


async def test_two_witnesses_that_say_the_same_agree(server_url: str, template: str) -> None:
    async with reconciled(server_url, template, truth(), truth()) as served:
        found = await answer(served)
        assert [row for row in found["Rows"] if not row["Agrees"]] == []
        assert found["Summary"] == {
            "Agree": str(DAYS * (1 + 2 + 2 * 3 + 3 * 3)), "Differ": "0", "NotCompared": "0", "Days": str(DAYS),
            "Kinds": {
                kind: {"Agree": str(DAYS * count), "Differ": "0", "NotCompared": "0"}
                for kind, count in (("nav", 1), ("cash", 2), ("position", 6), ("fill", 9))
            },
        }  # fmt: skip
        assert (found["From"], found["To"]) == ("2026-03-05", "2026-04-04")
        first = found["Rows"][0]
        of = truth()[0]
        assert {name: first[name] for name in ("Day", "Kind", "Figure", "Stated", "Recorded", "Within")} == {
            "Day": "2026-03-05", "Kind": "nav", "Figure": "NetLiquidation", "Stated": str(of.nav),
            "Recorded": cents(of.nav), "Within": "0.005",
        }  # fmt: skip
        assert (first["Distance"], first["Timestamp"]) == (
            "-600",
            f"{of.close - timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ}",
        )
        assert Decimal(first["Difference"]) == Decimal(first["Recorded"]) - of.nav


def nav(days: list[Truth]) -> None:
    days[0].nav += Decimal("0.02")


def cash(days: list[Truth]) -> None:
    days[1].cash["EUR"] -= Decimal("0.02")


def new_cash(days: list[Truth]) -> None:
    days[1].cash["CHF"] = Decimal("5")


def size(days: list[Truth]) -> None:
    contract, (held, price) = next(iter(days[2].positions.items()))
    days[2].positions[contract] = (held + Decimal("0.25"), price)


def price(days: list[Truth]) -> None:
    contract, (held, paid) = next(iter(days[3].positions.items()))
    days[3].positions[contract] = (held, paid + Decimal("0.0002"))


def gone_position(days: list[Truth]) -> None:
    days[4].positions.popitem()


def _of_fill(days: list[Truth], day: int, place: int, change: Decimal) -> None:
    cells: list[Any] = list(days[day].fills[0])
    cells[place] += change
    days[day].fills[0] = tuple(cells)  # type: ignore[assignment]


def fill_size(days: list[Truth]) -> None:
    _of_fill(days, 0, 3, Decimal(1))


def fill_price(days: list[Truth]) -> None:
    _of_fill(days, 5, 4, Decimal("0.01"))


def fill_commission(days: list[Truth]) -> None:
    _of_fill(days, 5, 5, Decimal("0.01"))


def gone_fill(days: list[Truth]) -> None:
    days[3].fills.pop()


Change = Callable[[list[Truth]], None]
SEEDED: dict[Change, tuple[int, str, set[str], str, str]] = {
    nav: (0, "nav", {"NetLiquidation"}, "differs", "differs"),
    cash: (1, "cash", {"TotalCashBalance"}, "differs", "differs"),
    new_cash: (1, "cash", {"TotalCashBalance"}, "differs", "differs"),
    size: (2, "position", {"Position", "MarketValue"}, "differs", "differs"),
    price: (3, "position", {"MarketPrice", "MarketValue"}, "differs", "differs"),
    gone_position: (4, "position", {"Position"}, "missing-in-statement", "missing-in-recorder"),
    fill_size: (0, "fill", {"Shares"}, "differs", "differs"),
    fill_price: (5, "fill", {"Price"}, "differs", "differs"),
    fill_commission: (5, "fill", {"Commission"}, "differs", "differs"),
    gone_fill: (3, "fill", {"Shares"}, "missing-in-statement", "missing-in-recorder"),
}
"""Ten differences: the day, the kind, what differs, and why: in the statement, in the recorder."""


@pytest.mark.parametrize("change", SEEDED, ids=lambda change: change.__name__)
async def test_each_difference_is_found_and_no_other(server_url: str, template: str, change: Change) -> None:
    day, kind, figures, *whys = SEEDED[change]
    for is_statement, why in zip((True, False), whys, strict=True):
        if not is_statement and change is fill_commission:
            continue
        changed = truth()
        change(changed)
        sides = (changed, truth()) if is_statement else (truth(), changed)
        async with reconciled(server_url, template, *sides) as served:
            found = await answer(served, "show=differences")
            assert {(row["Day"], row["Kind"], row["Why"]) for row in found["Rows"]} == {
                (str(FIRST + timedelta(days=day)), kind, why)
            }
            assert {row["Figure"] for row in found["Rows"]} == figures
            assert found["Summary"]["Differ"] == str(len(found["Rows"]))
            assert found["Summary"]["NotCompared"] == "0"


@pytest.fixture(scope="module")
def odd_url(server_url: str, template: str) -> Iterator[str]:
    """Statements of days before the recorder, of another currency, without figures; a gateway that asks late."""
    url = create_database(server_url, name := f"odd_reconciled_{os.getpid()}", template)
    days = truth()
    before = Truth(FIRST - timedelta(days=400), Decimal(5), {"USD": Decimal(1)}, {4391: (Decimal(1), Decimal(2))})
    before.fills.append(("old.01.01", before.close - timedelta(hours=9), 4391, Decimal(1), Decimal(2), Decimal(1)))
    record(url, recorded(days).events)
    other = stated(days[0]).replace('currency="USD" total', 'currency="CHF" total', 1)
    bare = made.statement(
        made.section("OpenPositions", made.element("OpenPosition", symbol="X", position=1, reportDate="20260306")),
        days="20260306",
        account=ACCOUNT,
    )
    made.take(url, *(made.document(each) for each in (stated(before), other, bare)))
    project_all(url)
    yield url
    drop_database(server_url, name)


async def test_what_cannot_be_compared_says_why(odd_url: str) -> None:
    async with serving(odd_url) as served:
        found = await answer(served, "limit=366&to=2025-12-31")
        assert [(row["Kind"], row["Why"], row["Agrees"]) for row in found["Rows"]] == [
            ("nav", "no-report", None),
            ("cash", "no-report", None),
            ("position", "no-report", None),
            ("fill", "execution-gap", None),
        ]
        found = await answer(served, "from=2026-03-05&to=2026-03-06&show=differences")
        assert found["Rows"] == [], "what cannot be compared is no difference"
        found = await answer(served, "from=2026-03-05&to=2026-03-06&kind=nav,position")
        whys = {(row["Day"], row["Kind"], row["Why"]) for row in found["Rows"] if row["Agrees"] is None}
        assert whys == {("2026-03-05", "nav", "other-currency"), ("2026-03-06", "position", "no-contract-id")}


async def test_pages_formats_closes_and_tokens(odd_url: str) -> None:
    async with serving(odd_url, API_TOKENS=f"reads-one-account-alone@{OTHER},read") as served:
        served.client.headers["Authorization"] = "Bearer reads-one-account-alone"
        for account in (ACCOUNT, "U0000009"):
            async with served.get(f"/v1/accounts/{account}/reconciliation") as response:
                assert (response.status, response.content_type) == (404, PROBLEM)
        async with served.get(f"/v1/accounts/{OTHER}/reconciliation") as response:
            empty = {"Agree": 0, "Differ": 0, "NotCompared": 0, "Days": 0, "Kinds": {}}
            assert await response.json() == {
                "AccountCode": OTHER, "From": None, "To": None, "Summary": empty, "Rows": [],
            }  # fmt: skip
    async with serving(odd_url) as served:
        every = await rows_of(served, f"{PATH}?limit=366&from=2026-01-01")
        following = [await answer(served, f"limit=1&from={day}") for day in ("2026-03-05", "2026-03-06")]
        assert len(every) == sum(len(page["Rows"]) for page in following)
        async with served.get(f"{PATH}?limit=1") as response:
            assert "from=2026-03-05" in str(response.links["next"]["url"])
        for query in ("close=25:00", "within=3d", "within=1mo", "limit=367", "kind=x", "show=all"):
            async with served.get(f"{PATH}?{query}") as response:
                assert response.status == 400, query
        late = await answer(served, "from=2026-03-05&to=2026-03-05&close=13:00&within=1h&kind=nav")
        assert [row["Why"] for row in late["Rows"]] == ["other-currency"]
        assert (await answer(served, "from=2026-03-05&to=2026-03-05&within=1m&kind=nav"))["Rows"][0][
            "Why"
        ] == "no-report"
