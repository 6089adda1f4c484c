"""Write the types of the API that the page is compiled with: ``web/src/api/schema.d.ts``, of the OpenAPI document.

They are of what a page asks and reads: parameters, bodies and JSON answers that went well, and the problem. Texts and
examples stay out: the file is in the repository, and is to change only when the API does. Called by
``make docs``, with openapi-typescript of ``web/package-lock.json``; a test holds the file against
:func:`rendered`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson

from ibconnect.http.openapi.document import make_document
from ibconnect.http.resources.registry import RESOURCES

ROOT = Path(__file__).resolve().parent.parent
TYPES = ROOT / "web" / "src" / "api" / "schema.d.ts"
_TEXTS = ("description", "summary", "example", "examples", "title")
_READ = ("application/json", "application/problem+json")


def rendered() -> str:
    """The file as it has to be.

    :raises CalledProcessError: openapi-typescript is not installed, or fails
    """
    with tempfile.TemporaryDirectory() as directory:
        document, types = Path(directory, "openapi.json"), Path(directory, "schema.d.ts")
        document.write_bytes(orjson.dumps(_document()))
        program = [sys.executable, str(ROOT / "tools" / "page.py"), "run", "openapi-typescript"]
        subprocess.run([*program, str(document), "--output", str(types)], check=True, stdout=subprocess.DEVNULL)
        return types.read_text(encoding="utf-8")


def _document() -> dict[str, Any]:
    """What of the description the types are made of."""
    whole: dict[str, Any] = orjson.loads(orjson.dumps(make_document(RESOURCES)))
    for path in whole["paths"].values():
        for operation in path.values():
            operation["responses"] = {
                status: _answer(response) for status, response in operation["responses"].items() if status < "300"
            }
    plain: dict[str, Any] = _without_texts(whole)
    return plain


def _answer(response: dict[str, Any]) -> dict[str, Any]:
    """An answer with its JSON alone."""
    content = {kind: about for kind, about in response.get("content", {}).items() if kind in _READ}
    return {"description": "", **({"content": content} if content else {})}


def _without_texts(part: Any, is_naming: bool = False) -> Any:
    """A part of the document; what names properties may itself be called as a text is."""
    if isinstance(part, list):
        return [_without_texts(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: _without_texts(each, name == "properties" and not is_naming)
        for name, each in part.items()
        if is_naming or name not in _TEXTS
    }


if __name__ == "__main__":
    TYPES.parent.mkdir(parents=True, exist_ok=True)
    TYPES.write_text(rendered(), encoding="utf-8")
