"""The client of the Flex Web Service, against services that answer whatever IBKR's might: real sockets, no waiting."""

import asyncio
import itertools
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect import __version__
from ibconnect.errors import FlexError, FlexNothing, FlexRefused, FlexUnavailable
from ibconnect.statements.flex.client import Client, Fetched, Patience
from ibconnect.statements.flex.codes import MEANINGS, Means
from ibconnect.statements.flex.document import Document
from ibconnect.statements.flex.pacing import Pace
from tests.flex_service import (
    QUERY,
    TOKEN,
    Answer,
    Service,
    code,
    cut,
    document,
    flex_service,
    hang_up,
    sent,
    silent,
    status,
    xml,
)
from tests.serving import logged

FROM, TO = date(2026, 11, 20), date(2026, 11, 26)
QUICK = Patience(
    connect=5.0, silence=0.3, document=30.0, first_wait=0.01, longest_wait=0.02, paced_wait=0.05, tries=20.0
)
HASTY = Patience(connect=5.0, silence=0.3, document=30.0, first_wait=0.01, longest_wait=0.02, tries=0.1)
LATER = sorted(number for number, (means, _) in MEANINGS.items() if means is Means.LATER)
REFUSED = sorted(number for number, (means, _) in MEANINGS.items() if means is Means.REFUSED)


@asynccontextmanager
async def client(service: Service, patience: Patience = QUICK) -> AsyncIterator[Client]:
    async with Client(service.url, TOKEN, Pace(spans=((1000, 0.001),)), patience) as made:
        yield made


async def fetched(service: Service, *answers: Answer, patience: Patience = QUICK) -> Fetched:
    service.answers = list(answers)
    async with client(service, patience) as made:
        return await made.fetch(QUERY, FROM, TO)


async def failure(service: Service, *answers: Answer, patience: Patience = HASTY) -> FlexError:
    """What is raised; nothing of it, and nothing that is logged meanwhile, holds the token."""
    with logged("debug") as log, pytest.raises(FlexError) as caught:
        await fetched(service, *answers, patience=patience)
    told = "".join(traceback.format_exception(caught.value)) + log.text()
    seen: BaseException | None = caught.value
    while seen is not None:
        told += repr(seen) + str(seen)
        seen = seen.__cause__ or seen.__context__
    assert TOKEN not in told
    return caught.value


def text(found: Fetched) -> str:
    return b"".join(found.document).decode()


async def test_a_statement_is_asked_for_and_fetched_where_the_answer_says() -> None:
    async with flex_service() as service:
        found = await fetched(service, sent(), xml(document()))
        assert text(found) == document()
        assert found.reference == "9988776655"
        first, second = service.asked
        assert first.path == "/flex/SendRequest"
        assert dict(first.query) == {"t": TOKEN, "q": QUERY, "fd": "20261120", "td": "20261126", "v": "3"}
        assert second.path == "/flex/GetStatement"
        assert dict(second.query) == {"t": TOKEN, "q": "9988776655", "v": "3"}
        assert {request.headers["User-Agent"] for request in service.asked} == {f"ibconnect/{__version__}"}
        assert {request.method for request in service.asked} == {"GET"}


@pytest.mark.parametrize("number", [*LATER, "1018", "4711", ""])
async def test_what_passes_is_asked_again_of_either_request(number: str) -> None:
    async with flex_service() as service:
        answers = [code(number), code(number), sent(), code(number, state="Warn"), code(number), xml(document())]
        assert text(await fetched(service, *answers)) == document()
        assert service.paths == ["SendRequest"] * 3 + ["GetStatement"] * 3


async def test_a_reference_that_has_gone_is_asked_for_anew_once() -> None:
    async with flex_service() as service:
        answers = [sent(), code("1017"), sent(reference="2"), xml(document())]
        assert (await fetched(service, *answers)).reference == "2"
        assert service.paths == ["SendRequest", "GetStatement"] * 2
        assert (await failure(service, sent(), code("1017"), sent(), code("1017"))).code == "1017"


