"""Examples for the OpenAPI document: real answers, kept in files beside the resources, and one for problems.

In: files of rows, each a request and what was answered. Out: the examples, by what they are of. The answers were
recorded from a server whose accounts are made up (``python -m tests.http_examples``); a test compares each with what
the server answers today.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

Examples = Mapping[tuple[str, int, str], Any]
"""(operation or "problem", status, media type) → the example."""

PROBLEMS = Path(__file__).with_name("problems.json")
"""Examples of problems."""


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a file: ``operation``, ``path``, ``headers`` of the request, ``status``, ``media``, ``example``."""
    rows: list[dict[str, Any]] = orjson.loads(path.read_bytes())
    return rows


def examples_of(paths: Iterable[Path]) -> Examples:
    """The examples of some files."""
    return {(row["operation"], row["status"], row["media"]): row["example"] for path in paths for row in rows_of(path)}
