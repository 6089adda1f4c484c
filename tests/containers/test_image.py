"""The image alone, built and run as README says: what it holds, what it may do, its health check."""

from collections.abc import Iterator

import pytest

from tests.containers.engine import Engine
from tests.containers.recording import HARDENED, Recorder, recorder
from tests.paths import ROOT
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(840)]

ZOMBIES = "cat /proc/[0-9]*/stat 2>/dev/null | grep -c '^[0-9]* ([^)]*) Z' || true"


@pytest.fixture(scope="module")
def embedded(containers: Engine, new: str) -> Iterator[Recorder]:
    """A recorder that keeps its history by itself, with a report of each account."""
    with recorder(containers, new) as running:
        running.start(new)
        running.wait_for_reports()
        yield running


def test_the_image_holds_the_program_and_nothing_of_its_tests(containers: Engine, new: str) -> None:
    def inside(script: str) -> list[str]:
        return containers.podman("run", "--rm", "--network=none", "--entrypoint=sh", new, "-c", script).split()

    packages = '"$(dirname "$(readlink -f "$(command -v ibconnect)")")"/../lib/python*/site-packages'
    sql = inside(f"cd {packages}/ibconnect/sql && find . -name '*.sql'")
    assert sorted(sql) == sorted(f"./{path.relative_to(ROOT / 'sql')}" for path in (ROOT / "sql").rglob("*.sql"))
    assert inside(f"find {packages}/ibconnect -name '*.pyc' | head -1") != []
    assert inside(f"ls -d {packages}/pytest {packages}/tests 2>/dev/null || true") == []
    assert "serve" in containers.podman("run", "--rm", *HARDENED, new, "--help")


@pytest.mark.usefixtures("embedded")
def test_it_runs_without_rights_and_writes_to_its_volume_alone(containers: Engine) -> None:
    status = containers.inside("recorder", "cat /proc/1/status").splitlines()
    said = {line.partition(":")[0]: line.split()[1:] for line in status}
    assert said["Uid"] == ["10001"] * 4
    assert said["Gid"] == ["10001"] * 4
    assert {said[name][0] for name in ("CapPrm", "CapEff", "CapBnd")} == {"0" * 16}
    assert said["NoNewPrivs"] == ["1"]
    attempts = "for d in / /etc /opt/ibconnect /home /usr/lib; do touch $d/x 2>/dev/null && echo $d; done; true"
    assert containers.inside("recorder", attempts) == ""
    assert containers.inside("recorder", "stat -c '%u %g %a' /var/lib/ibconnect") == "10001 10001 700"


@pytest.mark.usefixtures("embedded")
def test_its_health_check_says_how_it_is(containers: Engine) -> None:
    """Healthy while it answers; not while its process stands still."""
    containers.wait_until_healthy("recorder")
    main = containers.inside("recorder", "cut -d ' ' -f 1 /proc/1/task/1/children")
    containers.inside("recorder", f"kill -STOP {main}")
    wait_for(lambda: not containers.check("recorder"), "its health check fails")
    containers.inside("recorder", f"kill -CONT {main}")
    containers.wait_until_healthy("recorder")


def test_what_ends_in_it_is_gone(embedded: Recorder, containers: Engine) -> None:
    """Processes that lose their parent, the health checks and the database's own leave no zombies."""
    for _ in range(5):
        assert containers.check("recorder")
        containers.inside("recorder", "(sleep 0 & sleep 0 &)")
    embedded.refresh()
    wait_for(lambda: containers.inside("recorder", ZOMBIES) == "0", "no zombies")
