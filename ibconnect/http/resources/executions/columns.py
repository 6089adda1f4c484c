"""The columns of a table of executions, and of one of gaps.

In: nothing. Out: columns, in the order of the queries of sql/http/executions.sql. Read by the handlers and the routes
of this package. What says of a contract what it is has the names that it has among positions.
"""

from ibconnect.http.resources import contract_names
from ibconnect.http.server.columns import Column, Type

EVENTS: tuple[Column, ...] = (
    Column("Position", Type.INTEGER, "The event that told of it first, as `/v1/events` has it; null: no gateway did"),
    Column("CommissionPosition", Type.INTEGER, "The event that reported the commission; null: none did yet"),
)
"""Where a row comes from."""

COLUMNS: tuple[Column, ...] = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("ExecutionId", Type.TEXT, "IB's id of the execution; in statements it is `ibExecID`", is_nullable=False),
    Column("Time", Type.TIME, "When it was executed; null: nobody knows the zone of the gateway's clock"),
    Column("TimeAsSent", Type.TEXT, "The time as IB sent it; null: as `Time` has it, in a statement"),
    Column("TimeZone", Type.TEXT, "The zone that it is in: named with it, or that of the gateway's clock"),
    Column("IbContractId", Type.INTEGER, "IB's id of the contract; null: what came is no id"),
    Column("Symbol", Type.TEXT, "Of the underlying"),
    Column("LocalSymbol", Type.TEXT, "Of the contract at its exchange"),
    Column("SecurityType", Type.TEXT, "STK, OPT, FUT ...; BAG: a combination, whose legs are rows of their own"),
    Column("Side", Type.TEXT, "BOT (bought) or SLD (sold)"),
    Column("Shares", Type.FIGURE, "How many"),
    Column("Price", Type.FIGURE, "Of one unit"),
    Column("CurrencyCode", Type.TEXT, "What the price is in"),
    Column("Exchange", Type.TEXT, "Where it was executed"),
    Column("Commission", Type.FIGURE, "What IB charged, as reported last; null: not reported yet, or of a BAG"),
    Column("CommissionCurrency", Type.TEXT, "What commission and profit are in"),
    Column("RealizedPNL", Type.FIGURE, "Profit of what it closed, after commission; null: it opened a position"),
    Column("OrderId", Type.INTEGER, "The order's id, as its client knows it"),
    Column("PermId", Type.INTEGER, "The order's id, as IB knows it"),
    Column("ClientId", Type.INTEGER, "The API client whose order it was; 0: TWS"),
    Column("OrderRef", Type.TEXT, "What the client wrote on the order"),
    Column("Liquidity", Type.INTEGER, "1: added, 2: removed, 3: routed out; 0: IB does not say"),
    Column("CumQty", Type.FIGURE, "How many of the order were filled by then"),
    Column("AvgPrice", Type.FIGURE, "The average price of these"),
    Column("Multiplier", Type.VALUE, "Units of the underlying; a number where IB's text is one"),
    Column("Strike", Type.VALUE, "Of an option; a number where IB's text is one"),
    Column("Right", Type.TEXT, "C, P, or IB's filler"),
    Column("Expiry", Type.TEXT, "Last trade date, usually YYYYMMDD"),
    Column("TradingClass", Type.TEXT, "IB's trading class"),
    Column("ContractExchange", Type.TEXT, "The exchange that the contract was sent with"),
    Column("ModelCode", Type.TEXT, "The model under which it was ordered"),
    Column("Combo", Type.TEXT, "Of a leg: the `ExecutionId` of the combination that it is a part of"),
    Column("Corrects", Type.TEXTS, "What it stands in the place of, oldest first", is_nullable=False),
    Column("CorrectedBy", Type.TEXT, "What stands in its place now; only with `corrections=all`", is_optional=True),
    Column("Liquidation", Type.INTEGER, "1: IB liquidated the position"),
    Column("EvRule", Type.TEXT, "IB's economic value rule"),
    Column("EvMultiplier", Type.FIGURE, "IB's economic value multiplier"),
    Column("PendingPriceRevision", Type.BOOLEAN, "The price is not final; null: older gateways do not say"),
    Column("Submitter", Type.TEXT, "Who submitted the order, as IB says"),
    Column("Yield", Type.FIGURE, "Of a bond"),
    Column("YieldRedemptionDate", Type.TEXT, "Of a bond"),
    Column("Gateway", Type.TEXT, "That told of it first; null: none did, a statement does"),
    Column("Received", Type.TIME, "When it was first told of", is_nullable=False),
    Column("Remarks", Type.TEXTS, "`unknown-time`, `unreadable-figure`", is_nullable=False),
    Column(
        "Source", Type.TEXT, "Who tells of it: `gateway`, `statement` (a Flex statement) or `both`", is_nullable=False
    ),
    *contract_names.COLUMNS,
    Column("Statement", Type.INTEGER, "The statement that tells of it; null: none"),
    Column(
        "Differences",
        Type.JSON,
        "What the statement says otherwise than the gateway, by the names of columns; null: nothing",
        schema={"type": "object"},
    ),
    *EVENTS,
)

CONTRACT = [column.name for column in COLUMNS].index("IbContractId")
"""Where a row has the contract."""

GAP_COLUMNS: tuple[Column, ...] = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("Since", Type.TIME, "Until then executions are known; null: none are known before"),
    Column("Until", Type.TIME, "From then on they are known; null: they are not known since"),
)
