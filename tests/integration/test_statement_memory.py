"""A large document becomes rows in flat memory, and takes a second for ten thousand of them or so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ibconnect.projections.statements.projection import STATEMENTS
from ibconnect.statements.recording import Origin, record
from tests.projecting import project_report
from tests.statements import rows

ROWS = 120_000
MOST = 64 << 20
"""Bytes. The document alone has half as many again, its rows as texts thrice."""


def pieces(count: int) -> Iterator[bytes]:
    """A document of so many cash transactions."""
    yield b'<FlexQueryResponse queryName="Large" type="AF"><FlexStatements count="1"><FlexStatement accountId="U1" '
    yield b'fromDate="20250101" toDate="20251231" whenGenerated="20260101;010203"><CashTransactions>'
    for number in range(count):
        day = f"2025{number % 12 + 1:02}{number % 28 + 1:02}"
        yield (
            f'<CashTransaction accountId="U1" currency="USD" fxRateToBase="1" type="Dividends" amount="{number}.25" '
            f'reportDate="{day}" dateTime="{day};093000" transactionID="{number}" symbol="S{number % 500}" '
            f'description="S{number % 500} CASH DIVIDEND USD 0.{number} PER SHARE (Ordinary Dividend)" '
            f'conid="{number % 500 + 1}" securityIDType="ISIN" levelOfDetail="DETAIL" figi="BBG{number:09}" />\n'
        ).encode()
    yield b"</CashTransactions></FlexStatement></FlexStatements></FlexQueryResponse>"


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_memory_is_flat(database_url: str) -> None:
    origin = Origin(source="file", name="large.xml")
    record(database_url, pieces(1_000), origin)
    project_report(database_url, STATEMENTS)
    before = resident()
    recorded = record(database_url, pieces(ROWS), origin)
    assert recorded.size > 40_000_000
    assert not project_report(database_url, STATEMENTS).set_aside
    assert resident() - before < MOST
    assert rows(database_url, "SELECT count(*) FROM cash_flow WHERE current") == [(ROWS,)]
