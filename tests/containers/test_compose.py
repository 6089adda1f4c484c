"""The whole of compose.yaml, brought up by podman-compose as README says.

In the places of the published images are stand-ins with the same surface (standins/Dockerfile): Postgres and Prometheus
of Debian, and our simulator as the gateway. Grafana is in no package of Debian and stays away; nothing depends on it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.containers import building
from tests.containers.engine import Engine
from tests.containers.recording import ACCOUNTS, answers, free_port, get, history
from tests.waiting import DEADLINE_S, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(840)]

OVERRIDE = Path(__file__).parent / "compose.override.yaml"
SERVICES = ("ibconnect", "postgres", "ib-gateway", "prometheus")
PASSWORD = "the password of an IB user"


class Stack:
    """A clone of the project whose compose file is brought up and down."""

    def __init__(self, engine: Engine, tree: Path) -> None:
        self.engine, self.tree = engine, tree
        engine.run("deploy/make-secrets.sh", cwd=tree)
        self.token = (tree / "secrets" / "api_token").read_text()
        (tree / "secrets" / "ib_password").write_text(PASSWORD)
        ports = {name: free_port() for name in ("PORT", "PROMETHEUS_PORT", "GRAFANA_PORT")}
        settings = "".join(f"{name}={port}\n" for name, port in ports.items())
        (tree / ".env").write_text(f"TWS_USERID=somebody\n{settings}")
        self.url, self.prometheus = (f"http://127.0.0.1:{ports[name]}" for name in ("PORT", "PROMETHEUS_PORT"))

    def compose(self, *arguments: str) -> None:
        """``podman-compose …`` in the clone."""
        self.engine.run("podman-compose", "--file=compose.yaml", f"--file={OVERRIDE}", *arguments, cwd=self.tree)

    def up(self, image: str) -> None:
        """Bring it up with this image as ``ibconnect:latest``."""
        self.engine.podman("tag", image, building.LATEST)
        self.compose("--profile=monitoring", "up", "--detach", *SERVICES)

    def down(self, *options: str) -> None:
        """Stop and remove the containers; the volumes stay."""
        self.compose("--profile=monitoring", "down", *options)

    def wait_for_reports(self) -> list[dict[str, Any]]:
        """Wait until every account has a report, and return them as a client sees them."""

        def rows() -> list[dict[str, Any]]:
            found = json.loads(get(f"{self.url}/v1/accounts", self.token)) if answers(f"{self.url}/readyz") else []
            return [row for row in found if row["Latest"]]

        def said() -> str:
            return "\n".join(self.engine.logs(container(name)) for name in SERVICES)

        wait_for(lambda: len(rows()) == ACCOUNTS, said, 2 * DEADLINE_S)
        return rows()

    def ask_prometheus(self, path: str) -> dict[str, Any]:
        """An answer of Prometheus' API."""
        return dict(json.loads(get(f"{self.prometheus}/api/v1/{path}"))["data"])


def container(service: str) -> str:
    """The name that podman-compose gives a service's container."""
    return f"ibconnect_{service}_1"


