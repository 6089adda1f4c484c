"""Whether anybody projects: while Postgres does not answer, or not in time, it is not known, and looked for again."""

from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from ibconnect.http.server.projectors import _is_anybody_there


@pytest.mark.parametrize("failure", [psycopg.OperationalError("gone"), PoolTimeout("away"), TimeoutError()])
async def test_no_answer_is_no_news(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    async def row(*_: Any) -> None:
        raise failure

    monkeypatch.setattr("ibconnect.http.server.projectors.db.row", row)
    assert await _is_anybody_there(None) is None  # type: ignore[arg-type]
