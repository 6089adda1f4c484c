"""Records the examples of the OpenAPI document: ``python -m tests.http_examples`` writes them anew.

Each is what a server of the world of tests/serving.py answers; what differs from run to run (ids, the clock) is
replaced by one settled value.
"""

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Any

import orjson

from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.migrations import migrate
from tests.serving import DU1, Served, admin, at, build_world, serving, tell_gateway

FILE = Path(__file__).parents[1] / "ibconnect" / "http" / "openapi" / "examples.json"
TOKEN = "example-token-0123456789"
_CSV = {"Accept": "text/csv"}

# operation or "problem", path, request headers
ASKED: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("getReport", f"/v1/accounts/{DU1}/{at(1)}", {}),
    ("listAccounts", "/v1/accounts", {}),
    ("listSnapshots", f"/v1/accounts/{DU1}/snapshots", {}),
    ("getHistory", f"/v1/accounts/{DU1}/history?tag=NetLiquidation,Cushion", {}),
    ("getHistory", f"/v1/accounts/{DU1}/history?tag=NetLiquidation,Cushion", _CSV),
    ("getPositionHistory", f"/v1/accounts/{DU1}/positions/265598/history?from={at(1)}", {}),
    ("getPositionHistory", f"/v1/accounts/{DU1}/positions/265598/history?from={at(1)}", _CSV),
    ("listEvents", f"/v1/events?account={DU1}&type=PortfolioUpdated&limit=1", {}),
    ("listGateways", "/v1/gateways", {}),
    ("listInstances", "/v1/instances", {}),
    ("getHealth", "/healthz", {}),
    ("getReadiness", "/readyz", {}),
    ("problem", f"/v1/accounts/{DU1}/yesterday", {}),
    ("problem", "/v1/accounts", {"Authorization": "Bearer wrong"}),
    ("problem", "/v1/accounts/DU9999999", {}),
    ("problem", "/v1/accounts", {"Accept": "image/png"}),
)

_SETTLED = (
    (re.compile(r'"error_id":"\w+"'), '"error_id":"5f2b6c1e9a7d4e03"'),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "018cc251-f400-7c3a-9d1e-6b0a52f4e871"),
    (re.compile(r"\b20(?:2[5-9]|[3-9]\d)-\d\d-\d\dT[\d:.]+Z"), at(1)),
)


async def recorded(url: str) -> list[dict[str, Any]]:
    """The rows of the file, as a server of this database answers today."""
    async with serving(url, API_TOKENS=TOKEN) as served:
        return [await _one(served, *asked) for asked in ASKED]


async def _one(served: Served, operation: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
    async with served.get(path, headers={"Authorization": f"Bearer {TOKEN}", **headers}) as response:
        text = await response.text()
    for pattern, settled in _SETTLED:
        text = pattern.sub(settled, text)
    media = response.content_type
    is_json = media.endswith(("json", "+json"))
    example = orjson.loads(text) if is_json else text
    return {"operation": operation, "status": response.status, "media": media, "example": example}


def build(url: str) -> None:
    """The world that the examples come from."""
    build_world(url, 2)
    with admin(url) as connection:
        tell_gateway(connection)


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory(prefix="ibc-examples-") as folder, EmbeddedPostgres(Path(folder)) as server:
        migrate(server.url)
        build(server.url)
        rows = asyncio.run(recorded(server.url))
    FILE.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main()
