"""The program with the toy report added as anybody would add one: files of its own, and a line in the registry.

In: this program's files. Out: a directory in which ``python -m ibconnect`` runs a copy that has both reports. Its next
version has one more column and another view.
"""

import shutil
from pathlib import Path

from tests.paths import ROOT

_HERE = Path(__file__).parent
_IMPORT = "from ibconnect.projections.engine.projection import Projection\n"


def make_tree(directory: Path, version: int = 1) -> Path:
    """Copy the program there, and add the report."""
    for part in ("ibconnect", "sql"):
        shutil.copytree(ROOT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
    package = directory / "ibconnect" / "projections" / "families"
    package.mkdir()
    for name in ("__init__.py", "projection.py"):
        shutil.copy(_HERE / name, package / name)
    sql = directory / "sql" / "projections" / "families"
    shutil.copytree(_HERE / "sql", sql)
    registry = directory / "ibconnect" / "projections" / "registry.py"
    _replace(registry, _IMPORT, f"{_IMPORT}from ibconnect.projections.families.projection import FAMILIES\n")
    _replace(registry, "    ACCOUNTS,\n", "    ACCOUNTS,\n    FAMILIES,\n")
    if version > 1:
        _replace(sql / "schema.sql", "-- version: 1\n", f"-- version: {version}\n")
        _replace(
            sql / "schema.sql", "    position bigint", "    is_new boolean NOT NULL DEFAULT true,\n    position bigint"
        )
        _replace(sql / "views.sql", "    family.told\n", "    family.told,\n    family.is_new\n")
    return directory


def _replace(path: Path, former: str, new: str) -> None:
    text = path.read_text()
    assert text.count(former) == 1, f"{path.name} has {text.count(former)} of {former!r}"
    path.write_text(text.replace(former, new))
