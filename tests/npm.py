"""Packages for Node that some tests run: installed once from a lock file, into the virtual environment's cache.

In: a directory with ``package.json`` and ``package-lock.json``. Out: where its ``node_modules`` are; the test is
skipped where Node is missing or the packages cannot be had.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.paths import ROOT

_FILES = ("package.json", "package-lock.json")


def installed(directory: Path) -> Path:
    """The directory of the installed packages."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are needed")
    lock = (directory / _FILES[1]).read_bytes()
    cache = ROOT / ".venv" / f"npm-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not cache.exists():
        _install(npm, directory, cache)
    return cache / "node_modules"


def _install(npm: str, directory: Path, cache: Path) -> None:
    """Install aside and rename, so that parallel test processes never see a half-filled cache."""
    with tempfile.TemporaryDirectory(dir=cache.parent) as temporary:
        fresh = Path(temporary) / "packages"
        fresh.mkdir()
        for name in _FILES:
            shutil.copy(directory / name, fresh)
        result = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=fresh,
            capture_output=True,
            check=False,
            text=True,
            timeout=100,
        )
        if result.returncode:
            pytest.skip(f"npm could not install the packages: {result.stderr.strip()[-300:]}")
        if not cache.exists():
            fresh.rename(cache)
