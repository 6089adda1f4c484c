"""Where one request ends and the next begins: every request has one answer, and what is in doubt ends the connection.

A proxy that reads a request in another way than this server takes a part of it for the next one, of somebody else's.
"""

import asyncio
import re
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.test_http_fuzz import port
from tests.serving import DU1, PROBLEM, Served, at, raw

# A server for plain functions, which hypothesis drives.
port_of_server = port

HOST = b"Host: localhost\r\n"
# What must never be answered in the place of something else, and then ends the connection.
CANARY = b"GET /docs HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
IS_CANARY = b"<!doctype html>"

GET = b"GET /healthz HTTP/1.1\r\n" + HOST
POST = b"POST /healthz HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

# Nobody can know where these end.
IN_DOUBT = {
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "length 0 and chunks": GET + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "two equal lengths": POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": POST + b"Content-Length: 5, 5\r\n\r\nhello",
    "no length": POST + b"Content-Length:\r\n\r\n",
    "a negative length": POST + b"Content-Length: -5\r\n\r\n",
    "a length with a sign": POST + b"Content-Length: +5\r\n\r\nhello",
    "a length in hex": POST + b"Content-Length: 0x5\r\n\r\nhello",
    "a length with an underscore": POST + b"Content-Length: 1_0\r\n\r\nhellohello",
    "a length in other digits": POST + "Content-Length: \u0665\r\n\r\nhello".encode(),
    "a length beyond counting": POST + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
    "a length with blanks in it": POST + b"Content-Length: 5 0\r\n\r\nhello",
    "another coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "another coding last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, chunked": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "a coding in quotation marks": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "a control character before the coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded line": GET + b"X: a\r\n b\r\n\r\n",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a folded first line": b"GET /healthz HTTP/1.1\r\n " + HOST + b"\r\n",
    "a blank before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a tab before the colon": POST + b"Content-Length\t: 5\r\n\r\nhello",
    "a line without a colon": GET + b"Transfer-Encoding\r\n\r\n",
    "an empty name": GET + b": x\r\n\r\n",
    "a NUL in a name": GET + b"Content-Le\0ngth: 5\r\n\r\nhello",
    "a NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "bare line ends": b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
    "a bare line end in a head": GET + b"X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare return in a head": GET + b"X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare line end at the end": GET[:-2] + b"\n\r\n",
    "a blank before all": b" " + GET + b"\r\n",
    "a chunk of no size": CHUNKED + b"zz\r\n\r\n",
    "a chunk of a size with a sign": CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n",
    "a chunk of a size in 0x": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk of a size with an underscore": CHUNKED + b"1_0\r\nhello\r\n0\r\n\r\n",
    "a chunk of an empty size": CHUNKED + b"\r\nhello\r\n0\r\n\r\n",
    "a chunk of an endless size": CHUNKED + b"fffffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKED + b"3\r\nhello\r\n0\r\n\r\n",
    "a chunk with bare line ends": CHUNKED + b"5\nhello\n0\n\n",
    "an extension with a bare line end": CHUNKED + b"5;\nxx\r\nhello\r\n0\r\n\r\n",
    "a blank before a size": CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
    "a body in a head": b"GET /healthz HTTP/1.1\r\n" + HOST + b"\x80: x\r\n\r\n",
}
# These end where they say; a proxy and this server agree.
CLEAR = {
    "three at once": (GET + b"\r\n") * 3,
    "a body that nobody reads": GET + b"Content-Length: 5\r\n\r\nhello",
    "a body that looks like a request": GET + b"Content-Length: %d\r\n\r\n%b" % (len(CANARY), CANARY),
    "chunks": CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    "chunks that look like a request": CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(CANARY), CANARY),
    "chunks with an extension and a trailer": CHUNKED + b"5;a=b\r\nhello\r\n0\r\nX: a\r\n\r\n",
    "a body that is waited for": POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    "empty lines before": b"\r\n\r\n" + GET + b"\r\n",
}


def statuses(answer: bytes) -> list[int]:
    """Those of the answers in it, but for 100, taken apart by their own lengths."""
    found = []
    while answer:
        head, end, rest = answer.partition(b"\r\n\r\n")
        match = re.match(rb"HTTP/1\.[01] (\d{3}) ", head)
        assert match and end, answer[:200]
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if int(match[1]) != 100:
            assert length is not None, head
            found.append(int(match[1]))
        answer = rest[int(length[1]) if length else 0 :]
    return found


