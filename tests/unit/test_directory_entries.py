"""An advisor's directory, out of what a gateway sends: both forms of groups, and XML that means harm."""

from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.projections.directory.entries import ALIAS, FAMILY, GROUP, MEMBER, told_by

TEXTS = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"], exclude_characters="\\￾￿"), min_size=1, max_size=8
)


def groups(text: str) -> list[str]:
    return ["16", "1", "1", f'<?xml version="1.0" encoding="UTF-8"?><ListOfGroups>{text}</ListOfGroups>']


def aliases(text: str) -> list[str]:
    return ["16", "1", "3", f"<ListOfAccountAliases>{text}</ListOfAccountAliases>"]


@given(st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_aliases(told: dict[str, str]) -> None:
    text = "".join(
        f"<AccountAlias><account> {escape(code)} </account><alias>{escape(alias)}</alias></AccountAlias>"
        for code, alias in told.items()
    )
    found = told_by(aliases(text))
    assert found is not None
    assert found.kinds == (ALIAS,)
    assert found.entries == {(ALIAS, "", code): alias for code, alias in told.items()}


@given(st.dictionaries(TEXTS, st.dictionaries(TEXTS, st.sampled_from(["", "50.0"]), max_size=3), max_size=3))
def test_groups_of_older_and_newer_gateways(told: dict[str, dict[str, str]]) -> None:
    text = ""
    for name, members in told.items():
        rows = "".join(
            f"<Account><acct>{escape(code)}</acct><amount>{share}</amount></Account>"
            if share
            else f"<String>{escape(code)}</String>"
            for code, share in members.items()
        )
        text += f'<Group><name>{escape(name)}</name><ListOfAccts varName="list">{rows}</ListOfAccts>'
        text += "<defaultMethod>NetLiq</defaultMethod></Group>"
    found = told_by(groups(text))
    assert found is not None
    assert found.kinds == (GROUP, MEMBER)
    assert found.entries == {(GROUP, name, ""): "NetLiq" for name in told} | {
        (MEMBER, name, code): share for name, members in told.items() for code, share in members.items()
    }


def test_family_codes() -> None:
    found = told_by(["78", "3", "DU1", "F1", "DU2", "", "DU3", "F1"])
    assert found is not None
    assert found.entries == {(FAMILY, "", "DU1"): "F1", (FAMILY, "", "DU3"): "F1"}


def test_escapes_are_resolved_and_profiles_are_nothing() -> None:
    found = told_by(
        aliases(r"<AccountAlias><account>DU1</account><alias>M\u00fcller &amp; S\u00f6hne</alias></AccountAlias>")
    )
    assert found is not None
    assert found.entries == {(ALIAS, "", "DU1"): "Müller & Söhne"}
    assert told_by(["16", "1", "2", "<ListOfAllocationProfiles/>"]) is None


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HARMFUL = [
    f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><ListOfGroups><Group><name>&l9;</name></Group></ListOfGroups>',
    '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><ListOfGroups>&e;</ListOfGroups>',
    '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><ListOfGroups/>',
    "<a>" * 100 + "</a>" * 100,
    "<ListOfGroups>" + "<a/>" * 500_001 + "</ListOfGroups>",
    f"<ListOfGroups><Group><name>{'x' * 1_001}</name></Group></ListOfGroups>",
    "<ListOfGroups><Group><name></name></Group></ListOfGroups>",
    "<ListOfAccountAliases/>",
    "<ListOfGroups>",
    "",
    "not XML",
    "<ListOfGroups>\x01</ListOfGroups>",
]


@pytest.mark.parametrize("text", HARMFUL, ids=range(len(HARMFUL)))
def test_what_means_harm_or_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        told_by(["16", "1", "1", text])


@pytest.mark.parametrize(
    "fields", [["16", "1", "1"], ["78"], ["78", "x"], ["78", "2", "DU1", "F1"], ["78", "1", "DU1"]]
)
def test_a_message_that_is_too_short_is_refused(fields: list[str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        told_by(fields)


@given(st.text(max_size=40))
def test_whatever_is_sent(text: str) -> None:
    try:
        found = told_by(["16", "1", "3", text])
    except ValueError:
        return
    assert found is not None
    assert set(found.kinds) == {ALIAS}
