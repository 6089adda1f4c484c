"""Bearer tokens: their text in a setting or file in, and out what each may do, see and is called. See docs/access.md.

Entries are separated by white space; ``#`` begins a comment that ends with its line::

    ENTRY = SECRET [ "@" SCOPES ] [ ";name=NAME" ] [ ";until=MOMENT" ]

A secret is a token or its hash (``sha256:`` and 64 hex digits). Scopes are separated by commas: ``*`` or account codes,
percent-encoded where they hold a blank, and rights by name. Tokens themselves are not kept. Called by auth, at start
and whenever the file of tokens has changed.
"""

import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b, sha256
from typing import NamedTuple
from urllib.parse import unquote

from ibconnect.codes import is_code
from ibconnect.errors import ConfigError
from ibconnect.times import parse_rfc3339, utc_now

MIN_TOKEN_LENGTH = 16
SHORT_NAME = 8
"""How many digits of its SHA-256 name a token that has no name."""
# RFC 6750, section 2.1: the characters of a bearer token.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_HASH = re.compile(r"sha256:([0-9A-Fa-f]{64})", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LINE_END = re.compile(r"\r\n|\r|\n")
_ALL = "*"


class Right(StrEnum):
    """What a token may be for."""

    READ = "read"
    EVENTS = "events"
    REFRESH = "refresh"
    IMPORT = "import"
    METRICS = "metrics"


