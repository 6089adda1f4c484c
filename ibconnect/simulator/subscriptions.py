"""Rules across clients: who holds the one account subscription, who may have how many summaries.

In: requests that a part of the gateway has parsed. Out: feeds on connections, or a :class:`Refusal`. IB's rules:
one account at a time over all clients of a gateway (2101), two account summaries a client (322).
"""

from collections.abc import Callable, Iterable

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.options import Options
from ibconnect.simulator.source import Feed, Refusal, Source, no_such_account
from ibconnect.simulator.wire.frames import Fields
from ibconnect.simulator.wire.messages import error

ACCOUNT = ("account", 0)
"""The key of a connection's account subscription among its feeds."""

SUMMARY = "summary"
"""The kind of an account summary among a connection's feeds."""

MAX_SUMMARIES = 2


class Subscriptions:
    """The subscriptions of all connections of one gateway."""

    def __init__(self, source: Source, options: Options) -> None:
        self.source = source
        self.options = options
        self.holders: dict[Connection, str] = {}
        """Connection → the account that its reqAccountUpdates names."""
        self.outside_holder: tuple[int, str] | None = None
        """Client id and account of a subscription held by somebody who is not here (a fault)."""

    def subscribe_account(self, connection: Connection, account: str, open_feed: Callable[[str], Feed]) -> None:
        """reqAccountUpdates(True): the download goes out, its updates follow; or 321 or 2101."""
        code = account or self._only_account()
        if not self.source.subscribable(code):
            raise no_such_account(code)
        blockers = self._holders_of_others(connection, code)
        if blockers:
            self._refuse_account(connection, code, blockers)
            return
        if self.options.replace_notice and self.holders.get(connection, code) != code:
            connection.send((_REPLACED,))
        self.holders[connection] = code
        self.open(connection, ACCOUNT, open_feed(code))

    def unsubscribe_account(self, connection: Connection) -> None:
        """reqAccountUpdates(False): no answer, as no answer is documented."""
        self.holders.pop(connection, None)
        connection.feeds.pop(ACCOUNT, None)

    def subscribe_summary(self, connection: Connection, request_id: int, open_feed: Callable[[], Feed]) -> None:
        """reqAccountSummary: all rows, then the end; 322 for a third one."""
        key = (SUMMARY, request_id)
        held = sum(kind == SUMMARY for kind, _ in connection.feeds)
        if key not in connection.feeds and held >= MAX_SUMMARIES:
            raise Refusal(
                322,
                "Error processing request.-'bR' : cause - Maximum number of account summary requests"
                " exceeded; desubscribe to previous request first",
            )
        self.open(connection, key, open_feed())

    def open(self, connection: Connection, key: tuple[str, int], feed: Feed) -> None:
        """Answer a request with a feed's first messages and keep it for its news."""
        connection.feeds[key] = feed
        connection.send(feed.first())

    def forget(self, connection: Connection) -> None:
        """The client is gone, and what it held with it."""
        self.holders.pop(connection, None)
        connection.feeds.clear()

    def forget_accounts(self) -> None:
        """Account subscriptions are lost while the clients stay (notice 1101)."""
        for connection in list(self.holders):
            self.unsubscribe_account(connection)

    def _only_account(self) -> str:
        codes = self.source.codes()
        return codes[0] if len(codes) == 1 else ""

    def _holders_of_others(self, connection: Connection, code: str) -> list[int]:
        others: Iterable[tuple[int, str]] = [
            (other.client_id if other.client_id is not None else -1, held)
            for other, held in self.holders.items()
            if other is not connection
        ]
        outside = [self.outside_holder] if self.outside_holder else []
        return sorted(client for client, held in [*others, *outside] if held != code)

    def _refuse_account(self, connection: Connection, code: str, blockers: list[int]) -> None:
        connection.send_error(
            -1,
            2101,
            "Unable subscribe to account as the following clients are subscribed to a different account."
            f"{{{','.join(map(str, blockers))}}}",
        )
        if self.options.end_after_refusal:
            connection.send((("54", "1", code),))


_REPLACED: Fields = error(
    -1,
    2100,
    "New account data requested from TWS.  API client has been unsubscribed from account data.",
)
