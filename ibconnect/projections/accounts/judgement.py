"""Whether a snapshot's figures can be relied on, and what is to be said of them.

In: what a download says and how it came about. Out: whether its figures as a whole can be relied on, and remarks.
Called by :mod:`rows`, live and in a rebuild alike, so what was recorded by an earlier version is judged anew.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ibconnect.events.notices import LOST, UNSUBSCRIBED
from ibconnect.projections.accounts.download import Download
from ibconnect.projections.accounts.facts import Downloaded
from ibconnect.projections.accounts.layout import Layout, layout_of
from ibconnect.projections.accounts.remarks import Code, Remark
from ibconnect.tags import says_not_ready
from ibconnect.wire_numbers import is_unset, number_of

# More remarks of one snapshot than this are counted, not listed.
_MOST = 50
# With one of these the figures as a whole cannot be relied on.
_UNRELIABLE = frozenset({Code.NOT_READY, Code.INTERRUPTED, Code.INCOMPLETE, Code.UNSET_PRICES})


class Judgement(NamedTuple):
    """Whether a snapshot's figures can be relied on, and everything that is to be said of them."""

    is_ready: bool
    remarks: list[Remark]


def judge(fact: Downloaded, download: Download, layout: Layout, owners: Sequence[str] | None = None) -> Judgement:
    """Judge a download by its own rows, and by what the recorder found out about it.

    :param owners: the gateways that the account belongs to, where it is not this one's
    """
    remarks = [*_of_the_whole(fact, download, layout), *download.remarks, *_of_figures(fact, download, layout)]
    is_ready = not any(remark.code in _UNRELIABLE for remark in remarks)
    if fact.why and is_ready:
        remarks.insert(0, Remark(Code.INCOMPLETE, fact.why))
        is_ready = False
    if owners is not None:
        remarks.insert(0, Remark(Code.NOT_OWNER, _belongs_to(owners)))
    if len(remarks) > _MOST:
        left = len(remarks) - _MOST + 1
        remarks[_MOST - 1 :] = [Remark(remarks[_MOST].code, f"and {left} more remarks")]
    return Judgement(is_ready, remarks)


def _belongs_to(owners: Sequence[str]) -> str:
    if not owners:
        return "IB_GW pins other accounts to this gateway"
    return f"the account belongs to {' and '.join(owners)}, which this gateway is not"


def _of_the_whole(fact: Downloaded, download: Download, layout: Layout) -> Iterator[Remark]:
    texts, keys = download.values.texts, download.values.keys
    if any(says_not_ready(keys[index], texts[index]) for index in layout.ready):
        yield Remark(Code.NOT_READY, "IB's server was resetting (AccountReady=false): figures may be old or wrong")
    if fact.ended == "interrupted":
        yield Remark(Code.INTERRUPTED, fact.detail)
    elif not fact.is_judged:
        yield from _interruptions(fact, download)
    if fact.ended == "timeout":
        yield Remark(Code.INCOMPLETE, f"the download did not end: {fact.detail}")
    if download.is_empty and fact.check in ("", "agrees"):
        yield Remark(Code.EMPTY, "IB answered that there is nothing: no value and no position")
    elif lacking := _lacking(download, layout):
        yield Remark(Code.INCOMPLETE, f"{lacking} did not come")
    if fact.check not in ("", "agrees"):
        yield Remark(Code.INCOMPLETE, fact.detail)
    if not fact.is_multi and not _has_a_price(download) and any(position.is_open for position in download.held):
        yield Remark(Code.UNSET_PRICES, "no open position has a price: the gateway had just started, perhaps")
    if fact.ended == "quiet":
        checked = ", and the positions, asked for by themselves, agree" if fact.check == "agrees" else ""
        yield Remark(Code.NO_END, f"IB did not say that this was all; nothing more came{checked}")
    if fact.is_supplement and not fact.why:
        yield Remark(Code.LATE, "also holds what came when the download had ended")


def _interruptions(fact: Downloaded, download: Download) -> Iterator[Remark]:
    """What the notices say that came meanwhile, where the recorder did not heed them.

    2100 may still be about the account before, unless rows of this one had come.
    """
    for code, text in download.notices:
        if code in LOST or (code == UNSUBSCRIBED and download.was_unsubscribed and not fact.is_multi):
            yield Remark(Code.INTERRUPTED, f"{code}: {text}")
            return


def _lacking(download: Download, layout: Layout) -> str:
    lacking = [] if layout.has_identity else ["AccountCode"]
    index = layout.net_liquidation
    if index is None or number_of(download.values.texts[index]) is None:
        lacking.append("NetLiquidation")
    return " and ".join(lacking)


def is_odd(download: Download) -> bool:
    """Whether a value that should be a number is none: then the event that holds it is to be named."""
    layout = layout_of(download.values.keys, download.values.currencies)
    return any(_unreadable(download.values.texts[index]) for index in layout.inexact(download.values.texts))


def _has_a_price(download: Download) -> bool:
    """Whether any open position has one."""
    return any(position.has_price and position.is_open for position in download.held)


def _unreadable(text: str) -> bool:
    return number_of(text) is None and not is_unset(text)


def _of_figures(fact: Downloaded, download: Download, layout: Layout) -> Iterator[Remark]:
    lacking = [] if fact.is_multi else [position for position in download.held if position.unset and position.is_open]
    # Where none has a price, that is said once.
    for position in lacking if lacking and _has_a_price(download) else ():
        yield Remark(Code.UNSET_FIGURE, f"{position.name}: IB gave no {', no '.join(position.unset)}")
    values = download.values
    for index in layout.inexact(values.texts):
        text = values.texts[index]
        if _unreadable(text):
            place = values.positions[index] if values.positions else None
            yield Remark(Code.UNREADABLE_FIGURE, f"{values.keys[index]} is {text[:60]!r}", place)
