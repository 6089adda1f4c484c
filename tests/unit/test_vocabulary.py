"""Tags as clients spell them, whatever an account was sent: every spelling of one is it, and nothing else is."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ibconnect.http.resources.vocabulary import (
    UNKNOWN_CURRENCY,
    UNKNOWN_SEGMENT,
    UNKNOWN_TAG,
    Vocabulary,
)
from ibconnect.http.server.parameters import TAG
from ibconnect.http.server.problems import Problem
from ibconnect.meanings import MEANINGS, OTHER_SPELLINGS
from ibconnect.tags import LEDGER_PREFIX, LEDGER_TAGS, split_key

TAGS = st.sampled_from([*MEANINGS, "NewFigure", "newfigure", "accountReady", "Odd+Key.of_a$New", "SettledCash-x"])
LETTERS = st.sampled_from("SCPFX")
ACCOUNTS = st.builds(
    Vocabulary,
    st.just("DU1"),
    st.lists(TAGS, unique=True, max_size=6).map(tuple),
    st.lists(st.sampled_from([*LEDGER_TAGS, "NewLedger"]), unique=True, max_size=4).map(tuple),
    st.lists(LETTERS, unique=True).map(tuple),
    st.lists(st.sampled_from(["BASE", "EUR", "USD", "GBP"]), unique=True).map(tuple),
)


def all_of(known: Vocabulary) -> set[str]:
    return {*known.tags, *known.ledger_tags, *MEANINGS}


@st.composite
def cased(draw: st.DrawFn, text: str) -> str:
    """The text in any letter case."""
    upper = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    return "".join(letter.upper() if is_upper else letter.lower() for letter, is_upper in zip(text, upper, strict=True))


@given(st.data(), ACCOUNTS)
def test_a_known_tag_is_found_as_it_is_spelled(data: st.DataObject, known: Vocabulary) -> None:
    tag = data.draw(st.sampled_from(sorted({*known.tags, *known.ledger_tags} or MEANINGS)))
    assert known.tag(tag)[:3] == (tag, tag, None)


@given(st.data(), ACCOUNTS)
def test_every_letter_case_is_understood(data: st.DataObject, known: Vocabulary) -> None:
    tag = data.draw(st.sampled_from(sorted(all_of(known))))
    found = known.tag(data.draw(cased(tag)))
    assert found.tag.lower() == tag.lower()
    assert found.tag in all_of(known)
    assert found.segment is None


@given(st.data(), ACCOUNTS)
def test_a_segment_may_stand_behind_the_tag(data: st.DataObject, known: Vocabulary) -> None:
    tag, letter = data.draw(st.sampled_from(sorted(MEANINGS))), data.draw(LETTERS)
    text = data.draw(cased(f"{tag}-{letter}"))
    possible = "SCPF" if known.is_empty else known.segments
    if letter in possible:
        found = known.tag(text)
        assert (found.tag.lower(), found.segment) == (tag.lower(), letter)
        assert found.name == f"{found.tag}-{letter}"
        assert split_key(found.name)[:2] == (found.tag, letter)
        return
    with pytest.raises(Problem) as raised:
        known.tag(text)
    assert raised.value.type is UNKNOWN_SEGMENT
    assert raised.value.more["known"] == list(possible)


@given(st.data(), ACCOUNTS, st.sampled_from(sorted(LEDGER_TAGS)))
def test_the_prefix_of_the_ledger_may_stand_before_it(data: st.DataObject, known: Vocabulary, tag: str) -> None:
    found = known.tag(data.draw(cased(LEDGER_PREFIX + tag)))
    assert (found.name, found.tag, found.is_ledger) == (LEDGER_PREFIX + tag, tag, True)


@given(ACCOUNTS, st.from_regex(r"[A-Za-z0-9$][A-Za-z0-9$+._-]{0,63}", fullmatch=True))
@example(Vocabulary("DU1", (), (), (), ()), "0-A")
@example(Vocabulary("DU1", (), (), (), ()), "NetLiquidation-Q")
def test_whatever_else_is_refused_with_what_there_is(known: Vocabulary, text: str) -> None:
    bare = text.lower().removeprefix(LEDGER_PREFIX.lower())
    spelled = {tag.lower() for tag in [*all_of(known), *OTHER_SPELLINGS]}
    try:
        found = known.tag(TAG.parse(text))
    except Problem as problem:
        if problem.type is UNKNOWN_SEGMENT:
            assert bare[:-2] in spelled
            return
        assert problem.type is UNKNOWN_TAG
        assert problem.status == 400
        assert repr(text) in problem.detail
        assert set(problem.more["suggestions"]) <= all_of(known)
        assert problem.more["known"] == sorted({*known.tags, *known.ledger_tags} or MEANINGS)
        assert bare not in spelled or text.lower() != bare
    else:
        assert bare in spelled or bare[:-2] in spelled
        assert found.tag in all_of(known)


@pytest.mark.parametrize(("spelling", "tag"), OTHER_SPELLINGS.items())
def test_what_ib_documents_otherwise_than_gateways_send_it_is_understood(spelling: str, tag: str) -> None:
    nothing, sent_so = Vocabulary("DU1", (), (), (), ()), Vocabulary("DU1", (spelling,), (), ("S",), ())
    for text in (spelling, spelling.lower()):
        assert nothing.tag(text)[:3] == (tag, tag, None)
        assert sent_so.tag(text)[:3] == (spelling, spelling, None), "if that is what came"
    assert nothing.tag(f"{spelling}-S")[:3] == (f"{tag}-S", tag, "S")


@given(ACCOUNTS, st.sampled_from(["BASE", "EUR", "CHF", "XAU"]))
def test_a_currency_is_known_if_the_account_had_it(known: Vocabulary, code: str) -> None:
    if known.is_empty or code in known.currencies:
        assert known.currency(code) == code
        return
    with pytest.raises(Problem) as raised:
        known.currency(code)
    assert raised.value.type is UNKNOWN_CURRENCY
    assert raised.value.more["known"] == list(known.currencies)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("NetLiqudation", "NetLiquidation"),
        ("netliq", None),
        ("NetLiquidationValue", "NetLiquidation"),
        ("TotalCash", "TotalCashValue"),
        ("AvailableFund", "AvailableFunds"),
        ("ExcessLiquidty", "ExcessLiquidity"),
        ("Cusion", "Cushion"),
        ("UnrealisedPnL", "UnrealizedPnL"),
        ("RealizedPNLs", "RealizedPnL"),
        ("InitialMarginReq", "InitMarginReq"),
        ("qwertz", None),
    ],
)
def test_what_was_meant_is_found(misspelt: str, meant: str | None) -> None:
    with pytest.raises(Problem) as raised:
        Vocabulary("DU1", ("NetLiquidation",), (), (), ()).tag(misspelt)
    suggestions = raised.value.more["suggestions"]
    assert suggestions[:1] == ([meant] if meant else [])
    assert ("did you mean" in raised.value.detail) == bool(meant)
