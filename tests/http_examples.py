"""Records the examples of the OpenAPI document: ``python -m tests.http_examples`` writes them anew.

In: the files of examples beside the resources, of which each row has an operation, a path, and the request's headers.
Out: the same rows with what a server of the world of tests/serving.py answers; what differs from run to run (ids, the
clock) is replaced by one settled value.
"""

import asyncio
import re
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.migrations import migrate
from ibconnect.http.openapi.examples import PROBLEMS, rows_of
from ibconnect.http.resources.registry import RESOURCES
from ibconnect.statements.recording import Origin
from ibconnect.statements.recording import record as record_statement
from tests.directory import reference_world
from tests.executions import example_history, record_history
from tests.orders import order_world
from tests.profits import profit_world
from tests.projecting import project_all, record
from tests.serving import DU1, Served, admin, at, build_world, serving, tell_gateway, tell_statements
from tests.statements import document_of, element, section, statement_of

FILES = (PROBLEMS, *(resource.examples for resource in RESOURCES if resource.examples is not None))
TOKEN = "example-token-0123456789"
STOCK = {"conid": "265598", "symbol": "AAPL", "assetCategory": "STK", "currency": "USD", "description": "APPLE INC"}
STATED = "".join(
    (
        section(
            "EquitySummaryInBase",
            element(
                "EquitySummaryByReportDateInBase",
                reportDate="20240103",
                currency="USD",
                total="100120.905297533",
                cash="62.905297533",
                stock="100058",
            ),
        ),
        section(
            "CashReport",
            element(
                "CashReportCurrency", currency="USD", fromDate="20240103", toDate="20240103", endingCash="62.905297533"
            ),
        ),
        section(
            "OpenPositions",
            element(
                "OpenPosition",
                **STOCK,
                reportDate="20240103",
                position="100",
                markPrice="187.25",
                positionValue="18725",
            ),
        ),
        section(
            "CashTransactions",
            element(
                "CashTransaction",
                **STOCK,
                type="Dividends",
                amount="24",
                fxRateToBase="1",
                dateTime="20240103;202000",
                settleDate="20240103",
                transactionID="1001",
                levelOfDetail="DETAIL",
            ),
            element(
                "CashTransaction",
                currency="USD",
                type="Deposits/Withdrawals",
                amount="1000",
                fxRateToBase="1",
                description="CASH RECEIPTS",
                dateTime="20240103",
                reportDate="20240103",
                transactionID="1002",
                levelOfDetail="DETAIL",
            ),
        ),
        section(
            "ConversionRates",
            element("ConversionRate", reportDate="20240103", fromCurrency="EUR", toCurrency="USD", rate="1.0956"),
        ),
    )
)
"""What the statement of the examples' second day says."""

EXAMPLE = Origin(source="file", name="2024-01-02.xml")

_SETTLED = (
    (re.compile(r'"error_id":"\w+"'), '"error_id":"5f2b6c1e9a7d4e03"'),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "018cc251-f400-7c3a-9d1e-6b0a52f4e871"),
    (re.compile(r"\b20(?:2[5-9]|[3-9]\d)-\d\d-\d\dT[\d:.]+Z"), at(1)),
)


async def recorded(url: str) -> dict[Path, list[dict[str, Any]]]:
    """The rows of each file, as a server of this database answers today."""
    async with serving(url, API_TOKENS=TOKEN) as served:
        return {path: [await _one(served, row) for row in rows_of(path)] for path in FILES}


async def _one(served: Served, row: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {TOKEN}", **row["headers"]}
    ask = served.get if "body" not in row else partial(served.client.post, data=row["body"].encode())
    url = row["path"] if "body" not in row else served.url + row["path"]
    async with ask(url, headers=headers) as response:
        text = await response.text()
    for pattern, settled in _SETTLED:
        text = pattern.sub(settled, text)
    media = response.content_type
    is_json = media.endswith(("json", "+json"))
    example = orjson.loads(text) if is_json else text
    return {**row, "status": response.status, "media": media, "example": example}


def build(url: str) -> None:
    """The world that the examples come from."""
    build_world(url, 2)
    record(url, [*order_world(DU1).events, *profit_world(DU1).events])
    record_history(url, example_history())
    record(url, reference_world().events)
    record_statement(url, [document_of(statement_of(DU1, "20240102", generated="20240103;010203"))], EXAMPLE)
    following = statement_of(DU1, "20240103", STATED, generated="20240104;010203")
    record_statement(url, [document_of(following)], Origin(source="file", name="2024-01-03.xml"))
    project_all(url)
    with admin(url) as connection:
        tell_gateway(connection)
        tell_statements(connection)


def main() -> None:
    """Write the files."""
    with tempfile.TemporaryDirectory(prefix="ibc-examples-") as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.url)
        build(server.url)
        recordings = asyncio.run(recorded(server.url))
    for path, rows in recordings.items():
        path.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
