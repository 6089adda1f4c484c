"""What an entry of a token says: rights, accounts, name, end; what is refused; how tokens are found."""

import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import product
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.codes import is_code
from ibconnect.errors import ConfigError
from ibconnect.http.server.tokens import EVERY_RIGHT, EVERYONE, Principal, Right, Tokens, parse_tokens
from ibconnect.times import utc_now

SECRET = "a" * 16
HASH = f"sha256:{sha256(SECRET.encode()).hexdigest()}"
READ, EVENTS, REFRESH, METRICS, IMPORT = Right.READ, Right.EVENTS, Right.REFRESH, Right.METRICS, Right.IMPORT
USUAL = frozenset({READ, EVENTS, REFRESH})


def principal(entry: str) -> Principal:
    """Who sends the token of this entry."""
    found = parse_tokens(f"{'b' * 16}@DU9 {entry}").principal_of(SECRET)
    assert found is not None
    return found


def some(*codes: str) -> frozenset[str]:
    return frozenset(codes)


def test_tokens_and_hashes_with_and_without_limits() -> None:
    tokens = parse_tokens("aaaaaaaaaaaaaaaa@* # all\nbbbbbbbbbbbbbbbb@DU1,DU2 cccccccccccccccc==\n#dddddddddddddddd\n")
    assert tokens.principal_of("aaaaaaaaaaaaaaaa") == EVERYONE
    assert tokens.principal_of("bbbbbbbbbbbbbbbb") == Principal(some("DU1", "DU2"), USUAL)
    assert tokens.principal_of("cccccccccccccccc==") == EVERYONE
    assert tokens.bare == (3,)
    for wrong in ("", "dddddddddddddddd", "aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb@DU1,DU2", "\udcff"):
        assert tokens.principal_of(wrong) is None
    assert b"aaaa" not in repr(tokens).encode() + repr(tokens.principal_of("a" * 16)).encode()


@pytest.mark.parametrize(
    ("scopes", "accounts", "rights"),
    [
        ("*", None, EVERY_RIGHT),
        ("*,read", None, {READ}),
        ("events,*,refresh", None, {EVENTS, REFRESH}),
        ("*,import", None, {IMPORT}),
        ("*,metrics", None, USUAL | {METRICS}),
        ("DU1", some("DU1"), USUAL),
        ("DU1,read", some("DU1"), {READ}),
        ("read,DU1,events,DU2", some("DU1", "DU2"), {READ, EVENTS}),
        ("DU1,metrics", some("DU1"), USUAL | {METRICS}),
        ("DU1,metrics,read", some("DU1"), {READ, METRICS}),
        ("metrics", some(), {METRICS}),
        ("%6Detrics", some("metrics"), USUAL),
        ("metrics%40", some("metrics@"), USUAL),
        ("%2A,rea%64,%3B", some("*", "read", ";"), USUAL),
        ("DUmetrics,readers", some("DUmetrics", "readers"), USUAL),
        ("Müller/2,Family%20Trust,U%2342", some("Müller/2", "Family Trust", "U#42"), USUAL),
    ],
)
def test_scopes(scopes: str, accounts: frozenset[str] | None, rights: set[Right]) -> None:
    for secret in (SECRET, HASH):
        assert principal(f"{secret}@{scopes}") == Principal(accounts, frozenset(rights))


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("@", "account codes"),
        ("@DU1,,DU2", "account codes"),
        ("@DU1,..", "account codes"),
        ("@Metrics", "in lower case"),
        ("@DU1,READ", "in lower case"),
        ("@@metrics", "percent-encoded"),
        ("@DU1@metrics", "percent-encoded"),
        ("@*,DU1", "beside it no account"),
        ("@read", "of which accounts"),
        ("@import,metrics", "of which accounts"),
        ("@DU1;DU2", "after ;"),
        ("@DU1;", "after ;"),
        ("@DU1;names=x", "after ;"),
        ("@DU1;name", "after ;"),
        ("@DU1;name=a;name=b", "each once"),
        ("@DU1;Name=a", "after ;"),
        ("@DU1;name=", "a name is"),
        ("@DU1;name=-", "a name is"),
        ("@DU1;name=a/b", "a name is"),
        ("@DU1;name=Zoë", "a name is"),
        (f"@DU1;name={'x' * 65}", "a name is"),
        ("@DU1;name=0123abcd", "8 hex digits"),
        (";name=x@DU1", "a name is"),
        ("@DU1;until=", "until="),
        ("@DU1;until=tomorrow", "until="),
        ("@DU1;until=2026-13-01", "until="),
        ("@DU1;until=2026-01-01T00:00:00", "until="),
    ],
)
def test_what_would_do_nothing_or_something_else_is_refused(rest: str, why: str) -> None:
    with pytest.raises(ConfigError, match=f"entry 2: .*{why}") as refused:
        parse_tokens(f"{'b' * 16}@DU1 {SECRET}{rest}")
    assert SECRET not in str(refused.value)


