"""Which contracts the accounts of a connection hold, as far as their downloads have said.

In: payloads of positions (messages 7 and 71), as they arrive. Out: accounts and contracts. Kept by :mod:`collector`,
where profit and loss is asked for each position.
"""

from collections.abc import Sequence

from ibconnect.events.layouts import account_field
from ibconnect.texts import decoded

MOST = 10_000
"""How many are known of one gateway, at most: at two requests each, all take a quarter of an hour."""

_STARTS = (b"7\0", b"71\0")
# Of each message: which fields hold account, contract and size; and the model, which is empty for the account itself.
_PLACES = {"7": (account_field("7"), 2, 13, None), "71": (account_field("71"), 4, 15, 17)}
_LONGEST_ID = 16


class Holdings:
    """Of one connection. A contract that was closed is asked for once more: what it brought that day."""

    def __init__(self) -> None:
        self._is_open: dict[tuple[str, int], bool] = {}

    def hear(self, payloads: Sequence[bytes], _read_at: float, _arrived: int) -> None:
        """Account data has come."""
        for payload in payloads:
            if payload.startswith(_STARTS):
                self._take(decoded(payload).split("\0")[:-1])

    def _take(self, fields: list[str]) -> None:
        account, contract, size, model = _PLACES[fields[0]]
        if len(fields) <= max(account, size, model or 0) or (model is not None and fields[model]):
            return
        text = fields[contract]
        if not (text.isascii() and text.isdigit() and len(text) < _LONGEST_ID and int(text)):
            # A combination, or no contract at all: there is nothing to ask for.
            return
        key = fields[account], int(text)
        if key in self._is_open or len(self._is_open) < MOST:
            self._is_open[key] = bool(fields[size].strip("-0."))

    def take(self) -> list[tuple[str, int]]:
        """What is held, and what was closed since the last call: account and contract."""
        found = list(self._is_open)
        self._is_open = {key: True for key, is_open in self._is_open.items() if is_open}
        return found
