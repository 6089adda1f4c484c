"""One question, one answer: for any account values, whatever shows a figure shows the last text that was sent of it.

Report (``Balance`` and ``Values``), history as JSON and as CSV, and the SQL views are compared with
``tests.last_values``, which works out what they must show from the messages alone.
"""

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import dict_row

from ibconnect.database.pools import connect
from ibconnect.http.resources.accounts.balance import MONEY_TAGS
from ibconnect.tags import ATTRIBUTE_TAGS, LEDGER_TAGS, SEGMENT_TAGS, UNSET_TEXTS, column
from tests.last_values import Name, Sent, base_of, last_values
from tests.projecting import Stream, project, record, value
from tests.serving import Served, serving

TAGS = (
    *("NetLiquidation", "AccruedCash", "CashBalance", "TotalCashBalance", "TotalCashValue", "ExchangeRate"),
    *("AccountType", "Cushion", "BuyingPower", "RealizedPnL", "NewFigureOfTomorrow"),
)
RATIOS = ("Cushion", "LookAheadNextChange")
# Few of each, so that the same key comes several times in different spellings.
KEYS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "$LEDGER-"]),
    st.sampled_from(TAGS),
    st.sampled_from(["", "", "", "-S"]),
)
AMOUNTS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9).map(str),
    st.sampled_from(["-0.00", "0", "1.0E7", "+5.50", ".5", "007", "1.5E-3", "12.", "100000000000000000000.01"]),
)
TEXTS = st.one_of(AMOUNTS, st.sampled_from([*sorted(UNSET_TEXTS), "", "NaN", "61,25", " 5.5", "Zo\\u00eb", "n/a"]))
CURRENCIES = st.sampled_from(["USD", "USD", "USD", "BASE", "EUR", ""])
VALUES = st.lists(st.tuples(KEYS, TEXTS, CURRENCIES), min_size=1, max_size=25)


@dataclass
class World:
    """A server over a database that tests add accounts to."""

    url: str
    served: Served
    numbers: Any


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    project(database_url)
    async with serving(database_url) as served:
        yield World(database_url, served, count(1))


def figure(text: str) -> str | None:
    """The digits of a number; None of a text that is none, or stands for none."""
    plain = text.removeprefix("+")
    if text in UNSET_TEXTS or not plain or not set(plain) <= set("0123456789.E-"):
        return None
    return plain if plain.startswith("-0") and not Decimal(plain) else f"{Decimal(plain):f}"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=VALUES)
async def test_whatever_shows_a_figure_shows_the_last_that_was_sent(world: World, sent: list[Sent]) -> None:
    account = f"DU{next(world.numbers)}"
    stream = Stream()
    stream.refresh({account: [value(key, text, currency, account) for key, text, currency in sent]})
    record(world.url, stream.events)
    project(world.url)
    wanted, base = last_values(sent), base_of(sent)
    report = await report_of(world, account)
    assert sorted(shown(row) for row in report["Values"]) == sorted(map(as_sent, wanted.items()))
    assert report["Balance"] == balance(wanted, base)
    assert views_of(world.url, account, wanted, base)
    for name, text in wanted.items():
        if path := history_of(account, name, base, wanted):
            expected = figure(text)
            if not is_figure(name):
                expected = text if expected is None or name.tag in ATTRIBUTE_TAGS else expected
            assert await point_of(world, path, name.tag) == (expected,) * 2, (path, text)
    if base:
        # Both of the account and of the ledger, and in neither if the other has it.
        path, own = f"/v1/accounts/{account}/history?ready=any&tag=AccruedCash", wanted.get(accrued(base, False))
        assert await point_of(world, path, "AccruedCash") == (figure(own or ""),) * 2
        ledger = wanted.get(accrued(base, True), own)
        assert await point_of(world, f"{path}&currency={base}", "AccruedCash") == (figure(ledger or ""),) * 2


def shown(row: dict[str, Any]) -> tuple[str, str, str, str]:
    return row["Tag"], row["Segment"] or "", row["Currency"] or "", row["Value"]


def as_sent(item: tuple[Name, str]) -> tuple[str, str, str, str]:
    name, text = item
    return name.tag, name.segment, name.currency, text


def accrued(currency: str, is_ledger: bool) -> Name:
    return Name("AccruedCash", "", currency, is_ledger)


def is_figure(name: Name) -> bool:
    """Whether it has a column of numbers, so that a text that is none is no value."""
    return name.tag in SEGMENT_TAGS or (not name.segment and name.tag in {*LEDGER_TAGS, *RATIOS})


