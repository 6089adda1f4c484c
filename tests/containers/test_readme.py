"""The commands of README's "Containers", as pasted into a shell, with podman in docker's place."""

import json
import re
from pathlib import Path

import pytest

from tests.containers import building
from tests.containers.engine import Engine
from tests.containers.recording import ACCOUNTS, answers, free_port, get
from tests.containers.test_compose import OVERRIDE, SERVICES, container
from tests.paths import ROOT
from tests.waiting import DEADLINE_S, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(840)]

# What a build needs of this machine's settings, and which images stand in for published ones, is all that differs.
DOCKER = """#!/bin/sh
case $1 in
build) shift; exec podman build --format docker --network host {settings} "$@" ;;
compose) shift; exec podman-compose --file compose.yaml --file {override} "$@" ;;
*) exec podman "$@" ;;
esac
"""


def blocks() -> tuple[str, str]:
    """The shell blocks of the section: all of compose.yaml, and the image alone."""
    section = (ROOT / "README.md").read_text().split("### Containers\n")[1].split("\n### ")[0]
    compose, alone = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return compose, alone


@pytest.fixture
def shell(containers: Engine, new: str, standins: str, tmp_path: Path) -> Path:
    """A clone, and beside it a directory with a ``docker`` for the path."""
    assert standins
    containers.podman("tag", new, building.LATEST)
    building.copy_tree(tmp_path / "clone")
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    settings = " ".join([*building.ON_BASE, *building.machine_settings(containers)])
    docker.write_text(DOCKER.format(settings=settings, override=OVERRIDE))
    docker.chmod(0o755)
    return tmp_path


def paste(engine: Engine, shell: Path, script: str, port: int, *, fails: bool = False) -> str:
    """Run lines of a block in the clone, on another port than 3000."""
    script = script.replace("localhost:3000", f"localhost:{port}").replace("127.0.0.1:3000", f"127.0.0.1:{port}")
    path = f"{shell / 'bin'}:{engine.environment['PATH']}"
    environment = {**engine.environment, "PATH": path, "PORT": str(port)}
    return engine.run("bash", "-euc", script, cwd=shell / "clone", env=environment, fails=fails)


def test_compose_is_up_after_the_commands(containers: Engine, shell: Path) -> None:
    port = free_port()
    start, _, ask = blocks()[0].rstrip().rpartition("\n")
    assert ask.startswith("curl ")
    # What a person types when he is asked: here is no terminal.
    typed = "deploy/make-secrets.sh --ib-password - <<<'an IB password'"
    assert start.startswith("deploy/make-secrets.sh ")
    start = start.replace("deploy/make-secrets.sh", typed, 1)
    try:
        paste(containers, shell, start, port)
        ready = f"http://127.0.0.1:{port}/readyz"
        said = [container(name) for name in SERVICES if name != "prometheus"]

        def logs() -> str:
            return "\n".join(map(containers.logs, said))

        wait_for(lambda: answers(ready), logs, 2 * DEADLINE_S)

        def are_there() -> bool:
            answer = paste(containers, shell, ask, port, fails=True)
            return answer.startswith("[") and sum(row["Latest"] is not None for row in json.loads(answer)) == ACCOUNTS

        wait_for(are_there, lambda: f"the accounts, by curl:\n{logs()}", pause=1.0)
    finally:
        containers.remove_containers()


def test_the_image_alone_runs_after_the_commands(containers: Engine, shell: Path) -> None:
    port = free_port()
    try:
        paste(containers, shell, "deploy/make-secrets.sh", port)
        paste(containers, shell, blocks()[1], port)
        containers.wait_until_healthy("ibconnect")
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), lambda: containers.logs("ibconnect"))
        assert not answers(f"http://127.0.0.1:{port}/v1/accounts")
        page = get(f"http://127.0.0.1:{port}/", accept="text/html").decode()
        script = re.search(r'src="(page/app-\w+\.js)"', page)
        assert script is not None, page
        assert b"ibconnect" in get(f"http://127.0.0.1:{port}/{script[1]}")
    finally:
        containers.remove_containers()
