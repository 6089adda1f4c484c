"""Where everything stands in the messages that describe contracts: 10 (contractDetails), 18 (bondContractDetails).

In: the fields of a message and the server version. Out: its values by name, as sent. Called by :mod:`details`. Layouts
of server versions 157 to 200, as IB's own client reads them (ibapi, decoder.py); before 164 a message has a version.
A field more than is known at the end is a newer gateway's, and is left alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

CONTRACT, BOND = "10", "18"

_LAST = 1_000_000
_MOST_PAIRS = 1_000


@dataclass(frozen=True, slots=True)
class _Field:
    """A field: its name (empty: nothing that is kept), and the server versions that have it, the last one excluded.

    ``version``: before server version 164, the least version of the message that has it.
    """

    name: str = ""
    since: int = 0
    until: int = _LAST
    version: int = 0


@dataclass(frozen=True, slots=True)
class _Pairs:
    """A count and so many pairs of texts."""

    name: str
    since: int = 0
    version: int = 0
    until: int = _LAST


_Entry = _Field | _Pairs


class Values(NamedTuple):
    """What a message says: texts by name, and lists of pairs by name."""

    texts: Mapping[str, str]
    pairs: Mapping[str, Sequence[tuple[str, str]]]


_SIZES = tuple(_Field(name, 164) for name in ("min_size", "size_increment", "suggested_size_increment"))
_SIZE_MULTIPLIER = _Field(until=164)

FUND = (
    "fund_name",
    "fund_family",
    "fund_type",
    "fund_front_load",
    "fund_back_load",
    "fund_back_load_time_interval",
    "fund_management_fee",
    "fund_closed",
    "fund_closed_for_new_investors",
    "fund_closed_for_new_money",
    "fund_notify_amount",
    "fund_minimum_initial_purchase",
    "fund_subsequent_minimum_purchase",
    "fund_blue_sky_states",
    "fund_blue_sky_territories",
    "fund_distribution_policy_indicator",
    "fund_asset_type",
)
"""What only funds have, from 179 on."""

_CONTRACT: Sequence[_Entry] = (
    *(_Field(name) for name in ("symbol", "security_type", "expiry")),
    _Field("last_trade_date", 182),
    *(_Field(name) for name in ("strike", "option_right", "exchange", "currency", "local_symbol")),
    *(_Field(name) for name in ("market_name", "trading_class", "contract_id", "min_tick")),
    _SIZE_MULTIPLIER,
    *(_Field(name) for name in ("multiplier", "order_types", "valid_exchanges", "price_magnifier")),
    _Field("under_contract_id", version=4),
    *(_Field(name, version=5) for name in ("long_name", "primary_exchange")),
    *(_Field(name, version=6) for name in ("contract_month", "industry", "category", "subcategory")),
    *(_Field(name, version=6) for name in ("time_zone", "trading_hours", "liquid_hours")),
    *(_Field(name, version=8) for name in ("ev_rule", "ev_multiplier")),
    _Pairs("security_ids", version=7),
    *(_Field(name) for name in ("agg_group", "under_symbol", "under_security_type", "market_rule_ids")),
    *(_Field(name) for name in ("real_expiration_date", "stock_type")),
    _Field(since=163, until=164),
    *_SIZES,
)
_INELIGIBILITY = _Pairs("ineligibility", 186)

_BOND: Sequence[_Entry] = (
    *(_Field(name) for name in ("symbol", "security_type", "cusip", "coupon", "expiry", "issue_date", "ratings")),
    *(_Field(name) for name in ("bond_type", "coupon_type", "convertible", "callable", "putable", "description")),
    *(_Field(name) for name in ("exchange", "currency", "market_name", "trading_class", "contract_id", "min_tick")),
    _SIZE_MULTIPLIER,
    *(_Field(name) for name in ("order_types", "valid_exchanges", "next_option_date", "next_option_type")),
    *(_Field(name) for name in ("next_option_partial", "notes")),
    _Field("long_name", version=4),
    *(_Field(name, 188) for name in ("time_zone", "trading_hours", "liquid_hours")),
    *(_Field(name, version=6) for name in ("ev_rule", "ev_multiplier")),
    _Pairs("security_ids", version=5),
    *(_Field(name) for name in ("agg_group", "market_rule_ids")),
    *_SIZES,
)


class _Walk:
    """The fields of a message, one after the other."""

    def __init__(self, fields: Sequence[str], server_version: int) -> None:
        self._rest: Iterator[str] = iter(fields[1:])
        self._server_version = server_version
        self.texts: dict[str, str] = {}
        self.pairs: dict[str, list[tuple[str, str]]] = {}
        self._version = _LAST if server_version >= 164 else self._count("its version")

    def take(self) -> str:
        """The next field.

        :raises ValueError: there is none
        """
        try:
            return next(self._rest)
        except StopIteration:
            raise ValueError(f"the message is too short for server version {self._server_version}") from None

    def along(self, layout: Sequence[_Entry]) -> None:
        """Read what this layout has.

        :raises ValueError: there is less, or a count is none
        """
        for entry in layout:
            if not entry.since <= self._server_version < entry.until or self._version < entry.version:
                continue
            if isinstance(entry, _Pairs):
                count = self._count(entry.name)
                self.pairs[entry.name] = [(self.take(), self.take()) for _ in range(count)]
            else:
                text = self.take()
                if entry.name:
                    self.texts[entry.name] = text

    def _count(self, what: str) -> int:
        text = self.take()
        if text == "":
            return 0
        if not (text.isascii() and text.isdigit() and int(text[:9]) <= _MOST_PAIRS):
            raise ValueError(f"{what}: {text[:20]!r} is no count")
        return int(text)


def values_of(fields: Sequence[str], server_version: int) -> Values:
    """What a message 10 or 18 says.

    :raises ValueError: it does not have the layout of this server version
    """
    walk = _Walk(fields, server_version)
    walk.take()  # The number of the request.
    _WALKS[fields[0]](walk, server_version)
    return Values(walk.texts, walk.pairs)


def _contract(walk: _Walk, server_version: int) -> None:
    walk.along(_CONTRACT)
    if server_version >= 179 and walk.texts["security_type"] == "FUND":
        walk.along([_Field(name) for name in FUND])
    walk.along([_INELIGIBILITY])


def _bond(walk: _Walk, _server_version: int) -> None:
    walk.along(_BOND)


_WALKS: Mapping[str, Callable[[_Walk, int], None]] = {CONTRACT: _contract, BOND: _bond}