def balance(wanted: dict[Name, str], base: str) -> dict[str, Any]:
    """The ``Balance`` with numbers as their texts."""
    whole = {tag: figure(wanted.get(Name(tag, "", base, False), "")) for tag in MONEY_TAGS}
    whole["TotalCashBalance"] = figure(wanted.get(Name("TotalCashBalance", "", "BASE", True), ""))
    ratios = {tag: figure(wanted.get(Name(tag, "", "", False), "")) for tag in RATIOS}
    account_type = wanted.get(Name("AccountType", "", "", False))
    money = {tag: f"{base} {text}" if text and base else None for tag, text in whole.items()}
    return {"AccountType": account_type, **ratios, **money}


async def report_of(world: World, account: str) -> dict[str, Any]:
    path = f"/v1/accounts/{account}?ready=any"
    async with world.served.get(path, allow_redirects=True) as response:
        return json.loads(await response.text(), parse_float=str, parse_int=str)  # type: ignore[no-any-return]


def history_of(account: str, name: Name, base: str, wanted: dict[Name, str]) -> str | None:
    """How to ask for the history of a value; None where another one has the name that could be asked for."""
    path = f"/v1/accounts/{account}/history?ready=any&tag={name.tag}"
    path += f"&segment={name.segment}" if name.segment else ""
    if name.tag in LEDGER_TAGS and name.is_ledger:
        return f"{path}&currency={name.currency}" if name.currency else None
    if name.is_ledger:
        is_hidden = name.tag in {*SEGMENT_TAGS, *RATIOS} or name._replace(is_ledger=False) in wanted
        return None if is_hidden or not name.currency else f"{path}&currency={name.currency}"
    if name.tag in SEGMENT_TAGS:
        return path if name.currency == base != "" else None
    if name.tag in RATIOS and not name.segment:
        return None if name.currency else path
    return f"{path}&currency={name.currency}" if name.currency else path


async def point_of(world: World, path: str, tag: str) -> tuple[str | None, str | None]:
    """The only point of a history, by JSON and by CSV."""
    async with world.served.get(path) as response:
        text = await response.text()
        assert response.status == 200, text
        (point,) = json.loads(text, parse_float=str, parse_int=str)["Points"]
    async with world.served.get(path, headers={"Accept": "text/csv"}) as response:
        (row,) = csv.DictReader(io.StringIO(await response.text()))
    return point[tag], (row[tag] or None) if point[tag] is None else row[tag]


def views_of(url: str, account: str, wanted: dict[Name, str], base: str) -> bool:
    """Whether the SQL views say the same."""
    with connect(url, name="test", search_path="public") as connection:
        values = view_rows(connection, "v_account_value", account)
        (row,) = view_rows(connection, "v_account_amount", account)
        ledger = {each["currency"]: each for each in view_rows(connection, "v_account_ledger", account)}
        segments = {each["segment"] or "": each for each in view_rows(connection, "v_account_segment", account)}
    found = {
        (
            each["tag"],
            each["segment"] or "",
            each["currency"] or "",
            each["is_ledger"],
            each["value"],
            digits(each["amount"]),
        )
        for each in values
    }
    assert found == {
        (*name[:3], name.is_ledger and name.tag not in ATTRIBUTE_TAGS, text, amount_of(name, text))
        for name, text in wanted.items()
    }
    for tag, text in balance(wanted, base).items():
        if tag == "AccountType":
            assert row["account_type"] == text
        else:
            # Without a base currency Balance cannot say which money it is; the view can, beside it.
            all_cash = figure(wanted.get(Name(tag, "", "BASE", True), "")) if tag == "TotalCashBalance" else None
            number = text or all_cash
            assert row[column(tag)] == (None if number is None else Decimal(number.rpartition(" ")[2])), tag
    figures = {
        (currency, tag, True): digits(figures[column(tag)])
        for currency, figures in ledger.items()
        for tag in LEDGER_TAGS
    } | {
        (segment, tag, False): digits(figures[column(tag)])
        for segment, figures in segments.items()
        for tag in SEGMENT_TAGS
    }
    assert {key: amount for key, amount in figures.items() if amount is not None} == {
        (name.currency if name.is_ledger else name.segment, name.tag, name.is_ledger): amount
        for name, text in wanted.items()
        if (amount := amount_of(name, text)) is not None
        and (name.tag in LEDGER_TAGS and name.currency if name.is_ledger else name.tag in SEGMENT_TAGS)
        and (name.is_ledger or name.currency == base != "")
    }
    return True


def view_rows(connection: Connection[Any], view: str, account: str) -> list[dict[str, Any]]:
    """The rows of an account by their columns."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(f"SELECT * FROM {view} WHERE account_code = %s".encode(), (account,)).fetchall()


def amount_of(name: Name, text: str) -> str | None:
    """The number of a value, but of one that is a text even if it looks like one."""
    number = figure(text) if name.tag not in ATTRIBUTE_TAGS else None
    return None if number is None else digits(Decimal(number))


def digits(number: Decimal | None) -> str | None:
    """All of its digits; but no sign of a zero, which no number of Postgres has."""
    return None if number is None else f"{number if number else number.copy_abs():f}"
