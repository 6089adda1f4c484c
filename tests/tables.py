"""Tables of the API read as a client would: page after page, every figure as the text that it is."""

import csv
import io
import json
from typing import Any

import orjson

from tests.serving import Served


def exact(text: str) -> Any:
    """JSON with its numbers as texts."""
    return json.loads(text, parse_float=str, parse_int=str)


async def pages(served: Served, path: str, **headers: str) -> list[list[dict[str, Any]]]:
    """The rows of each page, as far as ``Link`` leads."""
    found, url = [], served.url + path
    while url:
        async with served.client.get(url, headers=headers) as response:
            assert response.status == 200, await response.text()
            found.append(exact(await response.text()))
            link = response.links.get("next")
            url = str(link["url"]) if link else ""
    return found


async def rows(served: Served, path: str, **headers: str) -> list[dict[str, Any]]:
    """The rows of all pages."""
    return [row for page in await pages(served, path, **headers) for row in page]


async def rows_of(served: Served, path: str) -> list[dict[str, str]]:
    """The rows of a table as CSV, figures as text."""
    async with served.get(path, headers={"Accept": "text/csv"}) as response:
        assert response.status == 200, await response.text()
        return list(csv.DictReader(io.StringIO(await response.text())))


async def pages_of(served: Served, path: str) -> list[list[dict[str, Any]]]:
    """Page after page, as the links lead, with numbers as JSON has them."""
    found = []
    while path:
        async with served.get(path) as response:
            assert response.status == 200, await response.text()
            found.append(await response.json(loads=orjson.loads))
            link = response.links.get("next")
            path = str(link["url"]).removeprefix(served.url) if link else ""
    return found
