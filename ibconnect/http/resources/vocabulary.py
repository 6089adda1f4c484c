"""What an account's figures are called: tags, segments and currencies as clients spell them become those of IB.

In: what a request says of them. Out: the same as IB spells it; or a problem that says what there is, and what may have
been meant. Called by the resources of histories, the ledger and the tags.

A tag is understood as IB documents it, as the gateway sent it (``NetLiquidation-S``, ``$LEDGER-CashBalance``), and in
any letter case. One that IB documents is known although the account never had it; any other, and a segment or a
currency, only if the account did: what is misspelt would else look like figures that were never sent.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple
from urllib.parse import quote

from ibconnect.database.sql import queries
from ibconnect.http.server import db
from ibconnect.http.server.call import Call, unknown_account, unknown_gateway
from ibconnect.http.server.limits import KEYS_MAX, NAMES_SHOWN
from ibconnect.http.server.problems import Code, Problem, ProblemType, invalid
from ibconnect.meanings import MEANINGS, OTHER_SPELLINGS, SEGMENTS
from ibconnect.tags import ATTRIBUTE_TAGS, BASE, LEDGER_PREFIX, LEDGER_TAGS, LEDGER_TEXT_TAGS, SEGMENT_TAGS

SQL = queries("http/tags")
UNKNOWN_TAG = ProblemType("unknown-tag", 400, "There is no such tag")
UNKNOWN_SEGMENT = ProblemType("unknown-segment", 400, "There is no such segment")
UNKNOWN_CURRENCY = ProblemType("unknown-currency", 400, "There is no such currency")
UNKNOWN = (UNKNOWN_TAG, UNKNOWN_SEGMENT, UNKNOWN_CURRENCY, Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY)
"""What a route may answer that takes tags, segments or currencies."""

_SEGMENT = re.compile("(.+)-([A-Za-z])")
_LEDGER = frozenset(LEDGER_TAGS) | LEDGER_TEXT_TAGS
_OTHER_SPELLINGS = {spelling.lower(): tag for spelling, tag in OTHER_SPELLINGS.items()}
# Whoever spells these as IB does need not be looked up.
_PLAIN = frozenset(SEGMENT_TAGS) | frozenset(LEDGER_TAGS) | {"Cushion", "LookAheadNextChange"}


class Tag(NamedTuple):
    """A tag as it is asked for. ``name``: as IB spells it, with what the client wrote around it."""

    name: str
    tag: str
    segment: str | None
    is_ledger: bool


class Wanted(NamedTuple):
    """What a request asks for, understood."""

    tags: tuple[Tag, ...]
    segment: str | None
    currencies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What an account was ever sent."""

    account: str
    tags: tuple[str, ...]
    ledger_tags: tuple[str, ...]
    segments: tuple[str, ...]
    currencies: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is recorded of the account yet."""
        return not self.tags and not self.ledger_tags

    def tag(self, text: str) -> Tag:
        """A tag as IB spells it.

        :raises Problem: there is none, neither in IB's documentation nor in what the account was sent
        """
        bare = text[len(LEDGER_PREFIX) :] if text.upper().startswith(LEDGER_PREFIX) else text
        is_ledger = bare is not text
        found, segment = self._spelled(bare, is_ledger), None
        if found is None and not is_ledger and (match := _SEGMENT.fullmatch(bare)) is not None:
            found = self._spelled(match[1], is_ledger)
            segment = self.segment(match[2].upper()) if found else None
        if found is None:
            raise self._unknown_tag(text, bare)
        around = LEDGER_PREFIX if is_ledger else ""
        return Tag(f"{around}{found}{f'-{segment}' if segment else ''}", found, segment, is_ledger)

    def _spelled(self, text: str, is_ledger: bool) -> str | None:
        """The recorded or documented tag that this spells, the former first; None if there is none."""
        both = tuple(tag for tag in self.tags if tag in ATTRIBUTE_TAGS) if is_ledger else self.tags
        recorded = (*both, *self.ledger_tags)
        documented = [tag for tag in MEANINGS if tag in _LEDGER] if is_ledger else list(MEANINGS)
        for known in (recorded, documented):
            if text in known:
                return text
            for tag in sorted(known, key=lambda tag: tag not in MEANINGS):
                if tag.lower() == text.lower():
                    return tag
        return None if is_ledger else _OTHER_SPELLINGS.get(text.lower())

    def segment(self, letter: str) -> str:
        """A segment that the account has, or (while nothing is recorded of it) might have.

        :raises Problem: it has not
        """
        known = tuple(SEGMENTS) if self.is_empty else self.segments
        if letter not in known:
            raise _unknown(UNKNOWN_SEGMENT, "segment", letter, known, self._why("segment"))
        return letter

    def currency(self, code: str) -> str:
        """A currency that the account has, or (while nothing is recorded of it) might have.

        :raises Problem: it has not
        """
        if not self.is_empty and code not in self.currencies:
            raise _unknown(UNKNOWN_CURRENCY, "currency", code, self.currencies, self._why("currency"))
        return code

    def _why(self, name: str) -> str:
        return f"account {self.account!r} was never sent a figure of this {name}"

    def _unknown_tag(self, text: str, bare: str) -> Problem:
        known = sorted({*self.tags, *self.ledger_tags}) or sorted(MEANINGS)
        why = f"neither IB documents it nor was account {self.account!r} ever sent it"
        more = f"; /v1/accounts/{quote(self.account, safe='')}/tags says what there is"
        return _unknown(UNKNOWN_TAG, "tag", text, known, why + more, close_to=bare, also=MEANINGS)


def _unknown(
    kind: ProblemType,
    name: str,
    text: str,
    known: Sequence[str],
    why: str,
    *,
    close_to: str = "",
    also: Iterable[str] = (),
) -> Problem:
    """A 400 that says what there is, and what may have been meant."""
    close = _close(close_to or text, dict.fromkeys([*known, *also]))
    meant = f"; did you mean {' or '.join(close)}?" if close else ""
    shown = list(known[:NAMES_SHOWN])
    there_is = f"; there is {', '.join(shown)}" if kind is not UNKNOWN_TAG and shown else ""
    return Problem(
        kind, f"{name}: {text!r} is not known: {why}{there_is}{meant}", more={"suggestions": close, "known": shown}
    )


def _close(text: str, names: Iterable[str]) -> list[str]:
    """What is spelled about like this, whatever the case of its letters; the closest first."""
    by_letters = {name.lower(): name for name in names}
    return [by_letters[found] for found in get_close_matches(text.lower(), by_letters, n=3, cutoff=0.7)]


async def vocabulary(call: Call, account: str) -> Vocabulary:
    """What the account was sent, by the gateway that the request names.

    :raises Problem: there is no such account, or the gateway never named it
    """
    gateway = call.arguments["gateway"]
    asked = {"account": account, "gateway": gateway, "most": KEYS_MAX}
    found = await db.row(call.services.pool, SQL["vocabulary"], asked)
    if found is None:
        raise unknown_account(account)
    has_gateway, *sent = found
    if not has_gateway:
        raise unknown_gateway(gateway)
    return Vocabulary(account, *(tuple(names or ()) for names in sent))


async def understood(
    call: Call, account: str, tags: Sequence[str], segment: str | None, currencies: Sequence[str]
) -> Wanted:
    """What a request asks for, as IB spells it.

    :param currencies: codes; BASE is known always
    :raises Problem: one of these does not exist; there is no such account
    """
    codes = [code for code in currencies if code != BASE]
    if segment is None and not codes and all(tag in _PLAIN for tag in tags):
        return Wanted(tuple(Tag(tag, tag, None, False) for tag in tags), None, tuple(currencies))
    known = await vocabulary(call, account)
    found = {tag.name: tag for tag in map(known.tag, tags)}
    for tag in found.values():
        if segment is not None and (tag.is_ledger or tag.segment not in (None, segment)):
            raise invalid("segment", f"{segment} does not go with {tag.name}")
    return Wanted(
        tuple(found.values()),
        None if segment is None else known.segment(segment),
        tuple(code if code == BASE else known.currency(code) for code in currencies),
    )
