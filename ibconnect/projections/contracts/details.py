"""What IB says of a contract, as a row of the tables.

In: a message 10 or 18. Out: a :class:`Detail`: texts as sent, numbers where a text is one. Called by :mod:`fold`.
"""

from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from ibconnect.projections.contracts.layout import FUND, values_of
from ibconnect.texts import readable
from ibconnect.wire_numbers import number_of

_LARGEST_ID = 2**63 - 1
# Change by themselves from day to day: IB names the sessions of the days ahead.
PASSING = ("trading_hours", "liquid_hours")
NUMBERS = ("strike", "multiplier", "min_tick", "coupon", "min_size", "size_increment", "suggested_size_increment")
"""What is a number, too, where its text is one."""
TEXTS = (
    *("symbol", "security_type", "expiry", "last_trade_date", "strike", "option_right", "exchange", "currency"),
    *("local_symbol", "market_name", "trading_class", "min_tick", "multiplier", "order_types", "valid_exchanges"),
    *("price_magnifier", "under_contract_id", "long_name", "primary_exchange", "contract_month", "industry"),
    *("category", "subcategory", "time_zone", "ev_rule", "ev_multiplier", "agg_group", "under_symbol"),
    *("under_security_type", "market_rule_ids", "real_expiration_date", "stock_type", "min_size", "size_increment"),
    *("suggested_size_increment", "cusip", "coupon", "issue_date", "ratings", "bond_type", "coupon_type"),
    *("convertible", "callable", "putable", "description", "next_option_date", "next_option_type"),
    *("next_option_partial", "notes"),
)
"""The columns of texts but for hours; null: the message has no such field, or an empty one."""


class Detail(NamedTuple):
    """A contract's id, a digest of what is said of it but for hours, and the cells of its row by column."""

    contract_id: int
    digest: bytes
    cells: dict[str, Any]


def detail_of(fields: list[str], server_version: int) -> Detail:
    """What a message says.

    :raises ValueError: it does not have its layout, or the contract has no id
    """
    texts, pairs = values_of(fields, server_version)
    contract_id = _id_of(texts["contract_id"])
    cells: dict[str, Any] = {name: texts.get(name) or None for name in (*TEXTS, *PASSING)}
    # IB's client resolves escapes of this one alone.
    cells["long_name"] = readable(texts.get("long_name", "")) or None
    ids = pairs.get("security_ids", ())
    named = dict(ids)
    cells["isin"] = named.get("ISIN") or None
    cells["cusip"] = cells["cusip"] or named.get("CUSIP") or None
    cells["security_ids"] = _json([list(pair) for pair in ids])
    cells["ineligibility"] = _json([list(pair) for pair in pairs.get("ineligibility", ())])
    cells["fund"] = _json({name: texts[name] for name in FUND if texts.get(name)})
    said = [cells[name] for name in sorted(cells) if name not in PASSING]
    cells |= {f"{name}_number": number_of(texts.get(name, "")) for name in NUMBERS}
    return Detail(contract_id, blake2b(orjson.dumps(said), digest_size=16).digest(), cells)


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None


def _id_of(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) <= _LARGEST_ID):
        raise ValueError(f"{text[:30]!r} is no id of a contract")
    return int(text)
