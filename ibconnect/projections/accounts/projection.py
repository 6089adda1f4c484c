"""The accounts report, as the engine has it: snapshots of accounts, out of what the account walk recorded.

Called by the registry. :mod:`reader` turns events into facts and reads downloads, :mod:`fold` writes the rows.
"""

from collections.abc import Sequence

from ibconnect import observe as o
from ibconnect.database.tables import FORMER_SCHEMA
from ibconnect.observe import Kind, observe
from ibconnect.projections.accounts import currencies
from ibconnect.projections.accounts.fold import AccountsFold
from ibconnect.projections.accounts.owners import News, Standing
from ibconnect.projections.accounts.reader import AccountsReader
from ibconnect.projections.accounts.sessions import TOPICS
from ibconnect.projections.engine.projection import Projection, Turn

_KIND_OF = {
    Standing.OWNER: Kind.ACCOUNTS_MOVED,
    Standing.CONFLICT: Kind.ACCOUNTS_IN_CONFLICT,
    Standing.PINNED: Kind.ACCOUNTS_NOT_PINNED,
    Standing.BEYOND: Kind.ACCOUNTS_NOT_KEPT,
}


def _report(snapshots: int, news: Sequence[News]) -> None:
    """Count snapshots, and log whose accounts are."""
    o.SNAPSHOTS.inc(snapshots)
    for each in news:
        observe(_KIND_OF[each.standing], gateway=each.gateway, accounts=each.accounts)


ACCOUNTS = Projection(
    name="accounts",
    topics=TOPICS,
    reader=AccountsReader,
    fold=AccountsFold,
    report=_report,
    seed=currencies.fill,
    former_schema=FORMER_SCHEMA,
    former_turns=(
        ("apply", Turn("apply", 0x1BC0_0002)),
        ("rebuild", Turn("rebuild", 0x1BC0_0003)),
        ("ensure", Turn("ensure", 0x1BC0_0004)),
    ),
)
