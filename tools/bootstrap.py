"""Make the checkout's virtual environment and put uv into it, at the version and hash of the lock file.

Called by ``make setup`` with the interpreter that the environment is to have: ``python3 tools/bootstrap.py .venv``.
Needs the standard library only. On Debian, ``ensurepip`` is a package of its own: root gets it installed, anyone
else is told its name.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

OLDEST = (3, 11)
LOCK = Path(__file__).resolve().parent.parent / "requirements-dev.lock"


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
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirement:
        requirement.write(locked("uv"))
        requirement.flush()
        pip = [str(Path(directory, "bin", "python")), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run([*pip, "install", "--require-hashes", "--requirement", requirement.name], check=True)


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


def locked(name: str) -> str:
    """The lock file's requirement for one package, hashes included."""
    match = re.search(rf"^{name}==\S+(?: \\\n    --hash=\S+)+", LOCK.read_text(), re.MULTILINE)
    if match is None:
        sys.exit(f"{LOCK.name} does not hold {name}: run make lock")
    return match[0]


if __name__ == "__main__":
    main(sys.argv[1])
