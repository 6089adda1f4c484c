"""Examples for the OpenAPI document: real answers, kept in ``examples.json`` beside this module.

They were recorded from a server that had played a capture of tests/fixtures; a test compares each with what the
server answers today.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

_FILE = Path(__file__).with_name("examples.json")

# (operation or "problem", status, media type) → the example.
EXAMPLES: Mapping[tuple[str, int, str], Any] = {
    (row["operation"], row["status"], row["media"]): row["example"]
    for row in (orjson.loads(_FILE.read_bytes()) if _FILE.exists() else [])
}
