"""The settings: one table (name, default, help, parser) in, one frozen :class:`Config` out.

The environment is read here and nowhere else, before any socket opens (12-factor). A setting ``X`` of the
kind "secret" may also come from a file named by ``X_FILE``. Called by the command line.
"""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from ibconnect import flex_settings as flex
from ibconnect import setting_values as values
from ibconnect.collected import Collected, collected
from ibconnect.daily_reset import DailyReset, daily_reset
from ibconnect.database_url import checked_url, hide_password
from ibconnect.errors import ConfigError
from ibconnect.flex_settings import FlexQuery
from ibconnect.setting_values import GatewayAddress


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its name, default text, help, how its text becomes a value, secrecy."""

    name: str
    default: str
    help: str
    parse: Callable[[str], Any]
    secret: bool = False

    @property
    def file(self) -> str | None:
        """The environment variable that may name a file with the value instead, read once at start."""
        return f"{self.name}_FILE" if self.secret and self.name.startswith("DB_") else None


@dataclass(frozen=True, slots=True)
class Config:
    """The effective settings; one attribute per row of :data:`SETTINGS`, in lower case."""

    db_url: str = field(repr=False)
    db_read_url: str = field(repr=False)
    data_dir: Path
    ib_gw: tuple[GatewayAddress, ...]
    ib_cid: int
    err_info: bool
    port: int
    host: tuple[str, ...]
    acct_ref: str
    collect: Collected
    exec_ref: str
    pnl_ref: str
    pnl_positions: bool
    pnl_reset: DailyReset
    perf_flows: str
    perf_large_flow: Decimal
    flex_token: str = field(repr=False)
    flex_token_file: str
    flex_queries: tuple[FlexQuery, ...]
    flex_ref: str
    flex_url: str
    refresh_timeout: float
    refresh_floor: float
    download_timeout: float
    quiet_time: float
    gateway_max_bytes: int
    gateway_max_events: int
    api_tokens: str = field(repr=False)
    api_tokens_file: str
    allow_anonymous: bool
    web: bool
    web_session: float
    cors_origins: tuple[str, ...]
    public_url: str
    max_connections: int | None
    max_connections_per_address: int | None
    spool_max_bytes: int
    instance: str
    log_format: str
    log_level: str
    access_log: bool

    @property
    def is_loopback(self) -> bool:
        """Whether ``HOST`` can be reached from this machine only."""
        return all(map(values.is_loopback, self.host))


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DB_URL",
        "",
        "Postgres URL, also several hosts (@ in a password: %40); empty: the embedded Postgres under DATA_DIR",
        checked_url,
        secret=True,
    ),
    Setting(
        "DB_READ_URL",
        "",
        "Postgres URL of a hot standby that answers reads; empty: the same as DB_URL",
        checked_url,
        secret=True,
    ),
    Setting(
        "DATA_DIR",
        "",
        "directory for the embedded Postgres and the spool; empty: the user's data directory",
        values.data_dir,
    ),
    Setting(
        "IB_GW",
        "127.0.0.1:4002",
        "IB Gateways to record, host:port, separated by commas; host:port@DU1,DU2: these accounts of it alone",
        values.gateways,
    ),
    Setting("IB_CID", "5555", "API client id, unique to IB Connect at each gateway", values.integer(0, 2**31 - 1)),
    Setting("ERR_INFO", "false", "whether a response with status 500 says what went wrong", values.boolean),
    Setting("PORT", "3000", "port of the REST server (0: any free one)", values.integer(0, 65535)),
    Setting(
        "HOST",
        "localhost",
        "addresses that the REST server binds, separated by commas; localhost: 127.0.0.1 and ::1, 0.0.0.0,::: all",
        values.addresses,
    ),
    Setting(
        "ACCT_REF",
        "@hourly",
        "cron schedule of account snapshots, in UTC; six fields begin with seconds",
        values.schedule,
    ),
    Setting(
        "COLLECT",
        "all",
        "what gateways are asked for beside balances and positions: all, without some (-orders,-pnl), or some by name",
        collected,
    ),
    Setting(
        "EXEC_REF",
        "*/5 * * * *",
        "cron schedule, in UTC, by which executions and orders are asked for, besides each refresh and connection",
        values.schedule,
    ),
    Setting(
        "PNL_REF",
        "*/5 * * * *",
        "cron schedule, in UTC, by which profit and loss is sampled, besides each refresh",
        values.schedule,
    ),
    Setting("PNL_POSITIONS", "false", "whether profit and loss is sampled for each position, too", values.boolean),
    Setting(
        "PNL_RESET",
        "23:55 America/New_York",
        "when a day of profit and loss ends, where a request does not say so: as it is set in TWS or the gateway",
        daily_reset,
    ),
    Setting(
        "PERF_FLOWS",
        "start",
        "when in its day a flow counts in returns, where no value at its time is known: start, mid or end",
        values.one_of("start", "mid", "end"),
    ),
    Setting(
        "PERF_LARGE_FLOW",
        "0.1",
        "share of an account's value (0 to 1) from which a flow is valued at its time, if a snapshot tells the value",
        values.share,
    ),
    Setting(
        "FLEX_TOKEN",
        "",
        "token of IBKR's Flex Web Service, by which statements are fetched, see docs/statements.md",
        flex.token,
        secret=True,
    ),
    Setting("FLEX_TOKEN_FILE", "", "file with that token instead, read for each fetch", values.file_of_secrets),
    Setting(
        "FLEX_QUERIES",
        "",
        "ids of the Flex queries to fetch, separated by commas, each with a name before it if wanted: daily=123456",
        flex.queries,
    ),
    Setting(
        "FLEX_REF",
        "30 12 * * *",
        "cron schedule, in UTC, by which statements are fetched; IBKR makes those of a day in the night after it",
        values.schedule,
    ),
    Setting("FLEX_URL", flex.IBKR_URL, "URL of the Flex Web Service; another one is for tests", flex.service_url),
    Setting(
        "REFRESH_TIMEOUT",
        "15",
        "seconds (0.1 to 600) that a request waits for a refresh that it asked for",
        values.seconds(0.1, 600),
    ),
    Setting(
        "REFRESH_FLOOR",
        "5",
        "seconds (0 to 600) for which what a gateway was asked for, by any instance, is not asked for again",
        values.seconds(0, 600),
    ),
    Setting(
        "DOWNLOAD_TIMEOUT",
        "20",
        "seconds (0.1 to 600) that one account's download may last",
        values.seconds(0.1, 600),
    ),
    Setting(
        "QUIET_TIME",
        "3",
        "seconds (0.1 to 60) without anything new after which a download counts as ended although IB never said so",
        values.seconds(0.1, 60),
    ),
    Setting(
        "GATEWAY_MAX_BYTES",
        "4MiB",
        "bytes a second, over a minute, beyond which a gateway's connection is ended for a while, 64KiB at least",
        values.bytes_from("64KiB"),
    ),
    Setting(
        "GATEWAY_MAX_EVENTS",
        "20000",
        "events a second, over a minute, beyond which a gateway's connection is ended for a while",
        values.integer(100, 10**9),
    ),
    Setting("API_TOKENS", "", "bearer tokens of the REST API, see docs/access.md", values.plain, secret=True),
    Setting("API_TOKENS_FILE", "", "file with the tokens instead, read again when it changes", values.file_of_secrets),
    Setting("ALLOW_ANONYMOUS", "false", "whether a HOST beyond loopback may be served without tokens", values.boolean),
    Setting("WEB", "true", "whether there is the page at /, with sign-in by a token", values.boolean),
    Setting("WEB_SESSION", "43200", "seconds (1 to 604800) that an unused sign-in lasts", values.seconds(1, 604_800)),
    Setting(
        "CORS_ORIGINS",
        "",
        "origins that browsers may call from, such as https://example.com, separated by commas",
        values.origins,
    ),
    Setting(
        "PUBLIC_URL",
        "",
        "URL by which clients reach the REST server, such as https://records.example.com; empty: as each request says",
        values.public_url,
    ),
    Setting(
        "MAX_CONNECTIONS",
        "",
        "most connections of clients at once (16 to 60000); empty: 1000, or what the limit of descriptors permits",
        values.number_or_none(16, 60_000),
    ),
    Setting(
        "MAX_CONNECTIONS_PER_ADDRESS",
        "",
        "most of them from one address or IPv6 /64 (1 to 60000); empty: half of all; behind a proxy: set it to all",
        values.number_or_none(1, 60_000),
    ),
    Setting(
        "SPOOL_MAX_BYTES",
        "1GiB",
        "most disk that the spool takes while Postgres is away, 1MiB at least",
        # Below that its smallest files and the largest read of a socket do not fit several times.
        values.bytes_from("1MiB"),
    ),
    Setting("INSTANCE", "", "name of this instance, its own; empty: host name and process id", values.instance),
    Setting("LOG_FORMAT", "console", "console or json", values.one_of("console", "json")),
    Setting("LOG_LEVEL", "info", "debug, info, warning or error", values.one_of("debug", "info", "warning", "error")),
    Setting(
        "ACCESS_LOG",
        "true",
        "whether each request is a line in the log: JSON or the combined form, as LOG_FORMAT says",
        values.boolean,
    ),
)

# Somebody may put the secret itself into these, by mistake.
_FILES_OF_SECRETS = frozenset({"API_TOKENS_FILE", "FLEX_TOKEN_FILE"})
# Of these no other program's variable is far.
_TOO_PLAIN = frozenset({"HOST", "PORT"})


def load(environ: Mapping[str, str]) -> Config:
    """Check every setting in ``environ`` and return the effective configuration.

    :raises ConfigError: names the first wrong setting, its value (unless it is secret) and what is right
    """
    found = {setting.name.lower(): _value(setting, environ) for setting in SETTINGS}
    found["instance"] = found["instance"] or f"{socket.gethostname()}-{os.getpid()}"
    if found["db_read_url"] and not found["db_url"]:
        raise ConfigError("DB_READ_URL is set without DB_URL: set the DB_URL of the server whose standby that is")
    flex.check_together(found["flex_token"], found["flex_token_file"], found["flex_queries"])
    return Config(**found)


def listening(environ: Mapping[str, str]) -> tuple[tuple[str, ...], int]:
    """The addresses and the port of the REST server, whatever else is set.

    :raises ConfigError: one of the two is wrong
    """
    rows = {setting.name: setting for setting in SETTINGS}
    return _value(rows["HOST"], environ), _value(rows["PORT"], environ)


def _value(setting: Setting, environ: Mapping[str, str]) -> Any:
    text = _text(setting, environ)
    try:
        if text and not text.strip():
            raise ValueError("it holds nothing but blanks")
        return setting.parse(text or setting.default)
    except ValueError as exc:
        shown = "(hidden)" if setting.secret or setting.name in _FILES_OF_SECRETS else repr(text)
        raise ConfigError(f"{setting.name}={shown} is wrong: {exc}") from exc


def _text(setting: Setting, environ: Mapping[str, str]) -> str:
    name, text = setting.name, environ.get(setting.name, "")
    file = name if name.endswith("_FILE") else setting.file
    if file is None or file not in environ:
        return text
    if not environ[file].strip():
        raise ConfigError(f"{file} is set and empty: name a file, or unset it")
    if file == name:
        return text
    if text:
        raise ConfigError(f"{name} and {file} are both set; set one of them")
    return _secret_from(file, environ[file])


def _secret_from(file: str, path: str) -> str:
    try:
        values.file_of_secrets(path)
    except ValueError as exc:
        raise ConfigError(f"{file}=(hidden) is wrong: {exc}") from None
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{file}={path!r} cannot be read: {exc}") from exc
    if not text:
        raise ConfigError(f"{file}={path!r} is empty: put the secret into it, or unset {file}")
    return text


def near_misses(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that nobody reads and that are named almost like a setting, each with the setting's name."""
    known = {setting.name for setting in SETTINGS} | {setting.file for setting in SETTINGS if setting.file}
    meant = {name: _meant(name, known) for name in environ if name not in known}
    return {name: setting for name, setting in sorted(meant.items()) if setting}


