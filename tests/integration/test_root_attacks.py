"""The embedded Postgres' own user plants links in its directory: root, who runs the service, writes nothing by them.

The user's directory is ``DATA_DIR``; what it must not reach is a file and a directory of root. Hard links are made on
its behalf, as on a machine whose kernel does not forbid them.
"""

import os
import pwd
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ibconnect.acting import Unsafe, as_owner, check_way, read_text, settle
from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.remembered import is_remembered, remember
from ibconnect.errors import ConfigError, EmbeddedPostgresError, EventError, IbConnectError
from ibconnect.events.journal import Journal
from ibconnect.events.notes import Cut, Notes
from ibconnect.events.quarantine import quarantine
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.recovery.spool import Recovery
from ibconnect.service import data_directory
from tests.paths import scratch
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: another user attacks it")

USER = pwd.getpwnam("nobody")
URL = "postgresql://h/d"
SWAP = """
import itertools, os, sys
from contextlib import suppress
one, other, uid, gid = sys.argv[1:]
os.setgroups([])
os.setgid(int(gid))
os.setuid(int(uid))
link = os.path.join(os.path.dirname(one), "link")
print("begun", flush=True)
for number in itertools.count():
    # Another name each time: a directory that was made meanwhile would be in the way of the one before.
    aside = os.path.join(os.path.dirname(one), f"aside{number}")
    for work in (
        lambda: os.symlink(other, link),
        lambda: os.rename(one, aside),
        lambda: os.rename(link, one),
        lambda: os.unlink(one),
        lambda: os.rename(aside, one),
    ):
        with suppress(OSError):
            work()
"""
HEX = "0123456789abcdef" * 2


class Vault:
    """What only root may change: a file, and a directory with a journal's lock and a segment in it."""

    def __init__(self, place: Path) -> None:
        self.file = place / "precious"
        self.file.write_text("root's")
        self.file.chmod(0o600)
        self.directory = place / "vault"
        self.directory.mkdir(mode=0o755)
        for name in ("lock", "00000001.segment", "other"):
            (self.directory / name).write_text("root's")
        self.before = self.state()

    def state(self) -> dict[str, tuple[int, ...] | bytes]:
        found: dict[str, Any] = {}
        for path in (self.file, self.directory, *self.directory.iterdir()):
            state = path.lstat()
            found[path.name] = (state.st_uid, state.st_gid, state.st_mode, state.st_mtime_ns, state.st_size)
            if path.is_file():
                found[f"{path.name}:"] = path.read_bytes()
        return found


@pytest.fixture
def vault(open_place: Path) -> Iterator[Vault]:
    made = Vault(open_place)
    yield made
    assert made.state() == made.before, "root has changed what is its own"


@pytest.fixture
def data_dir(open_place: Path) -> Path:
    """The user's directory, in use before."""
    made = open_place / "data"
    made.mkdir(mode=0o700)
    os.chown(made, USER.pw_uid, USER.pw_gid)
    data_directory.spool(made)
    return made


