"""The collectors of every gateway: an import and a line each.

In: the classes of the collectors. Out: the one list that everything general goes by. The first is the one that a
connection is of no use without."""

from ibconnect.gateway.collectors.accounts.collector import Accounts
from ibconnect.gateway.collectors.collector import Collector

COLLECTORS: tuple[type[Collector], ...] = (
    # In the order in which they are begun.
    Accounts,
)
