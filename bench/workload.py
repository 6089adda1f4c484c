"""A recorded history to project: the real captures, told again and again with other amounts.

In: how many events. Out: rows in ``public.stored_events``, as a recorder of one gateway would have left them.
Called by the benchmarks of rebuilding and of space. Nearly every event belongs to a download, so nearly every
one makes something: a history with more updates between refreshes is easier on a rebuild.
"""

import random
from collections.abc import Iterator
from uuid import UUID

import orjson
import psycopg

from bench.stage import CAPTURES
from ibconnect.events.wire import encode_message

_FILES = ("eur-commodities-fx", "eur-margin", "usd-demo-universal", "eur-flat-20210301", "eur-cfd")
_POSITIONS = 10
_READ_MESSAGES = 60
_START = 1_700_000_000_000_000

Event = tuple[UUID, int, str, bytes]


class History:
    """One session, event by event; the same for the same seed."""

    def __init__(self, seed: int = 1, accounts: int = 20) -> None:
        self._random = random.Random(seed)
        self._session = UUID(int=self._random.getrandbits(128), version=4)
        self._version = 0
        self._time = _START
        self._codes = [f"DU{1_000_000 + number}" for number in range(accounts)]
        self._captures = [_account_values(name) for name in _FILES]
        self.wire_bytes = 0

    def events(self, count: int) -> Iterator[Event]:
        """At least ``count`` events: whole refreshes, one after the other."""
        yield self._own("so", gateway="127.0.0.1:4002", client_id=5555, server_version="178", instance="bench")
        yield self._message(["15", "1", ",".join(self._codes)], True)
        while self._version < count:
            created = self._time + 1
            yield self._own("rs", created=created, trigger="cron", accounts=self._codes)
            for number, code in enumerate(self._codes):
                yield from self._download(code, self._captures[number % len(self._captures)])
            yield self._own("re", created=created, outcome="complete")

    def _download(self, code: str, values: list[list[str]]) -> Iterator[Event]:
        yield self._own("as", account=code, source="updates")
        for number, (key, text, currency) in enumerate(values):
            is_first = number % _READ_MESSAGES == 0
            yield self._message(["6", "2", key, self._varied(text, code), currency, code], is_first)
        for number in range(_POSITIONS):
            yield self._message(self._position(code, number), number == 0)
            yield self._message(["8", "1", "12:00"], False)
        yield self._message(["54", "1", code], True)
        yield self._own("ac", account=code, ended="download-end")

    def _position(self, code: str, number: int) -> list[str]:
        symbol = f"SYM{(int(code[2:]) * 7 + number) % 200}"
        contract = [str(265_598 + int(symbol[3:])), symbol, "STK", "", "0", "0", "", "NASDAQ", "USD", symbol, "NMS"]
        price, size = self._random.uniform(1, 900), self._random.randrange(1, 1000)
        numbers = [f"{size}", f"{price:.8f}", f"{price * size:.2f}", f"{price * 0.9:.6f}", f"{price * 0.1 * size:.2f}"]
        return ["7", "8", *contract, *numbers, "0.00", code]

    def _varied(self, text: str, code: str) -> str:
        """Another amount with the same number of decimals; zeros, ones and texts as they are."""
        whole, point, decimals = text.partition(".")
        if point and decimals.isdigit() and whole.lstrip("-").isdigit() and text not in ("0.00", "1.00"):
            return f"{float(text) * self._random.uniform(0.9, 1.1):.{len(decimals)}f}"
        return text.replace("DU0000001", code)

    def _own(self, topic: str, **facts: object) -> Event:
        self._time += 1000
        return self._event(topic, orjson.dumps({"t": self._time, **facts}))

    def _message(self, fields: list[str], is_first: bool) -> Event:
        self._time += 10
        payload = "".join(f"{field}\0" for field in fields).encode()
        self.wire_bytes += 4 + len(payload)
        return self._event(*encode_message(payload, self._time if is_first else None))

    def _event(self, topic: str, state: bytes) -> Event:
        self._version += 1
        return self._session, self._version, topic, state


def _account_values(name: str) -> list[list[str]]:
    lines = (CAPTURES / f"{name}.jsonl").read_bytes().splitlines()
    return [fields[2:5] for fields in map(orjson.loads, lines) if fields[0] == "6"]


def fill(url: str, events: Iterator[Event]) -> int:
    """Store events in order; return how many."""
    count = 0
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        statement = (
            "COPY public.stored_events (originator_id, originator_version, topic, state) FROM STDIN (FORMAT BINARY)"
        )
        with cursor.copy(statement) as copy:
            copy.set_types(["uuid", "int8", "text", "bytea"])
            for event in events:
                copy.write_row(event)
                count += 1
    return count


def repeat(url: str, times: int) -> None:
    """Store what is there so many more times, each as a session of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT max(notification_id) FROM public.stored_events").fetchone()
        for _ in range(times):
            connection.execute(_REPEAT, {"last": row and row[0]})


_REPEAT = """
    INSERT INTO public.stored_events (originator_id, originator_version, topic, state)
    SELECT
        session.id,
        event.originator_version,
        event.topic,
        event.state
    FROM public.stored_events AS event
    CROSS JOIN (SELECT gen_random_uuid() AS id OFFSET 0) AS session
    WHERE event.notification_id <= %(last)s
    ORDER BY event.notification_id
"""
