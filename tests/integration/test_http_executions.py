"""Executions over HTTP: newest first, page by page, by symbol and contract; gaps; who sees whose."""

from collections.abc import Iterator

import pytest

from tests.conftest import create_database, drop_database
from tests.executions import History, commission, fill, told
from tests.serving import DU1, DU2, build_world, serving
from tests.tables import rows


@pytest.fixture(scope="module")
def executions_url(server_url: str, template: str) -> Iterator[str]:
    url = create_database(server_url, "executions", template)
    build_world(url, 1)
    history = History()
    session = history.session()
    fills = [fill(f"a.{n}.01.01", DU1 if n % 3 else DU2, time=f"20260105  09:{n:02}:00") for n in range(40)]
    history.answer(session, 1, [*fills, commission("a.1.01.01", "1.25", "USD", "-0.00")])
    told(url, history)
    yield url
    drop_database(server_url, "executions")


async def test_newest_first_page_by_page(executions_url):
    async with serving(executions_url) as served:
        found = await rows(served, f"/v1/accounts/{DU1}/executions")
        print(found[0], found[-1])
        assert found == await rows(served, f"/v1/accounts/{DU1}/executions?limit=3")
