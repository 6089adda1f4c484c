"""The whole of compose.yaml, brought up by podman-compose as README says.

In the places of the published images are stand-ins with the same surface (standins/Dockerfile): Postgres and Prometheus
of Debian, and our simulator as the gateway. Grafana is in no package of Debian and stays away; nothing depends on it.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ibconnect.database.migrations import available
from tests.containers import building
from tests.containers.engine import Engine
from tests.containers.recording import ACCOUNTS, answers, free_port, get, history
from tests.paths import ROOT
from tests.waiting import DEADLINE_S, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(840)]

OVERRIDE = Path(__file__).parent / "compose.override.yaml"
SERVICES = ("ibconnect", "postgres", "ib-gateway", "prometheus")
"""Those that go on running; migrate ends."""
PASSWORD = "the password of an IB user"
FLEX_TOKEN = "1618033988749894848204"


class Stack:
    """A clone of the project whose compose file is brought up and down."""

    def __init__(self, engine: Engine, tree: Path) -> None:
        self.engine, self.tree = engine, tree
        engine.run("deploy/make-secrets.sh", cwd=tree)
        self.token = (tree / "secrets" / "api_token").read_text()
        (tree / "secrets" / "ib_password").write_text(PASSWORD)
        (tree / "secrets" / "flex_token").write_text(FLEX_TOKEN)
        ports = {name: free_port() for name in ("PORT", "PROMETHEUS_PORT", "GRAFANA_PORT")}
        settings = "".join(f"{name}={port}\n" for name, port in ports.items())
        (tree / ".env").write_text(f"TWS_USERID=somebody\n{settings}")
        self.url, self.prometheus = (f"http://127.0.0.1:{ports[name]}" for name in ("PORT", "PROMETHEUS_PORT"))

    @property
    def services(self) -> tuple[str, ...]:
        """All but Grafana's; an earlier version has no migrate."""
        has_migrate = "\n  migrate:\n" in (self.tree / "compose.yaml").read_text()
        return (*SERVICES, "migrate") if has_migrate else SERVICES

    def compose(self, *arguments: str) -> None:
        """``podman-compose …`` in the clone."""
        self.engine.run("podman-compose", "--file=compose.yaml", f"--file={OVERRIDE}", *arguments, cwd=self.tree)

    def up(self, image: str) -> None:
        """Bring it up with this image as ``ibconnect:latest``."""
        self.engine.podman("tag", image, building.LATEST)
        self.compose("--profile=monitoring", "up", "--detach", *self.services)

    def down(self, *options: str) -> None:
        """Stop and remove the containers; the volumes stay."""
        self.compose("--profile=monitoring", "down", *options)

    def wait_for_reports(self) -> list[dict[str, Any]]:
        """Wait until every account has a report, and return them as a client sees them."""

        def rows() -> list[dict[str, Any]]:
            found = json.loads(get(f"{self.url}/v1/accounts", self.token)) if answers(f"{self.url}/readyz") else []
            return [row for row in found if row["Latest"]]

        def said() -> str:
            return "\n".join(self.engine.logs(container(name)) for name in self.services)

        wait_for(lambda: len(rows()) == ACCOUNTS, said, 2 * DEADLINE_S)
        return rows()

    def paste(self, script: str) -> None:
        """Run lines of the docs in the clone, with podman in docker's place."""
        docker = self.tree.parent / "bin" / "docker"
        docker.parent.mkdir(exist_ok=True)
        compose = f'shift; exec podman-compose --file compose.yaml --file {OVERRIDE} "$@"'
        docker.write_text(f'#!/bin/sh\nif [ "$1" = compose ]; then {compose}; fi\nexec podman "$@"\n')
        docker.chmod(0o755)
        path = f"{docker.parent}:{self.engine.environment['PATH']}"
        self.engine.run("bash", "-euc", script, cwd=self.tree, env={**self.engine.environment, "PATH": path})

    def ask_postgres(self, query: str) -> list[str]:
        """The rows of an answer, asked as the superuser inside its container."""
        said = ["exec", container("postgres"), "psql", "--username=ibconnect", "--dbname=ibconnect", "-qAtc", query]
        return self.engine.podman(*said).splitlines()

    def ask_prometheus(self, path: str) -> dict[str, Any]:
        """An answer of Prometheus' API."""
        return dict(json.loads(get(f"{self.prometheus}/api/v1/{path}"))["data"])


