"""Two databases that differ in other accounts only tell a token that is limited to some the same, to the byte."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg

from ibconnect.http.resources.registry import ROUTES
from ibconnect.times import to_micros
from tests.conftest import create_database, drop_database
from tests.projecting import Stream, project, record
from tests.routes import target_of
from tests.serving import FIRST, HOUR, Served, admin, messages, serving

FULL, LIMITED = "full-token-0123456789", "limited-token-0123456789"
MINUTE = 60_000_000


class Book:
    """What happens at one gateway: to the token's own account always the same at the same times.

    :param is_shared: others are there as well
    """

    def __init__(self, number: int, is_shared: bool) -> None:
        self.gateway = f"127.0.0.1:{5000 + number}"
        self.own, self.other, self.third = (f"{kind}{number}" for kind in ("DU", "XX", "YY"))
        self.stream = Stream(self.gateway, at=to_micros(FIRST) - 10_000_000)
        self.is_shared = is_shared
        self._refreshes = 0

    def listed(self, *codes: str) -> None:
        self.stream.message("15", "1", ",".join(codes) if self.is_shared else self.own, timed=True)

    def refresh(
        self, *accounts: str, missing: dict[str, str] | None = None, ends: bool = True, scope: str = ""
    ) -> None:
        """A refresh that walks our own account first, or one that only the others know of."""
        is_ours = self.own in accounts
        if not self.is_shared:
            accounts = (self.own,) if is_ours else ()
        missing = {code: why for code, why in (missing or {}).items() if self.is_shared or code == self.own}
        if accounts:
            self._refreshes += is_ours
            self.stream.at = to_micros(FIRST + self._refreshes * HOUR) + (0 if is_ours else MINUTE)
            self._walk(accounts, missing, ends, scope)

    def _walk(self, accounts: tuple[str, ...], missing: dict[str, str], ends: bool, scope: str) -> None:
        stream, created = self.stream, self.stream.at
        # Why it was made may be about others.
        trigger = "accounts" if self.is_shared else "schedule"
        stream.own("rs", created=created, accounts=list(accounts), trigger=trigger, scope=scope)
        for account in accounts:
            is_whole = account not in missing
            sent = messages(account, self._refreshes) if is_whole else ()
            stream.download(account, sent, "download-end" if is_whole else "rejected")
        outcome = "complete" if not missing else "partial" if set(accounts) - set(missing) else "failed"
        if ends or not self.is_shared:
            detail = {"detail": f"{self.other} is slow"} if self.is_shared else {}
            stream.own("re", created=created, outcome=outcome, missing=missing, **detail)


def others_fail(book: Book) -> None:
    book.refresh(book.own, book.other, missing={book.other: f"rejected: 321: {book.other} is unknown"})


def only_others_are_whole(book: Book) -> None:
    book.refresh(book.own, book.other, missing={book.own: f"rejected: 321: not {book.other}"})


def others_are_asked_alone(book: Book) -> None:
    book.refresh(book.own, book.other, book.third)
    book.refresh(book.other, scope="some")
    book.refresh(book.other, book.third, scope="some", missing={book.other: "timeout: 30 s"})


def others_are_still_open(book: Book) -> None:
    book.refresh(book.own, book.other)
    book.refresh(book.own, book.other, book.third, ends=False)


def one_is_asked_for_alone(book: Book) -> None:
    book.refresh(book.own, book.other)
    book.refresh(book.own, scope="some" if book.is_shared else "")


def others_are_gone(book: Book) -> None:
    book.refresh(book.own, book.other, book.third)
    book.listed(book.own, book.third)
    book.refresh(book.own, book.third, missing={book.other: "unlisted: it was listed before, and is not now"})


STORIES: tuple[Callable[[Book], None], ...] = (
    others_fail,
    only_others_are_whole,
    others_are_asked_alone,
    others_are_still_open,
    one_is_asked_for_alone,
    others_are_gone,
)
OWN = [Book(number, False).own for number, _ in enumerate(STORIES)]


@contextmanager
def database(server_url: str, template: str, is_shared: bool) -> Iterator[str]:
    """A database in which each story has happened at a gateway of its own, to our accounts alone or to others too."""
    name = f"others_{is_shared}".lower()
    url = create_database(server_url, name, template)
    for number, story in enumerate(STORIES):
        book = Book(number, is_shared)
        book.listed(book.own, book.other, book.third)
        story(book)
        record(url, book.stream.events)
        with admin(url) as connection:
            tell(connection, book)
    project(url)
    yield url
    drop_database(server_url, name)


def tell(connection: psycopg.Connection[Any], book: Book) -> None:
    """What the leader of the gateway tells of it: always alive, and with IB's words about others."""
    connection.execute(
        "INSERT INTO coordination.instance (name, gateways, client_id, address, version, heartbeat)"
        " VALUES (%s, ARRAY[%s], 5555, '127.0.0.1:1', '0.1.0', '2090-01-01')",
        (f"leader of {book.gateway}", book.gateway),
    )
    words = [f"about {book.other}" if book.is_shared else None] * 2
    connection.execute(
        "INSERT INTO coordination.gateway (name, instance, state, detail, connected, since, heartbeat,"
        " last_notice_code, last_notice_text, last_notice_at)"
        " VALUES (%s, 'leader', 'recording', %s, true, '2024-01-01', '2090-01-01', '321', %s, '2024-01-01')",
        (book.gateway, *words),
    )


