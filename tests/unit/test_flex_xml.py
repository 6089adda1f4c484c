"""The XML of statements: every element comes once and in order, however it is cut; what is hostile is refused."""

import tracemalloc
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ibconnect.errors import StatementRefused
from ibconnect.flex_xml import Aside, Begun, Document, Ended, Limits, Row, Section, parse

SMALL = b"""<?xml version="1.0" encoding="UTF-8"?>
<FlexQueryResponse queryName="Daily &amp; all" type="AF">
<FlexStatements count="2">
<FlexStatement accountId="U1" fromDate="20260102" toDate="20260102" whenGenerated="20260103;010203">
<ChangeInNAV accountId="U1" twr="0.1" />
<Trades>
<Order symbol="A"><Trade symbol="A" quantity="1" /><Lots><Lot quantity="1"/></Lots></Order>
</Trades>
<Transfers />
</FlexStatement>
<FlexStatement accountId="U2"><NewSection><Thing a="&lt;&#x20ac;"/></NewSection></FlexStatement>
</FlexStatements>
</FlexQueryResponse>"""
ITEMS = [
    Document({"queryName": "Daily & all", "type": "AF"}),
    Aside("FlexStatements", {"count": "2"}, ("FlexQueryResponse",)),
    Begun(0, {"accountId": "U1", "fromDate": "20260102", "toDate": "20260102", "whenGenerated": "20260103;010203"}),
    Section(0, "ChangeInNAV"),
    Row(0, "ChangeInNAV", "ChangeInNAV", {"accountId": "U1", "twr": "0.1"}, ()),
    Section(0, "Trades"),
    Row(0, "Trades", "Order", {"symbol": "A"}, ("Trades",)),
    Row(0, "Trades", "Trade", {"symbol": "A", "quantity": "1"}, ("Trades", "Order")),
    Row(0, "Trades", "Lot", {"quantity": "1"}, ("Trades", "Order", "Lots")),
    Section(0, "Transfers"),
    Ended(0),
    Begun(1, {"accountId": "U2"}),
    Section(1, "NewSection"),
    Row(1, "NewSection", "Thing", {"a": "<€"}, ("NewSection",)),
    Ended(1),
]
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0xFFFD, exclude_categories=("Cs",)), max_size=12)
NAMES = st.from_regex("[A-Za-z][A-Za-z0-9]{0,6}", fullmatch=True)


