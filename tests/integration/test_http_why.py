"""Why a figure of a history is null: by what was sent for the one that is asked for, and for no other."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.conftest import create_database, drop_database
from tests.projecting import Stream, position, project, record, value
from tests.serving import Served, serving

UNSET = "1.7976931348623157E308"
SENT = (
    ("AccountCode", "DU1", ""),
    ("NetLiquidation", "10", "USD"),
    ("NetLiquidation-S", "", "USD"),
    ("BuyingPower", "", "USD"),
    ("AvailableFunds", "61,25", "USD"),
    ("ExcessLiquidity", "-0.00", "USD"),
    ("EquityWithLoanValue", "1.0E7", "USD"),
    ("GrossPositionValue", UNSET, "USD"),
    ("InitMarginReq", "+5", "EUR"),
    ("InitMarginReq-S", "+5", "EUR"),
    ("MaintMarginReq", "n/a", "EUR"),
    ("SMA", "5", ""),
    ("CashBalance", "n/a", "EUR"),
    ("CashBalance", "1.0E2", "USD"),
    ("RealizedPnL", "", "EUR"),
    ("StockMarketValue", "-0.00", "BASE"),
    ("AccruedCash", "5", "USD"),
    ("$LEDGER-AccruedCash", "", "USD"),
    ("$LEDGER-AccruedCash", "n/a", "EUR"),
    ("Cushion", "", ""),
    ("LookAheadNextChange", "+5", "USD"),
    ("SomeNewText", "n/a", ""),
    ("FxCashBalance", "7", "GBP"),
)


@pytest.fixture(scope="module")
def odd_url(server_url: str, template: str) -> Iterator[str]:
    """A report in which most figures are none, and one of what is held alone."""
    stream = Stream()
    odd = position(6, local_symbol="ODD", size="n/a", price="61,25")
    odd[-4] = UNSET
    stream.refresh({"DU1": [*(value(*sent) for sent in SENT), position(5), odd]})
    stream.own("rs", created=stream.at, trigger="test")
    stream.own("as", account="DU1", source="multi", values_request=7, positions_request=8)
    contract = ["6", "AAPL", "STK", "", "0", "0", "", "", "USD", "ODD", ""]
    stream.message("71", "1", "8", "DU1", *contract, UNSET, "n/a", "")
    stream.own("ac", account="DU1", ended="download-end")
    stream.own("re", created=stream.at, outcome="complete")
    name = f"why_{os.getpid()}"
    url = create_database(server_url, name, template)
    record(url, stream.events)
    project(url)
    yield url
    drop_database(server_url, name)


@pytest.fixture
async def odd(odd_url: str) -> AsyncIterator[Served]:
    """A server of it."""
    async with serving(odd_url) as served:
        yield served


REASONS = {
    # Account-level money is asked for in the base currency, which is USD, or in another one.
    ("NetLiquidation", "EUR"): "other-currency",
    ("NetLiquidation-S", ""): "unset-figure",
    ("NetLiquidation-S", "EUR"): "not-sent",
    ("BuyingPower", ""): "unset-figure",
    ("BuyingPower", "EUR"): "not-sent",
    ("AvailableFunds", ""): "unreadable-figure",
    ("AvailableFunds", "EUR"): "not-sent",
    ("ExcessLiquidity", "EUR"): "other-currency",
    ("EquityWithLoanValue", "EUR"): "other-currency",
    ("GrossPositionValue", "USD"): "unset-figure",
    ("GrossPositionValue", "GBP"): "not-sent",
    ("InitMarginReq", ""): "other-currency",
    ("InitMarginReq-S", ""): "other-currency",
    ("MaintMarginReq", ""): "not-sent",
    ("MaintMarginReq", "EUR"): "unreadable-figure",
    ("SMA", ""): "other-currency",
    ("RegTMargin", ""): "not-sent",
    # The ledger's is asked for of all currencies together, or of one.
    ("CashBalance", ""): "other-currency",
    ("CashBalance", "EUR"): "unreadable-figure",
    ("CashBalance", "GBP"): "other-currency",
    ("RealizedPnL", "EUR"): "unset-figure",
    ("RealizedPnL", ""): "not-sent",
    ("StockMarketValue", "EUR"): "other-currency",
    ("WarrantValue", "EUR"): "not-sent",
    # What is both.
    ("AccruedCash", "USD"): "unset-figure",
    ("AccruedCash", "EUR"): "unreadable-figure",
    ("AccruedCash", "GBP"): "other-currency",
    ("$LEDGER-AccruedCash", "GBP"): "not-sent",
    # What has no currency.
    ("Cushion", ""): "unset-figure",
    ("LookAheadNextChange", ""): "other-currency",
    ("SomeNewText", "EUR"): "other-currency",
    ("AccountCode", "EUR"): "other-currency",
    ("AccountType", ""): "not-sent",
}


@pytest.mark.parametrize("tag,currency", REASONS)
async def test_the_reason_is_that_of_the_figure_asked_for(odd: Served, tag: str, currency: str) -> None:
    asked = {"tag": tag, "why": "true", **({"currency": currency} if currency else {})}
    async with odd.get("/v1/accounts/DU1/history", params=asked) as response:
        (point, *_) = (await response.json())["Points"]
    assert (point[tag], point.get("Why")) == (None, {tag: REASONS[tag, currency]})


async def test_the_reason_is_that_of_the_figure_of_this_position(odd: Served) -> None:
    async with odd.get("/v1/accounts/DU1/positions/6/history", params={"ready": "any"}) as response:
        points = (await response.json())["Points"]
    of_numbers = {"Position": "unreadable-figure", "MarketPrice": "unreadable-figure", "AverageCost": "unset-figure"}
    without = dict.fromkeys(("MarketPrice", "MarketValue", "UnrealizedPNL", "RealizedPNL"), "without-prices")
    by_multi = {"Position": "unset-figure", "AverageCost": "unreadable-figure", **without}
    assert [point["Why"] for point in points] == [of_numbers, by_multi]
