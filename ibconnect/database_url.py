"""The URL of a database: checked as libpq will read it, and shown without what must stay secret.

In: the text of ``DB_URL`` or ``DB_READ_URL``. Out: the same text, if it can only mean one thing, or what is wrong
with it; and what of it may be shown. Called by the settings, and by whoever tells which database is used.

A password with an ``@``, ``:`` or ``/`` that is not escaped makes libpq take a part of it for a host, a port or a
database, and name that in its errors. So such a URL is refused before anybody connects.
"""

from functools import cache
from itertools import pairwise
from urllib.parse import quote, urlencode

SCHEMES = ("postgresql://", "postgres://")
_HIDDEN = "***"
# What names the database and its user; everything else is shown only if its value is one of known words.
_NAMES = ("user", "host", "hostaddr", "port", "dbname")
_WORDS = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
}
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
    if _loses_an_end(url.partition("?")[2]):
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


def hide_password(url: str) -> str:
    """What may be shown of a URL: where the database is, and the user. Everything else that it says is ``***``."""
    if not url:
        return ""
    try:
        found = _read(checked_url(url))
    except ValueError:
        return _HIDDEN
    user, password = quote(found.pop("user", ""), safe=""), found.pop("password", None)
    login = f"{user}:{_HIDDEN}@" if password is not None else f"{user}@" if user else ""
    hosts, name = _hosts(found), quote(found.pop("dbname", ""), safe="")
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
    if any(host.startswith(("/", "@")) for host in hosts) or "host" not in found:
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
    return value if key in _NAMES or value in _WORDS.get(key, ()) else _HIDDEN


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
    place, _, query = rest.partition("?")
    if "@" in place and (login or ":" in place):
        return True
    has_colon = ":" in login or ":" in place
    pairs = (pair.partition("=") for pair in query.split("&"))
    return has_colon and any("@" in value for key, _, value in pairs if key in _NAMES or key in _WORDS)


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
