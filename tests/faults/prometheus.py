"""A real Prometheus with our job and our rules: Debian's program, found on the PATH or fetched once per user.

In: our deploy/prometheus files, made quicker. Out: which alerts fire now. No root is needed: the package is only
unpacked. Where there is neither the program nor Debian, what asks for it is skipped.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.paths import ROOT
from tests.waiting import DEADLINE_S, wait_for

DEPLOY = ROOT / "deploy" / "prometheus"
PROGRAMS = ("prometheus", "promtool")
WINDOW_S = 40


def programs() -> dict[str, Path]:
    """Where each program is.

    :raises pytest.skip.Exception: it is not there, and cannot be fetched
    """
    found = {name: shutil.which(name) for name in PROGRAMS}
    if all(found.values()):
        return {name: Path(path) for name, path in found.items() if path}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ibconnect" / "prometheus"
    if not cache.exists():
        _fetch(cache)
    return {name: cache / "usr" / "bin" / name for name in PROGRAMS}


def _fetch(cache: Path) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent) as folder:
        for command in (("apt-get", "download", "prometheus"), ("sh", "-c", "dpkg-deb --extract prometheus_*.deb out")):
            try:
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
            except (OSError, subprocess.TimeoutExpired) as exc:
                pytest.skip(f"there is no prometheus on the PATH, and it cannot be fetched: {exc}")
            if done.returncode:
                pytest.skip(f"there is no prometheus on the PATH, and it cannot be fetched: {done.stderr.strip()}")
        try:
            (Path(folder) / "out").rename(cache)
        except OSError:
            assert cache.exists(), "another test has just put it there"


def promtool(*arguments: str | Path, cwd: Path) -> str:
    """Run it; what it says.

    :raises AssertionError: it finds something wrong
    """
    command = [programs()["promtool"], *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


BOUNDS = {"NoCompleteRefresh": ("> 7200", "> 8"), "ProjectionLagging": ("> 60", "> 4")}
"""Bounds on a time that has passed: as they stand in the rules, and here."""


def quicker(rules: dict[str, Any]) -> dict[str, Any]:
    """The rules with shorter times, and nothing else changed.

    Each ``for`` is 3 s, each window 40 s, and so are the two bounds on a time that has passed (see BOUNDS).
    """
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        if "for" in rule:
            rule["for"] = "3s"
        rule["expr"] = re.sub(r"\[\d+[mh]\]", f"[{WINDOW_S}s]", rule["expr"])
        if rule["alert"] in BOUNDS:
            usual, here = BOUNDS[rule["alert"]]
            assert rule["expr"].endswith(usual)
            rule["expr"] = rule["expr"].removesuffix(usual) + here
    return rules


class Prometheus:
    """It runs for as long as the context of :func:`prometheus` lasts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = ""
        self._targets: dict[str, str] = {}

    def watch(self, instance: str, url: str) -> None:
        """Have an instance scraped there: under its name, so that it may come back on another port."""
        self._targets[instance] = url.removeprefix("http://")
        self._write_targets()

    def forget(self, instance: str) -> None:
        """No longer scrape it."""
        del self._targets[instance]
        self._write_targets()

    def _write_targets(self) -> None:
        rows = [{"targets": [at], "labels": {"instance": name}} for name, at in self._targets.items()]
        made = self.directory / "targets.new"
        made.write_text(json.dumps(rows))
        made.rename(self.directory / "targets.json")

    def _ask(self, path: str, **query: str) -> Any:
        with urllib.request.urlopen(
            f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=DEADLINE_S
        ) as answer:
            return json.load(answer)["data"]

    def value(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """What an expression comes to now: labels and value."""
        result = self._ask("query", query=expression)["result"]
        return [(row["metric"], float(row["value"][1])) for row in result]

    def alerts(self) -> dict[str, list[dict[str, Any]]]:
        """What fires now, by name of the alert."""
        found: dict[str, list[dict[str, Any]]] = {}
        for alert in self._ask("alerts")["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert)
        return found

    def fires(self, name: str, meanwhile: Callable[[], object] = lambda: None, **labels: str) -> None:
        """Wait until an alert fires, for these labels, as people read it."""

        def is_firing() -> bool:
            meanwhile()
            return any(labels.items() <= alert["labels"].items() for alert in self.alerts().get(name, []))

        wait_for(is_firing, lambda: f"{name} fires, but {sorted(self.alerts())} do; {self.state()}", pause=0.3)
        for alert in self.alerts().get(name, []):
            notes = alert["annotations"]
            assert notes["runbook_url"] == f"https://example.com/main/docs/runbook.md#{name.lower()}"
            assert "<" not in notes["summary"] + notes["description"], "a template that fills nothing in"

    def stops(self, name: str, seconds: float = DEADLINE_S, **labels: str) -> None:
        """Wait until it no longer does."""

        def is_over() -> bool:
            return not any(labels.items() <= alert["labels"].items() for alert in self.alerts().get(name, []))

        wait_for(is_over, lambda: f"{name} is over: {self.alerts().get(name)}", seconds, pause=0.3)

    def state(self) -> str:
        """Why a target cannot be scraped, for whoever wonders."""
        return "; ".join(f"{each['labels']['instance']}: {each['lastError'] or 'ok'}" for each in self._targets_now())

    def _targets_now(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("targets")["activeTargets"]
        return found


@contextmanager
def prometheus(directory: Path, token: Path) -> Iterator[Prometheus]:
    """Scrape with our job and judge by our rules, both checked, with other targets, paths and times."""
    found = programs()
    yaml = YAML()
    settings = yaml.load(DEPLOY / "prometheus.yml")
    settings["global"] |= {
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "evaluation_interval": "1s",
        "external_labels": {"runbooks": "https://example.com/main/"},
    }
    (job,) = settings["scrape_configs"]
    assert job.pop("static_configs") == [{"targets": ["ibconnect:3000"]}]
    job["file_sd_configs"] = [{"files": [str(directory / "targets.json")], "refresh_interval": "1s"}]
    job["authorization"]["credentials_file"] = str(token)
    yaml.dump(settings, directory / "prometheus.yml")
    yaml.dump(quicker(yaml.load(DEPLOY / "alerts.yml")), directory / "alerts.yml")
    running = Prometheus(directory)
    running._write_targets()
    promtool("check", "config", "prometheus.yml", cwd=directory)
    log = directory / "prometheus.log"
    arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"]
    with log.open("wb") as out:
        process = subprocess.Popen([found["prometheus"], *arguments], cwd=directory, stdout=out, stderr=out)
    try:
        port = wait_for(lambda: re.search(r'"Listening on" address=127\.0\.0\.1:(\d+)', log.read_text()), "it listens")
        running.url = f"http://127.0.0.1:{port[1]}"
        wait_for(lambda: "ready to receive web requests" in log.read_text(), "it is ready")
        yield running
    finally:
        process.kill()
        process.wait(DEADLINE_S)
