"""The collectors of every gateway: an import and a line each.

In: the classes of the collectors. Out: the one list that everything general goes by. The first is the one that a
connection is of no use without."""

from collections.abc import Sequence

from ibconnect.collected import Collected
from ibconnect.errors import ConfigError
from ibconnect.gateway.collectors.accounts.collector import Accounts
from ibconnect.gateway.collectors.collector import Collector
from ibconnect.gateway.collectors.contracts import Contracts
from ibconnect.gateway.collectors.directory import Directory
from ibconnect.gateway.collectors.executions import Executions
from ibconnect.gateway.collectors.orders import Orders
from ibconnect.gateway.collectors.pnl.collector import Pnl

COLLECTORS: tuple[type[Collector], ...] = (
    # In the order in which they are begun.
    Accounts,
    Executions,
    Orders,
    Pnl,
    Contracts,
    Directory,
)


def chosen(collect: Collected) -> Sequence[type[Collector]]:
    """Those that ``COLLECT`` asks for; the first always is.

    :raises ConfigError: it names one that there is not
    """
    first, *others = COLLECTORS
    names = [each.name for each in COLLECTORS]
    if unknown := sorted(collect.named.difference(names)):
        raise ConfigError(f"COLLECT={str(collect)!r} is wrong: nothing is called {unknown[0]}; use {', '.join(names)}")
    return [first, *(each for each in others if each.name in collect)]
