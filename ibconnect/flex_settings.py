"""The settings of Flex statements: how their texts become values, and where the token is read.

In: the texts of ``FLEX_…``. Out: queries, a URL, the token. Used by the table of settings, and by what fetches.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from ibconnect.errors import ConfigError, FlexRefused
from ibconnect.setting_values import is_authority, is_loopback

IBKR_URL = "https://ndcdyn.interactivebrokers.com/AccountManagement/FlexWebService"
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{8,256}", re.ASCII)
_QUERY = re.compile(r"(?:([A-Za-z][A-Za-z0-9_.-]{0,39})=)?([0-9]{1,20})", re.ASCII)
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*", re.ASCII)
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class FlexQuery:
    """A saved Flex query: its id in Client Portal, and what people call it (its id, unless named)."""

    id: str
    name: str

    def __str__(self) -> str:
        return self.id if self.name == self.id else f"{self.name}={self.id}"


def token(text: str) -> str:
    """The token of the Flex Web Service; empty: none.

    :raises ValueError: it can be none; the message shows nothing of it
    """
    found = text.strip()
    if found and not _TOKEN.fullmatch(found):
        raise ValueError("use the token of Client Portal as it is: 8 to 256 letters and digits")
    return found


def queries(text: str) -> tuple[FlexQuery, ...]:
    """Queries by their ids, with commas between, each as ``id`` or ``name=id``; empty: none.

    :raises ValueError: one is no id, or an id or a name stands there twice
    """
    found = tuple(_query(part.strip()) for part in text.split(",") if part.strip())
    if text.strip() and not found:
        raise ValueError("it names no query; use for example 123456 or daily=123456,trades=234567, or nothing")
    if len({each.id for each in found}) < len(found) or len({each.name for each in found}) < len(found):
        raise ValueError("name each query once")
    return found


def _query(text: str) -> FlexQuery:
    match = _QUERY.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no query; use its Query ID of Client Portal, such as 123456, or daily=123456 for a name"
        )
    return FlexQuery(match[2], match[1] or match[2])


def service_url(text: str) -> str:
    """The URL of the Flex Web Service, without a slash at its end and without what is asked of it.

    :raises ValueError: it is none, or the token would travel in the clear
    """
    url = text.strip().rstrip("/")
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if scheme not in ("http", "https") or not is_authority(authority) or not _PATH.fullmatch(slash + path):
        raise ValueError("use https://host[:port]/path, without SendRequest at its end")
    if path.endswith(("SendRequest", "GetStatement")):
        raise ValueError("leave SendRequest and GetStatement away: they are added")
    host = authority.rpartition(":")[0] if re.search(r":\d+$", authority) else authority
    if scheme == "http" and not is_loopback(host.strip("[]")):
        raise ValueError("use https: the token is a part of each URL; http is for a service on loopback")
    return url


def check_together(token_text: str, token_file: str, wanted: tuple[FlexQuery, ...]) -> None:
    """Whether the settings can go together.

    :raises ConfigError: they cannot
    """
    if token_text and token_file:
        raise ConfigError("FLEX_TOKEN and FLEX_TOKEN_FILE are both set; set one of them")
    if wanted and not (token_text or token_file):
        raise ConfigError("FLEX_QUERIES is set without FLEX_TOKEN or FLEX_TOKEN_FILE: IBKR answers nobody without one")


def read_token(text: str, file: str) -> str:
    """The token: ``FLEX_TOKEN``, or what is in ``FLEX_TOKEN_FILE`` now, so that a new one needs no start.

    :raises FlexRefused: there is none, or the file cannot be read
    """
    if text:
        return text
    if not file:
        raise FlexRefused("there is no token: set FLEX_TOKEN or FLEX_TOKEN_FILE")
    why = ""
    try:
        with Path(file).expanduser().open("rb") as opened:
            found = token(opened.read(_MOST_BYTES).decode("ascii"))
    except (OSError, RuntimeError) as exc:
        why = getattr(exc, "strerror", None) or "no such user"
    except ValueError:
        why = "it holds something else than a token"
    if why:
        # Raised here: what the decoder says would repeat what is in the file.
        raise FlexRefused(f"FLEX_TOKEN_FILE={file!r} cannot be read: {why}")
    if not found:
        raise FlexRefused(f"FLEX_TOKEN_FILE={file!r} is empty: put the token into it")
    return found
