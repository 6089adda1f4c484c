"""The system user of the embedded Postgres under root: created once, whoever asks at the same time; made again if lost.

Each test has a user of its own name, so that the machine's is left alone.
"""

import fcntl
import grp
import itertools
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ibconnect.database.embedded import account as embedded_account
from ibconnect.database.embedded.account import Account, account_for
from ibconnect.errors import EmbeddedPostgresError
from tests.waiting import DEADLINE_S, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: users are created")

NOWHERE = Path("/nonexistent/pg")
ASK = """
import sys
from pathlib import Path
from ibconnect.database.embedded import account as embedded_account
embedded_account.SYSTEM_USER, embedded_account._LOCK = sys.argv[1], Path(sys.argv[2])
account = embedded_account.account_for(Path("/nonexistent/pg"))
print(account.uid, account.run("id", "-un").stdout.decode())
"""
_numbers = itertools.count(1)


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A name that nobody has yet, in place of ``ibconnect``, and a lock of its own."""
    name = f"ibct{os.getpid()}x{next(_numbers)}"
    monkeypatch.setattr(embedded_account, "SYSTEM_USER", name)
    monkeypatch.setattr(embedded_account, "_LOCK", tmp_path / "lock")
    with Path(tempfile.gettempdir(), "ibconnect-test-users.lock").open("w") as alone:
        # A number that is free for a moment would go to the user of another test process.
        fcntl.flock(alone, fcntl.LOCK_EX)
        yield name
        for command in ("userdel", "groupdel"):
            subprocess.run([command, name], capture_output=True, check=False, timeout=60)


def ask(user: str, lock: Path) -> "subprocess.Popen[str]":
    """A process that wants the user: its number and name."""
    command = [sys.executable, "-c", ASK, user, str(lock)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def waits_for(process: "subprocess.Popen[str]", lock: Path) -> bool:
    """Whether a process has the lock's file open: it has nothing else to do with it than to wait."""
    assert process.poll() is None
    with suppress(OSError):
        return any(each.readlink() == lock for each in Path(f"/proc/{process.pid}/fd").iterdir())
    return False


def test_processes_that_want_it_at_once_get_one_user(user: str, tmp_path: Path) -> None:
    asking = [ask(user, tmp_path / "lock") for _ in range(4)]
    answers = [process.communicate(timeout=DEADLINE_S) for process in asking]
    assert [error for _, error in answers] == [""] * 4
    assert {answer.split()[1] for answer, _ in answers} == {user}
    assert {int(answer.split()[0]) for answer, _ in answers} == {pwd.getpwnam(user).pw_uid}


def test_while_one_creates_it_another_waits_and_takes_what_is_there(user: str, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        asking = ask(user, lock)
        wait_for(lambda: waits_for(asking, lock), "the other waits")
        with pytest.raises(KeyError):
            pwd.getpwnam(user)
        subprocess.run(["useradd", "--system", "--comment=by hand", user], check=True, timeout=60)
    answer, error = asking.communicate(timeout=DEADLINE_S)
    assert (answer.split(), error) == ([str(pwd.getpwnam(user).pw_uid), user], "")
    assert pwd.getpwnam(user).pw_gecos == "by hand"


def test_a_lock_that_is_never_given_back_is_said(user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_account, "_LOCK_S", 0.1)
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedPostgresError, match=r"another process holds .*/lock"):
            account_for(NOWHERE)


def test_a_user_that_is_gone_when_it_is_used_is_made_again_with_its_number(user: str) -> None:
    account = account_for(NOWHERE)
    subprocess.run(["userdel", user], check=True, timeout=60)
    with pytest.raises(KeyError):
        pwd.getpwuid(account.uid)
    assert account.run("id", "-un").stdout.decode().strip() == user
    assert pwd.getpwnam(user).pw_uid == account.uid


def test_the_owner_of_a_cluster_gets_a_name_if_it_has_none(user: str, tmp_path: Path) -> None:
    """As in a new container on the volume of an old one."""
    number = next(number for number in range(59_000, 60_000) if embedded_account._entry(number) is None)
    cluster = tmp_path / "pg"
    cluster.mkdir()
    os.chown(cluster, number, number)
    account = account_for(cluster)
    assert account == Account(str(number), number, number)
    assert account.run("id", "-un").stdout.decode().strip() == user


def test_a_group_that_is_left_of_a_former_user_does_not_matter(user: str) -> None:
    subprocess.run(["groupadd", "--system", user], check=True, timeout=60)
    assert account_for(NOWHERE).gid == grp.getgrnam(user).gr_gid


def test_what_useradd_says_is_told(user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_account, "SYSTEM_USER", "no:user")
    with pytest.raises(EmbeddedPostgresError, match=r"cannot be created \(useradd: invalid user name"):
        account_for(NOWHERE)
