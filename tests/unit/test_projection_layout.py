"""Where the values of a download go, by their keys alone."""

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.database.sql import read_sql
from ibconnect.projections.accounts.layout import layout_of
from ibconnect.tags import ATTRIBUTE_TAGS, LEDGER_TAGS, SEGMENT_TAGS, column


def places(*sent):
    """Where each of some (key, currency) goes: table, row's key, column's tag; "text"; None for what came again."""
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
    unplaced = {text.number: "text" for text in layout.unplaced}
    assert found.keys().isdisjoint(unplaced)
    return [found.get(number) or unplaced.get(number) for number in range(len(sent))]


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


def test_profit_exists_in_the_ledger_alone_so_what_comes_again_is_newer():
    sent = ("RealizedPnL", "EUR"), ("RealizedPnL", "EUR"), ("NetLiquidation", "EUR")
    assert places(*sent)[:2] == [None, ("ledger", "EUR", "RealizedPnL")]


def test_the_last_value_of_a_key_is_the_value():
    sent = ("NetLiquidation", "EUR"), ("NetLiquidation", "EUR"), ("AccountReady", ""), ("AccountReady", "")
    assert places(*sent) == [None, ("segment", "", "NetLiquidation"), None, ("attribute", "", "AccountReady")]
    sent = ("Invented", "EUR"), ("Invented", ""), ("Invented", "EUR"), ("$LEDGER-Invented", "EUR")
    assert places(*sent) == [None, "text", "text", "text"]


def test_a_figure_of_the_ledger_is_no_figure_of_the_account():
    sent = ("NetLiquidation", "EUR"), ("$LEDGER-TotalCashValue", "EUR"), ("$LEDGER-NetLiquidation", "EUR")
    assert places(*sent) == [("segment", "", "NetLiquidation"), "text", "text"]
    layout = layout_of(*map(tuple, zip(*sent, strict=True)))
    assert [text.is_ledger for text in layout.unplaced] == [True, True]


def test_what_has_no_column_is_kept_as_text():
    sent = (
        ("NetLiquidation", "EUR"),
        ("NetLiquidation", ""),
        ("BuyingPower", "USD"),
        ("CashBalance", ""),
        ("CashBalance-S", "EUR"),
        ("Invented", "EUR"),
        ("Leverage-S", ""),
        ("Cushion", "EUR"),
        ("$LEDGER-Cushion", ""),
    )
    assert places(*sent) == [("segment", "", "NetLiquidation")] + ["text"] * 8


def test_base_currency():
    assert layout_of(("NetLiquidation",), ("CHF",)).base == "CHF"
    assert layout_of(("AvailableFunds", "NetLiquidation"), ("USD", "CHF")).base == "CHF"
    assert layout_of(("AccruedCash", "AvailableFunds"), ("USD", "EUR")).base == "EUR"
    assert layout_of(("NetLiquidation", "CashBalance"), ("BASE", "EUR")).base == "BASE"
    assert layout_of(("NetLiquidation", "AvailableFunds"), ("BASE", "EUR")).base == "EUR"
    assert layout_of(("NetLiquidation", "NetLiquidation"), ("USD", "EUR")).base == "EUR"
    assert layout_of(("CashBalance", "AccruedCash"), ("EUR", "EUR")).base == ""
    assert layout_of((), ()).base == ""


KEYS = st.one_of(
    st.sampled_from([*SEGMENT_TAGS, *LEDGER_TAGS, *sorted(ATTRIBUTE_TAGS), "Cushion", "LookAheadNextChange"]),
    st.text(),
)
SPELLED = st.builds("{}{}{}".format, st.sampled_from(["", "$LEDGER-"]), KEYS, st.sampled_from(["", "-S", "-C"]))


@given(st.lists(st.tuples(SPELLED, st.sampled_from(["", "BASE", "EUR", "USD"]))))
def test_every_key_has_exactly_one_value_the_last(sent):
    found = places(*sent)
    layout = layout_of(*(tuple(column) for column in zip(*sent, strict=True))) if sent else layout_of((), ())
    last = {name._replace(number=0): name.number for name in layout.names}
    attributes = {(text.tag, text.segment, text.currency): text.number for text in layout.attributes}
    for name in layout.names:
        is_last = last[name._replace(number=0)] == name.number
        shared = attributes.get((name.tag, name.segment, name.currency), name.number)
        assert (found[name.number] is not None) == (is_last and shared == name.number)


def test_columns_are_those_of_the_schema_in_order():
    schema = read_sql("projections/accounts/schema")
    for table, tags in (("account_segment", SEGMENT_TAGS), ("account_ledger", LEDGER_TAGS)):
        body = schema.split(f"CREATE TABLE {table} (")[1].split(");")[0]
        names = [line.split()[0] for line in body.strip().splitlines()]
        assert names[2:] == [column(tag) for tag in tags]
