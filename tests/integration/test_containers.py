"""Dockerfile, compose file and monitoring, checked without a container engine.

The Dockerfile by hadolint, the compose file by the Compose Specification's JSON schema and by our own rules.
tests/containers builds and runs both.
"""

import json
import os
import pty
import re
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from ruamel.yaml import YAML

import ibconnect.http.app
import ibconnect.observe
from ibconnect.config import load
from ibconnect.http.server.tokens import Principal, Right, parse_tokens
from tests.waiting import DEADLINE_S, wait_for

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PUBLISHED = re.compile(r"127\.0\.0\.1:(\$\{\w+:-)?\d+\}?:\d+")


def run(*command: str | Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continuation lines joined, as (name, arguments)."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", dockerfile))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines()) if name]


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    return instructions((ROOT / "Dockerfile").read_text())


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(YAML(typ="safe").load(ROOT / "compose.yaml"))


def test_hadolint_has_no_complaint() -> None:
    assert run(BIN / "hadolint", ROOT / "Dockerfile").stdout == ""


def test_the_last_stage_runs_as_a_number_that_is_not_root_and_is_watched(dockerfile: list[tuple[str, str]]) -> None:
    names = [name for name, _ in dockerfile]
    last = dockerfile[len(names) - 1 - names[::-1].index("FROM") :]
    assert names.count("FROM") == 2
    assert [value for name, value in last if name == "USER"] == ["10001:10001"]
    assert [name for name, _ in last].count("HEALTHCHECK") == 1
    assert not any("apt-get" in value or "pip" in value for name, value in last if name == "RUN")


def test_no_secret_is_built_in(dockerfile: list[tuple[str, str]]) -> None:
    assert [value.partition("=")[0] for name, value in dockerfile if name == "ARG"] == ["PYTHON"]
    built_in = " ".join(value for name, value in dockerfile if name == "ENV")
    assert not re.search(r"(?i)password|token|secret|DB_URL", built_in)


def test_what_the_builder_gets_is_what_the_dockerfile_copies(dockerfile: list[tuple[str, str]]) -> None:
    copied = {
        path for name, value in dockerfile if name == "COPY" and "--from" not in value for path in value.split()[:-1]
    }
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert all((ROOT / path).exists() for path in copied)


def test_the_health_check_is_one_and_the_same_wherever_it_is_said(
    dockerfile: list[tuple[str, str]], compose: dict[str, Any]
) -> None:
    """An image in OCI's format has none, so the compose file says it again."""
    (check,) = [value for name, value in dockerfile if name == "HEALTHCHECK"]
    options, _, command = check.partition("CMD ")
    said = dict(re.findall(r"--([\w-]+)=(\S+)", options))
    again = compose["services"]["ibconnect"]["healthcheck"]
    assert again.pop("test") == ["CMD", *json.loads(command)]
    assert {name.replace("_", "-"): str(value) for name, value in again.items()} == said


def test_nothing_is_asked_of_an_engine_that_not_all_of_them_have(
    dockerfile: list[tuple[str, str]], compose: dict[str, Any]
) -> None:
    """Debian's podman and Docker before 25 refuse a start interval; podman finds no images by short names."""
    checks = [value for name, value in dockerfile if name == "HEALTHCHECK"]
    assert not any("--start-interval" in check for check in checks)
    assert not any("start_interval" in service.get("healthcheck", {}) for service in compose["services"].values())
    assert [image for image in images(dockerfile, compose) if "." not in image.partition("/")[0]] == []


def images(dockerfile: list[tuple[str, str]], compose: dict[str, Any]) -> list[str]:
    """All images that others publish and that a build or the compose file asks for, variables by their defaults."""
    arguments = dict(value.split("=", 1) for name, value in dockerfile if name == "ARG")
    bases = [value.split()[0] for name, value in dockerfile if name == "FROM"]
    named = [service["image"] for service in compose["services"].values() if "build" not in service]
    return [
        re.sub(r"\$\{\w+:-(.*)\}", r"\1", re.sub(r"^\$\{(\w+)\}$", lambda m: arguments[m[1]], each))
        for each in bases + named
    ]


def test_every_image_is_named_by_a_version_and_a_digest(
    dockerfile: list[tuple[str, str]], compose: dict[str, Any]
) -> None:
    """A tag may be moved to another image at any time; a digest cannot. The version is for people."""
    found = images(dockerfile, compose)
    assert len(found) == 6
    for image in found:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}", image), image


