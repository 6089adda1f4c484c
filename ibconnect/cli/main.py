"""The command line: verbs, each a few lines that call into the rooms.

``ibconnect VERB``; exit codes: 0 done, 1 it failed (one line says why), 2 wrong usage or settings, 130 interrupted.
"""

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ibconnect import __version__, disks
from ibconnect.cli import events as exporting
from ibconnect.cli import health, simulate
from ibconnect.cli import replay as replaying
from ibconnect.config import SETTINGS, Config, describe, load, near_misses, sources
from ibconnect.descriptors import raise_limit
from ibconnect.errors import ConfigError, IbConnectError
from ibconnect.observe import Kind, configure_logging, observe
from ibconnect.refusals import refusal
from ibconnect.roles import API, PROJECT, RECORD


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the return value is the exit code."""
    parser = build_parser()
    chosen = parser.parse_args(arguments)
    try:
        code = int(chosen.run(chosen))
        sys.stdout.flush()
        return code
    except ConfigError as exc:
        print(f"ibconnect: {exc}", file=sys.stderr)
        return 2
    except IbConnectError as exc:
        print(f"ibconnect: {exc}{_advice(exc)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) is gone; Python must not try to flush to it again at exit.
        _write_no_more()
        return 0
    except OSError as exc:
        if not disks.is_full(exc):
            raise
        print(f"ibconnect: {disks.cause(exc, exc.filename or 'the output')}", file=sys.stderr)
        _write_no_more()
        return 1


def _write_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _advice(exc: IbConnectError) -> str:
    """What to do, if Postgres refuses something, unless that is said already."""
    found = refusal(exc)
    return f"; {found.advice}" if found and found.advice not in str(exc) else ""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    parser = argparse.ArgumentParser(
        prog="ibconnect",
        description="A durable, event-sourced history of Interactive Brokers accounts, served over REST.",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ibconnect {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    _add(
        verbs,
        "serve",
        _serve,
        "record the gateways and serve the REST API, each in a process of its own, until SIGTERM",
    )
    _add(verbs, RECORD, _alone(RECORD), "record the gateways alone; answer health and metrics only")
    _add(verbs, PROJECT, _alone(PROJECT), "keep the snapshot tables up to date alone; answer health and metrics only")
    _add(verbs, API, _alone(API), "serve the REST API alone, of what others record and project")
    _add(verbs, "demo", _demo, "serve a simulated advisor's login from an embedded Postgres")
    health.add_arguments(_add(verbs, "health", _health, "ask the service at HOST and PORT whether it is alive"))
    _add(verbs, "config", _config, "print the effective settings, secrets hidden; fail if one is wrong")
    check = _add(
        verbs, "check", _check, "check settings, Postgres, disk and gateways, a line for each; fail if one does"
    )
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    _add(verbs, "migrate", _migrate, "bring the database's schema up to date")
    _add(verbs, "rebuild", _rebuild, "build the snapshot tables again from the events, beside the live ones")
    _add(verbs, "retry-poison", _retry_poison, "apply the events again that could not be applied and were set aside")
    _add(
        verbs,
        "set-aside",
        _set_aside,
        "list the events that were set aside, with the reasons; fail if there are any",
    )
    backup = _add(verbs, "backup", _backup, "write the whole database into a file, also while it is recorded into")
    restore = _add(verbs, "restore", _restore, "fill a new, empty database from such a file")
    for parser_of_file in (backup, restore):
        parser_of_file.add_argument("file", metavar="FILE", type=Path, help="a dump in pg_dump's custom format")
    exporting.add_arguments(_add(verbs, "events", _events, "export recorded events, or make a capture of them"))
    replaying.add_arguments(
        _add(verbs, "replay", _replay, "serve recorded sessions again, as the gateway that sent them")
    )
    simulate.add_arguments(_add(verbs, "simulate", simulate.run, "an IB Gateway of our own, for development and tests"))
    return parser


def _add(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(run=run)
    return parser


def _settings_help() -> str:
    rows = []
    for setting in SETTINGS:
        rows.append(f"  {setting.name:<18}{setting.help} (default: {setting.default or 'empty'})")
        if setting.file:
            rows.append(f"  {setting.file:<18}file that holds {setting.name} instead")
    return "settings, all by environment:\n" + "\n".join(rows)


def told_sources(environ: Mapping[str, str]) -> dict[str, str]:
    """Which settings come from the environment, and which from files, by name: for the first line of the log."""
    found = sources(environ)
    named = {name: environ[name] for name in found if name.endswith("_FILE") and environ.get(name)}
    files = {f"{name}_FILE": path.removeprefix("file ") for name, path in found.items() if path.startswith("file ")}
    return {
        "environment": " ".join(name for name, source in found.items() if source == "environment") or "no setting",
        **(
            {"files": " ".join(f"{name}={path}" for name, path in {**files, **named}.items())} if files or named else {}
        ),
    }


def _settings() -> Config:
    config = load(os.environ)
    configure_logging(config.log_format, config.log_level)
    for name, meant in near_misses(os.environ).items():
        observe(Kind.SETTING_UNREAD, variable=name, setting=meant)
    return config


def _serve(_: argparse.Namespace) -> int:
    from ibconnect.service.lifetime import lived, stop_event
    from ibconnect.service.service_manager import ServiceManager
    from ibconnect.service.serving import serving
    from ibconnect.service.supervision import end_for_sure

    config, manager = _started(), ServiceManager(os.environ)

    async def serve() -> None:
        await lived(
            stop_event(),
            lambda parts: serving(config, os.environ, parts, manager),
            manager=manager,
            on_failed=end_for_sure,
        )

    asyncio.run(serve())
    return 0


def _alone(role: str) -> Callable[[argparse.Namespace], int]:
    """The verb that does one thing in this process."""

    def run(_: argparse.Namespace) -> int:
        from ibconnect.service.lifetime import stop_event
        from ibconnect.service.process import serve_until
        from ibconnect.service.service_manager import ServiceManager
        from ibconnect.service.supervision import end_for_sure

        config, manager = _started(), ServiceManager(os.environ)

        async def serve() -> None:
            roles = frozenset({role})
            await serve_until(stop_event(), config, manager=manager, on_failed=end_for_sure, roles=roles)

        asyncio.run(serve())
        return 0

    return run


def _started() -> Config:
    """The settings, once the first line of the log is written."""
    config = _settings()
    raise_limit()
    about = {"version": __version__, "python": platform.python_version(), "pid": os.getpid()}
    observe(Kind.SERVICE_STARTING, **about, **told_sources(os.environ))
    return config


def _demo(_: argparse.Namespace) -> int:
    from ibconnect.cli.demo import run

    return run(os.environ)


def _health(chosen: argparse.Namespace) -> int:
    return health.run(chosen, os.environ)


def _config(_: argparse.Namespace) -> int:
    from ibconnect.http.server.auth import read_tokens

    config = load(os.environ)
    tokens = read_tokens(config)
    found = sources(os.environ)
    for name, value, text in describe(config):
        print(f"{name}={value}  # {found[name]}: {text}")
    for name, meant in near_misses(os.environ).items():
        print(f"ibconnect: {name} is set, and is no setting; {meant} is one", file=sys.stderr)
    for number in tokens.bare if tokens is not None else ():
        print(f"ibconnect: API_TOKENS, entry {number}: {Kind.HTTP_TOKEN_BARE.value.text}", file=sys.stderr)
    return 0


def _check(chosen: argparse.Namespace) -> int:
    from ibconnect import checking

    return checking.run(os.environ, as_json=chosen.json)


def _migrate(_: argparse.Namespace) -> int:
    from ibconnect.database.migrations import migrate
    from ibconnect.database.rights import give_rights
    from ibconnect.service.postgres import database

    with database(_settings()) as url:
        applied = migrate(url)
        for migration in applied:
            print(f"applied {migration.name}")
        if not applied:
            print("the database's schema is up to date")
        if give_rights(url):
            print("the roles have their rights on it")
    return 0


def _rebuild(_: argparse.Namespace) -> int:
    from ibconnect.cli.rebuild import run_rebuild

    return run_rebuild(_settings())


def _retry_poison(_: argparse.Namespace) -> int:
    from ibconnect.cli.rebuild import run_retry_poison

    return run_retry_poison(_settings())


def _set_aside(_: argparse.Namespace) -> int:
    from ibconnect.cli.rebuild import run_set_aside

    return run_set_aside(_settings())


def _backup(chosen: argparse.Namespace) -> int:
    from ibconnect.cli import backup as backing

    return backing.run_backup(_settings(), chosen.file, os.environ)


def _restore(chosen: argparse.Namespace) -> int:
    from ibconnect.cli import backup as backing

    return backing.run_restore(_settings(), chosen.file, os.environ)


def _events(chosen: argparse.Namespace) -> int:
    return exporting.run(_settings(), chosen)


def _replay(chosen: argparse.Namespace) -> int:
    return replaying.run(_settings(), chosen)
