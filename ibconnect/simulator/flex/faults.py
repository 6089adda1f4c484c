"""How a Flex service can go wrong, on command.

In: a fault's name and parameters. Out: :class:`Fault`, which says of each request whether it is hit, and what the
answer becomes. Called by the service.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ibconnect.errors import SimulatorError
from ibconnect.simulator.flex.codes import CODES, refusal

SEND, GET, BOTH = "send", "get", "both"
XML = "text/xml"

_HTML = (
    "<!DOCTYPE html>\n<html><head><title>System Maintenance</title></head>\n"
    "<body><h1>This service is not available</h1><br>Please try again later.</body></html>\n"
)
_ENTITIES = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">\n' for n in range(1, 10))
_DOCTYPE = f'<?xml version="1.0"?>\n<!DOCTYPE FlexQueryResponse [\n<!ENTITY l0 "lol">\n{_ENTITIES}]>\n'
_ELSEWHERE = {"url": "http://127.0.0.1:1/GetStatement"}
_STEPS = 20


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that is hit, and the answer that it would have had."""

    request: web.Request
    usual: str
    now: Any
    params: Mapping[str, str]

    def number(self, name: str) -> float:
        return float(self.params[name])


Act = Callable[[Exchange], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to go wrong: what happens, its parameters with their defaults, and which requests it hits if not told."""

    help: str
    act: Act
    params: Mapping[str, str] = field(default_factory=dict)
    on: str = GET


async def _code(hit: Exchange) -> web.StreamResponse:
    return web.Response(text=refusal(int(hit.number("code")), hit.now), content_type=XML)


async def _broken(hit: Exchange) -> web.StreamResponse:
    middle = len(hit.usual) // 2
    return web.Response(text=f"{hit.usual[:middle]}</Oops attribute=novalue & <{hit.usual[middle:]}", content_type=XML)


async def _half(hit: Exchange) -> web.StreamResponse:
    return web.Response(text=hit.usual[: len(hit.usual) // 2], content_type=XML)


async def _html(hit: Exchange) -> web.StreamResponse:
    return web.Response(text=_HTML, content_type="text/html", status=int(hit.number("status")))


async def _empty(hit: Exchange) -> web.StreamResponse:
    return web.Response(text="", content_type=XML)


async def _other(hit: Exchange) -> web.StreamResponse:
    return web.Response(text="<SomethingElse><Row a='1' /></SomethingElse>\n", content_type=XML)


async def _doctype(hit: Exchange) -> web.StreamResponse:
    head, _, rest = hit.usual.partition(">")
    return web.Response(text=f'{_DOCTYPE}{head} note="&l9;">{rest}', content_type=XML)


async def _redirect(hit: Exchange) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": hit.params["to"]})


async def _reset(hit: Exchange) -> web.StreamResponse:
    """The connection is closed before anything is answered."""
    if hit.request.transport is not None:
        hit.request.transport.abort()
    return web.Response(status=503)


async def _cut(hit: Exchange) -> web.StreamResponse:
    """The length of all is told, half of it comes."""
    body = hit.usual.encode()
    response = web.StreamResponse(headers={"Content-Type": XML, "Content-Length": str(len(body))})
    await response.prepare(hit.request)
    await response.write(body[: len(body) // 2])
    if hit.request.transport is not None:
        hit.request.transport.close()
    return response


async def _silence(hit: Exchange) -> web.StreamResponse:
    await asyncio.sleep(hit.number("seconds"))
    return web.Response(text=hit.usual, content_type=XML)


async def _slow(hit: Exchange) -> web.StreamResponse:
    """The answer comes in small parts, over so many seconds."""
    body = hit.usual.encode()
    response = web.StreamResponse(headers={"Content-Type": XML, "Content-Length": str(len(body))})
    await response.prepare(hit.request)
    step = max(1, -(-len(body) // _STEPS))
    for start in range(0, len(body), step):
        await asyncio.sleep(hit.number("seconds") / _STEPS)
        await response.write(body[start : start + step])
    return response


async def _endless(hit: Exchange) -> web.StreamResponse:
    """A document without an end: so many bytes of one section, and never its end."""
    response = web.StreamResponse(headers={"Content-Type": XML})
    await response.prepare(hit.request)
    await response.write(b'<FlexQueryResponse queryName="x" type="AF"><FlexStatements count="1"><FlexStatement>')
    row = b'<Trade accountId="U1" quantity="1" />\n' * 1000
    left = int(hit.number("bytes"))
    while left > 0:
        await response.write(row[:left])
        left -= len(row)
    return response


async def _other_host(hit: Exchange) -> web.StreamResponse:
    before, _, rest = hit.usual.partition("<Url>")
    after = rest.partition("</Url>")[2]
    text = f"{before}<Url>{hit.params['url']}</Url>{after}" if rest else hit.usual
    return web.Response(text=text, content_type=XML)


FAULTS: Mapping[str, Kind] = {
    "code": Kind("an error of the service, by its code", _code, {"code": "1001"}, BOTH),
    "broken-xml": Kind("an answer that is no XML in its middle", _broken),
    "half-xml": Kind("a whole answer of half a document", _half),
    "html": Kind("a page for people instead of XML", _html, {"status": "200"}, BOTH),
    "empty": Kind("an answer of nothing", _empty, on=BOTH),
    "other-xml": Kind("well-formed XML that is no statement", _other),
    "doctype": Kind("a document type with entities that grow without end", _doctype),
    "redirect": Kind("302 to another address", _redirect, {"to": "http://127.0.0.1:1/"}, BOTH),
    "reset": Kind("the connection is reset before an answer", _reset, on=BOTH),
    "cut": Kind("the connection ends in the middle of the answer", _cut),
    "silence": Kind("nothing for so many seconds, then the answer", _silence, {"seconds": "60"}, BOTH),
    "slow": Kind("the answer over so many seconds", _slow, {"seconds": "5"}),
    "endless": Kind("a document of so many bytes that has no end", _endless, {"bytes": "300000000"}),
    "other-host": Kind("the address of the statement is of another host", _other_host, _ELSEWHERE, SEND),
}


@dataclass(slots=True)
class Fault:
    """A fault at work: it lets ``skip`` requests of its kind pass, and hits ``count`` (0: every one after them)."""

    kind: Kind
    params: Mapping[str, str]
    on: str
    skip: int
    count: int
    hits: int = 0

    @classmethod
    def named(cls, name: str, given: Mapping[str, Any]) -> "Fault":
        """Arm a fault. Raises :class:`SimulatorError` for one, or for a parameter, that there is not."""
        kind = FAULTS.get(name)
        if kind is None:
            raise SimulatorError(f"Flex fault {name!r}: one of {', '.join(FAULTS)}")
        values = {"on": kind.on, "skip": "0", "count": "1", **kind.params}
        for key, value in given.items():
            if key not in values:
                raise SimulatorError(f"Flex fault {name}: {key!r} is not one of {', '.join(values)}")
            values[key] = str(value)
        if values["on"] not in (SEND, GET, BOTH):
            raise SimulatorError(f"Flex fault {name}: on={values['on']!r}: send, get or both")
        for key in {"skip", "count", "code", "status", "bytes", "seconds"} & values.keys():
            if not values[key].replace(".", "", key == "seconds").isdecimal():
                raise SimulatorError(f"Flex fault {name}: {key}={values[key]!r} is not a number")
        if name == "code" and int(values["code"]) not in CODES and len(values["code"]) != 4:
            raise SimulatorError(f"Flex fault code: code={values['code']!r}: four digits")
        return cls(kind, values, values["on"], int(values["skip"]), int(values["count"]))

    def takes(self, on: str) -> bool:
        """Whether a request is hit; counts it."""
        if self.on not in (on, BOTH) or self.is_over:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    @property
    def is_over(self) -> bool:
        return bool(self.count) and self.hits >= self.count
