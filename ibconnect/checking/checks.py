"""All checks, one after the other, each within a time; their findings printed.

In: the environment. Out: lines, or JSON; the exit code. Called by the command line.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping

import orjson

from ibconnect.checking.disk import check_disk
from ibconnect.checking.findings import Finding, Level, fail, ok, warn
from ibconnect.checking.flex import check_flex
from ibconnect.checking.gateways import check_gateways
from ibconnect.checking.postgres import check_postgres, check_reads
from ibconnect.config import Config, load, sources
from ibconnect.errors import IbConnectError
from ibconnect.http.server.auth import read_tokens

Check = Callable[[Config], Iterator[Finding]]

# The embedded Postgres may have to recover from a crash first.
_LONGEST_S = 150.0


def run(environ: Mapping[str, str], *, as_json: bool) -> int:
    """Check everything and print what was found; 1 if anything fails, else 0."""
    # What the parts would log meanwhile is what the findings say.
    logging.disable(logging.CRITICAL)
    has_failed = False
    found = []
    for finding in findings(environ):
        has_failed = has_failed or finding.level is Level.FAIL
        found.append(finding)
        if not as_json:
            print(finding, flush=True)
    if as_json:
        print(orjson.dumps([_document(finding) for finding in found]).decode())
    return 1 if has_failed else 0


def _document(finding: Finding) -> dict[str, str | None]:
    return {
        "Level": finding.level.value.lower(),
        "Subject": finding.subject,
        "Detail": finding.detail,
        "Advice": finding.advice or None,
    }


def findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What is found, one thing after the other; with wrong settings nothing else can be asked."""
    try:
        config = load(environ)
        tokens = read_tokens(config)
    except IbConnectError as exc:
        yield fail("settings", str(exc), "correct it; `ibconnect --help` lists the settings")
        return
    given = [name for name, origin in sources(environ).items() if origin != "default"]
    yield ok("settings", f"from the environment: {', '.join(given) or 'none, all are defaults'}")
    if tokens is not None and tokens.bare:
        entries = ", ".join(map(str, tokens.bare))
        advice = (
            "write @* behind full tokens, or what they are limited to (docs/access.md): the next release refuses them"
        )
        yield warn("API tokens", f"without @, and so with full rights: entry {entries}", advice)
    checks: list[tuple[str, Check]] = [("Postgres", check_postgres)]
    checks += [("Postgres for reads", check_reads)] if config.db_read_url not in ("", config.db_url) else []
    checks += [("data directory", check_disk), ("gateways", check_gateways), ("Flex", check_flex)]
    for subject, check in checks:
        yield from _within(_LONGEST_S, subject, check, config)


def _within(seconds: float, subject: str, check: Check, config: Config) -> Iterator[Finding]:
    """What a check finds; of one that hangs or breaks, that it does."""
    found: queue.Queue[list[Finding]] = queue.Queue()

    def work() -> None:
        try:
            found.put(list(check(config)))
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is a finding, and the other checks go on
            found.put([fail(subject, f"{type(exc).__name__}: {exc}", "this is unforeseen: report it")])

    threading.Thread(target=work, name=subject, daemon=True).start()
    try:
        yield from found.get(timeout=seconds)
    except queue.Empty:
        yield fail(subject, f"no answer within {seconds:.0f} s", "something hangs: look at its host and the network")
