"""A container engine of the tests' own: podman and buildah with a store, networks and settings of their own.

In: nothing but Debian's packages. Out: ``engine()`` gives an ``Engine`` that runs commands, or raises ``Missing`` with
what this machine lacks. The machine's own podman sees none of it: all settings are in two files that the environment
of each command names. Images that take long stay in the user's cache directory; nothing else outlives a run, and what
a killed run left is removed by the next. Called by conftest.py.
"""

import contextlib
import fcntl
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.waiting import wait_for

PACKAGES = ("buildah", "podman", "runc", "mmdebstrap", "iptables", "netavark", "aardvark-dns", "catatonit")
"""Each has a program of its name, the last ones outside of the usual path."""

PLACES = f"{os.environ['PATH']}:/usr/sbin:/sbin:/usr/lib/podman:/usr/libexec/podman"
RUNS = Path("/run/ibconnect-tests")
"""What podman knows of what runs: gone when the machine is started anew, as what ran then is."""

KEPT = ("docker.io/library/python:3.11-slim-bookworm", "localhost/standin/packages:latest")
"""Images that stay in the cache: the base and the layer of Debian's packages."""

STORAGE = """
[storage]
driver = "overlay"
graphroot = "{cache}/store"
runroot = "{runs}/storage"
"""

# File locks: those in shared memory are one set for all stores of the machine. The limits: podman's own are higher
# than what a machine that is itself a guest may set.
CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:{files}", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{runs}/libpod"
[network]
network_backend = "netavark"
network_config_dir = "{runs}/networks"
"""


class Missing(Exception):
    """What this machine lacks to build and run containers."""


class Engine:
    """Runs podman, buildah and podman-compose with the tests' own settings."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        storage, containers = cache / "storage.conf", cache / "containers.conf"
        storage.write_text(STORAGE.format(cache=cache, runs=RUNS))
        files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1 << 20)
        containers.write_text(CONTAINERS.format(runs=RUNS, files=files))
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{PLACES}",
            "CONTAINERS_STORAGE_CONF": str(storage),
            "CONTAINERS_CONF": str(containers),
            "BUILDAH_ISOLATION": "chroot",
            # No systemd to ask for the timers of health checks: the tests run them.
            "DISABLE_HC_SYSTEMD": "true",
        }

    def run(self, *command: str | Path, fails: bool = False, **options: Any) -> str:
        """Run a command to its end and return what it printed.

        :param fails: whether it may fail
        :raises AssertionError: it failed, with all it said
        """
        usual = {"env": self.environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 600}
        options = {**usual, **options}
        done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL, check=False, **options)
        said = f"{done.stdout or ''}{done.stderr or ''}"
        assert fails or done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode}\n{said}"
        return done.stdout or ""

    def podman(self, *arguments: str | Path, fails: bool = False, **options: Any) -> str:
        """``podman …``: what it printed, without the newline at its end."""
        return self.run("podman", *arguments, fails=fails, **options).strip()

    def failure(self, *command: str | Path) -> str:
        """Run a command: the end of what it said if it failed, nothing if it succeeded."""
        done = subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=600,
            check=False,
        )
        return f"{done.returncode}: {(done.stdout + done.stderr).strip()[-300:]}" if done.returncode else ""

    def succeeds(self, *command: str | Path) -> bool:
        """Whether a command ends with status 0."""
        return self.failure(*command) == ""

    def inspect(self, container: str) -> dict[str, Any]:
        """What podman knows of a container."""
        return dict(json.loads(self.podman("container", "inspect", container))[0])

    def inside(self, container: str, script: str) -> str:
        """What a shell in the container prints for a script."""
        return self.podman("exec", container, "sh", "-c", script)

    def logs(self, container: str) -> str:
        """All that a container has said."""
        return self.podman("logs", container, stderr=subprocess.STDOUT)

    def check(self, container: str) -> bool:
        """Run its health check, as a timer would; whether it succeeds."""
        return self.succeeds("podman", "healthcheck", "run", container)

    def is_healthy(self, container: str) -> bool:
        """Run its health check and say whether podman concludes that it is healthy."""
        return self.check(container) and self.health(container) == "healthy"

    def health(self, container: str) -> str:
        """What podman thinks of a container: ``starting``, ``healthy`` or ``unhealthy``."""
        state = self.inspect(container)["State"]
        return str((state.get("Health") or state["Healthcheck"])["Status"])

    def wait_until_healthy(self, container: str) -> None:
        """Wait for it, or fail with what the container said."""
        wait_for(lambda: self.is_healthy(container), lambda: f"{container} is healthy:\n{self.logs(container)}", 120.0)

    def remove_containers(self) -> None:
        """Kill and remove all containers, with their pods, networks and volumes."""

        def are_gone() -> bool:
            # One that another depends on goes after it, and podman tries each once.
            self.podman("container", "rm", "--all", "--force", "--time=0", fails=True)
            return self.podman("ps", "--all", "--quiet") == ""

        wait_for(are_gone, lambda: self.podman("ps", "--all"))
        for kind in ("pod", "volume"):
            self.podman(kind, "rm", "--all", "--force")
        self.podman("network", "prune", "--force")

    def clear(self) -> None:
        """Remove everything but the images that are kept."""
        self.remove_containers()
        images = self.podman("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        gone = [name for name in images if name not in KEPT and "<none>" not in name]
        if gone:
            self.podman("rmi", "--force", *gone)
        self.podman("image", "prune", "--force")


def cache_directory() -> Path:
    """Where what takes long to make is kept, below the user's cache."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = home / "ibconnect" / "containers"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def install() -> None:
    """Get the programs that are not here from Debian, if that can be.

    :raises Missing: no root, no Debian, or its packages cannot be had
    """
    if os.geteuid() != 0:
        raise Missing("containers are built and run as root only")
    absent = [program for program in PACKAGES if not shutil.which(program, path=PLACES)]
    if not absent:
        return
    apt_get = shutil.which("apt-get")
    if apt_get is None:
        raise Missing(f"{', '.join(absent)}: not here, nor apt-get to install it")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(
            [apt_get, *arguments], env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        if done.returncode != 0:
            raise Missing(f"apt-get {arguments[0]} failed: {done.stderr.strip()[-300:]}")


@contextlib.contextmanager
def engine() -> Iterator[Engine]:
    """The engine, cleared before and after, and of one run at a time.

    :raises Missing: with what this machine lacks
    """
    install()
    cache = cache_directory()
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = Engine(cache)
        if why := made.failure("podman", "info"):
            raise Missing(f"podman does not run here: {why}")
        made.clear()
        try:
            yield made
        finally:
            made.clear()
