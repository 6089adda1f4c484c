"""The Flex Web Service, version 3: a statement is asked for, and fetched when IBKR has made it.

In: a query and two days. Out: a document, or an error in words that say what to do. Called by what fetches. Source:
IBKR's guide, "Flex Web Service Version 3".

The token goes as a part of each URL, as IBKR wants it, so: it goes to the host of ``FLEX_URL`` or, by HTTPS, to a host
of IBKR's, and to nobody else; no redirect is followed; no proxy is asked; no exception of aiohttp leaves this module,
since those name URLs; and what IBKR says is shown without it.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import NamedTuple, Self, TypeVar
from xml.etree.ElementTree import Element, ParseError

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from yarl import URL

from ibconnect import __version__
from ibconnect.backoff import Backoff
from ibconnect.errors import FlexError, FlexRefused, FlexUnavailable
from ibconnect.statements.flex.codes import error_of, fit_to_show
from ibconnect.statements.flex.document import Document
from ibconnect.statements.flex.pacing import Pace

# Where statements are handed out is named by the answer, and is another host than the one that is asked.
IBKR = ("interactivebrokers.com", "ibkr.com")
_MOST_ANSWER = 1 << 16
_CHUNK = 1 << 16
_DAY = "%Y%m%d"
# A comment ends at its first end: else what is a row of comments could be read in more ways than there is time for.
_ROOT = re.compile(rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<([A-Za-z!][\w!.-]*)", re.DOTALL)
_PAGE = re.compile(rb"\s*<!DOCTYPE\s+html", re.IGNORECASE)
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long everything may take, in seconds."""

    connect: float = 20.0
    silence: float = 60.0
    """Without a byte."""
    document: float = 1800.0
    """For all of one answer."""
    first_wait: float = 2.0
    longest_wait: float = 60.0
    """Between two tries, which come ever more seldom."""
    paced_wait: float = 60.0
    """After too many requests, at least."""
    tries: float = 900.0
    """For asking, and then for fetching, again and again."""


class Sent(NamedTuple):
    """A statement that IBKR is making: its reference, and where it is handed out."""

    reference: str
    url: URL


class Fetched(NamedTuple):
    """A document, and IBKR's reference of it."""

    document: Document
    reference: str


