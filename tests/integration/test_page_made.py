"""The page as it is made: small, the same each time, of relative addresses, with its licences, in the wheel."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import brotli
import pytest

from tests.npm import environment
from tests.paths import ROOT

TOOL = ROOT / "tools" / "page.py"
PAGE = ROOT / "ibconnect" / "http" / "web"
BUDGET_BYTES = 150_000
IN_THE_WHEEL = "ibconnect/http/web/"
TREE = ("pyproject.toml", "README.md", "LICENSE", "tools", "sql", "ibconnect", "web")
MADE = ("__pycache__", "node_modules")

pytestmark = pytest.mark.skipif(not (PAGE / "index.html").exists(), reason="the page is not built: make setup")


def files(suffix: str = "") -> list[Path]:
    return [path for path in sorted(PAGE.iterdir()) if path.name.endswith(suffix) and not path.name.startswith(".")]


def build(tree: Path, out: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Build the wheel of a tree, as ``deploy/install.sh`` does."""
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", out],
        cwd=tree,
        env=environment(**settings),
        check=False,
        capture_output=True,
        text=True,
        timeout=250,
    )


def held(out: Path) -> dict[str, bytes]:
    """The page's files that a wheel holds."""
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = [name for name in packed.namelist() if name.startswith(IN_THE_WHEEL)]
        return {name.removeprefix(IN_THE_WHEEL): packed.read(name) for name in names}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The tree as somebody has just cloned it."""
    target = tmp_path / "tree"
    target.mkdir()
    for name in TREE:
        copy = shutil.copy2 if (ROOT / name).is_file() else copied
        copy(ROOT / name, target / name)
    shutil.rmtree(target / "ibconnect" / "http" / "web")
    return target


def copied(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*MADE))


def listed(tree: Path) -> set[Path]:
    return {path.relative_to(tree) for path in tree.rglob("*") if "__pycache__" not in path.parts}


def test_all_together_is_small() -> None:
    sizes = {path.name: len(brotli.compress(path.read_bytes())) for path in [*files(".js"), *files(".css")]}
    assert sum(sizes.values()) <= BUDGET_BYTES, sizes
    manifest = json.loads((PAGE / "manifest.json").read_text())
    assert set(manifest) == {path.name for path in files()} - {"manifest.json"}
    # Other builds of brotli compress a little more or less.
    assert sum(manifest[name] for name in sizes) == pytest.approx(sum(sizes.values()), rel=0.01)


def test_names_change_with_what_is_in_them() -> None:
    assert files(".js") != []
    assert files(".css") != []
    for path in [*files(".js"), *files(".css")]:
        assert re.fullmatch(r"[\w.-]+-[0-9A-Z]{8}\.(js|css)", path.name)


def test_the_document_names_files_beside_itself_and_holds_no_script_of_its_own() -> None:
    document = (PAGE / "index.html").read_text()
    addresses = re.findall(r'(?:src|href)="([^"]*)"', document)
    assert {f"page/{path.name}" for path in files() if path.name.startswith("app-")} <= set(addresses)
    for address in addresses:
        assert not re.match(r"/|[a-z]+://", address), address
    assert all((PAGE / each.removeprefix("page/")).exists() for each in addresses if each.startswith("page/"))
    assert re.findall(r"<script[^>]*>(.*?)</script>", document, re.DOTALL) == [""]
    assert "<style" not in document
    assert not re.search(r"\s(style|on[a-z]+)=", document)


def test_nothing_is_asked_of_another_host() -> None:
    """But for addresses that are names: of XML's spaces, and of what messages refer to."""
    text = "".join(path.read_text() for path in files() if path.suffix in (".js", ".css", ".html"))
    named = set(re.findall(r"""https?://[^\s"'`)]+""", text))
    assert {address for address in named if not address.startswith("http://www.w3.org/")} == set()
    assert "sourceMappingURL" not in text


def test_what_is_bundled_is_named_with_its_licence() -> None:
    licences = (PAGE / "LICENSES.txt").read_text()
    for name in ("preact", "uplot"):
        version = json.loads((ROOT / "web" / "node_modules" / name / "package.json").read_text())["version"]
        assert f"{name} {version} (MIT)" in licences
    assert licences.count("Permission is hereby granted") >= 2


def test_unchanged_sources_are_not_built_again(tmp_path: Path) -> None:
    subprocess.run([sys.executable, TOOL], check=True, stdout=subprocess.DEVNULL)
    before = {path.name: path.stat().st_mtime_ns for path in files()}
    said = subprocess.run([sys.executable, TOOL], check=True, capture_output=True, text=True).stdout
    assert said == ""
    assert {path.name: path.stat().st_mtime_ns for path in files()} == before
    digest = runpy.run_path(str(TOOL))["digest"]
    shutil.copytree(ROOT / "web", tmp_path / "web", ignore=shutil.ignore_patterns("node_modules"))
    assert digest(tmp_path / "web") == digest(ROOT / "web")
    (tmp_path / "web" / "src" / "more.ts").write_text("")
    assert digest(tmp_path / "web") != digest(ROOT / "web")


def test_the_wheel_of_a_clean_clone_holds_the_same_page(tree: Path, tmp_path: Path) -> None:
    before = listed(tree)
    done = build(tree, tmp_path / "out")
    if "could not be installed" in done.stderr:
        pytest.skip(done.stderr.strip()[-300:])
    assert done.returncode == 0, done.stderr
    assert held(tmp_path / "out") == {path.name: path.read_bytes() for path in files()}
    assert listed(tree) == before, "a build as root leaves nothing in a user's tree"


def test_the_page_can_be_left_out(tree: Path, tmp_path: Path) -> None:
    assert build(tree, tmp_path / "out", WITHOUT_PAGE="1").returncode == 0
    assert held(tmp_path / "out") == {}


def test_without_a_registry_it_says_what_to_do(tree: Path, tmp_path: Path) -> None:
    nowhere = {"npm_config_registry": "http://127.0.0.1:1/", "npm_config_fetch_retries": "0"}
    done = build(tree, tmp_path / "out", npm_config_cache=str(tmp_path / "cache"), **nowhere)
    assert done.returncode != 0
    assert "The page's packages could not be installed." in done.stderr
    assert "WITHOUT_PAGE=1" in done.stderr


def test_a_fault_in_the_sources_is_shown(tree: Path) -> None:
    (tree / "web" / "src" / "main.tsx").write_text("import { missing } from './nowhere';\n")
    (tree / "web" / "node_modules").symlink_to(ROOT / "web" / "node_modules")
    made = subprocess.run(
        [sys.executable, tree / "tools" / "page.py"], check=False, capture_output=True, text=True, env={**os.environ}
    )
    assert made.returncode == 1
    assert "nowhere" in made.stderr
    assert "The page could not be bundled" in made.stderr
    assert not (tree / "ibconnect" / "http" / "web").exists()
