"""How much a gateway may send: bytes, events and accounts a second, over a minute; what is beyond it is a flood.

In: what each turn of reading brought. Out: why the connection has to end, if so. One for each gateway, which outlasts
its connections: a gateway that connects again has no more than it had. Pure, so every function is given the time (of
one clock, in seconds).

The bounds lie far above what any gateway sends: a thousand accounts that are downloaded one after the other, several
times in a minute, stay below.
"""

from dataclasses import dataclass, field
from itertools import islice

from ibconnect.codes import MOST_LISTED

OVER_S = 60.0
"""What was not used for so long may be used at once."""

# A list of accounts costs all that follow as much as this: by itself, and for so many of its codes.
_LISTS_A_SECOND, _CODES_FOR_ONE = 200, 100
# Accounts that were not listed lately: those of the longest list at once, then one now and then. Each stays for ever.
_NEW_AT_ONCE, _NEW_A_SECOND = MOST_LISTED + 2000, 1


@dataclass(slots=True)
class _Bucket:
    """``left`` of what may be used, ``most`` at the most; it fills up by ``rate`` a second."""

    rate: float
    most: float
    left: float = field(init=False)
    filled_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.left = self.most

    def use(self, amount: float, now: float) -> bool:
        """Whether so much may be used; it counts as used in any case."""
        waited = min(now - self.filled_at, self.most / self.rate)
        self.left, self.filled_at = min(self.most, self.left + waited * self.rate) - amount, now
        if self.left >= 0:
            return True
        # No debts: whoever waits for as long as it takes to fill up begins anew.
        self.left = 0.0
        return False


class Allowance:
    """Of one gateway.

    :param bytes_a_second: what it may send, frames and their lengths
    :param events_a_second: what that, and what we do because of it, may become
    """

    def __init__(self, bytes_a_second: int, events_a_second: int) -> None:
        self._bytes, self._events, self._lists = (
            _Bucket(rate, rate * OVER_S) for rate in (bytes_a_second, events_a_second, _LISTS_A_SECOND)
        )
        self._new = _Bucket(_NEW_A_SECOND, _NEW_AT_ONCE)
        self._known: dict[str, None] = {}

    def use(self, size: int, events: int, now: float) -> str:
        """Bytes have come and events were made of them: why that is too much; empty if it is not."""
        # Both, whatever one of them says.
        is_small, are_few = self._bytes.use(size, now), self._events.use(events, now)
        if not is_small:
            return _too_much(self._bytes, "bytes", ", which GATEWAY_MAX_BYTES allows")
        return "" if are_few else _too_much(self._events, "events", ", which GATEWAY_MAX_EVENTS allows")

    def list(self, codes: list[str], superseded: int, now: float, lists: int = 1) -> str:
        """Lists of accounts have come: why that is too much; empty if it is not.

        :param codes: the newest one
        :param superseded: the items of those before it that nobody has looked through
        :param lists: how many have come
        """
        new = len(codes) - sum(code in self._known for code in codes)
        self._known |= dict.fromkeys(codes)
        if (oldest := len(self._known) - 2 * MOST_LISTED) > 0:
            for code in list(islice(self._known, oldest)):
                del self._known[code]
        are_few = self._lists.use(lists * (1 + len(codes) / _CODES_FOR_ONE), now)
        if not self._new.use(new + superseded, now):
            return f"it listed more than {_NEW_AT_ONCE} new accounts, and {_NEW_A_SECOND} more a second"
        return "" if are_few else _too_much(self._lists, "lists of accounts", "")


def _too_much(bucket: _Bucket, what: str, why: str) -> str:
    return f"it sent more than {bucket.rate:.0f} {what} a second over {OVER_S:.0f} s{why}"
