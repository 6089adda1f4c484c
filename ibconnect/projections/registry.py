"""The reports, one line each: who adds one adds an import and an entry, and nothing else in this room.

Called by :mod:`upkeep`, which everybody else calls.
"""

from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.contracts.projection import CONTRACTS
from ibconnect.projections.directory.projection import DIRECTORY
from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.executions.projection import EXECUTIONS
from ibconnect.projections.orders.projection import ORDERS
from ibconnect.projections.pnl.projection import PNL
from ibconnect.projections.statements.projection import STATEMENTS

REPORTS: tuple[Projection, ...] = (
    # In the order in which they are listed and built.
    ACCOUNTS,
    EXECUTIONS,
    ORDERS,
    PNL,
    CONTRACTS,
    DIRECTORY,
    STATEMENTS,
)
