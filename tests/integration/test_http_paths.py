"""Odd paths: whatever a URL is made to look like, it is one of ours or none, never a failure and never a file."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_to_bytes

import pytest

from ibconnect.http.resources.registry import ROUTES
from tests.routes import path_of
from tests.serving import DU1, PROBLEM, Served, at
from tests.waiting import DEADLINE_S

# What leads out of a directory, or around a check of names, in some server or proxy.
UP = [
    "..",
    ".",
    "...",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%2e",
    "%252e%252e",
    "%25252e%25252e",
    "..%2f",
    "..%2F..%2F",
    "..%5c",
    "..\\",
    "%5c..",
    "%c0%ae%c0%ae",
    "%c0%af",
    "%e0%80%ae",
    "%e0%80%af",
    "%f0%80%80%af",
    "%fc%80%80%80%80%af",
    "%ef%bc%8f",
    "%u002e%u002e",
    "%%32%65",
    "..;",
    ".;/..",
    "..%00",
    "..%0d%0a",
    "..%09",
    "%2f..%2f..%2fetc%2fpasswd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "....//....//etc/passwd",
    "%2fetc%2fpasswd",
    "file:%2f%2f%2fetc%2fpasswd",
    "C:%5cwindows",
]
# What is put behind a segment, or in its middle.
BEHIND = ["%00", "%00.css", "%20", "%09", "%0d%0aSet-Cookie:%20a=b", ".", "..", "~", ".bak", ".json", "::$DATA"]
BEHIND += ["%ff", "%", ";a=b", ";jsessionid=1", "%3b", "%3fx", "%23x", "%2f", "%5c", "\\", "|id", "`id`", "$(id)", "*"]
BEHIND += ["${jndi:ldap://x}"]
# Nothing of these is read by anybody: targets as a scanner sends them.
FILES = ["etc/passwd", ".git/config", ".env", "pyproject.toml", "ibconnect/http/app.py", "sql/http/accounts.sql"]
FILES += ["docs.html", "proc/self/environ", "WEB-INF/web.xml", "admin", "server-status", "api/v1/accounts", "v1"]
FILES += ["v2/accounts", "static/../docs"]
PREFIXES = ("/", "//", "/docs/", "/docs/../", "/docs/..%2f", "/%2e%2e/")
LONG = ("/" * 500, "/" + "a/" * 1000, "/" + "%2e%2e%2f" * 300, "/" + "../" * 1000)


def segments() -> list[list[str]]:
    """The path of every route, filled."""
    return [path_of(route).strip("/").split("/") for route in ROUTES]


def variants(path: Sequence[str]) -> Iterator[list[str]]:
    """A path of ours made odd in one place."""
    for place, name in enumerate(path):
        before, after = list(path[:place]), list(path[place + 1 :])
        for up in UP[:: max(1, len(path) // 2)]:
            yield [*before, up, name, *after]
            yield [*before, name, up, *after]
        for behind in BEHIND[place % 2 :: 2]:
            yield [*before, name + behind, *after]
        yield [*before, name.swapcase(), *after]
        yield [*before, "", name, *after]
        yield [*before, f"%25{ord(name[:1] or 'x'):02x}{name[1:]}", *after]
        yield [*before, name[:1] + "%00" + name[1:], *after]


def odd() -> list[str]:
    """All of them, each once, and what scanners ask for."""
    made = ["/" + "/".join(each) for path in segments() for each in variants(path)]
    made += [
        f"{prefix}{file}" for prefix in ("/", "//", "/docs/", "/docs/../", "/docs/..%2f", "/%2e%2e/") for file in FILES
    ]
    made += [
        "//",
        "///",
        "/" * 500,
        "/" + "a/" * 1000,
        "/" + "%2e%2e%2f" * 300,
        "/" + "../" * 1000,
        "/?",
        "/??",
        "/#",
        "/%",
    ]
    return list(dict.fromkeys(made))


def ours(target: str) -> bool:
    """Whether a target is one of our paths in another spelling, as RFC 3986 has it, or another value of a parameter."""
    asked = [unquote_to_bytes(part) for part in target.partition("?")[0].partition("#")[0].split("/")]
    for route in ROUTES:
        parts = route.path.split("/")
        if len(parts) == len(asked) and all(
            part.encode() == name or (part.startswith("{") and name) for part, name in zip(parts, asked, strict=True)
        ):
            return True
    return False


async def answers(served: Served, targets: Sequence[str]) -> list[tuple[int, str, bytes]]:
    """Status, head and body for each, one after the other over connections that stay open as long as they may."""
    host, port = served.url.removeprefix("http://").split(":")
    found: list[tuple[int, str, bytes]] = []
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(DEADLINE_S):
            for target in targets:
                writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % target.encode())
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"(?i)\r\ncontent-length: (\d+)", head)
                body = await reader.readexactly(int(length[1])) if length else b""
                found.append((int(head.split(" ", 2)[1]), head, body))
                if not length or re.search(r"(?i)\r\nconnection: close", head) or head.startswith("HTTP/1.0"):
                    writer.close()
                    reader, writer = await asyncio.open_connection(host, int(port))
    finally:
        writer.close()
    return found


async def test_no_odd_path_fails_or_shows_a_file(served: Served) -> None:
    targets = odd()
    assert len(targets) > 700
    seen: dict[int, int] = {}
    for target, (status, head, body) in zip(targets, await answers(served, targets), strict=True):
        seen[status] = seen.get(status, 0) + 1
        assert status in ((200, 303, 304, 400, 404) if ours(target) else (308, 400, 404, 405)), (target, status)
        if status >= 400:
            assert PROBLEM in head, target
        elif status == 308:
            assert re.search(r"\r\nLocation: http://localhost/[^/\\]", head), (target, head)
        for secret in (b"root:", b"[core]", b"import ", b"SELECT", b"DB_URL", b"<html"):
            assert secret not in body or (ours(target) and "docs" in target), target
        assert "Set-Cookie" not in head, target
    assert seen[404] > 300
    assert seen[400] > 50


@pytest.mark.parametrize("base", ["/docs/docs.css", f"/v1/accounts/{DU1}/{at(1)}"])
async def test_another_spelling_of_a_path_is_the_same_resource(served: Served, base: str) -> None:
    spelled = "".join(f"%{ord(each):02X}" if each not in "/:" else each for each in base)
    (status, _, body), (same_status, _, same_body) = await answers(served, [base, spelled])
    assert (status, body) == (same_status, same_body)
    assert status == 200
