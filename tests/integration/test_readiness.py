"""What ``/readyz`` and ``/metrics`` say of what is amiss; and that neither tells a password."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from aiohttp.test_utils import unused_port
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ibconnect.database.migrations import available
from ibconnect.http.app import SERVICES
from ibconnect.observe import Trouble
from ibconnect.projections.upkeep import ensure
from ibconnect.troubles import State
from tests.integration.test_roles import execute
from tests.serving import DU1, Served, logged, serving


@pytest.fixture
def states() -> Iterator[dict[Trouble, State]]:
    """Each trouble, of parts that are not there."""
    found = {trouble: State(trouble) for trouble in Trouble}
    yield found
    for state in found.values():
        state.forget()


async def reasons(served: Served) -> tuple[int, bool, list[str]]:
    async with served.get("/readyz") as response:
        body = await response.json()
        return response.status, body["Ready"], body["Reasons"]


@pytest.mark.parametrize("trouble", Trouble, ids=lambda trouble: trouble.name.lower())
async def test_what_is_amiss_is_said_and_keeps_nothing_from_being_ready(
    served: Served, states: dict[Trouble, State], trouble: Trouble
) -> None:
    assert await reasons(served) == (200, True, [])
    states[trouble].note("DiskFull (53100)", error=ValueError(f"of {DU1}"))
    status, is_ready, (reason,) = await reasons(served)
    assert (status, is_ready) == (200, True)
    assert re.fullmatch(rf"{re.escape(trouble.value.text)}, since 2[0-9T:-]+Z: DiskFull \(53100\)", reason)
    async with served.get("/metrics") as response:
        metrics = await response.text()
    lasts = {name: float(value) for name, value in re.findall(r'ibconnect_trouble{trouble="(\w+)"} (\S+)', metrics)}
    assert lasts == {each.name.lower(): float(each is trouble) for each in Trouble}
    states[trouble].over()
    assert await reasons(served) == (200, True, [])


async def test_without_postgres_the_reason_comes_first_and_once(states: dict[Trouble, State]) -> None:
    states[Trouble.DATABASE_WAITS].note("OperationalError")
    states[Trouble.EVENTS_WAIT].note("OperationalError")
    async with serving(f"postgresql://nobody@127.0.0.1:{unused_port()}/x") as served:
        served.app[SERVICES].pool.timeout = 0.2
        status, is_ready, found = await reasons(served)
    assert (status, is_ready, found[0], len(found)) == (503, False, "the database cannot be reached", 2)
    assert found[1].startswith("events wait in the spool, since ")


async def test_a_database_of_a_newer_program_is_served_on(database_url: str) -> None:
    """A rolling upgrade: the version before answers beside the new one; only older schemas keep it from that."""
    ensure(database_url)
    newest = available()[-1].number
    async with serving(database_url) as served:
        assert await reasons(served) == (200, True, [])
        execute(database_url, f"INSERT INTO schema_migration (number, name) VALUES ({newest + 1}, 'of_a_newer_one')")
        status, is_ready, (reason,) = await reasons(served)
        assert (status, is_ready) == (200, True)
        assert f"is at version {newest + 1}, of a newer program" in reason
        execute(database_url, f"DELETE FROM schema_migration WHERE number >= {newest}")
        status, is_ready, (reason,) = await reasons(served)
        assert (status, is_ready) == (503, False)
        assert reason == f"the database's schema is at version {newest - 1}, this program needs {newest}"


async def test_events_that_could_not_be_applied_are_counted(database_url: str) -> None:
    ensure(database_url)
    columns = "position, originator_id, originator_version, topic, reason"
    execute(database_url, f"INSERT INTO accounts.poison_event ({columns}) VALUES (7, gen_random_uuid(), 1, 'v', 'odd')")
    async with serving(database_url) as served:
        status, is_ready, (reason,) = await reasons(served)
    assert (status, is_ready) == (200, True)
    assert reason.startswith("1 events could not be applied to the snapshot tables")
    assert "ibconnect set-aside" in reason


async def test_a_database_that_may_not_be_read_is_said_and_no_failure(database_url: str) -> None:
    ensure(database_url)
    execute(database_url, "CREATE ROLE nothing LOGIN")
    execute(database_url, "REVOKE ALL ON SCHEMA public FROM public")
    try:
        async with serving(database_url.replace("ibconnect@", "nothing@", 1)) as served:
            status, is_ready, (reason,) = await reasons(served)
        assert (status, is_ready) == (503, False)
        assert reason == "the database refuses to be read: a right is missing"
    finally:
        execute(database_url, "DROP ROLE nothing")


PASSWORDS = st.text(st.sampled_from("@:/?#&=%ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), min_size=4, max_size=16)


@settings(max_examples=8, deadline=None)
@given(PASSWORDS)
# No piece of it is one of a word, which a traceback may hold by chance.
@example("kQxzJ@vWqzX/jKzqV:xWvkZ")
async def test_nothing_that_is_served_or_logged_tells_a_password(password: str) -> None:
    """Nobody listens there, so every request fails to connect; the process says so everywhere."""
    secret = quote(password, safe="")
    url = f"postgresql://recorder:{secret}@127.0.0.1:{unused_port()}/ib?sslpassword={secret}"
    with logged("debug") as lines:
        async with serving(url, ERR_INFO="true") as served:
            served.app[SERVICES].pool.timeout = 0.05
            said = []
            for path in ("/readyz", "/metrics", "/v1/accounts", "/v1/gateways", "/healthz"):
                soon = {"X-Prometheus-Scrape-Timeout-Seconds": "0.1"}
                async with served.get(path, headers=soon) as response:
                    said.append(await response.text() + str(response.headers))
        text = "\n".join([*said, *map(str, lines())])
    assert "cannot be reached" in text
    control = re.sub(r"[0-9a-f]{16}|\d\d:\d\d:\d\d\.\d+Z?|\d\.\d+|\d+", "", text)
    forms = (password, secret)
    pieces = {form[at : at + 4] for form in forms for at in range(len(form) - 3) if not form[at : at + 4].isdigit()}
    assert sorted(piece for piece in pieces if piece in control) == []
