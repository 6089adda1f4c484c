"""Daily statements of many accounts: imported from files, and made into tables, beside bare parsing of the same files.

Bare parsing is expat without a handler: it finds that a file is well-formed, and gives nothing of it. It and the import
take turns, since a machine is not as fast at one time as at another.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.parsers import expat

from bench import stage
from bench.figures import Figure, median
from bench.sizes import FULL, Size
from bench.stage import BenchError
from ibconnect.simulator.flex.bulk import BulkPlan, write_files
from ibconnect.statements.importing import find, import_files

_FIRST = date(2015, 1, 1)
_ACCOUNTS = 20


def figures(size: Size = FULL) -> Iterator[Figure]:
    """Statements a second, of years in one file each, and what part of bare parsing that is."""
    accounts = min(_ACCOUNTS, size.statements)
    days = max(size.statements // accounts * 7 // 5, 1)
    plan = BulkPlan(accounts=accounts, first=_FIRST, last=_FIRST + timedelta(days=days), every_day=False)
    statements = len(plan.days()) * accounts
    with TemporaryDirectory(prefix="ibc-statements-") as folder, stage.postgres() as server:
        files = write_files(plan, Path(folder))
        bare, ours = [], []
        for number in range(size.rounds):
            with stage.database(server, f"bench_statements_{number}") as url:
                bare.append(statements / _bare(files))
                ours.append(statements / _imported(url, Path(folder), len(files)))
                if number == size.rounds - 1:
                    folded = statements / _rebuilt(url, statements)
    rate = median(ours)
    what = f"{statements:,} statements of {accounts} accounts in {len(files)} files"
    yield Figure("statements_imported_per_s", rate, what)
    yield Figure("statements_vs_parsing", rate / median(bare), f"against bare parsing, {median(bare):,.0f}/s")
    yield Figure(
        "statements_folded_per_s", folded, f"a rebuild of their tables; {folded / median(bare):.2f} of parsing"
    )


def _bare(files: list[Path]) -> float:
    began = time.perf_counter()
    for path in files:
        with path.open("rb") as file:
            expat.ParserCreate().ParseFile(file)
    return time.perf_counter() - began


def _imported(url: str, folder: Path, files: int) -> float:
    began = time.perf_counter()
    found = find([folder])
    new = sum(each.recorded is not None and each.recorded.new for each in import_files(url, found.files, folder))
    if new != files:
        raise BenchError(f"{files} files are {new} new documents")
    return time.perf_counter() - began


def _rebuilt(url: str, statements: int) -> float:
    environ = {**os.environ, "DB_URL": url, "LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", "ibconnect", "rebuild", "statements"]
    began = time.perf_counter()
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise BenchError(f"the rebuild failed: {done.stderr}")
    if (made := stage.one(url, "SELECT count(*) FROM statements.statement")) != statements:
        raise BenchError(f"{statements} statements are {made} rows")
    return seconds
