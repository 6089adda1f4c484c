"""What the demo's two years tell is there whatever the day on which it is started."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from ibconnect.demo.figures import Hours
from ibconnect.demo.world import make
from ibconnect.simulator.flex.days import Day
from ibconnect.simulator.flex.past import Books
from ibconnect.simulator.flex.paths import Paths
from ibconnect.simulator.scenario.figures import account_values

STARTS = [
    datetime(2026, 11, 27, 19, 3, tzinfo=UTC),
    datetime(2026, 11, 29, 4, 30, tzinfo=UTC),
    datetime(2027, 3, 1, 16, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 59, tzinfo=UTC),
]


class Closes:
    """Sees every close, and what the accounts' cushions are then."""

    def __init__(self, hours: Hours) -> None:
        self.cushions: dict[str, list[Decimal]] = {}
        self._hours = hours

    def passing(self, day: int, at: datetime, books: Mapping[str, Books]) -> None:
        pass

    def ended(self, day: int, books: Mapping[str, Books]) -> None:
        (close,) = self._hours.moments(day, (17,))
        market = self._hours.market(day, close, books)
        for code, each in books.items():
            (cushion,) = (v.text for v in account_values(each.account, market) if v.key == "Cushion")
            self.cushions.setdefault(code, []).append(Decimal(cushion))


def curve_of(days: list[Day]) -> list[Fraction]:
    linked, curve = Fraction(1), []
    for day in days:
        linked = Fraction(float(linked * (1 + (day.earned or 0))))
        curve.append(linked)
    return curve


@pytest.mark.parametrize("start", STARTS, ids=lambda start: f"{start:%Y-%m-%d}")
def test_the_market_falls_recovers_and_one_account_nearly_meets_its_margin_call(start: datetime) -> None:
    scenario, statements = make(start)
    clients = {account.code: account.base for account in scenario.world.clients()}
    assert list(clients.values()) == ["USD", "EUR", "GBP", "CHF", "JPY"]
    a_year_ago = (start - timedelta(days=365)).date()
    for code in clients:
        days = statements.days(code)
        curve = curve_of(days)
        trough = min(range(len(curve)), key=lambda day: curve[day] / max(curve[: day + 1]))
        peak = max(curve[:trough])
        assert Decimal("-0.30") < curve[trough] / peak - 1 < Decimal("-0.18")
        assert days[trough].on > a_year_ago, "it is seen in the last year's curve"
        assert max(curve[trough:]) > peak, "it has recovered"
    seen: list[Closes] = []

    def witness(paths: Paths) -> Closes:
        seen.append(Closes(Hours(paths, statements.past_days, scenario.world.days.zone)))
        return seen[0]

    statements.witnessed(witness)
    for code, base in clients.items():
        low = [each for each in seen[0].cushions[code] if each < Decimal("0.1")]
        assert len(low) == (4 if base == "EUR" else 0)
        assert min(seen[0].cushions[code]) > 0, "nobody is sold out"
    assert min(seen[0].cushions[list(clients)[1]]) < Decimal("0.03")