@pytest.fixture(scope="module")
def stack(containers: Engine, standins: str, new: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All of it, running, with a report of each account."""
    assert standins
    tree = tmp_path_factory.mktemp("compose") / "ibconnect"
    building.copy_tree(tree)
    made = Stack(containers, tree)
    try:
        made.up(new)
        made.wait_for_reports()
        yield made
    finally:
        containers.remove_containers()


def test_every_service_is_healthy(stack: Stack) -> None:
    for name in SERVICES:
        stack.engine.wait_until_healthy(container(name))


def test_a_client_with_the_token_gets_an_account_and_one_without_does_not(stack: Stack) -> None:
    code = stack.wait_for_reports()[0]["AccountCode"]
    report = json.loads(get(f"{stack.url}/v1/accounts/{code}", stack.token))
    assert report["AccountCode"] == code
    assert report["Ready"] is True
    assert report["Gateway"] == "ib-gateway:4004"
    assert not answers(f"{stack.url}/v1/accounts/{code}")


def test_every_container_is_hardened(stack: Stack) -> None:
    for name in SERVICES:
        status = stack.engine.inside(container(name), "cat /proc/1/status").splitlines()
        said = {line.partition(":")[0]: line.split()[1:] for line in status}
        assert said["NoNewPrivs"] == ["1"], name
        assert {said[each][0] for each in ("CapPrm", "CapEff", "CapBnd")} == {"0" * 16}, name
        assert "0" not in said["Uid"], name
        assert "-init" in stack.engine.inside(container(name), "tr '\\0' ' ' </proc/1/cmdline"), name
        root = stack.engine.inside(container(name), "grep ' / ' /proc/mounts").split()[3].split(",")
        assert ("ro" in root) == (name != "ib-gateway"), name


def test_no_container_may_take_all_memory_or_processes(stack: Stack) -> None:
    limits = {}
    for name in SERVICES:
        said = stack.engine.inspect(container(name))["HostConfig"]
        limits[name] = (said["Memory"] >> 20, said["PidsLimit"])
    assert limits == {
        "ibconnect": (1024, 512),
        "postgres": (2048, 256),
        "ib-gateway": (2048, 512),
        "prometheus": (1024, 256),
    }


def test_nothing_is_published_beyond_this_machine(stack: Stack) -> None:
    published = {
        name: [each["HostIp"] for ports in bindings.values() for each in ports or []]
        for name in SERVICES
        if (bindings := stack.engine.inspect(container(name))["NetworkSettings"]["Ports"])
    }
    assert published == {"ibconnect": ["127.0.0.1"], "prometheus": ["127.0.0.1"]}


def test_the_database_cannot_be_reached_from_elsewhere_nor_reach_anything(stack: Stack) -> None:
    default = "00000000"
    routes = [
        line.split()[1] for line in stack.engine.inside(container("postgres"), "cat /proc/net/route").splitlines()
    ]
    assert default not in routes
    reach = "timeout 20 bash -c 'true </dev/tcp/postgres/5432' 2>/dev/null && echo reached || true"
    assert stack.engine.inside(container("ibconnect"), reach) == "reached"
    assert stack.engine.inside(container("ib-gateway"), reach) == ""
    assert stack.engine.inside(container("prometheus"), reach) == ""


def test_secrets_are_files_that_only_their_services_see(stack: Stack) -> None:
    seen = {name: stack.engine.inside(container(name), "ls /run/secrets").split() for name in SERVICES}
    assert seen == {
        "ibconnect": ["api_tokens", "db_url"],
        "postgres": ["postgres_password"],
        "ib-gateway": ["ib_password"],
        "prometheus": ["prometheus_token"],
    }
    for name in SERVICES:
        told = json.dumps(stack.engine.inspect(container(name)))
        secrets = [path.read_text().strip() for path in (stack.tree / "secrets").iterdir()]
        assert [secret for secret in secrets if secret in told] == [], name


def test_prometheus_scrapes_the_service(stack: Stack) -> None:
    def target() -> dict[str, Any] | None:
        targets = stack.ask_prometheus("targets")["activeTargets"]
        return next((each for each in targets if each["health"] == "up"), None)

    found = wait_for(target, lambda: str(stack.ask_prometheus("targets")), 2 * DEADLINE_S)
    assert found["labels"] == {"instance": "ibconnect:3000", "job": "ibconnect"}


def test_prometheus_has_all_alerts(stack: Stack) -> None:
    rules = [rule["name"] for group in stack.ask_prometheus("rules")["groups"] for rule in group["rules"]]
    alerts = (stack.tree / "deploy" / "prometheus" / "alerts.yml").read_text().splitlines()
    assert rules == [line.split()[-1] for line in alerts if line.strip().startswith("- alert:")]
    assert len(rules) > 0


def test_it_stops_in_time_and_comes_back_with_its_history(stack: Stack) -> None:
    stack.wait_for_reports()
    before = history(stack.url, stack.token)
    stack.compose("stop", "ibconnect", "postgres")
    for name in ("ibconnect", "postgres"):
        assert stack.engine.inspect(container(name))["State"]["ExitCode"] == 0, name
    stack.engine.podman("start", container("postgres"), container("ibconnect"))
    stack.wait_for_reports()
    stack.engine.podman("kill", container("postgres"), container("ibconnect"))
    stack.engine.podman("start", container("postgres"), container("ibconnect"))
    stack.wait_for_reports()
    assert before.is_kept_in(history(stack.url, stack.token))


def test_an_upgrade_keeps_the_history(stack: Stack, old: str, new: str) -> None:
    stack.down("--volumes")
    stack.up(old)
    stack.wait_for_reports()
    before = history(stack.url, stack.token)
    assert len(before.events) > 0
    stack.down()
    stack.up(new)
    stack.wait_for_reports()
    assert before.is_kept_in(history(stack.url, stack.token))
