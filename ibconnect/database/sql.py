"""SQL by name: ``queries("http/accounts")["list_accounts"]`` is a section of ``sql/http/accounts.sql``.

A section begins with ``-- name: NAME``; comment lines right after it describe the query and stay in it. In a
checkout the files lie in ``sql/`` beside the package, in an installed wheel inside the package.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString

from ibconnect.errors import SchemaError

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def sql_root() -> Path:
    """The directory that holds the ``.sql`` files.

    :raises SchemaError: neither the installed package nor the checkout has them
    """
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "sql", package.parent / "sql"):
        if (candidate / "migrations").is_dir():
            return candidate
    raise SchemaError(f"no sql/ directory in {package} nor beside it: the installation is incomplete")


def read_sql(name: str) -> LiteralString:
    """The whole text of ``sql/NAME.sql``; these files are part of the program, hence literal."""
    return (sql_root() / f"{name}.sql").read_text(encoding="utf-8")


@cache
def queries(name: str) -> Mapping[str, LiteralString]:
    """The named sections of ``sql/NAME.sql``.

    :raises SchemaError: a name occurs twice, or text stands before the first name
    """
    parts = _NAME.split(read_sql(name))
    names, bodies = parts[1::2], parts[2::2]
    if len(set(names)) != len(names) or any(not line.startswith("--") for line in parts[0].split("\n") if line):
        raise SchemaError(f"sql/{name}.sql: every query needs a name of its own")
    return MappingProxyType({key: body.strip() for key, body in zip(names, bodies, strict=True)})
