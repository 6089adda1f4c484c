"""Images: the base, this tree's, that of the version before, and the stand-ins for what others publish.

In: an ``Engine``, and this clone. Out: tagged images in the engine's store. Called by the fixtures of conftest.py.

How this machine's pip, uv and npm reach a registry (settings, certificates) is found when the tests run and mounted
into each build.
"""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests import releases
from tests.containers.engine import KEPT, Engine, Missing
from tests.npm import npm
from tests.paths import ROOT

BASE, PACKAGES = KEPT
STANDINS = Path(__file__).parent / "standins"
NEW, OLD, LATEST = "localhost/ibconnect:new", "localhost/ibconnect:old", "localhost/ibconnect:latest"
STANDIN = "localhost/standin"

ON_BASE = [f"--build-arg=PYTHON={BASE}"]
"""The base that the Dockerfile names by digest is that of a registry; ours is made of Debian's packages."""

TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")
"""Debian's trust store, here and in the images."""

# What the option of dpkg saves is a wait for the disk after each file, there and in images that are built upon it.
FAST = ("--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io")

NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", ".*cache", ".hypothesis", ".env", "secrets", "dist", "node_modules"
)


def make_base(engine: Engine) -> None:
    """Make the image that the Dockerfile begins with, of Debian's packages, unless the cache has it.

    :raises Missing: Debian cannot be reached, or podman cannot run what was made
    """
    if not engine.succeeds("podman", "image", "exists", BASE):
        packed = engine.cache / "base.tar"
        packages = "--include=ca-certificates,python3,python3-venv"
        if why := engine.failure("mmdebstrap", *FAST, packages, "bookworm", packed):
            raise Missing(f"mmdebstrap cannot get Debian's packages: {why}")
        engine.podman("import", packed, BASE)
        packed.unlink()
    if why := engine.failure("podman", "run", "--rm", "--read-only", BASE, "true"):
        raise Missing(f"podman runs no container here: {why}")


def machine_settings(engine: Engine) -> list[str]:
    """Options of a build that let pip, uv and npm in it reach what they reach here."""
    pip = configparser.RawConfigParser()
    pip["global"] = {name: value for name, value in _pip_settings().items() if _is_reachable(value)}
    volumes = {}
    certificates = Path(os.environ.get("SSL_CERT_FILE") or _pip_settings().get("cert") or TRUSTED)
    if certificates.is_file():
        volumes[certificates.resolve()] = TRUSTED
        pip["global"]["cert"] = str(TRUSTED)
    settings = engine.cache / "pip.conf"
    with settings.open("w") as file:
        pip.write(file)
    volumes[settings] = Path("/etc/pip.conf")
    uv = next((each for each in _uv_settings() if each.is_file()), None)
    if uv is not None:
        volumes[uv] = Path("/etc/uv/uv.toml")
    registry = engine.cache / "npmrc"
    registry.write_text(f"registry={npm('config', 'get', 'registry', cwd=engine.cache).stdout.strip()}\n")
    volumes[registry] = Path("/root/.npmrc")
    return [f"--volume={source}:{target}:ro" for source, target in volumes.items()]


def _pip_settings() -> dict[str, str]:
    """What ``pip config list`` says, without the sections; the environment's win."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    found = re.findall(r"^(?::env:|\w+)\.([\w-]+)='(.*)'$", listed, re.MULTILINE)
    return dict(reversed(found))


def _is_reachable(value: str) -> bool:
    """Whether it means the same in another file system."""
    return not re.search(r"(^|\s)(/|~|file:)", value)


def _uv_settings() -> list[Path]:
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return [Path(os.environ.get("UV_CONFIG_FILE", "/nowhere")), home / "uv" / "uv.toml", Path("/etc/uv/uv.toml")]


def copy_tree(target: Path) -> None:
    """This clone's files, as a user finds them who has just cloned it."""
    shutil.copytree(ROOT, target, ignore=NOT_SOURCE, symlinks=True)


def version_before(target: Path) -> None:
    """The tree of the version before.

    :raises LookupError: the clone has no history
    """
    releases.version_before(target)
    # Debian's buildah does not know this option of later ones; nothing else of the release is changed.
    dockerfile = target / "Dockerfile"
    dockerfile.write_text(re.sub(r" --start-interval=\S+", "", dockerfile.read_text()))


def build_with_podman(engine: Engine, tree: Path, tag: str) -> str:
    """Build a tree's image as README says; all that was printed."""
    settings = machine_settings(engine)
    said = ["podman", "build", "--format=docker", f"--tag={tag}", "--network=host", *ON_BASE, *settings, "."]
    return engine.run(*said, cwd=tree, stderr=subprocess.STDOUT)


def build_with_buildah(engine: Engine, tree: Path, tag: str) -> str:
    """The same with buildah."""
    settings = machine_settings(engine)
    said = ["buildah", "build", "--format=docker", f"--tag={tag}", "--network=host", *ON_BASE, *settings, "."]
    return engine.run(*said, cwd=tree, stderr=subprocess.STDOUT)


def build_standins(engine: Engine, ours: str) -> None:
    """What stands in for Postgres, Prometheus and the gateway, the last with what our image holds.

    :raises Missing: Debian's packages cannot be had
    """
    build = ["buildah", "build", "--format=docker", "--layers", "--network=host", f"--build-arg=IBCONNECT={ours}"]
    if why := engine.failure(*build, "--target=packages", f"--tag={PACKAGES}", STANDINS):
        raise Missing(f"the stand-ins' packages cannot be had: {why}")
    for name in ("postgres", "prometheus", "gateway"):
        engine.run(*build, f"--target={name}", f"--tag={STANDIN}/{name}:latest", STANDINS)