@pytest.mark.parametrize("number", REFUSED)
async def test_what_somebody_has_to_mend_is_asked_once(number: str) -> None:
    async with flex_service() as service:
        error = await failure(service, code(number, f"No: {TOKEN}"))
        assert isinstance(error, FlexRefused)
        assert error.code == number
        assert "No: (hidden)" in str(error)
        assert service.paths == ["SendRequest"]


async def test_days_without_a_statement_are_no_fault() -> None:
    async with flex_service() as service:
        assert isinstance(await failure(service, code("1003")), FlexNothing)
        assert isinstance(await failure(service, sent(), code("1003")), FlexNothing)


async def test_what_does_not_pass_in_time_ends() -> None:
    async with flex_service() as service:
        service.otherwise = code("1019")
        error = await failure(service, sent())
        assert isinstance(error, FlexUnavailable)
        assert "still making the statement" in str(error)


PAGE = "<!DOCTYPE html><html><body>Maintenance</body></html>"
BOMB = '<!DOCTYPE x [<!ENTITY a "b">]><FlexStatementResponse><Status>&a;</Status></FlexStatementResponse>'


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (status(200, PAGE), "web page"),
        (status(200, "<html>x</html>"), "web page"),
        (status(503, PAGE), "status 503"),
        (status(404), "status 404"),
        (status(429), "status 429"),
        (status(302, Location="https://example.com/login?x=1"), "redirect"),
        (xml(""), "no answer of the Flex"),
        (xml("nothing"), "no answer of the Flex"),
        (xml("<Other/>"), "no answer of the Flex"),
        (xml("<FlexStatementResponse><Status>Fail</Sta"), "cut off"),
        (xml(BOMB), "no answer of the Flex"),
        (xml(BOMB.partition(">]>")[2].replace("&a;", "&a;&b;")), "cut off, or no XML"),
        (xml("<FlexStatementResponse>" + "x" * 70000 + "</FlexStatementResponse>"), "MiB"),
        (hang_up, "ended the connection"),
        (cut, "ended the connection"),
        (silent, "did not answer in time"),
    ],
)
async def test_whatever_else_is_answered_is_told_and_asked_again(answer: Answer, says: str) -> None:
    async with flex_service() as service:
        service.otherwise = answer
        assert says in str(await failure(service))
        if "MiB" not in says:
            assert text(await fetched(service, answer, sent(), answer, xml(document()))) == document()


@pytest.mark.parametrize(
    "head", ["<!-- a -->" * 400, "<!---->" * 500 + "<", "<?xml " * 600, "<?xml" + "?" * 4000, " " * 4000 + "<!--"]
)
async def test_a_hostile_beginning_costs_no_time(head: str) -> None:
    async with flex_service() as service:
        service.otherwise = xml(head)
        began = time.process_time()
        await failure(service)
        assert time.process_time() - began < 5.0
        if head.endswith("<!-- a -->"):
            assert text(await fetched(service, sent(), xml(head + document()))) == head + document()


@pytest.mark.parametrize("end", [-1, -5, -30, 200, 60])
async def test_a_statement_that_is_cut_off_is_fetched_again(end: int) -> None:
    """Also where the connection says that this is all."""
    whole = document().rstrip()
    async with flex_service() as service:
        assert text(await fetched(service, sent(), xml(whole[:end]), cut, xml(whole))) == whole
        assert service.paths == ["SendRequest"] + ["GetStatement"] * 3


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/GetStatement",
        "https://interactivebrokers.com.example.com/x",
        "https://notinteractivebrokers.com/x",
        "http://ndcdyn.interactivebrokers.com/x",
        "http://127.0.0.1:1/flex/GetStatement",
        "https://u:p@gdcdyn.interactivebrokers.com/x",
        "ftp://ndcdyn.interactivebrokers.com/x",
        "//x",
        "http://[",
        f"https://{TOKEN}.example.com/",
    ],
)
async def test_the_token_goes_to_no_strange_host(url: str) -> None:
    async with flex_service() as service:
        error = await failure(service, sent(url))
        assert isinstance(error, FlexRefused)
        assert service.paths == ["SendRequest"]


