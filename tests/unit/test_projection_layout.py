"""Where the values of a download go, by their keys alone."""

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.database.sql import read_sql
from ibconnect.projections.layout import layout_of
from ibconnect.tags import ATTRIBUTE_TAGS, LEDGER_TAGS, SEGMENT_TAGS, column


def places(*sent):
    """Where each of some (key, currency) goes: a table, its row's key, the column's tag; None for account_value."""
    layout = layout_of(tuple(key for key, _ in sent), tuple(currency for _, currency in sent))
    values = [*range(len(sent)), None]
    found = {}
    for table, rows, tags in (("segment", layout.segments, SEGMENT_TAGS), ("ledger", layout.ledgers, LEDGER_TAGS)):
        for key, cells in rows:
            for tag, number in zip(tags, cells(values), strict=True):
                found[number] = (table, key, tag)
    for tag, number in zip(("Cushion", "LookAheadNextChange"), layout.snapshot(values), strict=True):
        found[number] = ("snapshot", "", tag)
    for text in layout.attributes:
        found[text.number] = ("attribute", text.segment, text.tag)
    found.pop(None, None)
    assert sorted([*found, *(text.number for text in layout.loose)]) == list(range(len(sent)))
    return [found.get(number) for number in range(len(sent))]


def test_both_spellings_of_a_ledger_key_go_to_the_same_column():
    for key in ("CashBalance", "$LEDGER-CashBalance"):
        assert places((key, "BASE"), (key, "USD")) == [
            ("ledger", "BASE", "CashBalance"),
            ("ledger", "USD", "CashBalance"),
        ]


def test_key_of_account_and_ledger_takes_turns_in_the_base_currency():
    assert places(
        ("AccruedCash", "BASE"),
        ("AccruedCash", "EUR"),
        ("AccruedCash", "EUR"),
        ("AccruedCash", "USD"),
        ("AccruedCash-S", "EUR"),
        ("NetLiquidation", "EUR"),
    ) == [
        ("ledger", "BASE", "AccruedCash"),
        ("segment", "", "AccruedCash"),
        ("ledger", "EUR", "AccruedCash"),
        ("ledger", "USD", "AccruedCash"),
        ("segment", "S", "AccruedCash"),
        ("segment", "", "NetLiquidation"),
    ]


def test_key_sent_once_in_the_base_currency_is_the_accounts():
    sent = ("NetLiquidation", "EUR"), ("AccruedCash", "EUR"), ("RealizedPnL", "EUR")
    assert places(*sent)[1:] == [("segment", "", "AccruedCash"), ("ledger", "EUR", "RealizedPnL")]


def test_new_spelling_leaves_no_doubt():
    sent = ("$LEDGER-AccruedCash", "EUR"), ("AccruedCash", "EUR"), ("NetLiquidation", "EUR")
    assert places(*sent)[:2] == [("ledger", "EUR", "AccruedCash"), ("segment", "", "AccruedCash")]


def test_profit_sent_twice_is_first_the_accounts_for_which_there_is_no_column():
    sent = ("RealizedPnL", "EUR"), ("RealizedPnL", "EUR"), ("NetLiquidation", "EUR")
    assert places(*sent)[:2] == [None, ("ledger", "EUR", "RealizedPnL")]


def test_later_value_has_the_column_and_the_earlier_one_is_kept():
    sent = ("NetLiquidation", "EUR"), ("NetLiquidation", "EUR"), ("AccountReady", ""), ("AccountReady", "")
    assert places(*sent) == [None, ("segment", "", "NetLiquidation"), None, ("attribute", "", "AccountReady")]


def test_what_has_no_column_is_kept_as_text():
    sent = (
        ("NetLiquidation", "EUR"),
        ("NetLiquidation", ""),
        ("NetLiquidation", "USD"),
        ("CashBalance", ""),
        ("CashBalance-S", "EUR"),
        ("Invented", "EUR"),
        ("Leverage-S", ""),
        ("Cushion", "EUR"),
        ("$LEDGER-Cushion", ""),
    )
    assert places(*sent) == [("segment", "", "NetLiquidation")] + [None] * 8


def test_base_currency():
    assert layout_of(("NetLiquidation",), ("CHF",)).base == "CHF"
    assert layout_of(("AvailableFunds", "NetLiquidation"), ("USD", "CHF")).base == "CHF"
    assert layout_of(("AccruedCash", "AvailableFunds"), ("USD", "EUR")).base == "EUR"
    assert layout_of(("NetLiquidation", "CashBalance"), ("BASE", "EUR")).base == ""
    assert layout_of((), ()).base == ""


KEYS = st.one_of(
    st.sampled_from([*SEGMENT_TAGS, *LEDGER_TAGS, *sorted(ATTRIBUTE_TAGS), "Cushion", "LookAheadNextChange"]),
    st.text(),
)
SPELLED = st.builds("{}{}{}".format, st.sampled_from(["", "$LEDGER-"]), KEYS, st.sampled_from(["", "-S", "-C"]))


@given(st.lists(st.tuples(SPELLED, st.sampled_from(["", "BASE", "EUR", "USD"]))))
def test_every_value_has_exactly_one_place(sent):
    assert len(places(*sent)) == len(sent)


def test_columns_are_those_of_the_schema_in_order():
    schema = read_sql("projections/schema")
    for table, tags in (("account_segment", SEGMENT_TAGS), ("account_ledger", LEDGER_TAGS)):
        body = schema.split(f"CREATE TABLE {table} (")[1].split(");")[0]
        names = [line.split()[0] for line in body.strip().splitlines()]
        assert names[2:] == [column(tag) for tag in tags]