@contextmanager
def user() -> Iterator[None]:
    """Make files as the user."""
    os.setegid(USER.pw_gid)
    os.seteuid(USER.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def plant(path: Path, kind: str, vault: Vault) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rename(path.with_name(f"former-{path.name}"))
    path.unlink(missing_ok=True)
    if kind == "hard link":
        os.link(vault.file, path)
        return
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(vault.directory if kind == "link to a directory" else vault.file)
    owner = path.parent.stat()
    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def use(data_dir: Path, recorder: EventRecorder) -> list[str]:
    """All that a service does below its directory; what went wrong."""
    said: list[str] = []

    def do(work: Callable[[], object]) -> None:
        try:
            work()
        except (OSError, IbConnectError) as exc:
            said.append(f"{exc} {getattr(exc, 'filename', '')}")

    do(lambda: data_directory.check(data_dir))
    do(lambda: data_directory.spool(data_dir))
    spool = data_dir / "spool"
    do(lambda: remember(data_dir, URL))
    is_remembered(data_dir, URL)
    notes: list[Notes] = []
    do(lambda: notes.append(Notes(spool)))
    journals: list[Journal] = []
    do(lambda: journals.append(Journal(spool, 1 << 20)))
    do(lambda: quarantine(spool, HEX, b"rows", 1, EventError("no")))
    for each in notes:
        each.note("gw", Cut(uuid4(), 1, 1, 1, 1), "full")
        recovery = Recovery(spool, recorder, each)
        do(recovery.survey)
        do(recovery.run)
        recovery.look()
        recovery.forget()
        do(each.close)
    for journal in journals:
        do(lambda journal=journal: journal.append(b"x", 1))  # type: ignore[misc]
        do(lambda journal=journal: journal.close(is_done=True))  # type: ignore[misc]
    return said


PLACES = (
    "spool",
    "prepared",
    "prepared.PID",
    f"spool/{HEX}",
    f"spool/new-{HEX}",
    f"spool/done-{HEX}",
    f"spool/damaged-{HEX}",
    f"spool/unopened-{HEX}",
    f"spool/notes-{HEX}",
    f"spool/refused-{HEX}.rows",
)


@pytest.mark.parametrize("kind", ["link", "link to a directory", "hard link", "pipe"])
@pytest.mark.parametrize("place", PLACES)
def test_links_in_the_place_of_what_the_service_writes(
    data_dir: Path, vault: Vault, recorder: EventRecorder, place: str, kind: str
) -> None:
    plant(data_dir / place.replace("PID", str(os.getpid())), kind, vault)
    said = use(data_dir, recorder)
    if place == "spool":
        assert said
        assert all(str(data_dir / "spool") in each for each in said), said
    assert use(data_dir, recorder) is not None, "again, with what the first time has left"


def test_links_in_a_journal_that_is_adopted(data_dir: Path, vault: Vault, recorder: EventRecorder) -> None:
    journal = data_dir / "spool" / HEX
    with user():
        journal.mkdir()
    for name in ("lock", "00000001.segment", "00000002.segment"):
        plant(journal / name, "link", vault)
    assert use(data_dir, recorder) == []
    assert "root's" not in str([path for path in (data_dir / "spool").iterdir() if path.is_file()])


@pytest.mark.parametrize("kind", ["link", "link to a directory", "hard link"])
@pytest.mark.parametrize(
    "place", ["embedded.lock", "embedded.users", "pg18/postmaster.pid", "pg18/PG_VERSION", "pg18/start.log", "pg18/log"]
)
def test_links_in_the_place_of_what_the_embedded_server_needs(
    vault: Vault, cluster: Path, place: str, kind: str
) -> None:
    former = cluster / f"{place}.kept"
    with suppress(FileNotFoundError):
        (cluster / place).rename(former)
    try:
        plant(cluster / place, kind, vault)
        try:
            with EmbeddedPostgres(cluster):
                pass
        except EmbeddedPostgresError as exc:
            assert str(cluster) in str(exc) or place in str(exc)
    finally:
        (cluster / place).unlink(missing_ok=True)
        if former.exists():
            former.rename(cluster / place)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of an embedded server that has run."""
    place = scratch("ibc-root-")
    with EmbeddedPostgres(place, {"fsync": "off"}):
        pass
    yield place
    shutil.rmtree(place, ignore_errors=True)


@contextmanager
def swapping(one: Path, other: Path) -> Iterator[None]:
    """The user puts a link in the place of its directory, and takes it away, all the time."""
    attacker = subprocess.Popen(
        [sys.executable, "-c", SWAP, str(one), str(other), str(USER.pw_uid), str(USER.pw_gid)], stdout=subprocess.PIPE
    )
    with attacker:
        assert attacker.stdout is not None
        try:
            assert attacker.stdout.readline() == b"begun\n"
            yield
            assert attacker.poll() is None
        finally:
            attacker.kill()


def racing(is_seen: Callable[[], object]) -> Iterator[None]:
    """For two seconds, and on until the attack has been seen at work."""
    begun = time.monotonic()
    while (past := time.monotonic() - begun) < 2 or (not is_seen() and past < DEADLINE_S):
        yield


def test_a_race_for_the_spool_is_lost(data_dir: Path, vault: Vault) -> None:
    refused: list[Exception] = []
    with swapping(data_dir / "spool", vault.directory):
        for _ in racing(lambda: refused):
            try:
                spool = data_directory.spool(data_dir)
                Journal(spool, 1 << 20).close(is_done=True)
                quarantine(spool, HEX, b"rows", 1, EventError("no"))
                remember(data_dir, URL)
            except (OSError, EventError) as exc:
                refused.append(exc)
    assert refused != [], "the attack was under way"


def is_roots(directory: Path) -> bool:
    """Whether root has made it while none was there, which ends the attack: nobody else can rename it."""
    with suppress(FileNotFoundError):
        return directory.lstat().st_uid == 0
    return False


def test_a_race_for_the_data_directory_itself_is_lost(open_place: Path, vault: Vault) -> None:
    """In a directory like /tmp, where everyone may make things and rename one's own."""
    place = open_place / "everyone"
    place.mkdir()
    place.chmod(0o1777)
    data_dir = place / "data"
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, USER.pw_uid, USER.pw_gid)
    refused: list[Exception] = []
    with swapping(data_dir, vault.directory):
        for _ in racing(lambda: refused or is_roots(data_dir)):
            try:
                data_directory.check(data_dir)
                spool = data_directory.spool(data_dir)
                Journal(spool, 1 << 20).close(is_done=True)
            except (OSError, EventError, ConfigError) as exc:
                refused.append(exc)
    assert refused != [] or is_roots(data_dir), "the attack was under way"