@pytest.mark.parametrize("what", IN_DOUBT)
async def test_what_is_in_doubt_has_one_answer_and_is_the_last(served: Served, what: str) -> None:
    answer = await raw(served, IN_DOUBT[what] + CANARY)
    assert IS_CANARY not in answer
    first, *others = statuses(answer)
    assert (first, others) == (400, []) or (first in (200, 405) and others in ([], [400])), answer
    assert PROBLEM.encode() in answer


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "TLS/1.0", "HTTP/2.0", "x"])
async def test_an_upgrade_is_declined_and_ends_the_connection(served: Served, protocol: str) -> None:
    """What comes with it may be of the other protocol."""
    upgrade = f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AA\r\n\r\n".encode()
    for path in ("/healthz", f"/v1/accounts/{DU1}/{at(1)}", "/nothing"):
        for parts in ((GET.replace(b"/healthz", path.encode()) + upgrade + CANARY,), (GET + upgrade, CANARY)):
            answer = await raw(served, *parts)
            assert re.search(rb"(?i)\r\nconnection: close\r\n", answer), answer
            assert IS_CANARY not in answer
            assert len(statuses(answer)) == 1


@pytest.mark.parametrize("what", CLEAR)
async def test_what_is_clear_has_one_answer_for_each(served: Served, what: str) -> None:
    requests = CLEAR[what].count(b" /healthz ")
    answer = await raw(served, CLEAR[what] + CANARY)
    *firsts, last = statuses(answer)
    assert len(firsts) == requests
    assert set(firsts) <= {200, 405}
    assert last == 200
    assert answer.count(IS_CANARY) == 1


async def test_it_makes_no_difference_how_the_bytes_come(served: Served) -> None:
    for what in ("length and chunks", "a folded line", "a chunk that is longer than it says", "chunks"):
        sent = (IN_DOUBT | CLEAR)[what] + CANARY
        whole = statuses(await raw(served, sent))
        for place in range(1, len(sent), 11):
            assert statuses(await raw(served, sent[:place], sent[place:])) == whole, (what, place)


LINES = [b"Content-Length: %d" % number for number in (0, 1, 5, len(CANARY))]
LINES += [b"content-length:5", b"Content-Length: 5 ", b"Content-Length: 05", b"Content-Length: 5,5", b"X: y"]
LINES += [b"Transfer-Encoding: chunked", b"transfer-encoding:CHUNKED", b"Transfer-Encoding: gzip, chunked", b"X-A: b"]
LINES += [b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: chunked;q=1", b"TE: trailers"]
ENDS = [b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n", b"\r\n ", b" \r\n"]
BODIES = [b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\n", b"hello", b"\r\n", CANARY, b"1;x\r\na\r\n"]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from([b"GET", b"POST", b"HEAD"]),
    lines=st.lists(st.sampled_from(LINES), max_size=3),
    end=st.sampled_from(ENDS),
    body=st.lists(st.sampled_from(BODIES), max_size=4).map(b"".join),
)
def test_however_they_are_put_together(
    port_of_server: int, method: bytes, lines: Sequence[bytes], end: bytes, body: bytes
) -> None:
    """What ends the connection is the last that is answered, and nothing is answered that was not asked."""
    sent = method + b" /healthz HTTP/1.1\r\n" + HOST + b"".join(line + end for line in lines) + b"\r\n" + body
    where = Served(f"http://127.0.0.1:{port_of_server}", None, None)  # type: ignore[arg-type]
    # The first may be taken for a body, as it says; the other ends the connection at the latest.
    answer = asyncio.run(raw(where, sent + 2 * CANARY))
    found = re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)
    assert set(found) <= {b"200", b"400", b"405"}
    assert 1 <= len(found) <= 3
    assert b"400" not in found[:-1]
    assert answer.count(IS_CANARY) <= 1
    names = {line.partition(b":")[0].lower() for line in lines}
    if {b"content-length", b"transfer-encoding"} <= names and end == b"\r\n":
        assert found == [b"400"]


async def test_nobody_else_is_disturbed(served: Served) -> None:
    """While connections of doubtful requests come and go, others are answered."""
    for what, number in product(list(IN_DOUBT)[:8], range(3)):
        async with asyncio.TaskGroup() as group:
            group.create_task(raw(served, IN_DOUBT[what] + CANARY))
            async with served.get("/healthz") as response:
                assert (response.status, number >= 0) == (200, True)
