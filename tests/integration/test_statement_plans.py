"""With years of statements what is asked of them goes by an index, and looks at few rows beside those of its answer."""

from collections.abc import Iterator

import pytest

from ibconnect.database.pools import connect
from tests.conftest import create_database, drop_database
from tests.large_statements import fill_statements
from tests.large_world import read_in_full, rows_read, watched
from tests.projecting import project_all
from tests.serving import serving

ACCOUNT, TOKENS = "DU7", "every-thing-01234567@* only-one-0123456789a@DU7"
FULL, LIMITED = "every-thing-01234567", "only-one-0123456789a"


@pytest.fixture(scope="module")
def world(server_url: str, template: str) -> Iterator[tuple[str, str]]:
    """A database, and the SHA-256 of a document in it."""
    url = create_database(server_url, "large_statements", template)
    project_all(url)
    digest = fill_statements(url, ACCOUNT)
    project_all(url)
    yield url, digest
    drop_database(server_url, "large_statements")


# All accounts, in the middle of the list too; one account; days; a document; events by time.
ASKED = (
    ("/v1/statements?limit=50", FULL),
    ("/v1/statements?limit=50&cursor=1000050000", FULL),
    ("/v1/statements?limit=50&account=DU7", FULL),
    ("/v1/statements?limit=50", LIMITED),
    ("/v1/statements?limit=50&account=DU7&from=2015-02-01&to=2015-02-10", FULL),
    ("/v1/statements/{digest}", FULL),
    ("/v1/statements/{digest}", LIMITED),
    ("/v1/statements/{digest}/document", FULL),
    ("/v1/events?limit=5&from=2026-01-01", FULL),
)


@pytest.mark.parametrize(("path", "token"), ASKED)
async def test_no_query_looks_at_more_than_its_answer(
    world: tuple[str, str], monkeypatch: pytest.MonkeyPatch, path: str, token: str
) -> None:
    url, digest = world
    with watched(monkeypatch) as noted:
        async with serving(url, API_TOKENS=TOKENS) as served:
            headers = {"Authorization": f"Bearer {token}"}
            async with served.get(path.format(digest=digest), headers=headers) as response:
                assert response.status == 200, await response.text()
                await response.read()
    looked = 0
    with connect(url, name="test") as connection:
        for statement in noted:
            if "statement" not in statement.text:
                continue
            for plan in statement.plans(connection):
                looked += 1
                assert not read_in_full(plan), plan
                assert sum(rows_read(plan).values()) < 1500, plan
    assert looked
