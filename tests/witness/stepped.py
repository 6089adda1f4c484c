"""Histories by steps: what the closes of days, weeks and months are, walked day by day with the clocks of a zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.witness import holdings, ledgers, series
from tests.witness.answers import micros
from tests.witness.asking import Asker, account_path
from tests.witness.differences import same
from tests.witness.snapshots import Snapshot, Witness

_DAY = timedelta(days=1)


class Way(NamedTuple):
    """How steps are asked for."""

    step: str
    zone: str
    close: str

    @property
    def query(self) -> str:
        """As a part of the URL."""
        return f"step={self.step}&tz={self.zone}" + (f"&at={self.close}" if self.close else "")


WAYS = (
    Way("1d", "America/New_York", "16:00"),
    Way("1d", "Asia/Tokyo", ""),
    Way("1w", "UTC", ""),
    Way("1mo", "UTC", "17:30"),
)


class Point(NamedTuple):
    """A step's point: when it stands, which report it shows, whether the step is still running."""

    at: int
    report: Snapshot | None
    is_partial: bool


async def compare_steps(asker: Asker, witness: Witness) -> None:
    """Of each account, in one way each."""
    days = sorted({_day(each.created) for each in witness.snapshots})
    first, last = days[0] - _DAY, days[-1]
    for number, account in enumerate(sorted(witness.accounts)):
        for way in (WAYS[number % len(WAYS)], WAYS[(number + 1) % len(WAYS)]):
            query = f"{way.query}&from={first}&to={last}"
            found = series.snapshots_of(witness, account, takes_any=False)
            points = list(points_of(found, way, first, last))
            await _same_history(asker, f"{account_path(account, 'history')}?tag=NetLiquidation&{query}", points)
            priced = list(points_of(sorted(found, key=lambda each: each.source == "updates"), way, first, last))
            await _same_rows(
                asker, f"{account_path(account, 'positions', 'history')}?{query}", _rows(priced, holdings.rows_of)
            )
            await _same_rows(asker, f"{account_path(account, 'ledger')}?{query}", _rows(points, ledgers.rows_of))


def _day(at: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).date()


def _micros(moment: datetime) -> int:
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _ends(way: Way, first: date, last: date) -> Iterator[int]:
    """When steps end, from one before the first day on."""
    zone, day = ZoneInfo(way.zone), first - 62 * _DAY
    while day <= last + _DAY:
        is_end = {"1d": True, "1w": day.weekday() == 6, "1mo": (day + _DAY).day == 1}[way.step]
        if is_end:
            midnight = datetime.combine(day + _DAY, time(), zone)
            yield _micros(datetime.combine(day, time.fromisoformat(way.close), zone) if way.close else midnight)
        day += _DAY


def points_of(found: list[Snapshot], way: Way, first: date, last: date) -> Iterator[Point]:
    """The points; of several reports in a step the last in the list counts, which is the newest one."""
    zone = ZoneInfo(way.zone)
    start = _micros(datetime.combine(first, time(), zone))
    stop = _micros(datetime.combine(last + _DAY, time(), zone))
    begin = 0
    for end in _ends(way, first, last):
        if end > stop:
            break
        if end >= start:
            yield Point(end, _last(found, begin, end), False)
        begin = end
    running = _last(found, max(begin, start - 1), stop - 1)
    if running is not None:
        yield Point(running.created, running, True)


def _last(found: list[Snapshot], after: int, until: int) -> Snapshot | None:
    inside = [each for each in found if after < each.created <= until]
    return inside[-1] if inside else None


def _rows(points: list[Point], rows_of: Any) -> list[dict[str, Any]]:
    rows = []
    for point in points:
        also = {"Partial": True} if point.is_partial else {}
        rows += [{**row, "Timestamp": point.at, **also} for row in (rows_of(point.report) if point.report else [])]
    return rows


async def _same_history(asker: Asker, path: str, points: list[Point]) -> None:
    shown = (await asker.json(path))["Points"]
    expected = []
    for point in points:
        value = None if point.report is None else series.cell(point.report, "NetLiquidation", None, None)
        expected.append(
            {"Timestamp": point.at, "NetLiquidation": value, **({"Partial": True} if point.is_partial else {})}
        )
    # In which currency: that is compared without steps.
    found = [{**point, "Timestamp": micros(point["Timestamp"])} for point in shown]
    same([{name: value for name, value in point.items() if name != "Currency"} for point in found], expected, path)


async def _same_rows(asker: Asker, path: str, expected: list[dict[str, Any]]) -> None:
    shown = [row for page in await asker.pages(path) for row in page]
    for row in shown:
        row["Timestamp"] = micros(row["Timestamp"])

    def identity(row: dict[str, Any]) -> str:
        return repr([row["Timestamp"], row.get("Currency"), *(str(row.get(name)) for name in sorted(row))])

    same(sorted(shown, key=identity), sorted(expected, key=identity), path)
