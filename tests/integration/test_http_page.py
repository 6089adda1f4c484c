"""The page's files: what is served, to whom, how long it is kept, and what may run in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from ibconnect.http.resources import page
from ibconnect.http.resources.page import files
from tests.serving import PROBLEM, Served

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
SCRIPT = b"export const one = 1;\n" * 200


@pytest.fixture(params=[True, False], ids=["built", "not built"])
def built(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """A small page, or none."""
    if request.param:
        (tmp_path / "index.html").write_text("<!doctype html><script src=page/app-0123ABCD.js></script>")
        (tmp_path / "app-0123ABCD.js").write_bytes(SCRIPT)
        (tmp_path / "LICENSES.txt").write_text("of others")
        (tmp_path / "secret.txt").write_text("what nobody lists")
        names = ("index.html", "app-0123ABCD.js", "LICENSES.txt")
        (tmp_path / "manifest.json").write_bytes(orjson.dumps(dict.fromkeys(names, 1)))
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    files.cache_clear()
    yield request.param
    files.cache_clear()


async def test_browsers_get_the_page_and_programs_the_description(built: bool, served: Served) -> None:
    async with served.get("/", headers=HTML) as response:
        text = await response.text()
        assert response.status == 200
        assert response.content_type == "text/html"
        assert ("app-0123ABCD.js" in text) is built
        assert ("make setup" in text) is not built
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"(?:src|href)=[\"']?/", text), "it works below any path"
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        async with served.get("/", headers=headers) as response:
            assert (response.status, response.headers["Location"]) == (303, f"{served.url}/docs")


async def test_files_are_kept_for_ever_by_their_digest(built: bool, served: Served) -> None:
    async with served.get("/page/app-0123ABCD.js", headers={"Accept-Encoding": "gzip"}) as response:
        if not built:
            assert (response.status, response.content_type) == (404, PROBLEM)
            return
        assert await response.read() == SCRIPT
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.content_type == "text/javascript"
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        tag = response.headers["ETag"]
    async with served.get("/page/app-0123ABCD.js", headers={"If-None-Match": tag}) as response:
        assert response.status == 304
    async with served.client.head(f"{served.url}/page/app-0123ABCD.js") as response:
        assert response.status == 200
    async with served.get(
        "/page/app-0123ABCD.js", headers={"Range": "bytes=0-9", "Accept-Encoding": "identity"}
    ) as response:
        assert (response.status, await response.read()) == (206, SCRIPT[:10])
    async with served.get("/page/LICENSES.txt") as response:
        assert (response.status, response.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", ["secret.txt", "index.html", "manifest.json", "..", "%2e%2e%2fpage.py", "app.js"])
async def test_nothing_else_is_served(built: bool, served: Served, name: str) -> None:
    async with served.get(f"/page/{name}") as response:
        assert (response.status in (303, 400, 404)) is True, built
        assert "what nobody lists" not in await response.text()