EVERY_RIGHT = frozenset(Right)
# What a token may do with its accounts if it names no right that is about accounts.
_USUAL = frozenset({Right.READ, Right.EVENTS, Right.REFRESH})
_NAMES = {right.value: right for right in Right}
# Such words in another case are no accounts either: taken for one that does not exist they would do nothing.
_RESERVED = frozenset(_NAMES) | {_ALL}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what for. ``accounts``: None for all. ``name``: what logs call the token.

    ``until``: from then on it is refused. ``digest``: the token's SHA-256, which finds it again in a newer file.
    """

    accounts: frozenset[str] | None = None
    rights: frozenset[Right] = EVERY_RIGHT
    name: str = field(default="-", compare=False)
    until: datetime | None = None
    digest: bytes = field(default=b"", compare=False, repr=False)

    def may_see(self, account: str) -> bool:
        """Whether anything about this account may be shown."""
        return self.accounts is None or account in self.accounts

    @property
    def is_full(self) -> bool:
        """Whether it may do everything, without an end."""
        return self.accounts is None and self.rights == EVERY_RIGHT and self.until is None

    def is_over(self, now: datetime | None = None) -> bool:
        """Whether its end has come."""
        return self.until is not None and (now or utc_now()) >= self.until

    def covers(self, other: "Principal") -> bool:
        """Whether it may see and do all that another may."""
        sees = self.accounts is None or (other.accounts is not None and other.accounts <= self.accounts)
        return sees and other.rights <= self.rights


EVERYONE = Principal()


class Tokens:
    """All tokens in force. ``bare``: the numbers of the entries without an ``@``.

    A token's digest is looked up by a hash of it that is keyed anew for each load. How long that takes may tell which
    keyed hash was met, but nobody can compute or aim at one without the key: it tells nothing of the digests that are
    there. Only what has the same keyed hash is compared with the digest itself, in constant time. So 10,000 tokens cost
    a request no more than one.
    """

    def __init__(self, principals: Iterable[Principal] = (), bare: tuple[int, ...] = ()) -> None:
        self._key = secrets.token_bytes(32)
        self._found = {self._keyed(each.digest): each for each in principals}
        self.bare = bare

    def __len__(self) -> int:
        return len(self._found)

    def _keyed(self, digest: bytes) -> bytes:
        return blake2b(digest, key=self._key, digest_size=32).digest()

    def principal_of(self, token: str) -> Principal | None:
        """Whose token this is, even if its end has come; the time taken does not tell how much of it is right."""
        return self.by_digest(sha256(token.encode("utf-8", "surrogateescape")).digest())

    def by_digest(self, digest: bytes) -> Principal | None:
        """Whose token has this SHA-256."""
        found = self._found.get(self._keyed(digest))
        return found if found is not None and hmac.compare_digest(digest, found.digest) else None


class _Entry(NamedTuple):
    principal: Principal
    is_bare: bool
    has_name: bool


def parse_tokens(text: str, before: Tokens | None = None) -> Tokens:
    """Read entries as docs/access.md describes them.

    :param before: what was in force until now: an entry without ``@`` is taken only for a token that had full rights
    :raises ConfigError: says which entry, by its number, is wrong, and how; never its text
    """
    words = " ".join(line.partition("#")[0] for line in _LINE_END.split(text)).split()
    entries = [_entry(number, word) for number, word in enumerate(words, 1)]
    _ensure_once([entry.principal.digest for entry in entries], "the same token stands there twice")
    _ensure_once([each.principal.name for each in entries if each.has_name], "two tokens have the same name")
    bare = tuple(number for number, entry in enumerate(entries, 1) if entry.is_bare)
    for number in bare if before is not None else ():
        _ensure_full(number, before, entries[number - 1].principal.digest)
    return Tokens((entry.principal for entry in entries), bare)


def _ensure_full(number: int, before: Tokens | None, digest: bytes) -> None:
    """An entry that has lost its ``@`` and what stood behind it must not have more rights by that."""
    known = None if before is None else before.by_digest(digest)
    if known is None or not known.is_full:
        raise _wrong(number, "an @ and what the token may do are missing (full rights: @*)")


def _ensure_once(found: list[bytes] | list[str], what: str) -> None:
    if len(set(found)) != len(found):
        raise ConfigError(f"API_TOKENS: {what}")


def _wrong(number: int, why: str) -> ConfigError:
    return ConfigError(f"API_TOKENS, entry {number}: {why}; see docs/access.md")


def _entry(number: int, word: str) -> _Entry:
    entry, *options = word.split(";")
    secret, limited, scopes = entry.partition("@")
    digest = _digest(number, secret)
    given = _options(number, options)
    name, until = given.get("name"), given.get("until")
    if name is not None and not is_name(name):
        raise _wrong(
            number,
            "a name is 1 to 64 letters, digits and - _ . , begins with a letter or digit, and is not 8 hex digits, "
            "which name tokens without a name",
        )
    accounts, rights = _scopes(number, scopes) if limited else (None, EVERY_RIGHT)
    end = None if until is None else _moment(number, until)
    shown = digest.hex()[:SHORT_NAME] if name is None else name
    return _Entry(Principal(accounts, rights, shown, end, digest), not limited, name is not None)


def _digest(number: int, secret: str) -> bytes:
    if (match := _HASH.fullmatch(secret)) is not None:
        return bytes.fromhex(match[1])
    if _TOKEN.fullmatch(secret) is None:
        raise _wrong(number, "a token is letters, digits and - . _ ~ + /")
    if len(secret) < MIN_TOKEN_LENGTH:
        raise _wrong(number, f"a token has at least {MIN_TOKEN_LENGTH} characters")
    return sha256(secret.encode()).digest()


def is_name(text: str) -> bool:
    """Whether a token may be called so; not by what names a token without a name."""
    return _NAME.fullmatch(text) is not None and re.fullmatch(rf"[0-9a-f]{{{SHORT_NAME}}}", text) is None


def _options(number: int, options: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if name not in ("name", "until") or not equals or name in given:
            raise _wrong(number, "after ; comes name=… or until=…, each once (a ; in an account's code is %3B)")
        given[name] = value
    return given


def _moment(number: int, text: str) -> datetime:
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        return parse_rfc3339(text)
    except ValueError as exc:
        raise _wrong(
            number, "until= is an RFC 3339 time, or a date, at whose start (UTC) the token ends: 2027-01-31"
        ) from exc


def _scopes(number: int, text: str) -> tuple[frozenset[str] | None, frozenset[Right]]:
    """The accounts, None for all, and the rights."""
    words = text.split(",")
    rights = frozenset(_NAMES[word] for word in words if word in _NAMES)
    names = [word for word in words if word not in _NAMES and word != _ALL]
    if any("@" in name or name.lower() in _RESERVED for name in names):
        raise _wrong(
            number,
            f"the rights after the one @ are {', '.join(_NAMES)}, in lower case; an account that is named like one, or "
            "holds an @, is percent-encoded (%6Detrics, %40)",
        )
    codes = frozenset(map(unquote, names))
    if not all(map(is_code, codes)):
        raise _wrong(number, "after @ come *, account codes and rights, separated by commas; a blank in a code is %20")
    if _ALL not in words:
        return codes, _of_accounts(number, codes, rights)
    if codes:
        raise _wrong(number, "* is all accounts: beside it no account is named")
    return None, rights if rights - {Right.METRICS} else (rights | _USUAL if rights else EVERY_RIGHT)


def _of_accounts(number: int, codes: frozenset[str], rights: frozenset[Right]) -> frozenset[Right]:
    about = rights - {Right.METRICS}
    if about and not codes:
        raise _wrong(number, f"{', '.join(sorted(about))}: of which accounts? Name them, or * for all")
    return rights if about or not codes else rights | _USUAL