class Client:
    """Asks with one token; entered as a context. ``url``: the service's, without what is asked of it."""

    def __init__(self, url: str, token: str, pace: Pace, patience: Patience = Patience()) -> None:
        self._base = URL(url)
        self._token = token
        self._pace = pace
        self._patience = patience
        self._session: ClientSession

    async def __aenter__(self) -> Self:
        times = ClientTimeout(
            total=self._patience.document, sock_connect=self._patience.connect, sock_read=self._patience.silence
        )
        self._session = ClientSession(
            connector=TCPConnector(limit=1, force_close=True),
            timeout=times,
            cookie_jar=DummyCookieJar(),
            trust_env=False,
            headers={"User-Agent": f"ibconnect/{__version__}", "Accept": "application/xml, text/xml"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def fetch(self, query: str, since: date, until: date) -> Fetched:
        """The statement of a query over these days, both included, at most 365.

        :raises FlexUnavailable: IBKR did not give it in time, or could not be reached
        :raises FlexNothing: IBKR has none of these days
        :raises FlexRefused: somebody has to do something first
        """
        try:
            return await self._fetched(query, since, until)
        except FlexUnavailable as exc:
            if not exc.is_anew:
                raise
        return await self._fetched(query, since, until)

    async def _fetched(self, query: str, since: date, until: date) -> Fetched:
        days = {"fd": since.strftime(_DAY), "td": until.strftime(_DAY)}
        sent = await self._persisted(lambda: self._send({"q": query, **days}))
        document = await self._persisted(lambda: self._get(sent))
        return Fetched(document, sent.reference)

    async def _persisted(self, step: Callable[[], Awaitable[Result]]) -> Result:
        """What a step gives, tried again while it may help and there is time."""
        loop = asyncio.get_running_loop()
        waits = Backoff(self._patience.first_wait, self._patience.longest_wait)
        end = loop.time() + self._patience.tries
        while True:
            try:
                return await step()
            except FlexUnavailable as exc:
                wait = waits.wait()
                if exc.is_paced:
                    wait = max(wait, self._patience.paced_wait)
                if exc.is_anew or loop.time() + wait > end:
                    raise
            await asyncio.sleep(wait)

    async def _send(self, asked: dict[str, str]) -> Sent:
        document = Document(_MOST_ANSWER, _MOST_ANSWER)
        await self._ask(self._base / "SendRequest", asked, document)
        answer = self._answer_of(document)
        reference, url = _text(answer, "ReferenceCode"), _text(answer, "Url")
        if _text(answer, "ErrorCode") or not reference:
            raise self._error_in(answer)
        if not _REFERENCE.fullmatch(reference):
            raise FlexUnavailable("IBKR's answer has a reference code of a form that is not known")
        return Sent(reference, self._checked(url))

    def _checked(self, text: str) -> URL:
        """Where the statement is handed out, if the token may go there.

        :raises FlexRefused: it may not
        """
        try:
            url = URL(text) if text else self._base / "GetStatement"
            host, port = url.host or "", url.port
        except ValueError:
            raise FlexRefused("IBKR's answer names no URL that can be understood") from None
        is_same = (url.scheme, host, port) == (self._base.scheme, self._base.host, self._base.port)
        is_theirs = url.scheme == "https" and any(host == each or host.endswith(f".{each}") for each in IBKR)
        if not (is_same or is_theirs) or url.user is not None:
            shown = fit_to_show(f"{url.scheme}://{host}", self._token)
            raise FlexRefused(
                f"the statement is said to be at {shown}, which is neither the host of FLEX_URL nor one of IBKR's by "
                "HTTPS: the token is not sent there; check FLEX_URL"
            )
        return url.with_query(None).with_fragment(None)

    async def _get(self, sent: Sent) -> Document:
        document = Document()
        await self._ask(sent.url, {"q": sent.reference}, document)
        root = _ROOT.match(document.head)
        if root is None or root[1] != b"FlexQueryResponse":
            raise self._error_in(self._answer_of(document))
        tail = document.tail.rstrip()
        if not tail.endswith(b"</FlexQueryResponse>") and not tail.endswith(b"/>"):
            raise FlexUnavailable("the statement was cut off on its way")
        return document

    async def _ask(self, url: URL, asked: dict[str, str], document: Document) -> None:
        """Have the document filled with what is answered.

        :raises FlexUnavailable: there is no answer, or it is none of the service's
        :raises FlexRefused: it is too large
        """
        await self._pace.turn()
        why = ""
        try:
            query = {"t": self._token, **asked, "v": "3"}
            async with self._session.get(url.with_query(query), allow_redirects=False) as response:
                why = self._no_answer(response)
                if not why:
                    async for data in response.content.iter_chunked(_CHUNK):
                        document.add(data)
        except TimeoutError:
            why = f"{url.host} did not answer in time"
        except (ClientError, OSError, ValueError) as exc:
            # Its text, and what it was made from, may hold the URL.
            why = f"{url.host} could not be asked, or ended the connection ({type(exc).__name__})"
        if why:
            raise FlexUnavailable(why)

    def _no_answer(self, response: ClientResponse) -> str:
        if 300 <= response.status < 400:
            return f"{response.url.host} answered with a redirect ({response.status}), which is not followed"
        if response.status == 429:
            raise FlexUnavailable(f"{response.url.host} answered with status 429: too many requests", is_paced=True)
        if response.status != 200:
            return f"{response.url.host} answered with status {response.status}"
        return ""

    def _answer_of(self, document: Document) -> Element:
        """The short answer of the service.

        :raises FlexUnavailable: it is something else, such as a page that says that there is maintenance
        """
        root = _ROOT.match(document.head)
        name = root[1].decode() if root else ""
        if name.lower() == "html" or _PAGE.match(document.head):
            raise FlexUnavailable("a web page came in the place of an answer: IBKR has maintenance as a rule")
        if name != "FlexStatementResponse" or document.bytes > _MOST_ANSWER:
            raise FlexUnavailable("what came is no answer of the Flex Web Service")
        try:
            answer: Element = fromstring(b"".join(document), forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, LookupError):
            raise FlexUnavailable("the answer of the Flex Web Service is cut off, or no XML") from None
        return answer

    def _error_in(self, answer: Element) -> FlexError:
        code = fit_to_show(_text(answer, "ErrorCode"), self._token)[:16]
        return error_of(code, fit_to_show(_text(answer, "ErrorMessage"), self._token))


def _text(answer: Element, name: str) -> str:
    """What stands in an element, in whatever case IBKR writes its name today."""
    return next((each.text or "" for each in answer if each.tag.lower() == name.lower()), "").strip()
