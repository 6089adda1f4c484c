r"""Account codes as gateways list them.

In: the field of message 15 (managedAccounts). Out: the codes, as they are subscribed, stored and asked for. Called by
the gateway room, the projections and the REST reads, so that all of them mean the same accounts.
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


def listed_codes(field: str) -> tuple[str, ...]:
    """The accounts of a list such as ``DU1, DU2,,DU1,``: blanks around them dropped, each once, in its order."""
    return tuple(dict.fromkeys(code for part in field.split(",") if is_code(code := part.strip(" \t"))))
