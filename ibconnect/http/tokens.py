"""Bearer tokens: their text in a setting or file in, hashes and what each may see out. See docs/access.md.

Entries are separated by white space; ``#`` begins a comment that ends with its line. An entry is a token or its
hash (``sha256:`` and 64 hex digits), and may end with ``@`` and what it is limited to, separated by commas: account
codes, percent-encoded where they hold a blank, and the word ``metrics``. Tokens themselves are not kept.
"""

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import unquote

from ibconnect.codes import is_code
from ibconnect.errors import ConfigError

MIN_TOKEN_LENGTH = 16
# RFC 6750, section 2.1: the characters of a bearer token.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
_HASH = re.compile(r"sha256:([0-9A-Fa-f]{64})", re.ASCII)
_METRICS = "metrics"
# Words that stand for rights, now or later, are no account codes unless they are percent-encoded: otherwise the meaning
# of a token would change with the version that reads it.
_RESERVED = frozenset({_METRICS, "*", "events", "import", "read", "refresh"})


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: may see everything, or only ``accounts``, and the metrics if ``has_metrics``."""

    accounts: frozenset[str] | None = None
    has_metrics: bool = False

    def may_see(self, account: str) -> bool:
        """Whether anything about this account may be told."""
        return self.accounts is None or account in self.accounts


EVERYONE = Principal(has_metrics=True)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The hashes of all tokens in force, each with what it may see."""

    entries: tuple[tuple[bytes, Principal], ...] = ()

    def principal_of(self, token: str) -> Principal | None:
        """Whose token this is; the time taken does not tell how much of it is right."""
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        found = None
        for known, principal in self.entries:
            if hmac.compare_digest(digest, known):
                found = principal
        return found


def parse_tokens(text: str) -> Tokens:
    """Read entries as docs/access.md describes them.

    :raises ConfigError: says which entry, by its number, is wrong, and how; never its text
    """
    words = " ".join(line.partition("#")[0] for line in text.splitlines()).split()
    entries = tuple(_entry(number, word) for number, word in enumerate(words, 1))
    if len({digest for digest, _ in entries}) != len(entries):
        raise ConfigError("API_TOKENS: the same token stands there twice")
    return Tokens(entries)


def _entry(number: int, word: str) -> tuple[bytes, Principal]:
    secret, limited, codes = word.partition("@")
    if (match := _HASH.fullmatch(secret)) is not None:
        digest = bytes.fromhex(match[1])
    elif _TOKEN.fullmatch(secret) is None:
        raise ConfigError(
            f"API_TOKENS, entry {number}: a token is letters, digits and - . _ ~ + / (see docs/access.md)"
        )
    elif len(secret) < MIN_TOKEN_LENGTH:
        raise ConfigError(f"API_TOKENS, entry {number}: a token has at least {MIN_TOKEN_LENGTH} characters")
    else:
        digest = sha256(secret.encode()).digest()
    return digest, _limited(number, codes) if limited else EVERYONE


def _limited(number: int, text: str) -> Principal:
    names = text.split(",")
    codes = frozenset(unquote(name) for name in names if name != _METRICS)
    if any("@" in name or (name != _METRICS and name.lower() in _RESERVED) for name in names):
        raise ConfigError(
            f"API_TOKENS, entry {number}: the only right after the one @ is {_METRICS}, in lower case; an account that "
            "is named like a right, or holds an @, is percent-encoded (%6Detrics, %40)"
        )
    if not all(map(is_code, codes)):
        raise ConfigError(
            f"API_TOKENS, entry {number}: after @ come account codes, or {_METRICS}, separated by commas; a blank in "
            "one is %20"
        )
    return Principal(codes, _METRICS in names)
