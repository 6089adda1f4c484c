"""The settings: one table (name, default, help, parser) in, one frozen :class:`Config` out.

The environment is read here and nowhere else, before any socket opens (12-factor). A setting ``X`` of the
kind "secret" may also come from a file named by ``X_FILE``. Called by the command line.
"""

import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs
from crontab import CronTab

from ibconnect.database_url import checked_url, hide_password
from ibconnect.errors import ConfigError


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
        """The environment variable that may name a file with the value instead."""
        return f"{self.name}_FILE" if self.secret and self.name.startswith("DB_") else None


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """Where an IB Gateway or TWS listens for API clients."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


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
    host: str
    acct_ref: str
    refresh_timeout: float
    refresh_floor: float
    download_timeout: float
    quiet_time: float
    api_tokens: str = field(repr=False)
    api_tokens_file: str
    allow_anonymous: bool
    cors_origins: tuple[str, ...]
    spool_max_bytes: int
    instance: str
    log_format: str
    log_level: str
    access_log: bool

    @property
    def is_loopback(self) -> bool:
        """Whether ``HOST`` can be reached from this machine only."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def default_data_dir() -> Path:
    """The user's data directory; for root a place outside any home, which the database's user may enter."""
    if os.geteuid() == 0:
        return Path("/var/lib/ibconnect")
    return Path(platformdirs.user_data_dir("ibconnect"))


def _boolean(text: str) -> bool:
    known = {
        "true": True,
        "1": True,
        "yes": True,
        "on": True,
        "false": False,
        "0": False,
        "no": False,
        "off": False,
    }
    try:
        return known[text.strip().lower()]
    except KeyError:
        raise ValueError("use true or false") from None


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,15}", text.strip(), re.ASCII) or not low <= int(text) <= high:
            raise ValueError(f"use a whole number from {low} to {high}")
        return int(text)

    return parse


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not re.fullmatch(r"\d{1,6}(?:\.\d{1,3})?", text.strip(), re.ASCII) or not low <= float(text) <= high:
            raise ValueError(f"use seconds from {low:g} to {high:g}, such as 2 or 0.5")
        return float(text)

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.strip().lower() not in choices:
            raise ValueError(f"use one of: {', '.join(choices)}")
        return text.strip().lower()

    return parse


def _gateways(text: str) -> tuple[GatewayAddress, ...]:
    addresses = tuple(_gateway(part.strip()) for part in text.split(",") if part.strip())
    if len({str(address) for address in addresses}) != len(addresses):
        raise ValueError("name each gateway once")
    return addresses


def _gateway(text: str) -> GatewayAddress:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:,\[\]/]+)):(\d{1,5})", text, re.ASCII)
    if match is None or not 1 <= int(match[3]) <= 65535:
        raise ValueError(f"{text!r} is not host:port; use for example 127.0.0.1:4002, several separated by commas")
    return GatewayAddress(match[1] or match[2], int(match[3]))


def parse_schedule(text: str) -> CronTab:
    """A cron expression as the crontab package takes it: five fields, or six that begin with seconds, or ``@hourly``.

    :raises ValueError: it is none; the message says what is right
    """
    # That package reads a sixth field as the year, and takes seconds only as the first of seven.
    try:
        return CronTab(f"{text} *" if len(text.split()) == 6 else text)
    except (ValueError, KeyError) as exc:
        right = "use five cron fields (UTC), six with seconds first, or @hourly, @daily, @weekly, @monthly, @yearly"
        raise ValueError(f"{right} ({exc})") from exc


def _schedule(text: str) -> str:
    parse_schedule(text)
    return text


def _data_dir(text: str) -> Path:
    return Path(text).expanduser().absolute() if text else default_data_dir()


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _bytes(text: str) -> int:
    match = re.fullmatch(r"(\d{1,15})\s*([KMGT]?)(?:i?B)?", text.strip(), re.ASCII | re.IGNORECASE)
    if match is None:
        raise ValueError("use a number of bytes such as 1073741824 or 1GiB")
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[match[2].upper()]


