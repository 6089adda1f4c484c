"""The program as its next version may be: a copy in a directory of its own, with snapshot tables that differ.

In: this program's files. Out: a directory in which ``python -m ibconnect`` runs the copy. In its tables a column is
new, one has another name, one another type; a public view has a column less, another one more. The REST reads need it.
"""

import re
import shutil
from pathlib import Path

from ibconnect.database.tables import report_of
from tests.paths import ROOT

NEXT = report_of("accounts").version + 1

_CHANGES = {
    "sql/projections/accounts/schema.sql": {
        r"\A-- version: \d+\n": f"-- version: {NEXT}\n",
        # One more column, and another type: text that was planned as such is it no more.
        r"(CREATE TABLE account \(\n    id integer PRIMARY KEY,\n    code) text (NOT NULL UNIQUE)": (
            r"\1 varchar \2,\n    nickname text NOT NULL DEFAULT 'none'"
        ),
        r"(CREATE TABLE account_snapshot \([^;]*\n    )ended ": r"\1conclusion ",
    },
    "sql/projections/accounts/load.sql": {r"has_models, source, ended,": "has_models, source, conclusion,"},
    "sql/projections/accounts/views.sql": {
        r"latest\.ended,": "latest.conclusion AS ended,",
        r"    account_snapshot\.ended,": "    account_snapshot.conclusion AS ended,",
        r"(    latest\.remarks)\nFROM account\n": r"\1,\n    account.nickname\nFROM account\n",
        r"    names\.currency_name,\n": "",
        r"-- currency_name: [^\n]*\n": "",
    },
    "sql/http/report.sql": {
        r"'ended', snapshot\.ended": "'ended', snapshot.conclusion",
        r"ON account\.code = wanted\.account\n": "ON account.code = wanted.account AND account.nickname = 'none'\n",
    },
    "sql/http/accounts.sql": {
        r"(WHERE) (%\(codes\)s::text\[\] IS NULL OR .*)\n": r"\1 (\2) AND account.nickname = 'none'\n"
    },
}


def make_next_version(directory: Path) -> Path:
    """Copy the program there and change it."""
    for part in ("ibconnect", "sql"):
        shutil.copytree(ROOT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name, changes in _CHANGES.items():
        path = directory / name
        text = path.read_text()
        for former, new in changes.items():
            text, count = re.subn(former, new, text)
            assert count == 1, f"{name} has {count} of {former!r}"
        path.write_text(text)
    return directory
