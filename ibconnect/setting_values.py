"""How the text of a setting becomes its value: one parser for each form, which refuses what would do nothing.

In: the text of an environment variable. Out: the value, or a ``ValueError`` whose message says what is right. Used by
the table of settings in :mod:`ibconnect.config` only.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import quote, unquote

import platformdirs
from crontab import CronTab

from ibconnect.codes import is_code

_LONGEST_INSTANCE = 100
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_DEFAULT_PORTS = {"http": 80, "https": 443}
# IB's own codes, with a digit: no machine is called so by people who write names of machines as usual.
_PLAIN_CODE = re.compile(r"(?=[A-Z]*\d)[A-Z0-9]{1,64}", re.ASCII)
_ESCAPED_CODE = re.compile(r"(?=.*%)(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+", re.ASCII)
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?", re.ASCII)
_PREFIX = re.compile(r"(?:[A-Za-z0-9._~-]+/)*[A-Za-z0-9._~-]+", re.ASCII)
_RIGHT_PUBLIC_URL = "http(s)://host[:port][/prefix], for example https://records.example.com, or nothing"
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """Where an IB Gateway or TWS listens for API clients; ``pins``: the accounts that are its own, and no others are.

    Its text is its name: without pins, since these may change while it stays the same gateway.
    """

    host: str
    port: int
    pins: tuple[str, ...] = ()

    @property
    def as_set(self) -> str:
        """As the setting has it, pins included."""
        return f"{self}@{','.join(map(_spelled_code, self.pins))}" if self.pins else str(self)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def default_data_dir() -> Path:
    """The user's data directory; for root a place outside any home, which the database's user may enter."""
    if os.geteuid() == 0:
        return Path("/var/lib/ibconnect")
    return Path(platformdirs.user_data_dir("ibconnect"))


def boolean(text: str) -> bool:
    """``true`` or ``false``, and what people write for them."""
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise ValueError("use true or false") from None


def integer(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,15}", text.strip(), re.ASCII) or not low <= int(text) <= high:
            raise ValueError(f"use a whole number from {low} to {high}")
        return int(text)

    return parse


def number_or_none(low: int, high: int) -> Callable[[str], int | None]:
    """A parser of whole numbers within bounds; nothing is None."""
    parse = integer(low, high)
    return lambda text: parse(text) if text else None


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A parser of seconds within bounds."""

    def parse(text: str) -> float:
        if not re.fullmatch(r"\d{1,6}(?:\.\d{1,3})?", text.strip(), re.ASCII) or not low <= float(text) <= high:
            raise ValueError(f"use seconds from {low:g} to {high:g}, such as 2 or 0.5")
        return float(text)

    return parse


def share(text: str) -> Decimal:
    """A share, exact: from 0 to 1."""
    if not re.fullmatch(r"[01](?:\.\d{1,9})?", text.strip(), re.ASCII) or Decimal(text.strip()) > 1:
        raise ValueError("use a share from 0 to 1, such as 0.1")
    return Decimal(text.strip())


def one_of(*choices: str) -> Callable[[str], str]:
    """A parser of a word out of these."""

    def parse(text: str) -> str:
        if text.strip().lower() not in choices:
            raise ValueError(f"use one of: {', '.join(choices)}")
        return text.strip().lower()

    return parse


def plain(text: str) -> str:
    """Any text, without the blanks around it."""
    return text.strip()


def addresses(text: str) -> tuple[str, ...]:
    """The hosts that the server binds: names and IP addresses, separated by commas.

    :raises ValueError: there is none, one is no host, or one stands there twice
    """
    hosts = tuple(_host_to_bind(part) for part in _parts(text))
    if not hosts:
        raise ValueError("it names no address; use for example localhost or 127.0.0.1,::1")
    _each_once(hosts, "address")
    return hosts


def _host_to_bind(text: str) -> str:
    if text == "*":
        raise ValueError("use 0.0.0.0,:: for all addresses of this machine")
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not _is_host(bare):
        raise ValueError(
            f"{text!r} is neither a name nor an IP address (the port is PORT); "
            "use for example localhost, 127.0.0.1 or ::1, several separated by commas"
        )
    return bare


