"""The page /docs in a real browser: what its script makes of the description. Skipped where there is no browser."""

import asyncio
import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from ibconnect.meanings import MEANINGS
from tests.serving import Served

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DEADLINE_S = 60


async def rendered(url: str, profile: Path) -> str:
    """The document as it stands when the page's script is done."""
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    browser = await asyncio.create_subprocess_exec(
        str(BROWSER),
        *quiet,
        f"--user-data-dir={profile}",
        "--virtual-time-budget=20000",
        "--dump-dom",
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            out, _ = await browser.communicate()
    finally:
        if browser.returncode is None:
            browser.kill()
            await browser.wait()
    return out.decode()


@pytest.mark.skipif(BROWSER is None, reason="there is no browser here")
async def test_the_page_says_of_each_tag_what_it_is(served: Served, tmp_path: Path) -> None:
    page = await rendered(f"{served.url}/docs", tmp_path)
    shown = unescape(re.sub(r"<[^>]+>", "", page))
    for tag, meaning in MEANINGS.items():
        assert f'id="tag-{tag}"' in page
        assert meaning.text in shown
        assert meaning.differs in shown
