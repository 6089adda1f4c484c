"""What a history has to say: of one tag at each snapshot, and which snapshots make its points."""

from collections.abc import Sequence

from ibconnect.tags import ATTRIBUTE_TAGS, LEDGER_TAGS, SEGMENT_TAGS, is_canonical
from tests.last_values import Name
from tests.witness.answers import FIGURES, numeral
from tests.witness.downloads import RATIOS, figure, is_unset
from tests.witness.snapshots import Snapshot, Witness


def snapshots_of(witness: Witness, account: str, *, takes_any: bool, gateway: str | None = None) -> list[Snapshot]:
    """The snapshots that make points: of each refresh one gateway's, that can be relied on unless any will do."""
    found = [each for each in witness.of(account, gateway) if takes_any or each.ready]
    return [each for each in found if gateway or not each.is_repeat]


def base_of(snapshots: Sequence[Snapshot]) -> str | None:
    """The currency of a series: that of the newest snapshot that has one."""
    return next((each.base for each in reversed(snapshots) if each.base), None)


def cell(snapshot: Snapshot, tag: str, segment: str | None, currency: str | None) -> str | None:
    """One figure of a point, as in JSON: with ``#`` if it is a number there."""
    is_of_both = tag in SEGMENT_TAGS and tag in LEDGER_TAGS
    if tag in LEDGER_TAGS and segment is None and (currency is not None or not is_of_both):
        return numeral(_of_ledger(snapshot, tag, currency or "BASE"))
    if tag in SEGMENT_TAGS:
        is_other = currency is not None and currency != snapshot.base
        return None if is_other else numeral(_of_account(snapshot, tag, segment))
    if tag in RATIOS and segment is None:
        return numeral(figure(snapshot.values.get(Name(tag, "", "", False), "")))
    return _text(snapshot, tag, segment or "", currency)


def _of_account(snapshot: Snapshot, tag: str, segment: str | None) -> str | None:
    if not snapshot.base:
        return None
    return figure(snapshot.values.get(Name(tag, segment or "", snapshot.base, False), ""))


def _of_ledger(snapshot: Snapshot, tag: str, currency: str) -> str | None:
    """The ledger's; of what is the account's as well that one, where the ledger says nothing of it."""
    name = Name(tag, "", currency, True)
    if name not in snapshot.values and tag in SEGMENT_TAGS and currency == snapshot.base:
        return _of_account(snapshot, tag, None)
    return figure(snapshot.values.get(name, ""))


def _text(snapshot: Snapshot, tag: str, segment: str, currency: str | None) -> str | None:
    """A value without a column: without a currency first, then in the base currency, then of all, then any."""

    def rank(name: Name) -> tuple[object, ...]:
        return (
            name.is_ledger,
            name.currency != "",
            name.currency != snapshot.base,
            name.currency != "BASE",
            name.currency,
        )

    names = [name for name in snapshot.values if (name.tag, name.segment) == (tag, segment)]
    fitting = sorted((name for name in names if currency in (None, name.currency)), key=rank)
    if not fitting:
        return None
    text = snapshot.values[fitting[0]]
    shown = text if tag in ATTRIBUTE_TAGS else figure(text) or text
    return f"#{shown}" if is_canonical(shown) else shown


def reason(snapshot: Snapshot, tag: str, segment: str | None, currency: str | None) -> str:
    """Why a figure that was asked for is null: by what was sent for it, or else whether it is there otherwise."""
    sent = {name: text for name, text in snapshot.values.items() if (name.tag, name.segment) == (tag, segment or "")}
    is_of_both = tag in SEGMENT_TAGS and tag in LEDGER_TAGS
    of_account = Name(tag, segment or "", currency or snapshot.base or "none", False)
    if tag in LEDGER_TAGS and segment is None and (currency is not None or not is_of_both):
        asked = [Name(tag, "", currency or "BASE", True)]
        asked += [of_account] if is_of_both and currency == snapshot.base else []
        others = [text for name, text in sent.items() if name.is_ledger or is_of_both]
    elif tag in SEGMENT_TAGS or (tag in RATIOS and segment is None):
        asked = [of_account if tag in SEGMENT_TAGS else Name(tag, "", "", False)]
        others = [text for name, text in sent.items() if not name.is_ledger]
    else:
        return "other-currency" if sent else "not-sent"
    for name in asked:
        if name in sent and figure(sent[name]) is None:
            return "unset-figure" if is_unset(sent[name]) else "unreadable-figure"
    return "other-currency" if any(figure(text) is not None for text in others) else "not-sent"


def points(
    found: list[Snapshot], tags: Sequence[str], segment: str | None, currency: str | None, *, takes_any: bool
) -> list[dict[str, object]]:
    """The points of a history without steps; times are microseconds."""
    base = base_of(found)
    rows = []
    for snapshot in found:
        row: dict[str, object] = {"Timestamp": snapshot.created}
        row |= {tag: cell(snapshot, tag, segment, currency) for tag in tags}
        if currency is None and snapshot.base and snapshot.base != base and "Currency" not in tags:
            row["Currency"] = snapshot.base
        if takes_any:
            row["Ready"] = snapshot.ready
            row |= _why({tag: reason(snapshot, tag, segment, currency) for tag in tags if row[tag] is None})
        rows.append(row)
    return rows


def _why(found: dict[str, str]) -> dict[str, object]:
    return {"Why": found} if found else {}


def position_points(found: list[Snapshot], con_id: str, *, takes_any: bool) -> list[dict[str, object]]:
    """The points of a position; null where it was not held."""
    rows = []
    for snapshot in found:
        held = [each for each in snapshot.download.whole.held if each.contract.con_id == con_id]
        numbers = held[0].numbers if held else [None] * len(FIGURES)
        row: dict[str, object] = {"Timestamp": snapshot.created}
        row |= {name: numeral(text) for name, text in zip(FIGURES, numbers, strict=True)}
        if takes_any:
            row["Ready"] = snapshot.ready
            texts = held[0].texts if held else [""] * len(FIGURES)
            sent = {name: text for name, text, shown in zip(FIGURES, texts, numbers, strict=True) if shown is None}
            row |= _why(
                {name: _why_of_position(snapshot, name, text) if held else "not-held" for name, text in sent.items()}
            )
        rows.append(row)
    return rows


def _why_of_position(snapshot: Snapshot, name: str, text: str) -> str:
    if snapshot.source == "multi" and name not in ("Position", "AverageCost"):
        return "without-prices"
    return "unset-figure" if is_unset(text) else "unreadable-figure"


def names_of(found: list[Snapshot]) -> set[Name]:
    """Everything that could be asked for."""
    return {name for snapshot in found for name in snapshot.values}
