"""Everything that REST shows of a history of events, compared with what the witness says of them."""

import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from tests.last_values import Name
from tests.witness import answers, series
from tests.witness.answers import micros, rfc3339
from tests.witness.asking import Asker, account_path
from tests.witness.differences import same
from tests.witness.snapshots import Witness

_TAGS_AT_ONCE = 20
_MOMENTS = 5
_RUNS = re.compile(r"[\s']*[=+@-]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)


async def compare_rest(asker: Asker, witness: Witness) -> None:
    """All resources, of all accounts."""
    same(await asker.json("/v1/accounts"), answers.accounts(witness), "/v1/accounts")
    await _events(asker, witness)
    for account in sorted(witness.accounts):
        await _reports(asker, witness, account)
        await _leads(asker, witness, account)
        gateways = sorted({each.gateway for each in witness.snapshots if each.account == account})
        for takes_any, gateway in [(False, None), (True, None), *((True, name) for name in gateways[1:])]:
            await _histories(asker, witness, account, takes_any, gateway)


async def _events(asker: Asker, witness: Witness) -> None:
    lines = (await asker.text("/v1/events", "application/x-ndjson")).splitlines()
    shown = [orjson.loads(line) for line in lines]
    assert [(row["Position"], row["Session"]) for row in shown] == [
        (e.position, str(e.session)) for e in witness.events
    ]
    for row, event in zip(shown, witness.events, strict=True):
        assert row["Version"] == event.version
        assert micros(row["Timestamp"]) == event.at, event
        if "Message" in row:
            assert row["Message"] == event.message
        elif "Facts" in row:
            assert row["Facts"] == event.facts
        else:
            assert row.get("Payload", row.get("Frames")) == event.stored[0]


async def _reports(asker: Asker, witness: Witness, account: str) -> None:
    """Each report, those of gateways that the account does not belong to as well."""
    for snapshot in (each for each in witness.snapshots if each.account == account):
        path = account_path(account, rfc3339(snapshot.created))
        shown = await asker.json(path)
        shown["Completed"] = micros(shown["Completed"])
        shown["Remarks"] = {remark["Code"] for remark in shown["Remarks"]}
        shown["Values"] = answers.models_sorted(shown["Values"])
        expected = answers.report(snapshot)
        same({name: shown[name] for name in expected}, expected, path)


async def _leads(asker: Asker, witness: Witness, account: str) -> None:
    """Redirects, and the times of all reports."""
    found = witness.of(account)
    times = [rfc3339(each.created) for each in reversed(found)]
    pages = await asker.pages(f"{account_path(account, 'snapshots')}?limit=3")
    same([time for page in pages for time in page], times, f"times of {account}")
    latest = witness.latest(account)
    assert await asker.location(account_path(account)) == (latest and rfc3339(latest.created))
    assert await asker.location(f"{account_path(account)}?ready=any") == next(iter(times), None)
    moments = sorted({moment for each in found for at in (each.created, each.completed) for moment in (at - 1, at)})
    for at in moments[:: max(len(moments) // _MOMENTS, 1)]:
        for takes_any in (False, True):
            path = f"{account_path(account, 'as-of', rfc3339(at))}{'?ready=any' if takes_any else ''}"
            then = answers.as_of(witness, account, at, takes_any=takes_any)
            assert await asker.location(path) == (then and rfc3339(then.created)), path


async def _histories(asker: Asker, witness: Witness, account: str, takes_any: bool, gateway: str | None) -> None:
    """Every figure over time, by JSON, and by CSV what can be relied on."""
    found = series.snapshots_of(witness, account, takes_any=takes_any, gateway=gateway)
    query = {"ready": "any"} if takes_any else {}
    query |= {"gateway": gateway} if gateway else {}
    for (segment, currency), tags in _askable(series.names_of(found)).items():
        place = {"segment": segment} if segment else {}
        place |= {"currency": currency} if currency else {}
        for some in _by(_TAGS_AT_ONCE, sorted(tags)):
            path = f"{account_path(account, 'history')}?{urlencode({'tag': ','.join(some), **place, **query})}"
            expected = series.points(found, some, segment, currency, takes_any=takes_any)
            await _same_series(asker, path, expected, some, currency or series.base_of(found))
    for con_id in sorted({held.contract.con_id for each in found for held in each.download.whole.held}):
        path = f"{account_path(account, 'positions', con_id, 'history')}?{urlencode(query)}"
        expected = series.position_points(found, con_id, takes_any=takes_any)
        await _same_series(asker, path, expected, answers.FIGURES, None)


async def _same_series(
    asker: Asker, path: str, expected: list[dict[str, Any]], names: Iterable[str], currency: str | None
) -> None:
    shown = await asker.json(path)
    points = [{**point, "Timestamp": micros(point["Timestamp"])} for point in shown["Points"]]
    same(points, expected, path)
    if currency is not None:
        assert shown["Currency"] == currency, path
    if "ready=any" in path:
        return
    rows = await asker.csv(path)
    assert len(rows) == len(expected), path
    for row, point in zip(rows, expected, strict=True):
        assert micros(row["Timestamp"]) == point["Timestamp"], path
        same({name: row[name] for name in names}, {name: _cell(point[name]) for name in names}, f"{path} as CSV")
        if currency is not None and "Currency" not in names:
            same(row["Currency"], point.get("Currency", currency), path)


def _cell(value: str | None) -> str:
    """A figure or text of a point as CSV: a text that a spreadsheet would run has an apostrophe before it."""
    if value is None or value.startswith("#"):
        return (value or "#")[1:]
    return f"'{value}" if _RUNS.match(value) and not _NUMBER.fullmatch(value) else value


def _askable(names: set[Name]) -> dict[tuple[str | None, str | None], set[str]]:
    """Which tags there are by segment and currency."""
    places: dict[tuple[str | None, str | None], set[str]] = defaultdict(set)
    for name in names:
        # By its name alone, and by its currency.
        places[name.segment or None, None].add(name.tag)
        if name.currency and not name.segment:
            places[None, name.currency].add(name.tag)
    return places


def _by(size: int, tags: list[str]) -> Iterable[list[str]]:
    rest = iter(tags)
    while some := list(islice(rest, size)):
        yield some


async def compare_limited(asker: Asker, witness: Witness, account: str) -> None:
    """Whoever may see one account sees that, and of others as little as of those that are not there."""
    same(await asker.json("/v1/accounts"), answers.accounts(witness, {account}), "/v1/accounts of one account")
    await _leads(asker, witness, account)
    paths = [account_path("{}"), account_path("{}", "snapshots"), f"{account_path('{}', 'history')}?tag=NetLiquidation"]
    for other in witness.accounts - {account}:
        for path in paths:
            shown, nobody = [
                await asker.text(path.replace(quote("{}"), code), status=404) for code in (other, "nobody")
            ]
            same(_without_id(shown).replace(other, "nobody"), _without_id(nobody), path)


def _without_id(text: str) -> str:
    return re.sub(r'"error_id":"\w+"', "", text)