# What is random, and what counts the events of all, in the messages that a figure was made of.
OF_EVENTS = re.compile(rb'"(?:Session|Position)":(?:"[0-9a-f-]+"|\d+)')


async def answers(served: Served, token: str) -> AsyncIterator[tuple[str, int, dict[str, str], bytes]]:
    """Every route, in every way that has an answer of its own. Positions of events count what is recorded of all."""
    for route in ROUTES:
        if route.right is None or route.path in ("/v1/events", "/metrics"):
            continue
        paths = [target_of(route, AccountCode=code) for code in OWN]
        for path in dict.fromkeys(paths):
            for more in ({}, {"Cache-Control": "max-age=0"}) if path in ("/v1/accounts", paths[1]) else ({},):
                headers = {"Authorization": f"Bearer {token}", "Host": "records.example", **more}
                async with served.get(path, headers=headers) as response:
                    sent = {name: text for name, text in response.headers.items() if name != "Date"}
                    body = (await response.read()).partition(b'"error_id"')[0]
                    if route.name == "getSources":
                        body, sent = OF_EVENTS.sub(b"", body), {"Vary": sent["Vary"]}
                    yield f"{path} {more}", response.status, sent, body


async def answers_of(url: str, token: str) -> dict[str, tuple[int, dict[str, str], bytes]]:
    tokens = f"{FULL}@* {LIMITED}@{','.join(OWN)}"
    async with serving(url, API_TOKENS=tokens, REFRESH_TIMEOUT="0.1", REFRESH_FLOOR="0") as served:
        return {asked: (status, headers, body) async for asked, status, headers, body in answers(served, token)}


async def test_what_becomes_of_other_accounts_is_told_in_no_byte(server_url: str, template: str) -> None:
    with database(server_url, template, False) as alone, database(server_url, template, True) as shared:
        limited, other = await answers_of(alone, LIMITED), await answers_of(shared, LIMITED)
        full = await answers_of(shared, FULL)
    assert list(limited) == list(other)
    for asked, answer in limited.items():
        assert answer == other[asked], asked
    assert {status for status, _, _ in limited.values()} >= {200, 303, 504}
    assert full["/v1/gateways {}"] != limited["/v1/gateways {}"], "there are others, which a full token sees"
    seen = {gateway["Gateway"]: gateway["LastRefresh"] for gateway in orjson.loads(limited["/v1/gateways {}"][2])}
    assert len(seen) == len(STORIES)
    for number, story in enumerate(STORIES):
        refresh = seen[Book(number, False).gateway]
        assert refresh["Outcome"] == ("failed" if story is only_others_are_whole else "complete"), story
        assert (refresh["Done"], refresh["Total"], refresh["Scope"], refresh["Trigger"]) == (1, 1, "all", None)
        assert refresh["Ended"] is not None
