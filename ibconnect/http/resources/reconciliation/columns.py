"""The columns of a reconciliation.

In: nothing. Out: columns, kinds and reasons. Read by the handlers and the routes of this package.
"""

from ibconnect.http.server.columns import Column, Type

NAV, CASH, POSITION, FILL = "nav", "cash", "position", "fill"
KINDS = (NAV, CASH, POSITION, FILL)

DIFFERS = "differs"
NOT_RECORDED, NOT_STATED = "missing-in-recorder", "missing-in-statement"
NO_REPORT, OTHER_CURRENCY, NO_FIGURE, NO_PRICES, GAP, NO_CONTRACT = (
    "no-report",
    "other-currency",
    "no-figure",
    "no-prices",
    "execution-gap",
    "no-contract-id",
)
"""Why a row does not agree; and why it cannot be compared."""

COLUMNS: tuple[Column, ...] = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False, in_head=True),
    Column("Day", Type.DATE, "The day of the statement", is_nullable=False),
    Column("Kind", Type.TEXT, "`nav`, `cash`, `position` or `fill`", is_nullable=False),
    Column("Figure", Type.TEXT, "What is compared, by IB's name", is_nullable=False),
    Column("CurrencyCode", Type.TEXT, "What it is in, or of which currency the cash is"),
    Column("IbContractId", Type.INTEGER, "IB's id of the contract"),
    Column("Symbol", Type.TEXT, "Of the contract"),
    Column("ExecutionId", Type.TEXT, "Of a fill"),
    Column("Stated", Type.FIGURE, "What the statement says"),
    Column("Recorded", Type.FIGURE, "What the recorder saw"),
    Column("Difference", Type.FIGURE, "Recorded less stated; null: one of them is missing"),
    Column("Within", Type.FIGURE, "By so much they may differ and agree, since one of them is rounded"),
    Column("Agrees", Type.BOOLEAN, "Whether they agree; null: they cannot be compared"),
    Column("Why", Type.TEXT, "Why not; null: they agree"),
    Column("Timestamp", Type.TIME, "The report that is compared: the nearest to the close; null: none, or a fill"),
    Column("Distance", Type.INTEGER, "How many seconds after the close that is; negative: before it"),
    Column("Statement", Type.INTEGER, "The statement that says so; null: none does"),
)
