"""Overviews of random histories: sums and products of what was said, by the rates that the answer names."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import pytest

from ibconnect.times import format_rfc3339
from tests.holders import PERIODS, Figures, Round, build_holders, parsed
from tests.serving import serving


@pytest.mark.parametrize("seed", [1, 2])
async def test_any_history_adds_up(database_url: str, seed: int) -> None:
    """Against sums and products of what was said, with the rates that the answer names, which are looked up as well."""
    chance = random.Random(seed)
    codes = [f"DU{number}" for number in range(1, 9)]
    bases = {code: chance.choice(["EUR", "USD", "CHF"]) for code in codes}
    rounds: list[Round] = []
    at = datetime(2023, 11, 20, 9, tzinfo=UTC)
    for _ in range(12):
        at += timedelta(hours=chance.randrange(5, 400))
        rounds.append((at, {code: _random(chance, bases, code) for code in codes if chance.random() < 0.7}))
    build_holders(database_url, rounds, [codes] * len(rounds))
    async with serving(database_url) as served:
        for currency in ("EUR", "USD", "CHF"):
            for _ in range(4):
                moment = rounds[0][0] + timedelta(seconds=chance.randrange(0, 150 * 86_400))
                async with served.get(f"/v1/overview?currency={currency}&at={format_rfc3339(moment)}") as response:
                    text = await response.text()
                if response.status == 400:
                    assert "no ledger has" in text
                    continue
                _adds_up(parsed(text), rounds, currency)


def _random(chance: random.Random, bases: dict[str, str], code: str) -> Figures:
    if chance.random() < 0.05:
        bases[code] = chance.choice(["EUR", "USD", "CHF"])
    base = bases[code]
    rates = {
        other: chance.choice([f"{chance.uniform(0.3, 3):.7f}", f"{chance.uniform(3, 30):.4f}E-1", "0", "-1.5"])
        for other in ("EUR", "USD", "CHF")
        if other != base and chance.random() < 0.4
    }
    net = chance.choice([f"{chance.uniform(-1e3, 1e7):.2f}", "-0.00", "1.5E6", f"{chance.uniform(0, 1e12):.4f}"])
    gross = chance.choice([None, f"{chance.uniform(0, 1e7):.2f}"])
    return Figures(base, net, f"{chance.uniform(-1e5, 1e5):.2f}", gross, None, rates, chance.random() < 0.8)


def _adds_up(document: dict[str, Any], rounds: list[Round], currency: str) -> None:
    said = {(code, format_rfc3339(at)): figures for at, everybody in rounds for code, figures in everybody.items()}
    rates = {(rate["Moment"], rate["From"]): Decimal(rate["Rate"]) for rate in document["Rates"]}
    for rate in document["Rates"]:
        for ledger in rate["Ledgers"]:
            assert ledger["Timestamp"] == _newest_rate(document, said, rate["Moment"], ledger)
            figures = said[ledger["AccountCode"], ledger["Timestamp"]]
            assert Decimal(ledger["ExchangeRate"]) == Decimal(figures.rates[ledger["Currency"]])
    left_out = {(code, each["Figure"]) for each in document["Total"]["Excluded"] for code in each["AccountCodes"]}

    def worth(code: str, report: str, moment: str) -> Decimal:
        figures = said[code, report]
        rate = Decimal(1) if figures.base == currency else rates[moment, figures.base]
        return Decimal(figures.net or 0) * rate

    with localcontext() as context:
        context.prec = 100
        total, before = Decimal(0), dict.fromkeys(PERIODS, Decimal(0))
        for row in document["Accounts"]:
            code = row["AccountCode"]
            if (code, "NetLiquidation") in left_out:
                assert not (row["Ready"] and row["NetLiquidationIn"])
                continue
            now = worth(code, row["Latest"], "At")
            assert Decimal(row["NetLiquidationIn"]) == now
            total += now
            for period in PERIODS:
                if (code, f"Change{period}") not in left_out:
                    then = said[code, row[f"Report{period}"]]
                    before[period] += now - worth(code, row[f"Report{period}"], period)
                    if then.base == row["BaseCurrency"]:
                        change = Decimal(row["NetLiquidation"]) - Decimal(then.net or 0)
                        assert Decimal(row[f"Change{period}"]) == change
        assert Decimal(document["Total"]["NetLiquidation"] or 0) == total
        for period in PERIODS:
            assert Decimal(document["Total"][f"Change{period}"] or 0) == before[period]


def _newest_rate(
    document: dict[str, Any], said: dict[tuple[str, str], Figures], moment: str, ledger: dict[str, Any]
) -> str:
    """The time of the newest report that is shown at a moment, can be relied on and has a rate of these currencies."""
    name = "Latest" if moment == "At" else f"Report{moment}"
    shown = [(row["AccountCode"], row[name]) for row in document["Accounts"] if row[name] is not None]
    return max(
        created
        for code, created in shown
        if (figures := said[code, created]).is_ready
        and figures.base == ledger["BaseCurrency"]
        and Decimal(figures.rates.get(ledger["Currency"], 0)) > 0
    )
