r"""Account codes as gateways list them.

In: the field of message 15 (managedAccounts). Out: the codes, as they are subscribed, stored and asked for. Called by
the settings, the gateway room, the projections and the REST reads, so that all of them mean the same accounts.
"""

import re

# No control or invisible characters, and no comma, which stands between codes.
_NO_LETTER = r"\u0000-\u001f\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff,"
_LETTER, _LETTER_OR_BLANK, _NO_DOT = f"[^{_NO_LETTER} ]", f"[^{_NO_LETTER}]", f"[^{_NO_LETTER} .]"
# Without looking ahead or back, which many programs that read API descriptions cannot.
CODE_PATTERN = rf"^(?:{_NO_DOT}|{_NO_DOT}{_LETTER}|\.{_NO_DOT}|{_LETTER}{_LETTER_OR_BLANK}{{1,62}}{_LETTER})$"
"""1 to 64 visible characters and blanks between them; not ``.`` or ``..``, which no URL can name. Longer or other codes
are recorded like everything else, but are no account to ask for."""

_CODE = re.compile(CODE_PATTERN)
# Half of a surrogate pair is no text. Descriptions of APIs cannot speak of it.
_NO_TEXT = re.compile(r"[\ud800-\udfff]")


def is_code(text: str) -> bool:
    """Whether an account may be named so."""
    # `$` also matches before a last newline, fullmatch does not.
    return _CODE.fullmatch(text) is not None and _NO_TEXT.search(text) is None


MOST_LISTED = 10_000
"""Of a list that is longer, the first so many are accounts to ask for; all of it is recorded."""

MOST_NAMED = 50_000
"""Of one gateway, over all the time that it is recorded, so many accounts are kept in tables and in memory, and those
that are pinned to it; what it says of others is recorded, and listed nowhere."""


def listed_codes(field: str) -> tuple[str, ...]:
    """The accounts of a list such as ``DU1, DU2,,DU1,``: blanks around them dropped, each once, in its order.

    :data:`MOST_LISTED` at most, of as many items: what a list of millions costs is bounded too.
    """
    parts = field.split(",", MOST_LISTED)[:MOST_LISTED]
    return tuple(dict.fromkeys(code for part in parts if is_code(code := part.strip(" \t"))))


def items(field: str) -> int:
    """How many of its items are looked at, codes or not."""
    return min(field.count(",") + 1, MOST_LISTED)


def has_more(field: str) -> bool:
    """Whether a list is longer than what is looked at."""
    return any(rest.strip(", \t") for rest in field.split(",", MOST_LISTED)[MOST_LISTED:])