def pieces(data: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    start = 0
    for cut in sorted({min(cut, len(data)) for cut in cuts} | {len(data)}):
        yield data[start:cut]
        start = cut


def refused(*chunks: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(StatementRefused) as caught:
        list(parse(chunks, limits) if limits else parse(chunks))
    return str(caught.value)


def wrapped(body: bytes, head: bytes = b"") -> bytes:
    return (
        head
        + b"<FlexQueryResponse><FlexStatements><FlexStatement accountId='U1'>%b</FlexStatement>" % body
        + (b"</FlexStatements></FlexQueryResponse>")
    )


@given(cuts=st.lists(st.integers(0, len(SMALL)), max_size=20))
def test_a_document_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    assert list(parse(pieces(SMALL, cuts))) == ITEMS


@given(
    rows=st.lists(st.tuples(NAMES, st.dictionaries(NAMES, TEXT, max_size=5)), max_size=8),
    encoding=st.sampled_from(["UTF-8", "UTF-16", "UTF-16LE", "windows-1252", "ISO-8859-1"]),
    cut=st.integers(1, 40),
)
def test_each_attribute_comes_as_it_stands_in_any_encoding(
    rows: list[tuple[str, dict[str, str]]], encoding: str, cut: int
) -> None:
    body = "".join(
        f"<{name} {' '.join(f'{key}={quoteattr(value)}' for key, value in attributes.items())}/>"
        for name, attributes in rows
    )
    text = (
        f'<?xml version="1.0" encoding="{encoding.removesuffix("LE")}"?><FlexQueryResponse><FlexStatements>'
        f"<FlexStatement><S>{body}</S></FlexStatement></FlexStatements></FlexQueryResponse>"
    )
    mark = b"\xff\xfe" if encoding == "UTF-16LE" else b""
    data = mark + text.encode(encoding, "xmlcharrefreplace")
    found = [
        (item.element, item.attributes)
        for item in parse(data[start : start + cut] for start in range(0, len(data), cut))
        if isinstance(item, Row)
    ]
    assert found == [
        (element.tag, element.attrib) for element in ET.fromstring(data).iterfind(".//S/*") if element.attrib
    ]


@given(end=st.integers(0, len(SMALL) - 1))
@example(end=0)
@example(end=len(SMALL) - 1)
def test_a_document_that_is_cut_off_at_any_byte_is_refused(end: int) -> None:
    assert refused(SMALL[:end]).startswith("cannot be read as XML")


def test_every_truncation_is_refused() -> None:
    for end in range(len(SMALL)):
        refused(SMALL[:end])


@given(data=st.binary(max_size=400))
@example(data=b"\0")
@example(data=b"\xff\xfe<\0")
def test_bytes_of_any_kind_are_refused_and_nothing_else_is_raised(data: bytes) -> None:
    refused(data)


@given(at=st.integers(0, len(SMALL) - 1), byte=st.integers(0, 255))
def test_a_byte_that_is_changed_is_read_or_refused(at: int, byte: int) -> None:
    try:
        list(parse([SMALL[:at] + bytes([byte]) + SMALL[at + 1 :]]))
    except StatementRefused as exc:
        assert str(exc)


BOMB = b'<!DOCTYPE r [<!ENTITY a "%b">%b]>' % (
    b"lol" * 10,
    b"".join(b'<!ENTITY a%d "%b">' % (n, b"&a;" * 10 if n == 0 else b"&a%d;" % (n - 1) * 10) for n in range(12)),
)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (wrapped(b"<S a='&a11;'/>", BOMB), "document type"),
        (wrapped(b"<S>&x;</S>", b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "document type"),
        (wrapped(b"", b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">'), "document type"),
        (wrapped(b"<S>&x;</S>"), "undefined entity"),
        (wrapped(b"<S a='\0'/>"), "cannot be read as XML"),
        (wrapped(b"<S a='1' a='2'/>"), "duplicate attribute"),
        (wrapped(b"<S a='\x80'/>"), "cannot be read as XML"),
        (wrapped(b"", b"<?xml version='1.0' encoding='UTF-7'?>"), "encoding"),
        (wrapped(b"", b"<?xml version='1.0' encoding='utf-16'?>"), "cannot be read as XML"),
        (wrapped(b"", b"<?xml version='1.0' encoding='no-such'?>"), "encoding"),
        (wrapped(b"", b"<?xml version='1.0' encoding='idna'?>"), "encoding"),
        (wrapped(b"", b"<?xml version='1.0' encoding='zlib'?>"), "encoding"),
        (SMALL + SMALL[39:], "cannot be read as XML"),
        (b"<FlexStatementResponse><ErrorCode>1020</ErrorCode></FlexStatementResponse>", "<FlexStatementResponse>"),
        (b"<html><body>Log in</body></html>", "<html>"),
        (b"", "cannot be read as XML"),
        (b'{"a": 1}', "cannot be read as XML"),
    ],
)
def test_what_is_hostile_or_no_statement_is_refused_in_words(data: bytes, why: str) -> None:
    assert why in refused(data)
    assert why in refused(*(data[start : start + 1] for start in range(len(data))))


def test_a_document_is_bounded_in_every_direction() -> None:
    limits = Limits(size=300_000, depth=8, tag=100_000, names=50)
    assert list(parse([wrapped(b"<a><b><c><d><e x='1'/></d></c></b></a>")], limits))
    assert "in one another" in refused(wrapped(b"<a>" * 9), limits=limits)
    assert "in one another" in refused(b"<FlexQueryResponse>" + b"<a>" * 9, limits=limits)
    long = b"x" * 50_000
    assert list(parse([wrapped(b"<S a='%b'/><!--%b-->" % (long, long))], limits))
    for tag in (b"<S a='%b", b"<!--%b", b"<%b", b"<?x %b"):
        assert "longer than" in refused(
            *pieces(wrapped(b"")[:65] + tag % (b"x" * 250_000), range(0, 250_000, 1000)), limits=limits
        )
    assert "larger than 300,000 bytes" in refused(wrapped(b" " * 300_000), limits=limits)
    many = b"".join(b"<S a%d='1'/>" % n for n in range(60))
    assert "different names" in refused(wrapped(many), limits=limits)


def test_text_between_tags_and_processing_instructions_mean_nothing() -> None:
    body = b"text &#65; <S a='1'>more<![CDATA[<x/>]]></S><?pi x?><!-- no -->"
    assert [item for item in parse([wrapped(body)]) if isinstance(item, Row)] == [Row(0, "S", "S", {"a": "1"}, ())]


def test_memory_is_flat_whatever_the_size() -> None:
    row = b"".join(b"<Trade tradeID='%d' price='1.%d'/>" % (n, n) for n in range(1000))

    def document(times: int) -> Iterator[bytes]:
        yield b"<FlexQueryResponse><FlexStatements><FlexStatement><Trades>"
        for _ in range(times):
            yield row
        yield b"</Trades></FlexStatement></FlexStatements></FlexQueryResponse>"

    tracemalloc.start()
    try:
        peaks = []
        for times in (5, 100):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            assert sum(isinstance(item, Row) for item in parse(document(times))) == times * 1000
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2 + 100_000, "twenty times the document, the same memory"