def test_a_name_is_told_instead_of_the_beginning_of_the_hash() -> None:
    assert principal(f"{SECRET}@DU1").name == sha256(SECRET.encode()).hexdigest()[:8]
    assert principal(f"{SECRET}@DU1;name=back-office.2_b").name == "back-office.2_b"
    assert principal(f"{SECRET}@DU1;until=2030-01-01;name={'x' * 64}").name == "x" * 64
    with pytest.raises(ConfigError, match="same name"):
        parse_tokens(f"{SECRET}@DU1;name=x {'b' * 16}@DU1;name=x")


@pytest.mark.parametrize(
    ("until", "end"),
    [
        ("2026-12-31", datetime(2026, 12, 31, tzinfo=UTC)),
        ("2026-12-31T23:59:59.5Z", datetime(2026, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)),
        ("2027-01-01T01:00:00+01:00", datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_token_is_over_from_its_end_on(until: str, end: datetime) -> None:
    found = principal(f"{SECRET}@*;until={until}")
    assert (found.until, found.is_full) == (end, False)
    assert not found.is_over(end - timedelta(microseconds=1))
    assert found.is_over(end)
    assert not EVERYONE.is_over()


def test_who_covers_whom() -> None:
    """Exactly who may see every account, and has every right, of the other."""
    accounts = [None, some(), some("DU1"), some("DU1", "DU2")]
    rights = [frozenset(), frozenset({READ}), USUAL, EVERY_RIGHT]
    all_of_them = [Principal(each, right) for each, right in product(accounts, rights)]
    seen = ("DU1", "DU2", "any other")
    for one, other in product(all_of_them, repeat=2):
        sees_all = all(one.may_see(code) for code in seen if other.may_see(code))
        assert one.covers(other) == (sees_all and other.rights <= one.rights), (one, other)


@pytest.mark.parametrize(
    ("before", "is_taken"),
    [(f"{SECRET}@*", True), (SECRET, True), (f"{SECRET}@*;name=x", True)]
    + [(f"{SECRET}@{scopes}", False) for scopes in ("DU1", "*,read", "*,metrics", "metrics", "*;until=2090-01-01")]
    + [(f"{'b' * 16}@*", False), ("", False)],
)
def test_an_entry_that_has_lost_its_mark_gives_nothing_that_was_not_there(before: str, is_taken: bool) -> None:
    in_force = parse_tokens(before)
    if is_taken:
        assert parse_tokens(SECRET, in_force).principal_of(SECRET) == EVERYONE
    else:
        with pytest.raises(ConfigError, match="entry 1: an @ "):
            parse_tokens(SECRET, in_force)


@given(st.text())
def test_what_is_wrong_is_said_without_showing_any_token(text: str) -> None:
    try:
        parse_tokens(f"first-token-000000@* {text}")
    except ConfigError as exc:
        assert "first-token" not in str(exc)


CODES = st.text(min_size=1, max_size=6).filter(is_code)
SCOPES = st.builds(
    lambda codes, rights: ",".join([*(quote(code, safe="") for code in codes), *rights]),
    st.lists(CODES, min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(list(Right)), max_size=3),
)
ENTRIES = st.builds(
    lambda token, scopes, name, until: f"{token}@{scopes}{name}{until}",
    st.from_regex(r"[A-Za-z0-9]{16,24}", fullmatch=True),
    SCOPES | st.sampled_from(["*", "metrics", "*,read"]),
    st.just("") | st.from_regex(r";name=[x-z]{1,3}", fullmatch=True),
    st.sampled_from(["", ";until=2030-01-01", ";until=2030-01-01T00:00:00+09:00"]),
)


@given(SCOPES)
def test_any_account_can_be_named(scopes: str) -> None:
    found = principal(f"{SECRET}@{scopes}")
    assert found.accounts is not None
    assert all(map(is_code, found.accounts))


def test_ten_thousand_tokens_cost_a_request_no_more_than_a_few() -> None:
    few, many = (
        parse_tokens("\n".join(f"{number:020}@DU{number}" for number in range(count))) for count in (2, 10_000)
    )
    assert len(many) == 10_000
    assert many.principal_of(f"{9_999:020}") == Principal(some("DU9999"), USUAL)

    def seconds(tokens: Tokens) -> float:
        began = time.perf_counter()
        for _ in range(200):
            tokens.principal_of("a-token-of-nobody-at-all")
            tokens.principal_of(f"{1:020}")
        return time.perf_counter() - began

    # By turns, and the best of each: comparing with each takes a thousand times as long.
    taken = [(seconds(few), seconds(many)) for _ in range(5)]
    assert min(many for _, many in taken) < 20 * min(few for few, _ in taken)


def test_where_a_token_is_kept_cannot_be_foreseen() -> None:
    """What a look-up may tell by its time is of a hash that another load of the same tokens does not have."""
    one, other = parse_tokens(f"{SECRET}@*"), parse_tokens(f"{SECRET}@*")
    assert set(one._found).isdisjoint(other._found)
    assert sha256(SECRET.encode()).digest() not in one._found


def test_the_end_is_held_against_the_clock() -> None:
    past, future = (utc_now() + timedelta(seconds=seconds) for seconds in (-1, 60))
    assert [Principal(until=moment).is_over() for moment in (past, future, None)] == [True, False, False]
