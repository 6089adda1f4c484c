"""What the messages of one download say: account values, positions, models, the notices that came meanwhile."""

import re
from decimal import Decimal
from typing import NamedTuple

from ibconnect.tags import ATTRIBUTE_TAGS, LEDGER_TAGS, SEGMENT_TAGS, UNSET_TEXTS
from ibconnect.texts import readable
from tests.last_values import Name, Sent, base_of, last_values
from tests.witness.events import Event

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_NEGATIVE_ZERO = re.compile(r"-0(\.0+)?", re.ASCII)
RATIOS = ("Cushion", "LookAheadNextChange")
SIZE, PRICE, VALUE, COST, UNREALIZED, REALIZED = range(6)


def is_unset(text: str) -> bool:
    """Whether IB says by it that there is no value."""
    return text == "" or text in UNSET_TEXTS


def number(text: str) -> str | None:
    """The digits of a number as the tables keep them; None of a text that is none, or stands for none."""
    if text in UNSET_TEXTS or not _DECIMAL.fullmatch(text):
        return None
    plain = f"{Decimal(text):f}"
    return plain[1:] if _NEGATIVE_ZERO.fullmatch(plain) else plain


def figure(text: str) -> str | None:
    """The digits of an account value as they are shown: the sign of a zero is kept."""
    return text if _NEGATIVE_ZERO.fullmatch(text) else number(text)


def is_figure(name: Name, base: str) -> bool:
    """Whether a value has a column of numbers."""
    if name.tag in ATTRIBUTE_TAGS:
        return False
    if name.is_ledger:
        return name.tag in LEDGER_TAGS and name.currency != ""
    if name.tag in SEGMENT_TAGS:
        return name.currency == base != ""
    return name.tag in RATIOS and not name.segment and name.currency == ""


class Contract(NamedTuple):
    """What message 7 says of a contract, in the order of the wire."""

    con_id: str
    symbol: str
    sec_type: str
    expiry: str
    strike: str
    right: str
    multiplier: str
    exchange: str
    currency: str
    local_symbol: str
    trading_class: str


class Held(NamedTuple):
    """A position: its contract; size, price, value, average cost, unrealized and realized profit, as sent."""

    contract: Contract
    texts: tuple[str, ...]

    @property
    def numbers(self) -> list[str | None]:
        """As the tables keep them."""
        return [number(text) for text in self.texts]

    @property
    def is_open(self) -> bool:
        """Whether something is held, or how much is not known."""
        size = self.numbers[SIZE]
        return size is None or Decimal(size) != 0

    @property
    def has_price(self) -> bool:
        """-1 at a value of 0 is none."""
        price, value = self.numbers[PRICE], self.numbers[VALUE]
        is_worthless = value is not None and Decimal(value) == 0
        return price is not None and not (Decimal(price) == -1 and is_worthless)


class Part(NamedTuple):
    """The values and positions of an account, or of a model in it."""

    sent: list[Sent]
    held: list[Held]

    @property
    def base(self) -> str:
        """The base currency."""
        return base_of(self.sent)

    @property
    def values(self) -> dict[Name, str]:
        """The last text of each key."""
        return last_values(self.sent)


class Download(NamedTuple):
    """All of one; ``time``: IB's own; ``interruption``: whether a notice says that the feed was lost meanwhile."""

    whole: Part
    models: dict[str, Part]
    time: str
    interruption: bool

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing at all."""
        return not (self.whole.sent or self.whole.held or self.models)


def download_of(events: list[Event], account: str, requests: tuple[str, str] | None) -> Download:
    """What the messages say of an account; ``requests``: of values and of positions, if it was asked for by those."""
    parts: dict[str, tuple[list[Sent], dict]] = {"": ([], {})}
    time, lost, first_row = "", False, False
    for event in events:
        fields = [readable(field) for field in event.fields]
        if not fields:
            # What other collectors ask meanwhile is no message.
            continue
        kind = fields[0]
        first_row |= event.topic in ("v", "p")
        if kind == "8" and event.topic == "t":
            time = fields[2]
        elif kind == "4":
            lost |= fields[3] in ("1100", "2110") or (fields[3] == "2100" and first_row and requests is None)
        elif requests is None:
            _add_update(parts[""], event.topic, fields, account)
        else:
            _add_answer(parts, fields, account, requests)
    found = {model: Part(sent, list(held.values())) for model, (sent, held) in parts.items()}
    return Download(found.pop(""), found, time, lost)


def _add_update(part: tuple[list[Sent], dict], topic: str, fields: list[str], account: str) -> None:
    if topic == "v" and fields[5] == account:
        part[0].append((fields[2], fields[3], fields[4]))
    elif topic == "p" and fields[19] == account:
        _hold(part[1], Contract(*fields[2:13]), tuple(fields[13:19]))


def _add_answer(parts: dict, fields: list[str], account: str, requests: tuple[str, str]) -> None:
    """Messages 73 and 71, which say what was asked, and of which model."""
    if fields[0] == "73" and len(fields) == 8 and (fields[2], fields[3]) == (requests[0], account):
        parts.setdefault(fields[4], ([], {}))[0].append((fields[5], fields[6], fields[7]))
    elif fields[0] == "71" and len(fields) == 18 and (fields[2], fields[3]) == (requests[1], account):
        size, cost, model = fields[15:18]
        _hold(parts.setdefault(model, ([], {}))[1], Contract(*fields[4:15]), (size, "", "", cost, "", ""))


def _hold(held: dict, contract: Contract, texts: tuple[str, ...]) -> None:
    """The last that is said of a contract; those without an id of their own are told apart by all that is said."""
    held[contract.con_id if contract.con_id not in ("", "0") else contract] = Held(contract, texts)
