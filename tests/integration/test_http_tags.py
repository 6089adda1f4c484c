"""What an account's figures are called: the list of tags, every way to spell one, what is said of one that is none."""

import csv
import io
import os
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import pytest

from ibconnect.meanings import MEANINGS, SEGMENTS
from ibconnect.times import to_micros
from tests.conftest import create_database, drop_database
from tests.projecting import Stream, project, record, value
from tests.serving import DU1, EMPTY, FIRST, PROBLEM, Served, at, serving

TAGS = f"/v1/accounts/{DU1}/tags"
MINE, OTHERS = "DU1", "DU2"
LIMITED = "reads-one-account-alone"
TOKENS = f"{LIMITED}@{MINE},read"
ODD = "Odd+Key.of_a$New-Gateway"


@pytest.fixture(scope="module")
def odd_url(server_url: str, template: str) -> Iterator[str]:
    """Two accounts, whose keys differ; the first had a currency, a segment and a tag that it has no longer."""
    stream = Stream(at=to_micros(FIRST))
    begin = [value("AccountCode", MINE, account=MINE), value("NetLiquidation", "1.10", "EUR", MINE)]
    former = [
        value("NetLiquidation-C", "0.10", "EUR", MINE),
        value("SegmentTitle-C", "UK Commodities", "", MINE),
        value("$LEDGER-CashBalance", "5", "GBP", MINE),
        value(ODD, "7", "", MINE),
        value("accountReady", "true", "", MINE),
    ]
    now = [value("$LEDGER-CashBalance", "-0.00", "EUR", MINE), value("$LEDGER-AccruedCash", "3", "EUR", MINE)]
    theirs = [
        value("AccountCode", OTHERS, account=OTHERS),
        value("NetLiquidation", "2", "CHF", OTHERS),
        value("NetLiquidation-P", "2", "CHF", OTHERS),
        value("SecretStrategy", "9", "CHF", OTHERS),
    ]
    for number, mine in enumerate(([*begin, *former], [*begin, *now])):
        stream.refresh({MINE: mine, OTHERS: theirs}, created=to_micros(FIRST) + number * 3_600_000_000)
    name = f"tags_{os.getpid()}"
    url = create_database(server_url, name, template)
    record(url, stream.events)
    project(url)
    yield url
    drop_database(server_url, name)


async def test_a_text_in_both_spellings_is_one_tag(database_url: str) -> None:
    """A gateway that changes its spelling, or sends both at once."""
    stream = Stream(at=to_micros(FIRST))
    begin = [value("AccountCode", MINE, account=MINE), value("NetLiquidation", "1.10", "EUR", MINE)]
    plain, prefixed = (value(f"{spelled}Currency", "EUR", "EUR", MINE) for spelled in ("", "$LEDGER-"))
    for texts in ([plain], [prefixed], [prefixed, plain], [value("$LEDGER-AccountType", "TRUST", "", MINE)]):
        stream.refresh({MINE: [*begin, *texts]})
    record(database_url, stream.events)
    project(database_url)
    async with serving(database_url) as served:
        async with served.get(f"/v1/accounts/{MINE}/tags") as response:
            rows = [(row["Tag"], row["Level"]) for row in (await response.json())["Tags"]]
        assert rows == [(tag, level) for tag, level in dict.fromkeys(rows)]
        assert ("Currency", "ledger") in rows
        for tag, text in (("$LEDGER-Currency", "EUR"), ("$LEDGER-AccountType", "TRUST"), ("AccountType", "TRUST")):
            async with served.get(f"/v1/accounts/{MINE}/history", params={"tag": tag}) as response:
                assert text in [point[tag] for point in (await response.json())["Points"]]


@pytest.fixture
async def odd(odd_url: str) -> AsyncIterator[Served]:
    """A server of these, to whose clients one of them is shown."""
    async with serving(odd_url, API_TOKENS=TOKENS) as served:
        yield served


def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {LIMITED}"}


