"""The primary has other tables already, its standby not yet: what needs both says so, and the rest answers."""

from ibconnect.database.migrations import migrate
from tests.serving import admin, build_world, serving

FRESH = {"Cache-Control": "max-age=0"}


async def test_a_refresh_in_the_moment_between_the_swap_and_its_replay_is_no_failure(
    database_url: str, empty_database_url: str
) -> None:
    primary, standby = empty_database_url, database_url
    migrate(primary)
    for url in (primary, standby):
        build_world(url, 2)
    async with serving(primary, DB_READ_URL=standby) as served:
        async with served.get("/v1/accounts") as response:
            assert response.status == 200
        with admin(primary) as connection:
            connection.execute("UPDATE projection SET version = version + 1")
            connection.execute("ALTER TABLE gateway_account RENAME COLUMN is_whole TO another")
        async with served.get("/v1/accounts", headers=FRESH) as response:
            problem = await response.json()
        assert (response.status, problem["type"]) == (503, "urn:ibconnect:problem:rebuilding")
        assert "upgrade it" in problem["detail"]
        async with served.get("/v1/accounts") as response:
            assert response.status == 200, "the standby answers as before"
