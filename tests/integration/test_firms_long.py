"""A firm of 1,000 accounts for a while: ten refreshes, with everything else that is asked of a gateway beside them."""

from pathlib import Path

import orjson
import psycopg
import pytest

from bench import stage
from bench.traffic import Client
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ACCOUNTS, REFRESHES = 1_000, 10
# Resident memory of each process, from the second refresh on: what the first ones fill is kept.
GROWTH_MB = 30.0
WAIT_S = 600.0
ENDED = "SELECT count(*) FROM accounts.refresh WHERE scope = '' AND outcome = 'complete'"
TOO_FAST = "SELECT count(*) FROM stored_events WHERE topic = 'n' AND position('\"100\"'::bytea IN state) > 0"


def sizes(service: stage.Service) -> dict[str, float]:
    """The resident memory of each process of the service, in MB, by what it runs."""
    found = {}
    for pid in service.process.pids():
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        status = Path(f"/proc/{pid}/status").read_text()
        found[f"{command[3].decode()} {pid}"] = int(status.partition("\nVmRSS:")[2].split()[0]) * 1024 / 1e6
    return found


def asked(service: stage.Service, path: str, **headers: str) -> tuple[int, bytes]:
    client = Client(service.url)
    status, body, _ = client.get(path, **headers)
    client.close()
    return status, body


def test_memory_is_flat_over_refreshes_of_a_thousand_accounts() -> None:
    options = ("--accounts", str(ACCOUNTS), "--advisor", "--positions", "5", "--pacing", "reject")
    seen: list[dict[str, float]] = []
    with (
        stage.postgres() as server,
        stage.database(server, "firm") as url,
        stage.simulator(*options) as gateway,
        stage.service(url, gateway.port, REFRESH_FLOOR="0", REFRESH_TIMEOUT="0.5", COLLECT="all") as service,
    ):
        for number in range(1, REFRESHES + 1):
            wait_for(lambda count=number: stage.one(url, ENDED) >= count, f"refresh {number}", WAIT_S)
            seen.append(sizes(service))
            status, body = asked(service, "/v1/accounts")
            assert (status, len(orjson.loads(body))) == (200, ACCOUNTS + 1)
            status, body = asked(service, f"/v1/overview?limit={2 * ACCOUNTS}")
            assert (status, len(orjson.loads(body)["Accounts"])) == (200, ACCOUNTS + 1)
            assert asked(service, "/readyz")[0] == 200
            if number < REFRESHES:
                asked(service, "/v1/accounts", **{"Cache-Control": "max-age=0"})
        assert stage.one(url, TOO_FAST) == 0, "error 100: more was asked than a gateway takes"
        with psycopg.connect(url) as connection:
            whole = connection.execute(
                "SELECT count(*), count(*) FILTER (WHERE is_whole) FROM accounts.gateway_account"
            ).fetchone()
        assert whole == (ACCOUNTS + 1, ACCOUNTS + 1)
    grown = {name: seen[-1][name] - seen[1][name] for name in seen[1] if name in seen[-1]}
    assert len(grown) == len(seen[1])
    assert max(grown.values()) <= GROWTH_MB, f"{grown} of {seen[1]}"