def is_loopback(host: str) -> bool:
    """Whether what binds this host can be reached from this machine only. A name may lead anywhere."""
    if host.lower() == "localhost":
        return True
    address = _ip(host)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return bool((mapped or address).is_loopback) if address else False


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_host(text: str) -> bool:
    """Whether it can be a name or an IP address; what looks like a number is none of a machine."""
    is_number = re.fullmatch(r"[\d.]+|0[xX].*", text, re.ASCII) is not None or ":" in text
    return _ip(text) is not None if is_number else len(text) <= 253 and _NAME.fullmatch(text) is not None


def gateways(text: str) -> tuple[GatewayAddress, ...]:
    """The gateways to record: ``host:port``, with commas between, and ``@DU1,DU2`` if these accounts alone are its own.

    :raises ValueError: there is none, one is no address, one stands there twice, or a pin is no account code
    """
    found: list[GatewayAddress] = []
    for part in _parts(text):
        address, at, code = part.partition("@")
        if at or ":" in part or not (found and found[-1].pins):
            found.append(_gateway(address, part))
        else:
            found[-1] = _pinned(found[-1], part)
        if at:
            found[-1] = _pinned(found[-1], code)
    if not found:
        raise ValueError("it names no gateway; use for example 127.0.0.1:4002, several separated by commas")
    _each_once((f"{_spelled(each.host)} {each.port}" for each in found), "gateway")
    return tuple(found)


def _gateway(text: str, part: str) -> GatewayAddress:
    match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^\s:,\[\]/]+)):(\d{1,5})", text, re.ASCII)
    host = (match[1] or match[2]) if match else ""
    is_right = isinstance(_ip(host), IPv6Address) if match and match[1] else _is_host(host)
    if match is None or not is_right or not 1 <= int(match[3]) <= 65535:
        raise ValueError(f"{part!r} is not host:port; use for example 127.0.0.1:4002, several separated by commas")
    return GatewayAddress(host, int(match[3]))


def _pinned(address: GatewayAddress, text: str) -> GatewayAddress:
    """The gateway with one account more. What could be the name of a machine whose port was forgotten is refused."""
    right = f"use {address}@DU1234567,DU1234568 for the accounts of this gateway alone"
    if not text.strip():
        raise ValueError(f"no account stands after {str(address) + '@'!r}; {right}, or nothing after it")
    if not _PLAIN_CODE.fullmatch(text) and not _ESCAPED_CODE.fullmatch(text):
        raise ValueError(
            f"{text!r} is neither host:port nor an account: {right}; a code with anything but capital letters and "
            f"digits is percent-encoded, its first letter at least ({_escaped(text)})"
        )
    code = unquote(text)
    if not is_code(code) or "\ufffd" in code:
        raise ValueError(f"{text!r} is no account code: 1 to 64 visible characters; {right}")
    if code in address.pins:
        raise ValueError(f"{text!r} stands twice after {str(address) + '@'!r}; name each account once")
    return GatewayAddress(address.host, address.port, (*address.pins, code))


def _spelled_code(code: str) -> str:
    return code if _PLAIN_CODE.fullmatch(code) else _escaped(code)


def _escaped(code: str) -> str:
    """Percent-encoded, the first character too, so that it is no name of a machine."""
    data = code.encode(errors="replace")
    return f"%{data[0]:02X}{quote(data[1:], safe='')}"


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _spelled(host: str) -> str:
    """One spelling for all of a host."""
    return str(_ip(host) or host.lower().removesuffix("."))


def _each_once(names: Iterable[str], noun: str) -> None:
    spelled = [_spelled(name) for name in names]
    if len(set(spelled)) != len(spelled):
        raise ValueError(f"name each {noun} once")


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


def schedule(text: str) -> str:
    """A cron expression that has a next time.

    :raises ValueError: it is none, or has none
    """
    if parse_schedule(text).next(default_utc=True) is None:
        raise ValueError("no day is like that, so nothing would ever be asked for; use for example @hourly")
    return text


def data_dir(text: str) -> Path:
    """A directory, or what may become one; empty: the user's data directory.

    :raises ValueError: it, or what it should lie in, is something else
    """
    if not text:
        return default_data_dir()
    if not text.isprintable():
        raise ValueError("it holds a character that cannot be printed; use the path of a directory")
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError as exc:
        raise ValueError(f"{exc}; use the path of a directory") from exc
    nearest = next((each for each in (path, *path.parents) if os.path.lexists(each)), path)
    if os.path.lexists(nearest) and not nearest.is_dir():
        raise ValueError(f"{nearest} is no directory; use the path of a directory, which is made if need be")
    return path


