"""``ibconnect migrate``: the database's schema brought up to date, and its roles given their rights.

In: the settings. Out: a database that this version can use. Called by the command line.
"""

import argparse
import sys
from collections.abc import Mapping

from ibconnect.cli.starting import settings
from ibconnect.database.migrations import migrate
from ibconnect.database.months import ANY, make_months
from ibconnect.database.rights import give_rights
from ibconnect.service.postgres import database


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb takes none."""


def run(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Apply the migrations that are missing and say which; the exit code is 0.

    :raises IbConnectError: a setting is wrong, or Postgres cannot be reached or refuses
    """
    with database(settings(environ)) as url:
        applied = migrate(url)
        for migration in applied:
            print(f"applied {migration.name}")
        if not applied:
            print("the database's schema is up to date")
        months = make_months(url, ANY)
        for month in months.made:
            print(f"made the partition of the events of {month:%Y-%m}")
        for month, exc in months.missing.items():
            print(f"the partition of the events of {month:%Y-%m} cannot be made now: {exc}", file=sys.stderr)
        if give_rights(url):
            print("the roles have their rights on it")
    return 0