def _text(text: str) -> str:
    return text.strip()


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
        _data_dir,
    ),
    Setting("IB_GW", "127.0.0.1:4002", "IB Gateways to record, host:port, separated by commas", _gateways),
    Setting("IB_CID", "5555", "API client id, unique to IB Connect at each gateway", _integer(0, 2**31 - 1)),
    Setting("ERR_INFO", "false", "whether a response with status 500 says what went wrong", _boolean),
    Setting("PORT", "3000", "port of the REST server (0: any free one)", _integer(0, 65535)),
    Setting("HOST", "localhost", "address that the REST server binds", _text),
    Setting(
        "ACCT_REF",
        "@hourly",
        "cron schedule of account snapshots, in UTC; six fields begin with seconds",
        _schedule,
    ),
    Setting(
        "REFRESH_TIMEOUT",
        "15",
        "seconds (0.1 to 600) that a request waits for a refresh that it asked for",
        _seconds(0.1, 600),
    ),
    Setting(
        "REFRESH_FLOOR",
        "5",
        "seconds (0 to 600) for which what a gateway was asked for is not asked for again, whoever wants it",
        _seconds(0, 600),
    ),
    Setting(
        "DOWNLOAD_TIMEOUT",
        "20",
        "seconds (0.1 to 600) that one account's download may last",
        _seconds(0.1, 600),
    ),
    Setting(
        "QUIET_TIME",
        "3",
        "seconds (0.1 to 60) without anything new after which a download counts as ended although IB never said so",
        _seconds(0.1, 60),
    ),
    Setting("API_TOKENS", "", "bearer tokens of the REST API, see docs/access.md", _text, secret=True),
    Setting("API_TOKENS_FILE", "", "file with the tokens instead, read again when it changes", _text),
    Setting("ALLOW_ANONYMOUS", "false", "whether a HOST beyond loopback may be served without tokens", _boolean),
    Setting("CORS_ORIGINS", "", "origins that browsers may call from, separated by commas", _words),
    Setting("SPOOL_MAX_BYTES", "1GiB", "most disk that the spool takes while Postgres is away", _bytes),
    Setting("INSTANCE", "", "name of this instance; empty: host name and process id", _text),
    Setting("LOG_FORMAT", "console", "console or json", _one_of("console", "json")),
    Setting("LOG_LEVEL", "info", "debug, info, warning or error", _one_of("debug", "info", "warning", "error")),
    Setting(
        "ACCESS_LOG",
        "true",
        "whether each request is a line in the log: JSON or the combined form, as LOG_FORMAT says",
        _boolean,
    ),
)


def load(environ: Mapping[str, str]) -> Config:
    """Check every setting in ``environ`` and return the effective configuration.

    :raises ConfigError: names the first wrong setting, its value (unless it is secret) and what is right
    """
    values = {setting.name.lower(): _value(setting, environ) for setting in SETTINGS}
    values["instance"] = values["instance"] or f"{socket.gethostname()}-{os.getpid()}"
    return Config(**values)


def _value(setting: Setting, environ: Mapping[str, str]) -> Any:
    text = environ.get(setting.name, "")
    path = environ.get(setting.file, "") if setting.file else ""
    if path and text:
        raise ConfigError(f"{setting.name} and {setting.name}_FILE are both set; set one of them")
    if path:
        text = _secret_from(setting.name, path)
    try:
        return setting.parse(text or setting.default)
    except ValueError as exc:
        shown = "(hidden)" if setting.secret else repr(text)
        raise ConfigError(f"{setting.name}={shown} is wrong: {exc}") from exc


def _secret_from(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{name}_FILE={path!r} cannot be read: {exc}") from exc


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
    if name == "api_tokens":
        return "(hidden)" if value else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return str(value)
