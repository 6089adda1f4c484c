"""``DATA_DIR`` of another user: refused with the command that mends it; what root leaves there others can use."""

import os
import pwd
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ibconnect.database.remembered import is_remembered, remember
from ibconnect.events.journal import Journal
from ibconnect.service import data_directory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: another user is impersonated")

USER = pwd.getpwnam("nobody")
URL = "postgresql://h/d"


def as_user(work: Callable[[], object]) -> str:
    """What a process of another user raises while it does this; nothing if nothing."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = ""
        try:
            os.setgroups([])
            os.setgid(USER.pw_gid)
            os.setuid(USER.pw_uid)
            work()
        except BaseException as exc:  # noqa: BLE001 - the parent tells it
            said = f"{type(exc).__name__}: {exc}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()


def closed(path: Path) -> Path:
    path.mkdir(mode=0o700)
    return path


@pytest.mark.parametrize("made", ["", "spool", "pg18"])
def test_what_is_roots_is_named_with_the_command_that_mends_it(open_place: Path, made: str) -> None:
    data_dir = closed(open_place / "it's data")
    if made:
        os.chown(data_dir, USER.pw_uid, USER.pw_gid)
        closed(data_dir / made)
    said = as_user(lambda: data_directory.check(data_dir))
    assert said.startswith("ConfigError: DATA_DIR=")
    assert f"nobody cannot use {data_dir / made}, which is root's (mode 0700): " in said
    command = said.partition("0700): ")[2]
    assert re.fullmatch(r"sudo chown -R nobody: \S.*", command)
    subprocess.run(["sh", "-c", command.removeprefix("sudo ")], check=True)
    assert as_user(lambda: data_directory.check(data_dir)) == ""


def test_one_that_cannot_be_made_is_named_with_the_command_that_makes_it(open_place: Path) -> None:
    data_dir = open_place / "deep" / "data"
    said = as_user(lambda: data_directory.check(data_dir))
    assert f"nobody cannot make it in {open_place}, which is root's (mode 0711): " in said
    subprocess.run(["sh", "-c", said.partition("sudo ")[2]], check=True)
    assert as_user(lambda: data_directory.check(data_dir)) == ""
    assert as_user(lambda: data_directory.spool(data_dir)) == ""


def test_one_below_a_closed_door_is_named(open_place: Path) -> None:
    closed(open_place / "house")
    said = as_user(lambda: data_directory.check(open_place / "house" / "x" / "data"))
    assert said == (
        f"ConfigError: DATA_DIR={open_place}/house/x/data: nobody cannot enter {open_place}/house, which is root's "
        "(mode 0700): name another directory"
    )


def test_root_is_let_in_everywhere(open_place: Path) -> None:
    data_directory.check(closed(open_place / "data"))
    data_directory.check(open_place / "data" / "deeper" / "still")


def test_what_root_leaves_in_a_users_directory_is_that_users(open_place: Path) -> None:
    """Killed, root leaves a journal; the service's own user must find, lock and read it."""
    data_dir = closed(open_place / "data")
    os.chown(data_dir, USER.pw_uid, USER.pw_gid)
    spool = data_directory.spool(data_dir)
    journal = Journal(spool, 1 << 20)
    journal.append(b"x", 1)
    remember(data_dir, URL)
    left = [path for path in data_dir.rglob("*") if path.name != "prepared"]
    assert len(left) == 4
    assert {path.stat().st_uid for path in left} == {USER.pw_uid}
    journal.close(is_done=False)

    def go_on() -> None:
        data_directory.check(data_dir)
        remember(data_dir, f"{URL}2")
        assert is_remembered(data_dir, f"{URL}2"), "root's own note is replaced"
        for path in left:
            assert os.access(path, os.R_OK | os.W_OK)
        Journal(spool, 1 << 20).close(is_done=True)

    assert as_user(go_on) == ""


def test_a_link_in_the_place_of_the_spool_gives_nothing_away(open_place: Path) -> None:
    data_dir, precious = closed(open_place / "data"), open_place / "precious"
    precious.write_text("root's")
    os.chown(data_dir, USER.pw_uid, USER.pw_gid)
    (data_dir / "spool").symlink_to(precious)
    with pytest.raises(OSError, match="File exists"):
        data_directory.spool(data_dir)
    assert precious.stat().st_uid == 0