def test_no_container_may_take_all_memory_or_processes(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        memory = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", service["mem_limit"])
        assert re.fullmatch(r"[1-9]\d*[mg]", memory), name
        assert 0 < service["pids_limit"] <= 512, name


def test_the_compose_file_fits_the_specification() -> None:
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml")


def test_every_container_is_hardened_and_watched(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        # What ends by itself is started again only when it has failed, and cannot be asked how it is.
        ends = name == "migrate"
        assert service["restart"] == ("on-failure" if ends else "unless-stopped"), name
        assert service["healthcheck"].get("disable", False) == ends, name
    writable = {name for name, service in compose["services"].items() if not service.get("read_only")}
    assert writable == {"ib-gateway"}


def test_nothing_is_published_beyond_loopback(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports != []
    assert all(PUBLISHED.fullmatch(port) for port in ports)
    assert "ports" not in compose["services"]["postgres"]
    assert compose["services"]["postgres"]["networks"] == ["database"]
    assert compose["networks"]["database"] == {"internal": True}


def test_secrets_come_by_file_only(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            secret = re.search(r"PASSWORD|TOKEN|DB_URL", variable)
            assert not secret or re.fullmatch(r"/run/secrets/(\w+)", str(value)), f"{name}: {variable}"
            if secret:
                assert str(value).rpartition("/")[2] in service["secrets"], f"{name}: {variable}"
    files = [secret["file"] for secret in compose["secrets"].values()]
    assert all(file.startswith("./secrets/") for file in files)
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_each_service_sees_the_secrets_that_it_needs_and_no_others(compose: dict[str, Any]) -> None:
    """What goes on running has neither the superuser's password nor the owner's."""
    assert {name: set(service.get("secrets", [])) for name, service in compose["services"].items()} == {
        "ibconnect": {"recorder_db_url", "api_tokens", "flex_token"},
        "migrate": {"owner_db_url"},
        "postgres": {"postgres_password", "owner_password", "recorder_password"},
        "ib-gateway": {"ib_password"},
        "prometheus": {"prometheus_token"},
        "grafana": {"grafana_password"},
    }


def test_nothing_that_goes_on_running_depends_on_what_ends(compose: dict[str, Any]) -> None:
    """Podman does not start a container again of which one that it requires has ended, with success too."""
    ending = {name for name, service in compose["services"].items() if service["restart"] != "unless-stopped"}
    assert ending == {"migrate"}
    assert not any(ending & set(service.get("depends_on", {})) for service in compose["services"].values())


def make_secrets(directory: Path) -> dict[str, str]:
    run("sh", ROOT / "deploy" / "make-secrets.sh", directory)
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_the_secrets_script_makes_every_secret_file_and_keeps_them(compose: dict[str, Any], tmp_path: Path) -> None:
    first, made = (make_secrets(tmp_path / "secrets") for _ in range(2))
    assert made == first
    assert set(made) == set(compose["secrets"]) | {"api_token"}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    for role in ("owner", "recorder"):
        url = f"postgresql://ibconnect_{role}:{made[f'{role}_password']}@postgres:5432/ibconnect"
        assert made[f"{role}_db_url"] == url
    assert len({made[name] for name in ("postgres_password", "owner_password", "recorder_password")}) == 3
    tokens = parse_tokens(made["api_tokens"])
    full, limited = (tokens.principal_of(made[name]) for name in ("api_token", "prometheus_token"))
    assert full is not None
    assert full.is_full
    assert tokens.bare == ()
    assert limited == Principal(frozenset(), frozenset({Right.METRICS}))


def test_secrets_of_an_earlier_version_are_kept_and_how_to_mend_them_is_said(tmp_path: Path) -> None:
    """They keep Prometheus out; what is said is a command that can be pasted."""
    secrets = tmp_path / "secrets"
    made = make_secrets(secrets)
    file = secrets / "api_tokens"
    file.chmod(0o644)
    file.write_text(made["api_tokens"].replace("@metrics", "@none").replace("@*", ""))
    said = run("sh", ROOT / "deploy" / "make-secrets.sh", secrets).stdout
    assert "@none" in file.read_text()
    commands = [line.strip() for line in said.splitlines() if line.strip().startswith("sed ")]
    assert len(commands) == 2
    for command in commands:
        run("sh", "-c", command)
    assert file.read_text() == made["api_tokens"]
    assert "sed " not in run("sh", ROOT / "deploy" / "make-secrets.sh", secrets).stdout


def secret(directory: Path, *arguments: str, **options: Any) -> str:
    """The password of the IB user after the script has run; it is shown nowhere."""
    done = run("sh", ROOT / "deploy" / "make-secrets.sh", *arguments, directory, **options)
    found = (directory / "ib_password").read_text()
    assert not found or found not in done.stdout + done.stderr
    assert (directory / "ib_password").stat().st_mode & 0o777 == 0o444, "a container reads it as another user"
    assert ("ib_password       is empty" in done.stdout) == (not found)
    assert not (directory / "ib_password.new").exists()
    return found


def test_the_ib_password_comes_from_a_file_or_standard_input_at_any_time(tmp_path: Path) -> None:
    directory, password = tmp_path / "secrets", " p'a\"$s%s\\w ö rd "
    (tmp_path / "password").write_text(f"{password}\n")
    assert secret(directory, stdin=subprocess.DEVNULL) == ""
    assert secret(directory, "--ib-password", str(tmp_path / "password"), stdin=subprocess.DEVNULL) == password
    assert secret(directory, "--ib-password", "-", input="another\n") == "another"
    assert secret(directory, stdin=subprocess.DEVNULL) == "another", "it is kept"
    for wrong in (["--ib-password"], ["--ib-pass", "x"], ["--ib-password", str(tmp_path / "none")]):
        command = ["sh", ROOT / "deploy" / "make-secrets.sh", directory, *wrong]
        assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode != 0
    assert secret(directory, stdin=subprocess.DEVNULL) == "another", "what fails changes nothing"


@pytest.mark.parametrize("typed", ["p a\\ss%s", ""])
def test_the_ib_password_is_asked_for_in_a_terminal_without_being_shown(tmp_path: Path, typed: str) -> None:
    directory, (ours, theirs) = tmp_path / "secrets", pty.openpty()
    command = ["sh", ROOT / "deploy" / "make-secrets.sh", directory]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        shown = ""
        while "later): " not in shown:
            shown += os.read(ours, 4096).decode()
        wait_for(lambda: not termios.tcgetattr(ours)[3] & termios.ECHO, "it no longer shows what is typed")
        os.write(ours, f"{typed}\n".encode())
        with suppress(OSError):  # the terminal's other end is closed
            while more := os.read(ours, 4096).decode():
                shown += more
        assert process.wait(DEADLINE_S) == 0
    os.close(ours)
    assert (directory / "ib_password").read_text() == typed
    assert not typed or typed not in shown


def test_how_the_database_of_an_earlier_version_gets_its_roles_is_said_until_its_secret_is_gone(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "postgres_password").write_text("that of before")
    (secrets / "db_url").write_text("postgresql://ibconnect:that of before@postgres:5432/ibconnect")
    for _ in range(2):
        said = run("sh", ROOT / "deploy" / "make-secrets.sh", secrets).stdout
        assert (secrets / "postgres_password").read_text() == "that of before"
        commands = [line.strip() for line in said.splitlines() if re.match(r" +(docker|rm) ", line)]
        assert commands[1] == "docker compose exec -T postgres sh /docker-entrypoint-initdb.d/roles.sh"
    run("sh", "-c", commands[-1])
    assert "db_url " not in run("sh", ROOT / "deploy" / "make-secrets.sh", secrets).stdout


@pytest.mark.parametrize(("name", "role"), [("ibconnect", "recorder"), ("migrate", "owner")])
def test_the_services_environment_is_valid(compose: dict[str, Any], tmp_path: Path, name: str, role: str) -> None:
    environment = {
        name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
        for name, value in compose["services"][name]["environment"].items()
    }
    assert environment["DB_URL_FILE"] == f"/run/secrets/{role}_db_url"
    environment["DB_URL_FILE"] = str(tmp_path / "db_url")
    (tmp_path / "db_url").write_text("postgresql://ibconnect_role:secret@postgres:5432/ibconnect\n")
    config = load(environment)
    assert config.db_url == "postgresql://ibconnect_role:secret@postgres:5432/ibconnect"
    assert name != "ibconnect" or [str(address) for address in config.ib_gw] == ["ib-gateway:4004"]


def test_mounted_files_exist(compose: dict[str, Any]) -> None:
    mounts = [mount for service in compose["services"].values() for mount in service.get("volumes", [])]
    for mount in mounts:
        source = mount.split(":")[0]
        assert source in compose["volumes"] or (ROOT / source).is_dir(), mount


def exposed() -> set[str]:
    """The names of all series that ``/metrics`` can show, ``up`` of Prometheus itself included."""
    assert ibconnect.observe
    assert ibconnect.http.app
    names = {"up"}
    for metric in REGISTRY.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(metric.type, [""])
        names.update(metric.name + suffix for suffix in suffixes)
    return names


def used(expression: str) -> set[str]:
    """The series that an expression reads."""
    return set(re.findall(r"\b(?:ibconnect_\w+|up)\b", re.sub(r'"[^"]*"', "", expression)))


def test_alerts_read_series_that_exist() -> None:
    groups = YAML(typ="safe").load(ROOT / "deploy" / "prometheus" / "alerts.yml")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 0
    for rule in rules:
        assert used(rule["expr"]), rule["alert"]
        assert used(rule["expr"]) <= exposed(), rule["alert"]
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}


def test_the_dashboard_reads_series_that_exist_and_shows_all_of_ours() -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboards" / "ibconnect.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    shown = set().union(*map(used, expressions))
    assert shown <= exposed()
    ours = {name for name in exposed() if name.startswith("ibconnect_")}
    bases = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in ours}
    missing = {base for base in bases if not any(name.startswith(base) for name in shown)}
    assert missing == {"ibconnect_projection_position"}
