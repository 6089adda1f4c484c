"""House rules of the code, as tests: sizes, docstrings, where the environment and SQL may be."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import quantiles

import pytest
from psycopg._queries import MAX_CACHED_STATEMENT_LENGTH

from ibconnect.database.sql import queries
from ibconnect.http.server.db import compact

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "ibconnect").rglob("*.py"))
SQL_FILES = sorted((ROOT / "sql").rglob("*.sql"))
NAMED_SQL = [path for path in SQL_FILES if path.read_text().count("-- name: ")]

LONGEST_FILE = 400
LONGEST_FUNCTION = 50
LENGTH_OF_NINE_IN_TEN = 30
SELF_EVIDENT = 10  # lines of a function that its name and types explain
MAY_READ_ENVIRONMENT = {
    "ibconnect/service/child.py",
    "ibconnect/cli/main.py",
    "ibconnect/cli/health.py",
}  # they hand it to the settings
STATEMENT = re.compile(r"\s*(SELECT\s.*\sFROM|INSERT INTO|UPDATE|DELETE FROM|WITH \w+ (AS|\()|COPY|MERGE)\s", re.DOTALL)
# Statements about the server itself, before there is a schema.
MAY_HOLD_SQL = {"ibconnect/database/embedded/cluster.py", "ibconnect/database/migrations.py"}

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def all_code() -> str:
    return "\n".join(module.read_text() for module in MODULES)


@cache
def all_words() -> frozenset[str]:
    return frozenset(re.findall(r"\w+", all_code()))


@cache
def computed_names() -> tuple[str, ...]:
    return tuple(re.findall(r"""\bf["'](\w+_)\{""", all_code()))


def length(node: Definition) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def definitions(path: Path) -> Iterator[Definition]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Definition))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_for_and_stays_short(path: Path) -> None:
    assert ast.get_docstring(tree(path)), "no module docstring"
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    functions = [node for node in definitions(path) if not isinstance(node, ast.ClassDef)]
    assert [node.name for node in functions if length(node) > LONGEST_FUNCTION] == []


def test_nine_functions_of_ten_are_shorter_still() -> None:
    functions = [node for path in MODULES for node in definitions(path) if not isinstance(node, ast.ClassDef)]
    assert quantiles(map(length, functions), n=10)[-1] <= LENGTH_OF_NINE_IN_TEN


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_what_is_public_has_a_docstring(path: Path) -> None:
    public = [node for node in tree(path).body if isinstance(node, Definition) and not node.name.startswith("_")]
    explained = [node for node in public if isinstance(node, ast.ClassDef) or length(node) > SELF_EVIDENT]
    assert [node.name for node in explained if not ast.get_docstring(node)] == []


def test_the_environment_is_read_in_one_place() -> None:
    readers = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv")
    }
    assert readers == MAY_READ_ENVIRONMENT


def test_sql_is_in_sql_files() -> None:
    holders = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.match(node.value)
    }
    assert holders == MAY_HOLD_SQL


@pytest.mark.parametrize("path", NAMED_SQL, ids=name_of)
def test_every_query_is_described_by_itself_or_with_its_file(path: Path) -> None:
    sections = queries(str(path.relative_to(ROOT / "sql").with_suffix("")))
    is_introduced = not path.read_text().startswith("-- name:")
    assert is_introduced or [name for name, text in sections.items() if not text.startswith("--")] == []


@pytest.mark.parametrize("path", NAMED_SQL, ids=name_of)
def test_every_query_is_used(path: Path) -> None:
    """By its name, by the part of it that is not computed (``Q[f"newer_{table}"]``), or with its whole file."""
    stem = str(path.relative_to(ROOT / "sql").with_suffix(""))
    unseen = [name for name in queries(stem) if name not in all_words() and not name.startswith(computed_names())]
    views = re.sub(r"^projections/\w+/views$", "projections/{report.name}/views", stem)
    assert unseen == [] or (views != stem and f'queries(f"{views}")' in all_code())


def test_there_is_one_way_into_the_events() -> None:
    """One statement stores rows, one takes the turn to; a migration may move rows."""
    adds = re.compile(r"\b(INSERT INTO|COPY|MERGE INTO)\s+(public\.)?stored_events\b", re.IGNORECASE)
    writers = {
        f"{name_of(path)}: {name}"
        for path in NAMED_SQL
        for name, text in queries(str(path.relative_to(ROOT / "sql").with_suffix(""))).items()
        if adds.search(text)
    }
    assert writers == {"sql/events/appending.sql: take_turn", "sql/events/appending.sql: copy_rows"}
    assert [name_of(path) for path in MODULES if adds.search(path.read_text())] == []


def test_the_driver_remembers_what_the_query_of_a_report_means() -> None:
    """psycopg looks for placeholders again at each call of a query that is longer than this."""
    assert len(compact(queries("http/report")["report"]).encode()) <= MAX_CACHED_STATEMENT_LENGTH


def test_every_sql_file_that_the_code_names_exists() -> None:
    named = {
        argument
        for path in MODULES
        for argument in re.findall(r"""\b(?:queries|read_sql)\(["']([^"'{]+)["']\)""", path.read_text())
    }
    assert {name for name in named if not (ROOT / "sql" / f"{name}.sql").exists()} == set()
    assert named != set()


@pytest.mark.parametrize("path", [*MODULES, *SQL_FILES], ids=name_of)
def test_nothing_is_left_to_do(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", path.read_text())
