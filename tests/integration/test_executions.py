"""The executions report: what messages make of its tables, in any order, however often."""

from datetime import UTC, datetime
from decimal import Decimal

from tests.executions import History, commission, fill, report

AT = datetime(2026, 1, 5, 14, 31, tzinfo=UTC)


def test_a_fill_with_its_commission_is_one_row_however_often_it_is_told(database_url):
    history = History()
    for gateway in ("one:4002", "two:4002"):
        session = history.session(gateway)
        for number in (1, 2):
            history.answer(session, number, [fill("a.b.01.01"), commission("a.b.01.01", "1.00", "USD", "-5.50")])
    with report(database_url) as tables:
        assert tables.project(history.events) == []
        query = """
            SELECT execution_id, executed, time_as_sent, time_zone, price, shares, commission, commission_currency,
                   realized_pnl, gateway, remarks
            FROM v_execution
        """
        figures = (Decimal("189.50"), Decimal(10), Decimal("1.00"), "USD", Decimal("-5.50"))
        time = (AT, "20260105  09:31:00", "America/New_York")
        assert tables.rows(query) == [("a.b.01.01", *time, *figures, "one:4002", [])]
