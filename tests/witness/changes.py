"""What changed between two moments: positions, cash and values, each difference split into size, price and currency."""

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Any, NamedTuple

from ibconnect.tags import ATTRIBUTE_TAGS, is_canonical
from tests.witness import answers
from tests.witness.answers import MORE_THAN_ANY, numeral, rfc3339
from tests.witness.asking import Asker, account_path
from tests.witness.differences import same
from tests.witness.downloads import PRICE, SIZE, VALUE, Contract, Held, figure
from tests.witness.snapshots import Snapshot, Witness

_EXACT = Context(prec=3000, rounding=ROUND_HALF_EVEN)


class Side(NamedTuple):
    """How much there is of something, and what that is worth; None: IB gave no such figure."""

    size: str | None
    price: str | None
    value: str | None
    rate: str | None
    base: str
    shown: Contract | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether there is none of it."""
        return self.size is not None and Decimal(self.size) == 0

    @property
    def in_base(self) -> Decimal | None:
        """What it is worth in the base currency."""
        if self.value is None or self.rate is None:
            return None
        return MORE_THAN_ANY.multiply(Decimal(self.value), Decimal(self.rate))


async def compare_changes(asker: Asker, witness: Witness) -> None:
    """Between the times of some reports, of each account and of all."""
    moments = sorted({each.completed for each in witness.snapshots})
    spans = [(moments[0] - 1, moments[-1]), (moments[0], moments[-1]), (moments[len(moments) // 2], moments[-1])]
    for first, last in spans:
        query = f"from={rfc3339(first)}&to={rfc3339(last)}"
        everything = []
        for account in sorted(witness.accounts):
            expected = changes_of(witness, account, first, last)
            everything += expected
            if any(row["Kind"] != "account" or row["From"] for row in expected) or witness.of(account):
                await _same_changes(asker, f"{account_path(account, 'changes')}?{query}", expected)
        await _same_changes(asker, f"/v1/changes?{query}&limit=40", everything)
        some = [row for row in everything if row["Kind"] in ("position", "account")]
        await _same_changes(asker, f"/v1/changes?{query}&kind=position", some)


async def _same_changes(asker: Asker, path: str, expected: list[dict[str, Any]]) -> None:
    shown = [row for page in await asker.pages(path) for row in page]
    same(sorted(shown, key=_identity), sorted(expected, key=_identity), path)
    for row in shown:
        if "BySize" in row:
            parts = [Decimal(row[name][1:]) for name in ("BySize", "ByPrice", "ByCurrency")]
            with localcontext(_EXACT):
                assert sum(parts) == Decimal(row["DifferenceBase"][1:]), f"{path}: the parts are the whole of {row}"


def _identity(row: dict[str, Any]) -> str:
    names = ("AccountCode", "Kind", "ModelCode", "Tag", "Segment", "Currency", "IbContractId", "LocalSymbol")
    return repr([str(row.get(name)) for name in names] + sorted(row.items(), key=repr))


def changes_of(witness: Witness, account: str, first: int, last: int) -> list[dict[str, Any]]:
    """The rows of one account, in any order; what says nothing of a row is not in it."""
    before, after = (answers.as_of(witness, account, at) for at in (first, last))
    ends = {"AccountCode": account, "From": before and rfc3339(before.created), "To": after and rfc3339(after.created)}
    ends["Ready"] = None if after is None else after.ready and (before is None or before.ready)
    if before is None or after is None:
        why = "no-report" if after is None else "no-report-before"
        return [{**ends, "Kind": "account", "Change": "unknown", "Why": why}]
    rows = [] if before is after else [*_positions(before, after), *_cash(before, after), *_values(before, after)]
    return [{**ends, **{name: value for name, value in row.items() if value is not None}} for row in rows]


def _positions(before: Snapshot, after: Snapshot) -> list[dict[str, Any]]:
    old, new = _held(before), _held(after)
    rows = []
    for key in {**old, **new}:
        was, now = old.get(key), new.get(key)
        shown = (now or was).shown
        if not _differ(was, now):
            continue
        row = {
            "Kind": "position",
            "IbContractId": numeral(shown.con_id or None),
            "Symbol": shown.symbol or None,
            "LocalSymbol": shown.local_symbol or None,
            "SecurityType": shown.sec_type or None,
            "ModelCode": key[1],
            "Currency": shown.currency or None,
        }
        for when, side in (("Before", was), ("After", now)):
            row |= {
                f"MarketPrice{when}": side and numeral(side.price),
                f"MarketValue{when}": side and numeral(side.value),
            }
        rows.append({**row, **_compared(was, now)})
    return rows


def _held(snapshot: Snapshot) -> dict[Any, Side]:
    found, contracts, known = {}, iter(snapshot.contracts), answers.rates(snapshot)
    for model, part in {None: snapshot.download.whole, **snapshot.download.models}.items():
        for held in part.held:
            shown = next(contracts)
            key = held.contract.con_id if held.contract.con_id not in ("", "0") else shown
            found[key, model] = _side(held, shown, known, snapshot.base)
    return found


def _side(held: Held, shown: Contract, known: dict[str, str], base: str) -> Side:
    numbers = held.numbers
    return Side(numbers[SIZE], numbers[PRICE], numbers[VALUE], known.get(shown.currency), base, shown)


def _cash(before: Snapshot, after: Snapshot) -> list[dict[str, Any]]:
    old, new = _money(before), _money(after)
    rows = []
    for currency in {**old, **new}:
        was, now = old.get(currency), new.get(currency)
        if _differ(was, now):
            rows.append({"Kind": "cash", "Tag": "CashBalance", "Currency": currency, **_compared(was, now)})
    return rows


def _money(snapshot: Snapshot) -> dict[str, Side]:
    known = answers.rates(snapshot)
    return {
        name.currency: Side(amount, None, amount, known.get(name.currency), snapshot.base)
        for name, text in snapshot.values.items()
        if _is_cash(name) and (amount := figure(text)) is not None
    }


def _is_cash(name: Any) -> bool:
    return name.tag == "CashBalance" and name.is_ledger and name.currency not in ("", "BASE")


def _differ(was: Side | None, now: Side | None) -> bool:
    if (was is None or was.is_nothing) and (now is None or now.is_nothing):
        return False
    if was is None or now is None:
        return True
    return [*map(_number, was[:4]), was.base] != [*map(_number, now[:4]), now.base]


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _compared(was: Side | None, now: Side | None) -> dict[str, Any]:
    """How much of it there is; what that is worth in base currency; what the difference comes from."""
    old, new = was.size if was else "0", now.size if now else "0"
    row = {
        "Change": _change(old, new),
        "Before": numeral(old),
        "After": numeral(new),
        "Difference": None
        if old is None or new is None
        else numeral(_plain(_EXACT.subtract(Decimal(new), Decimal(old)))),
        "ExchangeRateBefore": was and numeral(was.rate),
        "ExchangeRateAfter": now and numeral(now.rate),
        "BaseCurrency": (now and now.base) or (was and was.base) or None,
        "MarketValueBaseBefore": was and _shown(was.in_base),
        "MarketValueBaseAfter": now and _shown(now.in_base),
    }
    return row | _split(*(None if side is None or side.is_nothing else side for side in (was, now)))


def _plain(amount: Decimal) -> str:
    """Without the sign of a zero."""
    return f"{_EXACT.plus(amount):f}"


def _shown(amount: Decimal | None) -> str | None:
    return None if amount is None else f"#{amount:f}"


def _change(old: str | None, new: str | None) -> str:
    if old is None or new is None:
        return "unknown"
    was, now = Decimal(old), Decimal(new)
    if was and now:
        return "revalued" if was == now else "resized"
    return "opened" if now else "closed" if was else "revalued"


def _split(was: Side | None, now: Side | None) -> dict[str, Any]:
    """Of what is held: more or less of it at the old value of a unit, then the price at the old rate, then the rate."""
    sides = [side for side in (was, now) if side is not None]
    for why, place in (("no-size", 0), ("no-value", 2), ("no-rate", 3)):
        if any(side[place] is None for side in sides):
            return {"Why": why}
    if len({side.base for side in sides}) > 1:
        return {"Why": "other-base-currency"}
    old, new = (Decimal(side.value) if side else Decimal(0) for side in (was, now))
    rates = [Decimal((side or sides[0]).rate) for side in (was, now)]
    with localcontext(_EXACT):
        decimals = [max(0, *(-int(each.as_tuple().exponent) for each in pair)) for pair in ((old, new), rates)]
        unit = Decimal(1).scaleb(-sum(decimals))
        whole, by_currency = new * rates[1] - old * rates[0], new * (rates[1] - rates[0])
        by_size = (new - old) * rates[0]
        if was and now:
            # To the last digit that the whole has.
            more = Decimal(now.size) - Decimal(was.size)
            by_size = (old * rates[0] * more / Decimal(was.size)).quantize(unit) if more else Decimal(0)
        parts = {
            "DifferenceBase": whole,
            "BySize": by_size,
            "ByPrice": whole - by_currency - by_size,
            "ByCurrency": by_currency,
        }
        return {name: f"#{_plain(part.quantize(unit))}" for name, part in parts.items()}


def _values(before: Snapshot, after: Snapshot) -> list[dict[str, Any]]:
    old, new = _texts(before), _texts(after)
    rows = []
    for key in {**old, **new}:
        was, now = old.get(key), new.get(key)
        numbers = [_number(side and side[1]) for side in (was, now)]
        if was and now and (was[0] == now[0] or (numbers[0] is not None and numbers[0] == numbers[1])):
            continue
        model, name = key
        rows.append(
            {
                "Kind": "value",
                "Change": "appeared" if was is None else "gone" if now is None else "changed",
                "Tag": name.tag,
                "Segment": name.segment or None,
                "Currency": name.currency or None,
                "ModelCode": model,
                "Before": was and numeral(was[1]),
                "After": now and numeral(now[1]),
                "Difference": None if None in numbers else numeral(_plain(_EXACT.subtract(numbers[1], numbers[0]))),
                "TextBefore": was[0] if was and was[1] is None else None,
                "TextAfter": now[0] if now and now[1] is None else None,
            }
        )
    return rows


def _texts(snapshot: Snapshot) -> dict[Any, tuple[str, str | None]]:
    """Every value that is not cash: its text, and its number where it is one."""
    found = {}
    for model, part in {None: snapshot.download.whole, **snapshot.download.models}.items():
        for name, text in part.values.items():
            amount = figure(text)
            if model is not None or name.tag in ATTRIBUTE_TAGS:
                amount = text if is_canonical(text) else None
            if model is not None or not _is_cash(name) or amount is None:
                found[model, name] = (text, amount)
    return found