def shell_blocks(page: str, title: str) -> list[str]:
    """The shell blocks of a section of the docs, without comments."""
    section = (ROOT / "docs" / page).read_text().split(f"{title}\n")[1].split("\n## ")[0]
    return [re.sub(r"(?m)\s+#.*$", "", block) for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)]


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
    for name in stack.services:
        said = stack.engine.inspect(container(name))["HostConfig"]
        limits[name] = (said["Memory"] >> 20, said["PidsLimit"])
    assert limits == {
        "ibconnect": (1024, 512),
        "postgres": (2048, 256),
        "ib-gateway": (2048, 512),
        "prometheus": (1024, 256),
        "migrate": (256, 64),
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
    mounts = [each["Destination"] for each in stack.engine.inspect(container("migrate"))["Mounts"]]
    seen["migrate"] = [path.removeprefix("/run/secrets/") for path in mounts if path != "/var/lib/ibconnect"]
    assert seen == {
        "ibconnect": ["api_tokens", "flex_token", "recorder_db_url"],
        "migrate": ["owner_db_url"],
        "postgres": ["owner_password", "postgres_password", "recorder_password"],
        "ib-gateway": ["ib_password"],
        "prometheus": ["prometheus_token"],
    }
    for name in stack.services:
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


def test_migrate_has_ended_well_and_may_run_again(stack: Stack) -> None:
    for _ in range(2):
        state = stack.engine.inspect(container("migrate"))["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", 0)
        stack.engine.podman("start", "--attach", container("migrate"))
    said = stack.engine.logs(container("migrate"))
    assert f"applied {available()[-1].name}" in said
    assert said.endswith("the database's schema is up to date\nthe roles have their rights on it")


def test_whoever_is_connected_is_the_recorder(stack: Stack) -> None:
    stack.wait_for_reports()
    connected = "SELECT DISTINCT usename FROM pg_stat_activity WHERE client_addr IS NOT NULL"
    wait_for(lambda: stack.ask_postgres(connected) == ["ibconnect_recorder"], "migrate has hung up, and only it")
    flags = "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls FROM pg_roles"
    assert stack.ask_postgres(f"{flags} WHERE rolname LIKE 'ibconnect\\_%'") == ["f"] * 4
    owners = (
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    )
    assert stack.ask_postgres(f"{owners} WHERE nspname IN ('public', 'coordination') AND relkind <> 'v'") == [
        "ibconnect_owner"
    ]
    assert stack.ask_postgres(f"{owners} WHERE nspname = 'accounts' OR relname LIKE 'v\\_%'") == ["ibconnect_recorder"]


# Each as a session of its own, from inside the service's container, with all that is in there.
ATTACKS = (
    "DELETE FROM public.stored_events",
    "UPDATE public.stored_events SET state = state",
    "TRUNCATE public.stored_events",
    "DROP TABLE public.stored_events",
    "ALTER TABLE public.stored_events DISABLE TRIGGER ALL",
    "DROP FUNCTION public.refuse_change_of_events() CASCADE",
    "DROP SCHEMA coordination CASCADE",
    "SET session_replication_role = replica",
    "SELECT setval('public.stored_events_notification_id_seq', 9223372036854775807)",
    "INSERT INTO public.stored_events (notification_id, originator_version, originator_id, topic, state)"
    " VALUES (9223372036854775807, 1, gen_random_uuid(), 'v', '')",
    "SET ROLE ibconnect_owner",
    "SET SESSION AUTHORIZATION ibconnect",
    "ALTER ROLE ibconnect_owner PASSWORD 'mine'",
    "ALTER ROLE ibconnect_recorder SUPERUSER",
    "CREATE ROLE mine SUPERUSER",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('/run/secrets/postgres_password')",
    "SELECT rolpassword FROM pg_authid",
)
ATTACK = """
import json, sys, psycopg
url = open("/run/secrets/recorder_db_url").read()
told = []
for statement in json.loads(sys.argv[1]):
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)
        told.append("done")
    except psycopg.Error as exc:
        told.append(type(exc).__name__)
password = psycopg.conninfo.conninfo_to_dict(url)["password"]
for role in json.loads(sys.argv[2]):
    for given in ({}, {"password": password}, {"password": ""}):
        try:
            psycopg.connect(host="postgres", dbname="ibconnect", user=role, **given).close()
            told.append("logged in as " + role)
        except psycopg.OperationalError:
            pass
print(json.dumps(told))
"""


def test_the_service_can_neither_take_an_event_away_nor_become_another_role(stack: Stack) -> None:
    stack.wait_for_reports()
    before = history(stack.url, stack.token)
    others = ["ibconnect", "postgres", "ibconnect_owner", "ibconnect_reader", "ibconnect_backup"]
    python = stack.engine.inside(container("ibconnect"), 'dirname "$(readlink -f "$(command -v ibconnect)")"')
    attack = [f"{python}/python", "-c", ATTACK, json.dumps(ATTACKS), json.dumps(others)]
    told = json.loads(stack.engine.podman("exec", container("ibconnect"), *attack))
    assert dict(zip(ATTACKS, told, strict=True)) == dict.fromkeys(ATTACKS, "InsufficientPrivilege")
    assert before.is_kept_in(history(stack.url, stack.token))


def test_what_the_service_has_backed_up_goes_into_a_new_volume(stack: Stack) -> None:
    """The commands of docs/backup.md."""
    stack.wait_for_reports()
    before = history(stack.url, stack.token)
    file = "/var/lib/ibconnect/ibconnect.dump"
    assert f"backed up to {file}" in stack.engine.podman("exec", container("ibconnect"), "ibconnect", "backup", file)
    (block,) = [each for each in shell_blocks("backup.md", "## Restore") if "compose" in each]
    stack.paste(block.replace("docker compose down", "docker compose --profile=monitoring down"))
    stack.up(building.NEW)
    stack.wait_for_reports()
    assert before.is_kept_in(history(stack.url, stack.token))
    test_whoever_is_connected_is_the_recorder(stack)


def test_a_service_that_is_killed_is_started_again(stack: Stack) -> None:
    """Also by podman, which does so only while all that a container requires is running."""
    stack.wait_for_reports()
    began = stack.engine.inspect(container("ibconnect"))["State"]["StartedAt"]
    main = stack.engine.inside(container("ibconnect"), "cut -d ' ' -f 1 /proc/1/task/1/children")
    # The shell may end with the container, before podman has asked how it ended.
    stack.engine.podman("exec", container("ibconnect"), "sh", "-c", f"kill -KILL {main}", fails=True)

    def state() -> dict[str, Any]:
        return dict(stack.engine.inspect(container("ibconnect"))["State"])

    wait_for(lambda: state()["Running"] and state()["StartedAt"] != began, "it runs again", 2 * DEADLINE_S)
    stack.wait_for_reports()


@pytest.fixture
def before(stack: Stack, tree_before: Path, old: str, tmp_path: Path) -> Stack:
    """The version before, with its own compose file, secrets and volumes, in the place of this one."""
    stack.engine.remove_containers()
    shutil.copytree(tree_before, tmp_path / "clone")
    made = Stack(stack.engine, tmp_path / "clone")
    made.up(old)
    made.wait_for_reports()
    return made


def test_an_upgrade_keeps_the_history(before: Stack, tree: Path, new: str) -> None:
    """By the commands of docs/upgrade.md, as it says for podman."""
    recorded = history(before.url, before.token)
    assert len(recorded.events) > 0
    (block,) = shell_blocks("upgrade.md", "## Containers")
    # The tree is that of this clone, the image is built already, and podman takes new ones only after a `down`.
    for command, here in {
        "git pull": f"cp -a {tree}/. .",
        "docker compose build": f"podman tag {new} {building.LATEST} && docker compose --profile=monitoring down",
    }.items():
        assert f"{command}\n" in block
        block = block.replace(command, here)
    before.paste(block)
    assert not (before.tree / "secrets" / "db_url").exists()
    before.wait_for_reports()
    assert recorded.is_kept_in(history(before.url, before.token))
    test_migrate_has_ended_well_and_may_run_again(before)
    test_whoever_is_connected_is_the_recorder(before)
    test_the_service_can_neither_take_an_event_away_nor_become_another_role(before)
