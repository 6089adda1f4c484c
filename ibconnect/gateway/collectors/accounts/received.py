"""What has arrived of the accounts that somebody waits for: which keys, which contracts, which ends.

In: the payloads of messages 6, 7 and 54 as they come, many at a time. Out: an :class:`Arrivals` for each watched
account, which says whether a download holds what it must, and when something new came last. Only what kind of thing
has come is kept, no figures. Called by the connection, which feeds it, and by downloads, which ask.

A flood must cost next to nothing here: payloads are only kept, and looked through when somebody asks. What is kept is
bounded whatever a gateway sends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ibconnect.events.layouts import account_field
from ibconnect.gateway.collectors.accounts.messages import DOWNLOAD_END
from ibconnect.tags import UNSET_TEXTS, says_not_ready

_IDENTITY, _NET_LIQUIDATION = b"AccountCode\0", b"NetLiquidation\0"
_READY = b"accountready"
_UNSET = frozenset(text.encode() for text in UNSET_TEXTS) | {b""}
SHARED_IDS = frozenset((b"", b"0"))
"""Contract ids that several contracts may have, combinations for example."""

_ZERO = frozenset((b"0", b"0.0", b"0.00", b"-0", b"-0.0", b"-0.00"))
_NO_PRICE = frozenset((b"-1", b"-1.0", b"-1.00"))
# Where a field stands in messages 6 and 7, id first (IB's documentation, updateAccountValue, updatePortfolio).
_VALUE_FIELDS, _KEY, _VALUE, _CURRENCY, _VALUE_ACCOUNT = 6, 2, 3, 4, account_field("6")
_POSITION_FIELDS, _CONTRACT, _SIZE, _PRICE, _WORTH, _POSITION_ACCOUNT = 20, slice(2, 13), 13, 14, 15, account_field("7")
# Payloads that may wait to be looked through.
_PENDING = 20_000
# What no account has: keys with their currencies, contracts; messages of one download. A snapshot is made of no more.
_MOST_KEYS, _MOST_CONTRACTS, _MOST_MESSAGES = 10_000, 50_000, 250_000
# Accounts of which the end of a download may be owed.
_MOST_OWED = 10_000


@dataclass(slots=True)
class Arrivals:
    """What has come of one account since it is watched. Times are the event loop's, ``last`` microseconds, UTC."""

    keys: dict[bytes, bool] = field(default_factory=dict)
    """Key and currency → whether the newest value of it is one."""
    contracts: dict[bytes, tuple[bytes, bool]] = field(default_factory=dict)
    """Contract → its size, and whether its price is known."""
    ends: int = 0
    is_not_ready: bool = False
    new_at: float | None = None
    """When something came that had not come before: a key, a contract, a figure in the place of none."""
    last: int | None = None
    since: int = 0
    """The version, in the stream of events, of the one that the download began with."""
    messages: int = 0

    @property
    def is_flood(self) -> bool:
        """Whether more has come than any account has: the rest is recorded, and not looked at."""
        is_too_much = len(self.keys) > _MOST_KEYS or len(self.contracts) > _MOST_CONTRACTS
        return is_too_much or self.messages > _MOST_MESSAGES

    @property
    def has_rows(self) -> bool:
        """Whether anything at all has come but an end."""
        return bool(self.keys or self.contracts)

    @property
    def lacks(self) -> str:
        """What every download holds and this one does not; empty if it has all of it."""
        identity = any(key.startswith(_IDENTITY) for key in self.keys)
        value = any(is_set and key.startswith(_NET_LIQUIDATION) for key, is_set in self.keys.items())
        return " and ".join(name for name, has in (("AccountCode", identity), ("NetLiquidation", value)) if not has)

    @property
    def prices(self) -> list[bool]:
        """For each open position whether its price is known."""
        return [is_known for size, is_known in self.contracts.values() if size not in _ZERO]

    @property
    def has_no_price(self) -> bool:
        """Whether there are open positions and none of them has a price, as after a restart of the gateway."""
        return bool(self.prices) and not any(self.prices)

    def add_value(self, key: bytes, value: bytes, currency: bytes, at: float) -> None:
        """An account value has come."""
        name, is_set = key + b"\0" + currency, value not in _UNSET
        if name not in self.keys or (is_set and not self.keys[name]):
            self.new_at = at
        self.keys[name] = is_set
        if _READY in key.lower() and says_not_ready(key.decode(errors="replace"), value.decode(errors="replace")):
            self.is_not_ready = True

    def add_position(self, contract: Sequence[bytes], size: bytes, price: bytes, worth: bytes, at: float) -> None:
        """A position has come. A price of -1 at a value of 0 is IB's word for none."""
        name, is_known = contract_key(contract), price not in _UNSET and not (price in _NO_PRICE and worth in _ZERO)
        known = self.contracts.get(name)
        if known is None or (is_known and not known[1]):
            self.new_at = at
        self.contracts[name] = size, is_known


