"""The program with the toy report added as anybody would add one: files of its own, and a line in each registry.

In: this program's files. Out: a directory in which ``python -m ibconnect`` runs a copy that has the report in the rooms
that are asked for. docs/extending.md walks through the same files.
"""

import shutil
from pathlib import Path

from tests.paths import ROOT

_HERE = Path(__file__).parent


def copy_program(directory: Path, *more: str) -> Path:
    """The program as it is, with these other directories."""
    for part in ("ibconnect", "sql", *more):
        shutil.copytree(ROOT / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
    return directory


def make_tree(directory: Path, version: int = 1) -> Path:
    """Copy the program there, and add the report's projection. Its second version has a column and a view more."""
    copy_program(directory)
    add_projection(directory)
    if version > 1:
        sql = directory / "sql/projections/families"
        _replace(sql / "schema.sql", "-- version: 1\n", f"-- version: {version}\n")
        _replace(
            sql / "schema.sql", "    position bigint", "    is_new boolean NOT NULL DEFAULT true,\n    position bigint"
        )
        _replace(sql / "views.sql", "    family.told\n", "    family.told,\n    family.is_new\n")
    return directory


def add_everything(root: Path) -> None:
    """The report in all rooms."""
    for add in (add_collector, add_projection, add_resource, add_part):
        add(root)


def add_collector(root: Path) -> None:
    """What is asked of a gateway."""
    folder = root / "ibconnect/gateway/collectors"
    shutil.copy(_HERE / "collector.py", folder / "families.py")
    imported = "from ibconnect.gateway.collectors.families import Families\n"
    _replace(folder / "registry.py", "\nCOLLECTORS", f"{imported}\nCOLLECTORS")
    _replace(folder / "registry.py", "    Accounts,\n", "    Accounts,\n    Families,\n")


def add_projection(root: Path) -> None:
    """What is made of the events, and its tables."""
    folder = root / "ibconnect/projections"
    (folder / "families").mkdir()
    for name in ("__init__.py", "projection.py"):
        shutil.copy(_HERE / name, folder / "families" / name)
    shutil.copytree(_HERE / "sql", root / "sql/projections/families")
    imported = "from ibconnect.projections.families.projection import FAMILIES\n"
    _replace(folder / "registry.py", "\nREPORTS", f"{imported}\nREPORTS")
    _replace(folder / "registry.py", "    ACCOUNTS,\n", "    ACCOUNTS,\n    FAMILIES,\n")


def add_resource(root: Path) -> None:
    """What is served, and its query."""
    folder = root / "ibconnect/http/resources"
    shutil.copy(_HERE / "resource.py", folder / "families.py")
    shutil.copy(_HERE / "resource.sql", root / "sql/http/families.sql")
    imported = "from ibconnect.http.resources.families import RESOURCE as FAMILIES\n"
    _replace(folder / "registry.py", "\n# In the order of the OpenAPI", f"{imported}\n# In the order of the OpenAPI")
    _replace(folder / "registry.py", "    GATEWAYS,\n", "    FAMILIES,\n    GATEWAYS,\n")


def add_part(root: Path) -> None:
    """What a simulated gateway answers, in the place of what ours does."""
    remove_part(root)
    folder = root / "ibconnect/simulator/scenario"
    shutil.copy(_HERE / "part.py", folder / "families.py")
    _replace(folder / "registry.py", "    login,\n", "    families,\n    login,\n")
    _replace(folder / "registry.py", "    login.PART,\n", "    login.PART,\n    families.PART,\n")


def remove_part(root: Path) -> None:
    """Our simulated gateway without the request: a file less, and its line."""
    folder = root / "ibconnect/simulator/scenario"
    (folder / "families.py").unlink()
    _replace(folder / "registry.py", "    families,\n", "")
    _replace(folder / "registry.py", "    families.PART,\n", "")


def _replace(path: Path, former: str, new: str) -> None:
    text = path.read_text()
    assert text.count(former) == 1, f"{path.name} has {text.count(former)} of {former!r}"
    path.write_text(text.replace(former, new))