def file_of_secrets(text: str) -> str:
    """The path of a file that holds secrets; empty: none.

    :raises ValueError: it may be the secret itself, put where its file should be named; the message shows nothing of it
    """
    path = text.strip()
    try:
        is_a_path = not path or path.startswith(("/", "./", "../", "~/")) or Path(path).exists()
    except (OSError, ValueError):
        is_a_path = False
    if not is_a_path:
        raise ValueError("it cannot be read: write the path of a file here, from / on, and never the secret itself")
    return path


def origins(text: str) -> tuple[str, ...]:
    """The origins of web pages, each as a browser sends it in the header ``Origin``; empty: none.

    :raises ValueError: one is not as any browser would send it
    """
    found = tuple(_origin(part) for part in _parts(text))
    if text.strip() and not found:
        raise ValueError("it names no origin; use for example https://example.com, or nothing")
    return found


def _origin(text: str) -> str:
    match = re.fullmatch(r"([a-z][a-z0-9+.-]*)://(\[[^\[\]/]+\]|[^\s:/@\[\]?#]+)(?::(\d{1,5}))?", text, re.ASCII)
    if match is None or match[2] != match[2].lower() or not _is_host(match[2].strip("[]")):
        raise ValueError(f"{text!r} is no origin that a browser sends; {_right_origin(text)}")
    if match[3] and (int(match[3]) > 65535 or int(match[3]) == _DEFAULT_PORTS.get(match[1])):
        raise ValueError(f"{text!r}: a browser leaves the usual port away; use {match[1]}://{match[2]}")
    return text


def _right_origin(text: str) -> str:
    """What was probably meant."""
    body = text.lower().partition("://")
    host = re.match(r"(?:\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?", body[2] if body[1] else body[0], re.ASCII)
    if text in ("*", "null") or host is None:
        return "name each one, for example https://example.com: any page could read the accounts otherwise"
    return f"use {body[0] if body[1] else 'https'}://{host[0]} (scheme, host and port in small letters, no path)"


def is_authority(text: str) -> bool:
    """Whether it is a host, or a host:port, as a URL has them: nothing before, between or after."""
    match = _AUTHORITY.fullmatch(text)
    if match is None or (match[3] is not None and not 1 <= int(match[3]) <= 65535):
        return False
    return isinstance(_ip(match[1]), IPv6Address) if match[1] else _is_host(match[2])


def public_url(text: str) -> str:
    """The URL by which clients reach the server, without a slash at its end; empty: none.

    :raises ValueError: it is no such URL, or says more than where the server is
    """
    url = text.strip().rstrip("/")
    scheme, _, rest = url.partition("://")
    authority, slash, prefix = rest.partition("/")
    if text.strip() and not (scheme in _DEFAULT_PORTS and is_authority(authority)):
        raise ValueError(f"use {_RIGHT_PUBLIC_URL}")
    if slash and not (_PREFIX.fullmatch(prefix) and not {".", ".."}.intersection(prefix.split("/"))):
        raise ValueError(f"its path is not that of a place below which this server is reached; use {_RIGHT_PUBLIC_URL}")
    return url


def bytes_from(least: str) -> Callable[[str], int]:
    """A parser of numbers of bytes, such as ``1GiB``, of which ``least`` is the smallest."""
    smallest = _bytes_of(least)

    def parse(text: str) -> int:
        if (size := _bytes_of(text.strip())) < smallest:
            raise ValueError(f"use a number of bytes such as 1073741824 or 1GiB, {least} at least")
        return size

    return parse


def _bytes_of(text: str) -> int:
    """A number of bytes; -1 if the text is none."""
    match = re.fullmatch(r"(\d{1,15})\s*([KMGT]?)(?:i?B)?", text, re.ASCII | re.IGNORECASE)
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[match[2].upper()] if match else -1


def instance(text: str) -> str:
    """The name of an instance; empty: one is made.

    :raises ValueError: it cannot be told apart in a log or a table
    """
    name = text.strip()
    if len(name) > _LONGEST_INSTANCE or not name.isprintable() or " " in name:
        raise ValueError(f"use at most {_LONGEST_INSTANCE} characters that can be printed, and no blanks")
    return name