def contract_key(contract: Sequence[bytes]) -> bytes:
    """What tells a contract from others: its id, or all that is said of it where the id is shared or missing."""
    return contract[0] if contract[0] not in SHARED_IDS else b"\0".join(contract)


class Received:
    """The watched accounts of one connection."""

    def __init__(self) -> None:
        self._watched: dict[bytes, Arrivals] = {}
        self._pending: list[tuple[float, int, Sequence[bytes]]] = []
        self._waiting = 0
        self._is_owed: set[str] = set()

    def watch(self, account: str) -> Arrivals:
        """Begin to take note of an account, from nothing."""
        self.settle()
        arrivals = self._watched[account.encode()] = Arrivals()
        return arrivals

    def forget(self, arrivals: Arrivals) -> None:
        """Take no more note of it."""
        self._watched = {code: known for code, known in self._watched.items() if known is not arrivals}
        if not self._watched:
            self._pending.clear()
            self._waiting = 0

    def take(self, payloads: Sequence[bytes], at: float, arrived: int) -> None:
        """Messages 6 and 7 have come."""
        if not self._watched:
            return
        self._pending.append((at, arrived, payloads))
        self._waiting += len(payloads)
        if self._waiting > _PENDING:
            self.settle()

    def settle(self) -> int:
        """Look through what has come; return how many messages that was."""
        pending, waiting = self._pending, self._waiting
        self._pending, self._waiting = [], 0
        for at, arrived, payloads in pending:
            for payload in payloads:
                self._add(payload.split(b"\0"), at, arrived)
        return waiting

    def _add(self, fields: list[bytes], at: float, arrived: int) -> None:
        if fields[0] == b"6" and len(fields) > _VALUE_FIELDS:
            arrivals = self._watched.get(fields[_VALUE_ACCOUNT])
            if arrivals is not None and not arrivals.is_flood:
                arrivals.last, arrivals.messages = arrived, arrivals.messages + 1
                arrivals.add_value(fields[_KEY], fields[_VALUE], fields[_CURRENCY], at)
        elif fields[0] == b"7" and len(fields) > _POSITION_FIELDS:
            arrivals = self._watched.get(fields[_POSITION_ACCOUNT])
            if arrivals is not None and not arrivals.is_flood:
                arrivals.last, arrivals.messages = arrived, arrivals.messages + 1
                arrivals.add_position(fields[_CONTRACT], fields[_SIZE], fields[_PRICE], fields[_WORTH], at)

    def on_message(self, number: int, fields: list[str]) -> None:
        """A steering message has come."""
        if number == DOWNLOAD_END:
            self.end(fields[2])

    def end(self, account: str) -> None:
        """The end of a download of an account has come: of the one before, if that had none."""
        self.settle()
        if account in self._is_owed:
            self._is_owed.discard(account)
        elif (arrivals := self._watched.get(account.encode())) is not None:
            arrivals.ends += 1

    def owe_end(self, account: str) -> None:
        """A download of this account was given up: should its end still come, it ends no other."""
        if len(self._is_owed) < _MOST_OWED:
            self._is_owed.add(account)

    def owes_end(self, account: str) -> bool:
        """Whether the end of a download that was given up has not come yet."""
        return account in self._is_owed
