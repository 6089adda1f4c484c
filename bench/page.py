"""The page in a real browser: how soon a view has figures, how soon a long curve is drawn, how smoothly it moves.

In: a service with ten years of hourly snapshots of one account, another with many accounts, Chromium. Out:
milliseconds as the page's own clock has them (``page.js``), from the click to the frame in which the figures stand, and
between frames while somebody zooms or scrolls. Without a screen and a graphics card a browser draws more slowly than
people's does.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench import corpus, stage
from bench.figures import Figure, median, percentile
from bench.sizes import FULL, Size
from ibconnect.projections.upkeep import rebuild
from ibconnect.times import format_rfc3339, from_micros
from tests import chromium

_CLOSED_PORT = 1
_HOURS_OF_MANY = 4
_KEYS = (b"AccountCode", b"AccountReady", b"AccountType", b"NetLiquidation", b"TotalCashValue", b"Cushion")
_PATIENCE_MS = 120_000
_WINDOW = {"width": 1440, "height": 900}

_PROBE = Path(__file__).with_name("page.js")
_HAS_FIGURES = "() => benchWait(benchHasFigures)"


def figures(size: Size = FULL) -> Iterator[Figure]:
    """The figures of the page."""
    with stage.postgres() as server, _chromium() as page:
        yield from _many(server, size, page)
        yield from _long(server, size, page)


@contextmanager
def _chromium() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.program(), args=list(chromium.OPTIONS))
        try:
            page = browser.new_context(viewport=_WINDOW, timezone_id="UTC").new_page()  # type: ignore[arg-type]
            page.set_default_timeout(_PATIENCE_MS)
            page.add_init_script(path=_PROBE)
            yield page
        finally:
            browser.close()


def _many(server: str, size: Size, page: Page) -> Iterator[Figure]:
    """The overview of many accounts, and the views that one opens from there."""
    with stage.database(server, "bench_page_many") as url:
        corpus.store(url, corpus.scenario_accounts(size.accounts, 5, 1), _HOURS_OF_MANY)
        rebuild(url)
        with stage.service(url, _CLOSED_PORT) as service:
            yield _first(service.url, size, page)
            yield from _later(service.url, size, page)
            yield _scrolled(service.url, size, page)


def _first(url: str, size: Size, page: Page) -> Figure:
    """From the click on a link to the page, with nothing of it in the browser's cache, to its first figures."""
    took = []
    for _ in range(size.rounds + 1):
        page.context.clear_cookies()
        page.goto("about:blank")
        page.goto(f"{url}#/overview?currency=USD", wait_until="commit")
        # The clock of a document begins with the navigation to it.
        took.append(float(page.evaluate(_HAS_FIGURES)))
    return Figure("page_first_ms", median(took[1:]), f"overview of {size.accounts:,} accounts; {_spread(took[1:])}")


def _later(url: str, size: Size, page: Page) -> Iterator[Figure]:
    code = corpus.scenario_accounts(1, 1, 1)[0].code
    views = [
        f"account/{code}?tab=balance",
        f"positions/{code}",
        f"activity/{code}",
        "recorder",
        "overview?currency=USD",
    ]
    took: dict[str, list[float]] = {view: [] for view in views}
    page.goto(f"{url}#/overview?currency=USD")
    page.evaluate(_HAS_FIGURES)
    for _ in range(size.rounds + 1):
        for view in views:
            took[view].append(float(page.evaluate("hash => benchOpen(hash)", f"#/{view}")))
    # The first round loads each view's code.
    medians = {view.partition("?")[0].partition("/")[0]: median(all_of[1:]) for view, all_of in took.items()}
    each = ", ".join(f"{view} {value:.0f}" for view, value in medians.items())
    yield Figure("page_later_ms", max(medians.values()), f"the slowest of: {each}")


def _scrolled(url: str, size: Size, page: Page) -> Figure:
    """Through the table of accounts with the wheel."""
    page.goto(f"{url}#/overview?currency=USD")
    page.evaluate(_HAS_FIGURES)
    table = page.get_by_role("region", name="Accounts", exact=True).last
    table.scroll_into_view_if_needed()
    table.hover()
    page.evaluate("() => { window.benched = benchFrames(2) }")
    for _ in range(40):
        page.mouse.wheel(0, 300)
    return _frames("page_scroll_frame_ms", page, f"{size.accounts:,} accounts, wheel of 300 px forty times")


def _long(server: str, size: Size, page: Page) -> Iterator[Figure]:
    """Ten years of hourly snapshots of one account, as one curve."""
    first = corpus.scenario_accounts(1, 1)[0]
    account = corpus.Account(first.code, [list(filter(_is_wanted, state)) for state in first.states])
    with stage.database(server, "bench_page_long") as url:
        corpus.store(url, [account], size.page_hours)
        rebuild(url)
        with stage.service(url, _CLOSED_PORT) as service:
            yield from _curve(service.url, account.code, size, page)


def _is_wanted(message: bytes) -> bool:
    """What the curve and the head of the view are made of: all of a report would take minutes to store."""
    fields = message.split(b"\0")
    return fields[0] == b"6" and fields[2] in _KEYS


def _curve(url: str, code: str, size: Size, page: Page) -> Iterator[Figure]:
    begin = from_micros(corpus.BEGIN)
    end = begin + timedelta(hours=size.page_hours)
    span = f"from={begin:%Y-%m-%d}&to={end:%Y-%m-%d}&at={format_rfc3339(end)}"
    took, asked = [], []
    for _ in range(size.rounds + 1):
        page.goto(f"{url}#/account/{code}?{span}&show=value&points=days")
        page.evaluate(
            "() => benchWait(() => document.querySelector('.plot canvas') || document.querySelector('.empty'))"
        )
        drawn, got = page.evaluate("hash => benchDraw(hash)", f"#/account/{code}?{span}&show=value&points=snapshots")
        took.append(float(drawn))
        asked.append(float(got))
    beside = f"{size.page_hours:,} points, from the answer to the frame; {_spread(took[1:])}"
    yield Figure("page_curve_ms", median(took[1:]), f"{beside}; the answer itself {median(asked[1:]):.0f} ms")
    plot = page.locator(".plot").first
    plot.scroll_into_view_if_needed()
    plot.focus()
    page.evaluate("() => { window.benched = benchFrames(2) }")
    for key in ["+"] * 8 + ["-"] * 8 + ["+"] * 8:
        page.keyboard.press(key)
    yield _frames("page_zoom_frame_ms", page, "zoomed in and out with the keyboard, 24 times")


def _frames(name: str, page: Page, beside: str) -> Figure:
    """The time between frames that nineteen of twenty do not exceed; at 60 a second it is 16.7 ms."""
    frames: list[Any] = page.evaluate("() => window.benched")
    apart = [float(later) - float(earlier) for earlier, later in pairwise(frames)]
    return Figure(
        name,
        percentile(apart, 95),
        f"{beside}: {len(apart)} frames, median {median(apart):.1f}, longest {max(apart):.0f}",
    )


def _spread(took: list[float]) -> str:
    return f"{min(took):.0f} to {max(took):.0f} ms in {len(took)} turns"


if __name__ == "__main__":
    for figure in figures():
        print(figure, file=sys.stdout, flush=True)
