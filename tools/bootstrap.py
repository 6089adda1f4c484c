"""Make a virtual environment and put what builds this project into it, at the locked versions and hashes.

Called by ``make setup`` and ``deploy/install.sh`` with the interpreter that the environment is to have:
``python3 tools/bootstrap.py .venv``.
Needs the standard library only. On Debian, ``ensurepip`` is a package of its own: root gets it installed, anyone
else is told its name.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

OLDEST = (3, 11)
LOCK = Path(__file__).resolve().parent.parent / "requirements-build.lock"


def main(directory: str) -> None:
    """Create the environment; exits with a message that says what to do if it cannot."""
    if sys.version_info < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        sys.exit(
            f"Python {wanted} or later is needed, this is {sys.version.split()[0]}: make setup PYTHON=python{wanted}"
        )
    if importlib.util.find_spec("ensurepip") is None:
        install_ensurepip()
    venv.create(directory, with_pip=True, symlinks=True)
    pip = [str(Path(directory, "bin", "python")), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", "--require-hashes", "--requirement", str(LOCK)], check=True)


def install_ensurepip() -> None:
    """Install Debian's package of ``ensurepip``, or say how."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    apt_get = shutil.which("apt-get")
    if apt_get is None or os.geteuid() != 0:
        sys.exit(f"This Python has no ensurepip. On Debian and Ubuntu: sudo apt-get install {package}")
    print(f"This Python has no ensurepip: installing {package} …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", "-y", package]):
        subprocess.run([apt_get, *arguments], check=True, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(sys.argv[1])
