"""House rules of the documentation, as tests: it names every setting, route, command and dependency, and no others."""

import argparse
import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest

from ibconnect.cli.main import build_parser
from ibconnect.config import SETTINGS, describe, load
from ibconnect.http.resources.registry import ROUTES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LOCKS = sorted(ROOT.glob("requirements*.lock"))


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def package(requirement: str) -> str:
    """The name with its extras, of a requirement such as ``psycopg[binary]>=3; marker``."""
    match = re.match(r"[\w.-]+(\[[\w,-]+\])?", requirement)
    assert match
    return match[0]


def required() -> set[str]:
    groups = project()["dependency-groups"]
    runtime = project()["project"]
    assert isinstance(groups, dict)
    assert isinstance(runtime, dict)
    grouped = [entry for group in groups.values() for entry in group if isinstance(entry, str)]
    return {package(requirement) for requirement in [*runtime["dependencies"], *grouped]}


def test_the_readme_and_the_page_of_the_api_list_settings_and_routes_as_the_code_has_them() -> None:
    tool = runpy.run_path(str(ROOT / "tools" / "readme.py"))
    for path in tool["PAGES"]:
        page = path.read_text(encoding="utf-8")
        assert tool["render"](page) == page, f"{path.name}: run make docs"
    assert tool["settings_table"]() in README
    assert tool["routes_table"]() in (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")


def test_the_pages_types_of_the_api_are_of_this_api() -> None:
    if not (ROOT / "web" / "node_modules").is_dir():
        pytest.skip("npm's packages are not installed: make setup")
    tool = runpy.run_path(str(ROOT / "tools" / "schema.py"))
    assert tool["rendered"]() == tool["TYPES"].read_text(encoding="utf-8"), "run make docs"


def test_the_services_settings_file_holds_every_setting_off() -> None:
    text = (ROOT / "deploy" / "systemd" / "ibconnect.env").read_text(encoding="utf-8")
    assert runpy.run_path(str(ROOT / "tools" / "readme.py"))["environment_file"]() == text, "run make docs"
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == []
    named = re.findall(r"^#([A-Z_]+)=(.*)$", text, re.MULTILINE)
    assert {name for name, _ in named} == {setting.name for setting in SETTINGS} | {
        setting.file for setting in SETTINGS if setting.file
    }
    # Switched on as they stand there, they are the defaults.
    assert describe(load({name: value for name, value in named if value})) == describe(load({}))


def test_the_readme_lists_every_route() -> None:
    """But for the redirect of ``/`` and the parts of the documentation's page."""
    public = [route.path for route in ROUTES if route.path != "/" and not route.path.startswith("/docs/")]
    assert [path for path in public if f"{path}`" not in README] == []


def test_the_readme_lists_every_command() -> None:
    actions = build_parser()._actions
    verbs = {verb for action in actions if isinstance(action, argparse._SubParsersAction) for verb in action.choices}
    assert verbs == set(re.findall(r"^\| `ibconnect ([\w-]+)` \|", README, re.MULTILINE))


def test_every_dependency_has_a_line_that_says_why() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", page, re.MULTILINE)
    assert {name for name, _ in rows} == required()
    assert len(rows) == len(required())


def test_what_the_page_is_made_of_has_a_line_that_says_why() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    rows = set(re.findall(r"^\| `([^`]+)` \(npm\) \| .+ \|$", page, re.MULTILINE))
    packages = json.loads((ROOT / "web" / "package.json").read_text())
    assert rows == {*packages["dependencies"], *packages["devDependencies"]}


def test_npms_locks_name_no_registry_and_hash_everything() -> None:
    locks = [path for path in ROOT.glob("**/package-lock.json") if not {"node_modules", ".venv"} & {*path.parts}]
    assert ROOT / "web" / "package-lock.json" in locks
    for path in locks:
        packages = {name: each for name, each in json.loads(path.read_text())["packages"].items() if name}
        assert packages
        assert [name for name, each in packages.items() if "resolved" in each or "integrity" not in each] == []


def test_the_locks_hold_exact_versions_with_hashes_and_no_address() -> None:
    assert len(LOCKS) == 3
    for lock in LOCKS:
        text = lock.read_text()
        assert "://" not in text, lock.name
        requirements = re.split(r"\n(?=\S)", text.strip())
        assert all(re.match(r"[\w.-]+==", each) and "--hash=sha256:" in each for each in requirements), lock.name


def test_what_runs_is_locked_at_the_version_that_is_tested() -> None:
    run, everything = (
        set(re.findall(r"^[\w.-]+==\S+", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert run <= everything


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_places_lead_somewhere(page: Path) -> None:
    """In this page, or in another one."""
    links = re.findall(r"\]\(([^)#:\s]*)#([^)]+)\)", page.read_text(encoding="utf-8"))
    assert [(file, place) for file, place in links if place not in places(page.parent / file if file else page)] == []


def places(page: Path) -> set[str]:
    """What links may lead to: its headings, as the web pages of repositories spell them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)}


def test_the_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    sections = re.findall(r"^## \[?([^\]\n]+)\]?", text, re.MULTILINE)
    assert sections[0] == "Unreleased"
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert re.findall(r"\n\n(?:[- ].*)", text) == [], "no blank line stands in a list"