def _meant(name: str, known: set[str]) -> str:
    upper = name.upper()
    bare = upper.removeprefix("IB").removeprefix("_").removeprefix("CONNECT_")
    if upper.startswith("IB") and "CONNECT_" in upper and bare in known:
        return bare
    if upper.removesuffix("_FILE") in known - _TOO_PLAIN:
        return upper.removesuffix("_FILE")
    return next((each for each in sorted(known - _TOO_PLAIN) if _is_a_slip(upper, each)), "")


def _is_a_slip(name: str, right: str) -> bool:
    """Whether one letter is missing, too many or another, or two have changed places."""
    while name and right and name[0] == right[0]:
        name, right = name[1:], right[1:]
    while name and right and name[-1] == right[-1]:
        name, right = name[:-1], right[:-1]
    return max(len(name), len(right)) <= 1 or (len(name) == 2 and name == right[::-1])


def sources(environ: Mapping[str, str]) -> dict[str, str]:
    """Where each setting comes from: ``environment``, ``file PATH`` or ``default``."""
    found = dict.fromkeys((setting.name for setting in SETTINGS), "default")
    for setting in SETTINGS:
        if environ.get(setting.name):
            found[setting.name] = "environment"
        if setting.file and environ.get(setting.file):
            found[setting.name] = f"file {environ[setting.file]}"
    return found


def describe(config: Config) -> list[tuple[str, str, str]]:
    """Rows of (setting, effective value with secrets hidden, help), in the order of the table."""
    helps = {setting.name: setting.help for setting in SETTINGS}
    return [
        (field.name.upper(), _shown(field.name, getattr(config, field.name)), helps[field.name.upper()])
        for field in fields(config)
    ]


def _shown(name: str, value: Any) -> str:
    if name in ("db_url", "db_read_url"):
        return hide_password(value)
    if name in ("api_tokens", "flex_token"):
        return "(hidden)" if value else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ",".join(part.as_set if isinstance(part, GatewayAddress) else str(part) for part in value)
    return "" if value is None else str(value)
