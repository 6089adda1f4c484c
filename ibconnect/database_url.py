"""The URL of a database: checked as libpq will read it, and shown without what must stay secret.

In: the text of ``DB_URL`` or ``DB_READ_URL``. Out: the same text, if it can only mean one thing, or what is wrong
with it; and what of it may be shown. Called by the settings, and by whoever tells which database is used.

A password with an ``@``, ``:`` or ``/`` that is not escaped makes libpq take a part of it for a host, a port or a
database, and name that in its errors. So such a URL is refused before anybody connects.
"""

import re
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from urllib.parse import quote, urlencode

SCHEMES = ("postgresql://", "postgres://")
_HIDDEN = "***"
# What names the database and its user, in forms that hold no more than a name: a whole URL can be a "dbname" too.
# Everything else is shown only if its value is one of known words.
_NAMES = {
    "user": re.compile(r"[^\s:/=?&#\"'\\]{1,63}"),
    "host": re.compile(r"(?:(?:[\w.:%-]*|[/@][^\s:=?&#\"'\\,]*)(?:,|$))+"),
    "hostaddr": re.compile(r"[0-9A-Fa-f.:%,]*"),
    "port": re.compile(r"[0-9,]*"),
    "dbname": re.compile(r"[^\s:/=?&#@\"'\\]{1,63}"),
}
_WORDS = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "sslcertmode": ("disable", "allow", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "channel_binding": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
}
_NUMBERS = (
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
# What database/pools.py puts before the options of the URL.
_OUR_OPTIONS = re.compile(r".* -c jit=off -c statement_timeout=\d+ ?", re.DOTALL)
_NEVER_REPEATED = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")
_ARGUMENT = re.compile(r"(?:\\.|[^\s\\])+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PART = re.compile(r"[=,;:/'\"\\]+")
_BRACKETED = re.compile(r"\[[^\]]*\]")
_QUOTED = re.compile(r'"([^"]*)"')
# Fewer characters in a row tell nothing.
_PIECE = 4
_ESCAPE = (
    'within user and password write "@" as %40, ":" as %3A, "/" as %2F, "?" as %3F, "&" as %26, "%" as %25 '
    "and a blank as %20"
)


def checked_url(text: str) -> str:
    """The URL of a database, without blanks around it; empty: none.

    :raises ValueError: it is none, or libpq would not read it as it is meant; the message shows nothing of it
    """
    url = text.strip(" \t\r\n")
    if not url:
        return ""
    if not url.startswith(SCHEMES):
        raise ValueError("use a Postgres URL such as postgresql://user:password@host:5432/ibconnect, or nothing")
    if not url.isprintable():
        raise ValueError(f"it holds a character that cannot be printed; {_ESCAPE}")
    if _is_ambiguous(url.partition("://")[2]):
        raise ValueError(f'it has an "@" of which one cannot know what it belongs to; {_ESCAPE}')
    if _loses_an_end(_place_and_query(url)[1]):
        raise ValueError(f'it has an "&" of which one cannot know whether it is the end of a password; {_ESCAPE}')
    found = _read(url)
    if any(port and not (port.isascii() and port.isdigit()) for port in found.get("port", "").split(",")):
        raise ValueError(f"what should be its port is no number; {_ESCAPE}")
    _check_parameters(found)
    return url


def _check_parameters(found: dict[str, str]) -> None:
    """Refuse what libpq reads and then never connects with, as if the server were away."""
    ports = found.get("port", "").split(",")
    if any(port and not 1 <= int(port[:9]) <= 65535 for port in ports):
        raise ValueError("its port is not from 1 to 65535")
    hosts = max(len(found.get(name, "").split(",")) for name in ("host", "hostaddr"))
    if len(ports) not in (1, hosts):
        raise ValueError(f"it names {hosts} hosts and {len(ports)} ports: give each host one, or none any")
    for name, words in _WORDS.items():
        if found.get(name, words[0]) not in words:
            raise ValueError(f"its {name} is none of: {', '.join(words)}")
    for name in _NUMBERS:
        if not re.fullmatch(r"-?\d{1,9}", found.get(name, "0"), re.ASCII):
            raise ValueError(f"its {name} is no whole number")


def hide_password(url: str) -> str:
    """What may be shown of a URL: where the database is, and the user. Everything else that it says is ``***``."""
    if not url:
        return ""
    try:
        found = _read(checked_url(url))
    except ValueError:
        return _HIDDEN
    user, password = quote(_shown("user", found.pop("user", "")), safe="*"), found.pop("password", None)
    login = f"{user}:{_HIDDEN}@" if password is not None else f"{user}@" if user else ""
    hosts, name = _hosts(found), quote(_shown("dbname", found.pop("dbname", "")), safe="*")
    rest = urlencode({key: _shown(key, value) for key, value in found.items()}, safe="*/,")
    return f"postgresql://{login}{hosts}/{name}" + (f"?{rest}" if rest else "")


@cache
def place(url: str, setting: str = "DB_URL") -> str:
    """Which database a log line is about: what may be shown of its URL, and the setting that names it.

    A URL of a socket's directory is as a rule that of the embedded Postgres, which no setting names.
    """
    shown = hide_password(url)
    return shown if shown.partition("@")[2].startswith("/") else f"{setting}={shown}"


def _hosts(found: dict[str, str]) -> str:
    """The part of a URL that names the hosts; taken out of what is still to be shown, unless it is a socket's place."""
    hosts = found.get("host", "").split(",")
    if any(host.startswith(("/", "@")) for host in hosts) or not is_harmless("host", found.get("host", "")):
        return ""
    ports = found.pop("port", "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    del found["host"]
    if len(ports) != len(hosts):
        return ",".join(map(_host, hosts))
    return ",".join(_host(host) + (f":{port}" if port else "") for host, port in zip(hosts, ports, strict=True))


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else quote(host, safe="")


def _shown(key: str, value: str) -> str:
    return value if not value or is_harmless(key, value) else _HIDDEN


def is_harmless(key: str, value: str) -> bool:
    """Whether the value of one of libpq's keywords may be seen by anybody: it says where a database is, and no more."""
    if key in _NAMES:
        return _NAMES[key].fullmatch(value) is not None
    return value in _WORDS.get(key, ())


def discreet(text: str, parameters: Mapping[str, object]) -> str:
    """What Postgres or libpq says, without what it repeats of the parameters that it was given.

    A value that is wrong is repeated as a rule, whole or in part: of ``options``, of ``service``, of whatever takes
    known words only. Passwords and keys never are; to look for them would only tell which words they share with it.

    >>> discreet('definition of service "s3cret" not found', {"service": "s3cret"})
    'definition of service "***" not found (***: what the URL says as service)'
    """
    texts = {key: str(value) for key, value in parameters.items() if value is not None}
    seen = [value for key, value in texts.items() if is_harmless(key, value)]
    hidden = []
    for key, value in texts.items():
        before, text = text, _without(text, _secret(key, value), seen)
        hidden += [key] if text != before else []
    return f"{text} ({_HIDDEN}: what the URL says as {', '.join(hidden)})" if hidden else text


def _secret(key: str, value: str) -> str:
    """What of a value must not be shown where it is repeated."""
    if key in _NEVER_REPEATED or is_harmless(key, value) or (key in _NUMBERS and value.isdigit()):
        return ""
    if value == "UTF8" or value.startswith("ibconnect "):
        return ""
    return _OUR_OPTIONS.sub("", value) if key == "options" else value


def _without(text: str, secret: str, seen: list[str]) -> str:
    """The text without the words of a secret, and without whatever stands in quotation marks and has a piece of it."""
    # In options a backslash takes its meaning from what follows it, a blank too; elsewhere it is one.
    arguments = [_ESCAPED.sub(r"\1", argument) for argument in _ARGUMENT.findall(secret)]
    forms = {secret, *secret.split(), *arguments}
    words = {word for each in forms for word in (each, *_PART.split(each), *_bare(each))}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _PIECE and not any(word in each for each in seen):
            text = text.replace(word, _HIDDEN)
    pieces = {form[place : place + _PIECE] for form in forms for place in range(len(form) - _PIECE + 1)}
    pieces = {piece for piece in pieces if not any(piece in each for each in seen)}
    return _QUOTED.sub(lambda told: f'"{_HIDDEN}"' if any(piece in told[1] for piece in pieces) else told[0], text)


def _bare(argument: str) -> tuple[str, ...]:
    """An argument of the server's without its flag: what follows ``--``, or ``-c`` with no blank between."""
    return (argument.lstrip("-"), argument[2:]) if argument.startswith("-") else ()


def _read(url: str) -> dict[str, str]:
    """What libpq reads in it, by its keywords.

    :raises ValueError: libpq does not take it; the message shows nothing of it, as libpq's own would
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        return {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except (psycopg.Error, UnicodeError):
        raise ValueError(f"libpq cannot read it; {_ESCAPE}") from None


def _is_ambiguous(body: str) -> bool:
    """Whether another reading of what follows ``://`` than libpq's makes sense, in which a password ends elsewhere.

    libpq takes for the end of user and password the first ``@``, if it comes before the first ``/``.
    """
    login, at, rest = body.partition("@")
    if not at or "/" in login:
        login, rest = "", body
    if login and _begins_parameters(login.partition("?")[2]):
        return True
    place, query = _place_and_query(rest)
    if "@" in place and (login or ":" in place):
        return True
    has_colon = ":" in login or ":" in place
    pairs = (pair.partition("=") for pair in query.split("&"))
    return has_colon and any("@" in value for key, _, value in pairs if key in _NAMES or key in _WORDS)


def _place_and_query(text: str) -> tuple[str, str]:
    """What comes before the parameters, and these: a host in brackets may hold a question mark as well."""
    place = _BRACKETED.sub(lambda host: "_" * len(host[0]), text).partition("?")[0]
    return text[: len(place)], text[len(place) + 1 :]


def _loses_an_end(query: str) -> bool:
    """Whether a password is followed by an ``&`` that separates it from nothing, so that it may belong to it."""
    pairs = [pair.partition("=")[0] for pair in query.split("&")]
    return any(not after and key.endswith("password") for key, after in pairwise(pairs))


def _begins_parameters(text: str) -> bool:
    return text.partition("=")[0] in _keywords() if "=" in text else False


@cache
def _keywords() -> frozenset[str]:
    from psycopg import pq

    return frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())