async def test_an_account_has_the_tags_that_it_was_sent(served: Served) -> None:
    async with served.get(TAGS) as response:
        assert (response.status, response.headers["Cache-Control"]) == (200, "private, no-cache")
        listed = await response.json()
    async with served.get(f"/v1/accounts/{DU1}/{at(1)}") as response:
        report = await response.json()
    tags = {(row["Tag"], row["Level"]): row for row in listed["Tags"]}
    assert {tag for tag, _ in tags} == {each["Tag"] for each in report["Values"]}
    assert [(row["Tag"], row["Level"]) for row in listed["Tags"]] == sorted(tags)
    for (tag, _), row in tags.items():
        values = [each for each in report["Values"] if each["Tag"] == tag]
        assert set(row["Segments"]) <= {each["Segment"] for each in values}
        assert set(row["Currencies"]) <= {each["Currency"] for each in values}
    assert (listed["AccountCode"], listed["BaseCurrency"]) == (DU1, "USD")
    assert listed["Segments"] == [{"Segment": "S", "Title": None, "Meaning": SEGMENTS["S"]}]
    assert [each["Currency"] for each in listed["Currencies"]] == ["BASE", "EUR", "USD"]
    assert tags["AccruedCash", "account"]["Currencies"] == ["USD"]
    assert tags["AccruedCash", "ledger"]["Currencies"] == ["BASE", "USD"]
    assert tags["CashBalance", "ledger"]["Meaning"] == MEANINGS["CashBalance"].text
    assert tags["Cushion", "account"]["Unit"] == "ratio"
    assert tags["DayTradingStatus", "account"]["Whole"] is False
    assert tags["NewFigureOfTomorrow", "account"]["Source"] is None


async def test_what_an_account_has_no_longer_is_listed_and_has_its_title_no_more(odd: Served) -> None:
    async with odd.get(f"/v1/accounts/{MINE}/tags", headers=bearer()) as response:
        listed = await response.json()
    assert [each["Segment"] for each in listed["Segments"]] == ["C"]
    assert [each["Currency"] for each in listed["Currencies"]] == ["EUR", "GBP"]
    names = {row["Tag"] for row in listed["Tags"]}
    assert {ODD, "accountReady"} <= names
    assert "SecretStrategy" not in names


async def test_pages_join_without_a_seam(served: Served) -> None:
    async with served.get(TAGS) as response:
        whole = (await response.json())["Tags"]
    found, path = [], f"{TAGS}?limit=3"
    while path:
        async with served.get(path) as response:
            page = (await response.json())["Tags"]
            assert 0 < len(page) <= 3
            found += page
            link = response.links.get("next")
            path = str(link["url"]).removeprefix(served.url) if link else ""
    assert found == whole
    assert len(whole) > 12


async def test_the_same_as_a_table(served: Served) -> None:
    async with served.get(TAGS) as response:
        rows = (await response.json())["Tags"]
    for query, headers in (("?format=csv", {}), ("", {"Accept": "text/csv"})):
        async with served.get(TAGS + query, headers=headers) as response:
            assert response.content_type == "text/csv"
            assert f'filename="{DU1}-tags.csv"' in response.headers["Content-Disposition"]
            table = list(csv.DictReader(io.StringIO(await response.text())))
        assert [row.pop("AccountCode") for row in table] == [DU1] * len(rows)
        for line, row in zip(table, rows, strict=True):
            assert line["Segments"].split() == row["Segments"]
            assert line["Currencies"].split() == row["Currencies"]
            assert (line["Meaning"].lstrip("'"), line["Sign"] or None) == (row["Meaning"], row["Sign"])


async def test_what_has_not_changed_is_not_sent_again(served: Served) -> None:
    async with served.get(TAGS) as response:
        etag = response.headers["ETag"]
    async with served.get(TAGS, headers={"If-None-Match": etag}) as response:
        assert (response.status, await response.read()) == (304, b"")


async def test_an_account_without_snapshots_has_no_tags(served: Served) -> None:
    async with served.get(f"/v1/accounts/{EMPTY}/tags") as response:
        listed = await response.json()
    assert listed == {"AccountCode": EMPTY, "BaseCurrency": None, "Segments": [], "Currencies": [], "Tags": []}


async def test_of_an_account_of_which_nothing_is_recorded_all_that_may_be_can_be_asked(served: Served) -> None:
    history = f"/v1/accounts/{EMPTY}/history"
    for query in ("tag=NetLiquidation-P", "tag=CashBalance&currency=CHF", "tag=netliquidation&segment=c"):
        async with served.get(f"{history}?{query}") as response:
            assert (response.status, (await response.json())["Points"]) == (200, [])
    for query in ("tag=NetLiqidation", "tag=NetLiquidation&segment=Z"):
        async with served.get(f"{history}?{query}") as response:
            assert response.status == 400


