"""The one account subscription of a connection, and how the next account comes to have it: by one request or by two.

In: the accounts that are asked for, one after the other, and what came of each. Out: requests. Kept by the walk.

IB's documentation says that a second subscription of the same client replaces the first, silently or with notice 2100.
So one request is enough for an account, and a thousand accounts take half as long. Where a gateway does otherwise (it
refuses with 2101, says twice by 2100 that it was replaced, or sends nothing before this has ever worked), each account
is unsubscribed before the next one is subscribed, for as long as the connection lasts.
"""

from ibconnect.gateway.collectors.accounts.conclusion import Conclusion, is_held_elsewhere
from ibconnect.gateway.connection import Connection
from ibconnect.observe import Kind, observe


class Subscription:
    """Of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._account: str | None = None
        self._is_replaceable = True
        self._has_worked = self._is_held = False
        self.has_replaced = False
        """Whether the account that has it now has taken the place of another one by its own request."""

    def pass_to(self, account: str) -> None:
        """Make way for an account, which is then to be subscribed.

        The same account anew is always unsubscribed first: what is subscribed already may not be sent again.
        """
        before, self._account = self._account, account
        self.has_replaced = self._is_replaceable and self._is_held and before != account
        if before is not None and not self.has_replaced and not self._connection.lost.done():
            self._connection.transport.reqAccountUpdates(False, before)

    def note(self, conclusion: Conclusion) -> bool:
        """What came of it: whether the account is to be subscribed once more, after unsubscribing it."""
        self._is_held = conclusion.is_whole or conclusion.has_rows
        if not self.has_replaced:
            return False
        if conclusion.is_whole:
            self._has_worked = True
            return False
        is_held = is_held_elsewhere(conclusion)
        if is_held or not (conclusion.has_rows or self._has_worked):
            self._is_replaceable = False
            observe(Kind.SUBSCRIPTION_NOT_REPLACED, gateway=str(self._connection.address))
        return is_held
