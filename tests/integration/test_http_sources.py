"""Where a figure of a report comes from: the message that holds it has the very text that the report shows."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries
from ibconnect.events.codec import time_in
from ibconnect.http.resources.accounts.balance import MONEY_TAGS
from ibconnect.texts import readable
from ibconnect.times import format_rfc3339, from_micros
from ibconnect.wire_numbers import number_of
from tests.conftest import create_database, drop_database
from tests.holdings import build_holdings
from tests.large_world import rows_read, watched
from tests.paths import CAPTURES
from tests.projecting import Stream, capture, position, project, record, value
from tests.serving import DU1, DU2, PROBLEM, Served, admin, at, serving

pytestmark = pytest.mark.with_tables

FIELDS = {
    "Position": 13,
    "MarketPrice": 14,
    "MarketValue": 15,
    "AverageCost": 16,
    "UnrealizedPNL": 17,
    "RealizedPNL": 18,
}
"""Figures of a position, and where its message has them."""
ALL_CAPTURES = sorted(CAPTURES.glob("*.jsonl"))


class Wire(str):
    """A JSON number by its very text."""


def exact(text: str) -> Any:
    """JSON with every number as it is written."""
    return json.loads(text, parse_float=Wire, parse_int=Wire)


async def asked(served: Served, path: str, **parameters: object) -> Any:
    query = urlencode({name: text for name, text in parameters.items() if text is not None}, quote_via=quote)
    async with served.get(f"{path}?{query}") as response:
        text = await response.text()
        assert response.status == 200, text
        return exact(text)


def text_of(source: Mapping[str, Any]) -> str:
    """The text of the value that a message has."""
    message: list[str] = source["Message"]
    return message[3] if source["Type"] == "AccountValueUpdated" else message[6]


def holding(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [source for source in answer["Sources"] if source["Holds"]]


async def prove(served: Served, url: str, account: str, timestamp: str) -> None:
    """Hold every figure of a report against the messages that it is said to be made of."""
    report = await asked(served, f"/v1/accounts/{account}/{timestamp}")
    path = f"/v1/accounts/{account}/sources/{timestamp}"
    await _prove_values(served, path, report)
    for tag in MONEY_TAGS:
        if (shown := report["Balance"][tag]) is not None:
            base = "BASE" if tag == "TotalCashBalance" else shown.split()[0]
            (held,) = holding(await asked(served, path, tag=tag, currency=base, level=_level(tag)))
            number = number_of(text_of(held))
            assert number is not None
            assert Decimal(shown.split()[1]) == Decimal(number)
    for held in report["Positions"]:
        if held["IbContractId"] not in (None, "0"):
            await _prove_position(served, path, held, is_multi=report["Source"] == "multi")
    await _prove_whole(served, url, path, report)


def _level(tag: str) -> str:
    return "ledger" if tag == "TotalCashBalance" else "account"


async def _prove_values(served: Served, path: str, report: Mapping[str, Any]) -> None:
    seen: Counter[tuple[Any, ...]] = Counter()
    total = Counter((row["Tag"], row["Segment"], row["Currency"], row.get("ModelCode")) for row in report["Values"])
    for row in report["Values"]:
        key = row["Tag"], row["Segment"], row["Currency"], row.get("ModelCode")
        seen[key] += 1
        level = (None, "account", "ledger")[seen[key]] if total[key] == 2 else None
        answer = await asked(served, path, tag=key[0], segment=key[1], currency=key[2], level=level, model=key[3])
        (held,) = holding(answer)
        assert readable(text_of(held)) == row["Value"] == answer["Figure"]["Value"], (row, answer)
        assert answer["Figure"]["Currency"] == row["Currency"]
        assert held == answer["Sources"][-1], "it is the last of all that were sent"


async def _prove_position(served: Served, path: str, shown: Mapping[str, Any], *, is_multi: bool) -> None:
    contract, model = shown["IbContractId"], shown["ModelCode"]
    for name, place in FIELDS.items():
        answer = await asked(served, path, contract=contract, figure=name, model=model)
        text, figure = answer["Figure"]["Value"], shown[name]
        if figure is None:
            assert text is None or number_of(text) is None
        else:
            (held,) = holding(answer)
            assert Decimal(text) == Decimal(figure)
            assert text == held["Message"][place] or (is_multi and text in held["Message"])
    for name in ("MarketValueBase", "ExchangeRate"):
        answer = await asked(served, path, contract=contract, figure=name, model=model)
        assert answer["Figure"]["Value"] == shown[name], (shown, answer)
        assert len(holding(answer)) == (0 if shown[name] is None else 2 if name == "MarketValueBase" else 1)


async def _prove_whole(served: Served, url: str, path: str, report: Mapping[str, Any]) -> None:
    answer = await asked(served, path, limit=10_000)
    assert answer["Figure"] is None
    positions = [int(source["Position"]) for source in answer["Sources"]]
    assert positions == sorted(set(positions))
    of_figures = [source for source in holding(answer) if source["Type"] != "AccountTimeUpdated"]
    assert len(of_figures) == len(report["Values"]) + len(report["Positions"])
    query = "SELECT notification_id, encode(sha256(state), 'hex') FROM stored_events WHERE notification_id = ANY (%s)"
    with admin(url) as connection:
        stored = dict(connection.execute(query, (positions,)).fetchall())
    assert stored == {int(source["Position"]): source["Sha256"] for source in answer["Sources"]}
    assert {"AccountSubscribed", "AccountConcluded"} <= {source["Type"] for source in answer["Sources"]}


@pytest.mark.parametrize("path", ALL_CAPTURES, ids=lambda path: path.stem)
async def test_every_figure_of_a_real_capture_has_the_message_that_holds_it(database_url: str, path: Path) -> None:
    stream = Stream()
    stream.message("15", "1", f"{DU1},", timed=True)
    sent = capture(path)
    code = next((fields[-1] for fields in sent if fields[0] == "6"), DU1)
    stream.refresh({code: sent}, created=stream.at)
    record(database_url, stream.events)
    project(database_url)
    async with serving(database_url) as served:
        accounts = await asked(served, "/v1/accounts")
        latest = {each["AccountCode"]: each["Latest"] for each in accounts if each["Latest"] is not None}
        assert latest
        for account, timestamp in latest.items():
            await prove(served, database_url, account, timestamp)


async def test_every_figure_of_the_world_has_the_message_that_holds_it(served: Served, world_url: str) -> None:
    for account in (DU1, DU2):
        for number in range(3):
            await prove(served, world_url, account, at(number))


KEYS = (
    "NetLiquidation",
    "NetLiquidation-S",
    "AccruedCash",
    "AccruedCash-S",
    "$LEDGER-AccruedCash",
    "CashBalance",
    "$LEDGER-CashBalance",
    "ExchangeRate",
    "$LEDGER-ExchangeRate",
    "TotalCashBalance",
    "TotalCashValue",
    "Cushion",
    "AccountType",
    "Currency",
    "$LEDGER-Currency",
    "FigureOfTomorrow",
    "K" * 300,
)
TEXTS = ("1", "-0.00", "1.0E7", "+5", "", "1.7976931348623157E308", "NaN", "0.5", "007", "\\u00e9", "'\"\\", DU1)
ACCOUNTS = st.sampled_from((DU1, DU1, DU1, DU2))
VALUES = st.builds(
    value, st.sampled_from(KEYS), st.sampled_from(TEXTS), st.sampled_from(("", "USD", "EUR", "BASE")), ACCOUNTS
)
POSITIONS = st.builds(
    lambda number, size, price, worth, currency, account: [
        *position(number, size=size, price=price, account=account, currency=currency)[:15],
        worth,
        *position(number, account=account)[16:],
    ],
    st.integers(0, 3),
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
    st.sampled_from(("USD", "EUR", "GBP")),
    ACCOUNTS,
)
OTHERS = st.sampled_from((("8", "1", "12:30"), ("8", "1", "12:31"), ("4", "2", "-1", "2104", f"farm of {DU1}", "")))
DOWNLOADS = st.lists(st.one_of(VALUES, VALUES, POSITIONS, OTHERS), max_size=40)


@pytest.fixture(scope="module")
def histories(server_url: str, template: str) -> Iterator[str]:
    """A database that any number of sessions are recorded in, one after the other."""
    url = create_database(server_url, "sources_histories", template)
    yield url
    drop_database(server_url, "sources_histories")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(downloads=st.lists(DOWNLOADS, min_size=1, max_size=3))
def test_whatever_is_sent_each_figure_has_the_message_that_holds_it(
    histories: str, downloads: list[list[list[str]]]
) -> None:
    stream = Stream(at=_free(histories))
    stream.message("15", "1", f"{DU1},{DU2}", timed=True)
    created = []
    for download in downloads:
        created.append(stream.at + 1)
        stream.refresh({DU1: download, DU2: [value("Cushion", "1", account=DU2)]})
    record(histories, stream.events)
    project(histories)

    async def proved() -> None:
        async with serving(histories) as served:
            for moment in created:
                await prove(served, histories, DU1, format_rfc3339(from_micros(moment)))

    asyncio.run(proved())


def _free(url: str) -> int:
    """A time behind all that is recorded."""
    with admin(url) as connection:
        found = connection.execute("SELECT coalesce(max(notification_id), 0) FROM stored_events").fetchone()
    assert found is not None
    return 1_700_000_000_000_000 + int(str(found[0])) * 10_000_000


async def test_every_figure_of_models_and_of_answers_to_requests(database_url: str) -> None:
    build_holdings(database_url, seed=3, reports=5)
    with admin(database_url) as connection:
        query = "SELECT account_code, created FROM accounts.account_snapshot ORDER BY id"
        found = connection.execute(query).fetchall()
    assert found
    async with serving(database_url) as served:
        for account, created in found:
            await prove(served, database_url, str(account), format_rfc3339(created))  # type: ignore[arg-type]


async def test_a_download_is_found_among_others_of_the_same_account(database_url: str) -> None:
    """A try that failed, a download that went on when it had ended, others at the same time, a clock set back."""
    stream = Stream()
    stream.message("15", "1", f"{DU1},{DU2}", timed=True)
    created = stream.at + 1
    stream.own("rs", created=created, trigger="test", accounts=[DU1, DU2])
    for account in (DU1, DU2):
        stream.own("as", account=account, source="updates")
        stream.message(*value("Cushion", "0.1", account=account), timed=True)
    stream.own("ac", account=DU1, ended="quiet", then="multi", class_version=2)
    numbers = {DU1: (7, 8), DU2: (9, 10)}
    began = {}
    for account, (values, positions) in numbers.items():
        asked_by = {"values_request": values, "positions_request": positions}
        began[account] = stream.own("as", account=account, source="multi", **asked_by).originator_version
    for text in ("0.2", "0.3"):
        for account, (values, _) in numbers.items():
            stream.message("73", "1", str(values), account, "", "Cushion", text, "", timed=True)
    last = stream.at
    for account in (DU1, DU2):
        stream.own("ac", account=account, ended="download-end", class_version=2, last=last)
    stream.own("re", created=created, outcome="complete")
    stream.at -= 30_000_000
    stream.own("rs", created=created + 1_000_000, trigger="test", accounts=[DU1])
    stream.own("as", account=DU1, source="multi", values_request=7, positions_request=8, since=began[DU1])
    stream.message("73", "1", "7", DU1, "", "Cushion", "0.4", "", timed=True)
    stream.own("ac", account=DU1, ended="quiet", class_version=2, last=stream.at)
    stream.own("re", created=created + 1_000_000, outcome="complete")
    record(database_url, stream.events)
    project(database_url)
    async with serving(database_url) as served:
        for account, moment, texts in (
            (DU1, created, ["0.2", "0.3"]),
            (DU2, created, ["0.2", "0.3"]),
            (DU1, created + 1_000_000, ["0.2", "0.3", "0.4"]),
        ):
            name = format_rfc3339(from_micros(moment))
            await prove(served, database_url, account, name)
            answer = await asked(served, f"/v1/accounts/{account}/sources/{name}", tag="Cushion")
            assert [text_of(source) for source in answer["Sources"]] == texts
            assert [source["Holds"] for source in answer["Sources"]] == [False] * (len(texts) - 1) + [True]


async def test_sources_come_page_by_page(served: Served) -> None:
    path = f"/v1/accounts/{DU1}/sources/{at(1)}"
    whole = (await asked(served, path))["Sources"]
    found, url = [], f"{served.url}{path}?limit=7"
    while url:
        async with served.client.get(url) as response:
            page = exact(await response.text())["Sources"]
            url = str(response.links["next"]["url"]) if "next" in response.links else ""
        assert len(page) == 7 or not url
        found += page
    assert found == whole


async def test_a_download_that_is_too_large_to_keep_is_read_twice(database_url: str) -> None:
    """More than 2,000 messages, each figure sent again and again: none is missing, none is shown twice."""
    stream = Stream()
    stream.message("15", "1", f"{DU1},", timed=True)
    created = stream.at + 1
    sent = [value(f"Tag{number % 7}", str(number), "", DU1) for number in range(2_100)]
    stream.refresh({DU1: sent})
    record(database_url, stream.events)
    project(database_url)
    async with serving(database_url) as served:
        path = f"/v1/accounts/{DU1}/sources/{format_rfc3339(from_micros(created))}"
        one = (await asked(served, path, tag="Tag5"))["Sources"]
        assert [text_of(source) for source in one] == [str(number) for number in range(5, 2_100, 7)]
        assert [source["Holds"] for source in one] == [False] * 299 + [True]
        whole = (await asked(served, path, limit=10_000))["Sources"]
        values = [source for source in whole if source["Type"] == "AccountValueUpdated"]
        assert [text_of(source) for source in values] == [fields[3] for fields in sent]
        assert [text_of(source) for source in values if source["Holds"]] == [fields[3] for fields in sent[-7:]]
        assert len(whole) == len(sent) + 2


async def test_what_is_not_there_has_no_sources(served: Served) -> None:
    path = f"/v1/accounts/{DU1}/sources/{at(1)}"
    for parameters in ({"tag": "Unheard"}, {"tag": "Cushion", "currency": "EUR"}, {"contract": 999}):
        answer = await asked(served, path, **parameters)
        assert (answer["Figure"]["Value"], answer["Sources"]) == (None, [])
    unset = await asked(served, path, contract=700, figure="MarketPrice")
    assert unset["Figure"]["Value"] == "1.7976931348623157E308"
    # What stands in Balance under the name of a tag is found by that name alone.
    cash = await asked(served, path, tag="TotalCashBalance")
    assert (cash["Figure"]["Currency"], cash["Figure"]["Value"], cash["Figure"]["Level"]) == (
        "BASE",
        "-12.3400",
        "ledger",
    )


@pytest.mark.parametrize(
    ("path", "status", "problem"),
    [
        (f"{DU1}/sources/{at(1)}?tag=Cushion&contract=1", 400, "invalid-parameter"),
        (f"{DU1}/sources/{at(1)}?segment=S", 400, "invalid-parameter"),
        (f"{DU1}/sources/{at(1)}?figure=Position", 400, "invalid-parameter"),
        (f"{DU1}/sources/{at(1)}?contract=1&figure=Symbol", 400, "invalid-parameter"),
        (f"{DU1}/sources/{at(1)}?model=Growth", 400, "invalid-parameter"),
        (f"{DU1}/sources/{at(0.5)}", 404, "unknown-snapshot"),
        (f"DU9/sources/{at(1)}", 404, "unknown-account"),
    ],
)
async def test_what_cannot_be_answered_is_refused(served: Served, path: str, status: int, problem: str) -> None:
    async with served.get(f"/v1/accounts/{path}") as response:
        assert (response.status, response.content_type) == (status, PROBLEM)
        assert (await response.json())["type"] == f"urn:ibconnect:problem:{problem}"


async def test_a_limited_token_is_shown_no_message_that_tells_of_others(database_url: str) -> None:
    stream = Stream()
    stream.message("15", "1", f"{DU1},{DU2}", timed=True)
    messages = [
        value("NetLiquidation", "1.00", "USD", DU1),
        value("Note", f"moved to {DU2}", "", DU1),
        ("8", "1", "12:30"),
    ]
    created = stream.at + 1
    stream.refresh({DU1: messages, DU2: [value("NetLiquidation", "2.00", "USD", DU2)]})
    record(database_url, stream.events)
    project(database_url)
    tokens = f"sees-everything-0@* sees-one-account@{DU1} reads-one-account@{DU1},read"
    path = f"/v1/accounts/{DU1}/sources/{format_rfc3339(from_micros(created))}"
    kinds: dict[str, list[str]] = {}
    async with serving(database_url, API_TOKENS=tokens) as served:
        for token in ("sees-everything-0", "sees-one-account"):
            headers = {"Authorization": f"Bearer {token}"}
            async with served.get(path, headers=headers) as response:
                kinds[token] = [source["Type"] for source in (await response.json())["Sources"]]
                text = await response.text()
            assert (DU2 in text) == (token == "sees-everything-0")
        async with served.get(path.replace(DU1, DU2), headers=headers) as response:
            assert response.status == 404
        headers = {"Authorization": "Bearer reads-one-account"}
        async with served.get(path, headers=headers) as response:
            assert response.status == 403
    around = ["AccountSubscribed", "AccountConcluded"]
    assert kinds["sees-one-account"] == [around[0], "AccountValueUpdated", around[1]]
    full = [around[0], "AccountValueUpdated", "AccountValueUpdated", "AccountTimeUpdated", around[1]]
    assert kinds["sees-everything-0"] == full


@pytest.mark.parametrize(("number", "set_back", "most"), [(30, 0, 1_000), (20, 61_000_000, 2_000)])
async def test_little_is_read_of_a_long_session(
    database_url: str, monkeypatch: pytest.MonkeyPatch, number: int, set_back: int, most: int
) -> None:
    """A report in the middle of a session of many: the statements look at its own events, and a few besides.

    Also while the planner has no statistics, as of the events of a month that has just begun; and where the clock was
    set back after the report by more than a minute, so that later events have its times as well.
    """
    stream = Stream()
    stream.message("15", "1", f"{DU1},{DU2}", timed=True)
    moments = []
    for refresh in range(60):
        moments.append(stream.at + 1)
        downloads = {account: [value(f"Tag{n}", "1", "", account) for n in range(100)] for account in (DU2, DU1)}
        stream.refresh(downloads)
        stream.at += 60_000_000 - (set_back if refresh == number else 0)
    record(database_url, stream.events)
    project(database_url)
    with watched(monkeypatch) as noted:
        async with serving(database_url) as served:
            del noted[:]
            path = f"/v1/accounts/{DU1}/sources/{format_rfc3339(from_micros(moments[number]))}"
            answer = await asked(served, path, tag="Tag5")
            assert len(answer["Sources"]) == 1
            statements = [statement for statement in noted if "SELECT" in statement.text]
    with connect(database_url, name="test") as connection:
        for has_statistics in (False, True):
            if has_statistics:
                connection.execute("ANALYZE")
            plans = [max(sum(rows_read(plan).values()) for plan in each.plans(connection)) for each in statements]
            assert 200 <= sum(plans) < most, plans  # of 12,000 events


async def test_a_session_is_bisected_as_one_by_one(database_url: str) -> None:
    """In one statement as in many: where each instant begins, also between events, before all and behind all."""
    stream = Stream()
    for number in range(37):
        stream.message(*value("Cushion", str(number), "", DU1), timed=number % 5 == 0)
        if number % 11 == 0:
            stream.own("re", created=1, outcome="complete")
    record(database_url, stream.events)
    with connect(database_url, name="test") as connection:
        for instant in (*range(stream.at - 5000, stream.at + 20, 7), 0, stream.at + 10**9):
            asked = {"session": stream.id, "versions": len(stream.events), "instant": instant}
            found = connection.execute(queries("events/reader")["version_at"], asked).fetchall()
            expected = next(
                (event.originator_version for event in stream.events if (time_in(event.state) or 0) >= instant), None
            )
            assert [version for (version,) in found] == [expected]
