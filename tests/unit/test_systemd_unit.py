"""The systemd unit: as closed as it can be while the embedded Postgres works, and stopped in the right order."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ibconnect.database.embedded.cluster import _SETTINGS, STOP_TIMEOUT_S
from ibconnect.service.serving import _ANSWERS_END_S, _WORK_ENDS_S

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "ibconnect.service"
MOST_EXPOSED = 2.0

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


@pytest.fixture(scope="module")
def service() -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return dict(parser["Service"])


@needs_systemd
def test_it_is_closed() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    exposed = re.search(r"Overall exposure level for ibconnect\.service: ([\d.]+)", done.stdout)
    if exposed is None and "offline" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert exposed, done.stdout + done.stderr
    assert float(exposed[1]) <= MOST_EXPOSED


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    program = tmp_path / "ibconnect"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/ibconnect/bin/ibconnect", str(program)))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False, timeout=60)
    assert [line for line in done.stderr.splitlines() if UNIT.name in line] == []


def test_the_embedded_postgres_is_stopped_by_the_service_and_in_its_time(service: dict[str, str]) -> None:
    assert service["KillMode"] == "mixed"
    assert float(service["TimeoutStopSec"].removesuffix("s")) > STOP_TIMEOUT_S + _ANSWERS_END_S + _WORK_ENDS_S
    assert "RemoveIPC" not in service


def test_what_is_forbidden_is_not_needed(service: dict[str, str]) -> None:
    assert service["MemoryDenyWriteExecute"] == "yes"
    assert _SETTINGS["jit"] == "off"
    assert set(service["RestrictAddressFamilies"].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}


def test_its_data_is_its_own(service: dict[str, str]) -> None:
    assert service["User"] == service["Group"] == service["StateDirectory"] == "ibconnect"
    assert service["StateDirectoryMode"] == "0700"
    assert service["Environment"] == f"DATA_DIR=/var/lib/{service['StateDirectory']}"
    assert service["Restart"] == "on-failure"
