"""The first collector: balances and positions of every account that a gateway lists, asked for account by account.

In: a connection, and the queue that the schedule, requests and the gateway itself add to. Out: recorded walks, one
after the other. What is listed and to be tried again outlasts a connection.
"""

from ibconnect.gateway.collectors.accounts.conclusion import Patience
from ibconnect.gateway.collectors.accounts.messages import STEERING
from ibconnect.gateway.collectors.accounts.received import Received
from ibconnect.gateway.collectors.accounts.refreshing import Refreshing
from ibconnect.gateway.collectors.accounts.retries import Retries
from ibconnect.gateway.collectors.accounts.roster import Roster
from ibconnect.gateway.collectors.accounts.unfinished import Unfinished
from ibconnect.gateway.collectors.collector import Collector, Home, Note
from ibconnect.gateway.connection import Connection


class Accounts(Collector):
    """See the module. It asks when the queue says so, and its messages go out before those of all others."""

    name = "accounts"
    messages = STEERING

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self._patience = Patience(home.config.download_timeout, home.config.quiet_time)
        self._retries = Retries()
        self._roster = Roster()
        self._unfinished = Unfinished()

    async def run(self, connection: Connection, note: Note) -> None:
        """Walk whenever a refresh is wanted; see :class:`Collector`. What becomes of a walk is in its events."""
        received = Received()
        with connection.hearing(received.take), connection.watching(received.on_message):
            refreshing = Refreshing(
                connection,
                received,
                patience=self._patience,
                queue=self.home.queue,
                retries=self._retries,
                roster=self._roster,
                coordination=self.home.coordination,
                unfinished=self._unfinished,
                config=self.home.config,
            )
            await refreshing.run()
