"""What a container has recorded outlives its restarts, its end by force and an upgrade from the version before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.engine import Engine
from tests.containers.recording import Recorder, history, recorder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(840)]

POSTGRES = ("POSTGRES_USER=ibconnect", "POSTGRES_DB=ibconnect", "POSTGRES_PASSWORD_FILE=/run/secrets/password")


@pytest.fixture(params=["embedded", "own"])
def anywhere(request: pytest.FixtureRequest, containers: Engine, new: str, tmp_path: Path) -> Iterator[Recorder]:
    """A recorder that is yet to be started: with the embedded Postgres, and with one of its own beside it."""
    if request.param == "embedded":
        with recorder(containers, new) as made:
            yield made
        return
    postgres = f"{request.getfixturevalue('standins')}/postgres"
    (tmp_path / "password").write_text("secret")
    with recorder(containers, new, DB_URL="postgresql://ibconnect:secret@database/ibconnect") as made:
        variables = [f"--env={each}" for each in POSTGRES]
        volumes = [f"--volume={tmp_path}/password:/run/secrets/password:ro", "--volume=database:/var/lib/postgresql"]
        where = ["--name=database", "--network=recording", "--user=postgres", *volumes]
        containers.podman("run", "--detach", *where, *variables, postgres)
        yield made


def test_its_history_outlives_restarts_kills_and_an_upgrade(
    anywhere: Recorder, old: str, new: str, containers: Engine
) -> None:
    anywhere.start(old)
    anywhere.wait_for_reports()
    anywhere.refresh()
    assert anywhere.stop() == 0
    containers.podman("start", "recorder")
    anywhere.refresh()
    before = history(anywhere.url)
    assert len(before.events) > 0
    assert anywhere.stop() == 0
    anywhere.start(new)
    anywhere.refresh()
    upgraded = history(anywhere.url)
    assert before.is_kept_in(upgraded)
    assert len(upgraded.events) > len(before.events)
    containers.podman("kill", "recorder")
    containers.podman("start", "recorder")
    anywhere.refresh()
    killed = history(anywhere.url)
    assert upgraded.is_kept_in(killed)
    assert anywhere.stop() == 0
    assert '"kind": "service_stopped"' in containers.logs("recorder")
    anywhere.start(new)
    anywhere.wait_for_reports()
    assert killed.is_kept_in(history(anywhere.url))
