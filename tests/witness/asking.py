"""Asks a server as clients do: JSON with the digits of its numbers, CSV as rows, pages to their end."""

import csv
import io
import json
from typing import Any
from urllib.parse import quote

from tests.serving import Served


def exact(text: str) -> Any:
    """JSON, with each number as ``#`` and its digits."""
    return json.loads(text, parse_float=_number, parse_int=_number)


def _number(text: str) -> str:
    return f"#{text}"


class Asker:
    """Asks one server, as whoever has this token; counts the answers that were compared."""

    def __init__(self, served: Served, token: str | None = None) -> None:
        self._served = served
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.answers = 0

    async def text(self, path: str, accept: str = "application/json", status: int = 200) -> str:
        """The body of an answer."""
        text, _ = await self._get(path, accept, status)
        return text

    async def json(self, path: str) -> Any:
        """A JSON answer."""
        return exact(await self.text(path))

    async def csv(self, path: str) -> list[dict[str, str]]:
        """The rows of a CSV answer."""
        return list(csv.DictReader(io.StringIO(await self.text(path, "text/csv"))))

    async def pages(self, path: str) -> list[Any]:
        """The answers of all pages, in order."""
        found, seen = [], set()
        while path and path not in seen:
            seen.add(path)
            text, headers = await self._get(path, "application/json", 200)
            found.append(exact(text))
            link = headers.get("Link", "")
            path = link[1:].partition(">")[0].removeprefix(self._served.url)
        assert path == "", "pages lead in a circle"
        return found

    async def location(self, path: str) -> str | None:
        """Which report a redirect leads to, by its time; None: 404."""
        async with self._served.get(path, headers=self._headers) as response:
            self.answers += 1
            if response.status == 404:
                return None
            assert response.status == 303, (path, await response.text())
            return str(response.headers["Location"].rpartition("/")[2])

    async def _get(self, path: str, accept: str, status: int) -> tuple[str, Any]:
        async with self._served.get(path, headers={**self._headers, "Accept": accept}) as response:
            text = await response.text()
            assert response.status == status, (path, response.status, text)
            self.answers += 1
            return text, response.headers


def account_path(account: str, *rest: str) -> str:
    """The path of something of an account."""
    return "/".join(("/v1/accounts", quote(account, safe=""), *rest))