@pytest.mark.parametrize(
    ("query", "name", "figures"),
    [
        ("tag=NetLiquidation", "NetLiquidation", [1.10, 1.10]),
        ("tag=NETLIQUIDATION", "NetLiquidation", [1.10, 1.10]),
        ("tag=NetLiquidation-C", "NetLiquidation-C", [0.10, None]),
        ("tag=netliquidation-c", "NetLiquidation-C", [0.10, None]),
        ("tag=NetLiquidation&segment=c", "NetLiquidation", [0.10, None]),
        ("tag=NetLiquidation-C&segment=C", "NetLiquidation-C", [0.10, None]),
        ("tag=CashBalance&currency=EUR", "CashBalance", [None, -0.00]),
        ("tag=$LEDGER-CashBalance&currency=eur", "$LEDGER-CashBalance", [None, -0.00]),
        ("tag=$ledger-cashbalance&currency=GBP", "$LEDGER-CashBalance", [5, None]),
        ("tag=$LEDGER-AccruedCash&currency=EUR", "$LEDGER-AccruedCash", [None, 3]),
        ("tag=accountready", "accountReady", ["true", None]),
        ("tag=AccountReady", "accountReady", ["true", None]),
        (f"tag={ODD}", ODD, [7, None]),
        (f"tag={ODD.upper()}", ODD, [7, None]),
        (f"tag={quote(ODD, safe='')}", ODD, [7, None]),
    ],
)
async def test_every_spelling_of_a_tag_is_understood(odd: Served, query: str, name: str, figures: list[object]) -> None:
    async with odd.get(f"/v1/accounts/{MINE}/history?{query}", headers=bearer()) as response:
        assert response.status == 200, await response.text()
        points = (await response.json())["Points"]
    assert [point[name] for point in points] == figures


async def test_segments_of_one_tag_stand_beside_each_other(odd: Served) -> None:
    query = "tag=NetLiquidation,NetLiquidation-C,netliquidation,$LEDGER-CashBalance&currency=EUR"
    async with odd.get(f"/v1/accounts/{MINE}/history?{query}&to={at(0)}", headers=bearer()) as response:
        (point,) = (await response.json())["Points"]
    figures = {"NetLiquidation": 1.1, "NetLiquidation-C": 0.1, "$LEDGER-CashBalance": None}
    assert point == {"Timestamp": at(0), **figures}


@pytest.mark.parametrize(
    ("query", "code", "suggestions", "in_known"),
    [
        ("tag=NetLiqudation", "unknown-tag", ["NetLiquidation"], "NetLiquidation"),
        ("tag=netliqudation", "unknown-tag", ["NetLiquidation"], "NetLiquidation"),
        ("tag=$LEDGER-CashBalence", "unknown-tag", ["CashBalance"], "CashBalance"),
        ("tag=TotalCashBalence", "unknown-tag", ["TotalCashBalance"], "CashBalance"),
        ("tag=NetLiquidation,Zzzzzz", "unknown-tag", [], "CashBalance"),
        ("tag=SecretStrategy", "unknown-tag", [], "CashBalance"),
        ("tag=NetLiquidation-P", "unknown-segment", [], "C"),
        ("tag=NetLiquidation&segment=S", "unknown-segment", [], "C"),
        ("tag=NetLiquidation&currency=CHF", "unknown-currency", [], "GBP"),
        ("tag=CashBalance&currency=EURO", "unknown-currency", ["EUR"], "GBP"),
    ],
)
async def test_what_is_not_known_is_refused_with_what_there_is(
    odd: Served, query: str, code: str, suggestions: list[str], in_known: str
) -> None:
    async with odd.get(f"/v1/accounts/{MINE}/history?{query}", headers=bearer()) as response:
        problem = await response.json(content_type=PROBLEM)
    assert (response.status, problem["type"]) == (400, f"urn:ibconnect:problem:{code}")
    assert problem["suggestions"][: len(suggestions)] == suggestions
    assert in_known in problem["known"]
    for name in suggestions:
        assert f"did you mean {name}" in problem["detail"]
    assert "SecretStrategy" not in str({**problem, "detail": problem["detail"].replace("'SecretStrategy'", "")})
    assert "P" not in problem["known"]


async def test_a_limited_token_learns_no_tag_of_another_account(odd: Served) -> None:
    """Neither by the list nor by what is said of a tag, a segment, a currency that only the other one has."""
    seen = set()
    for code in (OTHERS, "DU9999999"):
        for path in ("tags", "history?tag=SecretStrategy", "history?tag=NetLiquidation&currency=CHF"):
            async with odd.get(f"/v1/accounts/{code}/{path}", headers=bearer()) as response:
                text = (await response.text()).partition('"error_id"')[0].replace(code, "CODE")
                seen.add((response.status, text))
    assert len(seen) == 1
    assert seen.pop()[0] == 404


async def test_a_cursor_that_nobody_gave_is_refused_or_begins_somewhere(served: Served) -> None:
    for cursor, status in (("A", 200), ("Lff", 200), ("A00", 200), ("B41", 400), ("A4", 400), ("x" * 600, 400)):
        async with served.get(f"{TAGS}?cursor={cursor}") as response:
            assert response.status == status, cursor
