"""Elements of statements as rows: whatever they say, each row has its cells, and nothing of them is an error."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.flex_values import MONTH_FIRST
from ibconnect.flex_xml import Row
from ibconnect.projections.statements import flows
from ibconnect.projections.statements.layout import Kind, columns
from ibconnect.projections.statements.rows import TABLES, Made, Statement
from ibconnect.projections.statements.sections import SPECS
from ibconnect.projections.statements.speaking import Where

NAMES = sorted(
    {name for specs in SPECS.values() for spec in specs for name in (*spec.columns, *spec.days)}
    | {"accountId", "levelOfDetail", "unheardOf"}
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,2})?", fullmatch=True),
    st.sampled_from(
        ["20260105", "20260105;093000", "01/05/2026", "99991231", "OUT", "IN", "INTERNAL", "LOT", "DETAIL", "-"]
    ),
    st.sampled_from(["Deposits/Withdrawals", "System Transfer to U1C", "TRANSFER FROM U1 TO U1234567", "1,234.50"]),
)
ELEMENTS = st.tuples(st.sampled_from(sorted(SPECS)), st.dictionaries(st.sampled_from(NAMES), TEXTS, max_size=25))


@given(st.lists(ELEMENTS, max_size=8), st.booleans())
def test_whatever_an_element_says_its_rows_are_whole(elements: list[Any], has_period: bool) -> None:
    made: list[Made] = []
    noted: list[tuple[str, str]] = []
    days = (date(2026, 1, 5), date(2026, 1, 5)) if has_period else (None, None)
    where = Where(1, 2, "U1", *days, datetime(2026, 1, 6, tzinfo=UTC), MONTH_FIRST)
    statement = Statement(where, made.append, lambda table, text: noted.append((table, text)))
    for (section, element), attributes in elements:
        statement.section(section)
        statement.row(Row(0, section, element, attributes, ()))
    claims = statement.end()
    for row in made:
        cells = row.text.split("\t")
        assert len(cells) == len(TABLES[row.table]) - 1
        assert "\n" not in row.text and "\r" not in row.text
    assert statement.elements == len(elements)
    assert statement.oddities == Counter(table for table, _ in noted)["oddity"]
    assert {table for table, _ in noted} <= {"oddity", "section"}
    # Of what happened every row lies in the period, and every day is spoken for.
    for row in made:
        if row.source is not None and row.day is not None:
            own = [claim for account, claim in claims.made if account == row.account]
            assert any(claim.from_day <= row.day <= claim.to_day for claim in own)


@given(
    st.sampled_from(["IN", "OUT"]),
    st.integers(-5, 5).filter(bool),
    st.decimals(1, 10**6, places=4),
    st.booleans(),
)
def test_what_is_gained_by_a_transfer(direction: str, held: int, price: Decimal, is_by_direction: bool) -> None:
    """``held``: how much of the position moves, negative of a short one."""
    value = held * price
    gained = value if direction == "IN" else -value
    told = {
        "direction": direction,
        "quantity": str(held if direction == "IN" or is_by_direction else -held),
        "amount": f"{value if is_by_direction else gained:f}",
        "amount_in_base": f"{value if is_by_direction else gained:f}",
    }
    assert flows.signed_by_direction([told], gained) == (is_by_direction and direction == "OUT")
    (flow,) = flows.transfers(told, "U1", by_direction=flows.signed_by_direction([told], gained))
    assert Decimal(flow["amount"]) == gained
    assert Decimal(flow["amount_in_base"]) == gained


def test_a_transfer_that_was_taken_back_gives_back() -> None:
    """IBKR tells it as another one in the same direction, of the opposite quantity."""
    out = {"direction": "OUT", "quantity": "-58", "amount": "-580", "currency": "USD"}
    back = {"direction": "OUT", "quantity": "58", "amount": "580", "currency": "USD"}
    gained = [flow["amount"] for each in (out, back) for flow in flows.transfers(each, "U1", by_direction=False)]
    assert gained == ["-580", "580"]


@pytest.mark.parametrize(
    ("account", "description", "wanted"),
    [
        ("U1234567", "CASH RECEIPTS", ("t", "firm", None)),
        ("U1234567", "System Transfer to U1234567F", ("f", "internal", "U1234567F")),
        ("U1234567C", "System Transfer from U1234567", ("f", "internal", "U1234567")),
        ("U1234567", "TRANSFER FROM U1234567 TO U7654321", ("t", "account", "U7654321")),
        ("U1234567", "Transfer to account U7654321", ("t", "account", "U7654321")),
        ("U1234567", "WIRE TO BANK 12345678", ("t", "firm", None)),
    ],
)
def test_who_is_meant_by_the_words_of_a_payment(account: str, description: str, wanted: tuple[Any, ...]) -> None:
    row = {"type": "Deposits/Withdrawals", "amount": "-1", "description": description}
    flows.cash_transaction(row, account)
    assert (row["external"], row["scope"], row.get("counterparty")) == wanted


def test_columns_are_named_after_attributes() -> None:
    assert columns(text="symbol conid=contract", number="markPrice") == {
        "symbol": ("symbol", Kind.TEXT),
        "conid": ("contract", Kind.TEXT),
        "markPrice": ("mark_price", Kind.NUMBER),
    }
