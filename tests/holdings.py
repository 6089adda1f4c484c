"""Random histories of what accounts hold, for the tests of positions and changes: prices, rates and sizes that change,
contracts under new names, closed and unknown positions, other base currencies, reports that cannot be relied on.
"""

from datetime import timedelta
from random import Random

from ibconnect.times import to_micros
from tests.projecting import Stream, position, project, record, value
from tests.serving import FIRST

ACCOUNTS = ("DU1", "DU2", "DU3")
UNSET = "1.7976931348623157E308"
_CURRENCIES = ("USD", "EUR", "JPY")
_CONTRACTS = range(1, 9)


def build_holdings(url: str, seed: int, reports: int = 8) -> None:
    """Record and project hourly reports of three accounts, the last two later; a fourth one has none."""
    rng, stream = Random(seed), Stream(at=to_micros(FIRST) - 10_000_000)
    stream.message("15", "1", ",".join((*ACCOUNTS, "DU4")), timed=True)
    sizes: dict[tuple[str, int], str] = {}
    for number in range(reports):
        created = to_micros(FIRST + timedelta(hours=number))
        stream.at = created + 1000
        due = ACCOUNTS[: 1 + min(number, 2)]
        stream.refresh({account: _download(rng, account, sizes) for account in due}, created=created)
        if number == reports // 2:
            _models(stream, created + 1_800_000_000)
    record(url, stream.events)
    project(url)


def _download(rng: Random, account: str, sizes: dict[tuple[str, int], str]) -> list[list[str] | tuple[str, ...]]:
    base = "EUR" if rng.random() < 0.15 else "USD"
    ready = "false" if rng.random() < 0.15 else "true"
    found: list[list[str] | tuple[str, ...]] = [
        value("AccountCode", account, account=account),
        value("AccountReady", ready, account=account),
        value("AccountType", rng.choice(("INDIVIDUAL", "CORPORATION")), account=account),
        value("Cushion", _figure(rng, 6), account=account),
        value("NetLiquidation", _figure(rng, 2), base, account),
        value("NetLiquidation-S", rng.choice((_figure(rng, 2), "1.0E7", "-0.00")), base, account),
        value("CashBalance", _figure(rng, 4), "BASE", account),
    ]
    for currency in _CURRENCIES:
        if rng.random() < 0.85:
            found.append(value("CashBalance", rng.choice((_figure(rng, 4), "0", "-0.00", "1.5E3")), currency, account))
        if rng.random() < 0.85:
            found.append(
                value("ExchangeRate", rng.choice((_rate(rng), _rate(rng), "1.00", "1.1E0")), currency, account)
            )
    for contract in _CONTRACTS:
        _trade(rng, sizes, account, contract)
        if (account, contract) in sizes:
            found.append(_position(rng, account, contract, sizes[account, contract]))
    return found


def _trade(rng: Random, sizes: dict[tuple[str, int], str], account: str, contract: int) -> None:
    """Now and then one is opened, closed, made larger or smaller, or turned round."""
    key, chance = (account, contract), rng.random()
    if chance < 0.3:
        sizes[key] = rng.choice(("100", "-7", "0.00000001", "3", "150.5", "0", "n/a"))
    elif chance < 0.4:
        sizes.pop(key, None)


def _position(rng: Random, account: str, contract: int, size: str) -> list[str]:
    symbol = rng.choice(("AAPL", "AAPL", "AAPL.OLD")) if contract == 1 else f"S{contract}"
    fields = position(
        0 if contract == 8 else 1000 + contract,
        size=size,
        price=rng.choice((_figure(rng, 8), UNSET)),
        account=account,
        symbol=symbol,
        local_symbol=f"L{contract}",
        currency=_CURRENCIES[contract % 3],
    )
    fields[15] = rng.choice((_figure(rng, 2), _figure(rng, 2), _figure(rng, 2), "0", UNSET))
    return fields


def _models(stream: Stream, created: int) -> None:
    """A report of other requests, without prices, with a portfolio under a model."""
    account = ACCOUNTS[0]
    contract = position(1002, account=account, symbol="S2", local_symbol="L2")[2:13]
    stream.at = created
    stream.own("rs", created=created, trigger="test", accounts=[account], **stream.configured)
    stream.own("as", account=account, source="multi", values_request=7, positions_request=8)
    for model, size in (("", "5"), ("Growth", "3")):
        stream.message("73", "1", "7", account, model, "NetLiquidation", "1000.00", "USD", timed=True)
        stream.message("71", "1", "8", account, *contract, size, "150.12", model, timed=True)
    stream.own("ac", account=account, ended="download-end")
    stream.own("re", created=created, outcome="complete")


def _figure(rng: Random, decimals: int) -> str:
    return f"{rng.choice(('', '-'))}{rng.randint(1, 10**7)}.{rng.randint(0, 10**decimals - 1):0{decimals}}"


def _rate(rng: Random) -> str:
    return f"{rng.randint(0, 150)}.{rng.randint(1, 10**7 - 1):07}"