def test_hosts_of_ibkr_get_it_by_https() -> None:
    async def checked() -> None:
        made = Client("https://ndcdyn.interactivebrokers.com/AccountManagement/FlexWebService", TOKEN, Pace())
        for host in ("gdcdyn.interactivebrokers.com", "ndcdyn.interactivebrokers.com", "www.ibkr.com"):
            assert made._checked(f"https://{host}/Universal/servlet/FlexStatementService.GetStatement?x=1").host == host
        assert str(made._checked("")).endswith("/FlexWebService/GetStatement")

    asyncio.run(checked())


ANSWER = (
    b"<FlexStatementResponse timestamp='28 August, 2026 10:37 AM EDT'>\n<Status>Fail</Status>\n"
    b"<ErrorCode>1012</ErrorCode>"
    b"<ErrorMessage>Token has expired.</ErrorMessage>\n</FlexStatementResponse>"
)
CHANGED = st.tuples(st.integers(0, len(ANSWER)), st.integers(0, 30), st.binary(max_size=12)).map(
    lambda given: ANSWER[: given[0]] + given[2] + ANSWER[given[0] + given[1] :]
)


@given(st.binary(max_size=200) | CHANGED | st.integers(0, len(ANSWER)).map(lambda end: ANSWER[:end]))
def test_whatever_an_answer_holds_it_is_one_error_in_words(data: bytes) -> None:
    async def judged() -> FlexError:
        document = Document()
        document.add(data)
        made = Client("https://ndcdyn.interactivebrokers.com/x", TOKEN, Pace())
        try:
            return made._error_in(made._answer_of(document))
        except FlexError as exc:
            return exc

    error = asyncio.run(judged())
    assert str(error).isprintable()
    assert len(str(error)) < 600
    assert (error.code == "1012") == isinstance(error, FlexRefused) or error.code in MEANINGS


async def test_a_document_of_any_length_is_bounded() -> None:
    kept = Document(most=100)
    with pytest.raises(FlexRefused, match="fewer days"):
        for _ in range(11):
            kept.add(b"0123456789")
    kept = Document(most_kept=1000)
    with pytest.raises(FlexRefused, match="compressed"):
        for number in range(1 << 16):
            kept.add(number.to_bytes(4, "big") * 64 + str(hash(number)).encode() * 8)


async def test_a_document_gives_its_bytes_as_often_as_wanted() -> None:
    kept, data = Document(), bytes(range(256)) * 9000
    for place in range(0, len(data), 70001):
        kept.add(data[place : place + 70001])
    assert b"".join(kept) == b"".join(kept) == data
    assert (kept.bytes, kept.head, kept.tail) == (len(data), data[:4096], data[-4096:])


async def test_requests_leave_no_faster_than_allowed_whoever_asks() -> None:
    """Measured where they leave: on a busy machine they arrive when they can."""
    spans = ((1, 0.05), (5, 0.5))
    left: list[float] = []

    async def note() -> None:
        left.append(asyncio.get_running_loop().time())

    async with flex_service() as service:
        service.otherwise = code("1012")
        pace = Pace([0.01, 0.02], note, spans)
        async with Client(service.url, TOKEN, pace, QUICK) as one, Client(service.url, TOKEN, pace, QUICK) as two:
            asked = [each.fetch(QUERY, FROM, TO) for each in (one, two) * 6]
            results = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(each, FlexRefused) for each in results)
        assert len(left) == len(service.asked) == 12
        assert all(later - earlier >= 0.05 for earlier, later in itertools.pairwise(left))
        assert all(later - earlier >= 0.5 for earlier, later in zip(left, left[5:], strict=False))