# What is in the way, and said.


def test_a_path_that_another_user_can_change_is_refused_and_named(open_place: Path, vault: Vault) -> None:
    home = open_place / "home"
    home.mkdir(mode=0o755)
    os.chown(home, USER.pw_uid, USER.pw_gid)
    (home / "roots").mkdir()
    with pytest.raises(ConfigError, match=f"{home} belongs to the user {USER.pw_uid}"):
        data_directory.check(home / "roots")
    with pytest.raises(ConfigError, match=f"{home} belongs to the user {USER.pw_uid}"):
        data_directory.check(home / "not" / "there")
    with pytest.raises(EmbeddedPostgresError, match=f"{home} belongs to the user {USER.pw_uid}"):
        EmbeddedPostgres(home / "roots").__enter__()
    with user():
        (home / "theirs").mkdir()
        (home / "link").symlink_to(vault.directory)
    data_directory.check(home / "theirs")
    with pytest.raises(ConfigError, match=f"{home}/link is a symbolic link of the user {USER.pw_uid}"):
        data_directory.check(home / "link")
    (open_place / "open").mkdir()
    (open_place / "open").chmod(0o777)
    with pytest.raises(ConfigError, match=f"others may write into {open_place}/open"):
        data_directory.check(open_place / "open" / "data")
    (open_place / "open").chmod(0o1777)
    data_directory.check(open_place / "open" / "data")


def test_links_of_root_lead_where_they_lead(open_place: Path, data_dir: Path) -> None:
    (open_place / "link").symlink_to("data")
    (open_place / "other").symlink_to(open_place / "link")
    check_way(open_place / "other")
    settle(open_place / "other")
    with as_owner(open_place / "other" / "spool"):
        (open_place / "other" / "spool" / "made").touch()
    assert (data_dir / "spool" / "made").stat().st_uid == USER.pw_uid
    (open_place / "loop").symlink_to(open_place / "loop")
    with pytest.raises(Unsafe, match="too many symbolic links"):
        check_way(open_place / "loop")


def test_root_that_acts_as_a_user_reads_and_writes_what_that_user_may(data_dir: Path, vault: Vault) -> None:
    with as_owner(data_dir):
        for work in (
            vault.file.read_text,
            lambda: vault.file.open("a"),
            (vault.directory / "new").touch,
            lambda: os.chown(data_dir / "spool", 0, 0),
            lambda: vault.file.chmod(0o666),
        ):
            with pytest.raises(PermissionError):
                work()
    assert vault.file.read_text() == "root's", "and afterwards it is root again"


def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(data_dir: Path) -> None:
    with user():
        os.mkfifo(data_dir / "pipe")
    with pytest.raises(OSError, match="it is no file"):
        read_text(data_dir / "pipe")


def test_all_that_root_leaves_is_the_users_and_private(data_dir: Path, recorder: EventRecorder) -> None:
    (data_dir / "spool").chmod(0o700)
    assert use(data_dir, recorder) == []
    left = list(data_dir.rglob("*"))
    assert len(left) > 2
    assert {path.stat().st_uid for path in left} == {USER.pw_uid}
    assert {path.stat().st_mode & 0o077 for path in left} == {0}
