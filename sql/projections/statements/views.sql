-- The public views. What is said before the SELECT becomes a view's comment; what follows an empty comment line, those of its columns.

-- name: v_statement
-- Flex statements that were imported, a row for each FlexStatement of a document: one account and one period.
--
-- statement_id: Its number, in the order of import; statement_id of the other views.
-- account_code: The account's code.
-- from_day: The first day of its period.
-- to_day: The last one.
-- generated: When IBKR made it.
-- received: When it was imported.
-- query: The name of the saved query.
-- base_currency: The account's base currency, if the statement says it.
-- elements: How many elements it has.
-- unread: How many of these no row of a table was made of; they are in the document.
-- oddities: How many values could not be understood (v_statement_oddity).
-- source: How it came: file, http or flex.
-- name: Of the file, or the id of the query that was fetched.
-- sha256: Of the document.
-- event_position: The place in v_event of the event that ended the document.
SELECT
    statement.id AS statement_id,
    statement.account AS account_code,
    statement.from_day,
    statement.to_day,
    statement.generated,
    statement.received,
    statement.query,
    statement.base_currency,
    statement.elements,
    statement.unread,
    statement.oddities,
    statement.source,
    statement.name,
    statement.sha256,
    statement.position AS event_position
FROM statement

-- name: v_nav
-- Value of an account at the end of a day and its parts, as statements say it, in the base currency; one row for an account and a day, but
-- where a query breaks out models. Where a statement has no summary of equity, the total alone, of its last day (origin ChangeInNAV).
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- currency: The account's base currency; null: the statement does not say it.
-- model: The model, where the query breaks them out.
-- total: The whole value.
-- cash: Of it: cash.
-- stock: Stocks.
-- options: Options.
-- bonds: Bonds.
-- notes: Notes.
-- funds: Funds.
-- commodities: Commodities.
-- crypto: Crypto currencies.
-- cfd: Unrealized profit of CFDs.
-- forex_cfd: Unrealized profit of forex CFDs.
-- dividend_accruals: Dividends that are due.
-- interest_accruals: Interest that is due.
-- incentive_coupon_accruals: Incentive coupons that are due.
-- broker_fees_accruals: Fees that are due.
-- ipo_subscription: Paid for subscriptions.
-- securities_borrowed: Securities borrowed.
-- securities_lent: Securities lent.
-- lending_collateral: Collateral of lending.
-- soft_dollars: Soft dollars.
-- other: Anything else.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    nav.account AS account_code,
    nav.day,
    nav.currency,
    nav.model,
    nav.total,
    nav.cash,
    nav.stock,
    nav.options,
    nav.bonds,
    nav.notes,
    nav.funds,
    nav.commodities,
    nav.crypto,
    nav.cfd,
    nav.forex_cfd,
    nav.dividend_accruals,
    nav.interest_accruals,
    nav.incentive_coupon_accruals,
    nav.broker_fees_accruals,
    nav.ipo_subscription,
    nav.securities_borrowed,
    nav.securities_lent,
    nav.lending_collateral,
    nav.soft_dollars,
    nav.other,
    nav.level,
    nav.origin,
    nav.statement AS statement_id,
    nav.line,
    nav.position AS event_position,
    nav.more,
    nav.as_sent
FROM nav
WHERE nav.current

-- name: v_nav_change
-- How the value of an account changed over a period, as statements say it, in the base currency. Of the same period the newest is shown;
-- periods may overlap: take those of one length.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- from_day: The first day of its period.
-- to_day: The last day of its period.
-- currency: The account's base currency; null: the statement does not say it.
-- model: The model, where the query breaks them out.
-- starting: The value before.
-- ending: The value at the end.
-- mtm: Profit by prices.
-- realized: Profit that was realized by it.
-- unrealized_change: Unrealized change, as ChangeInNAV says it.
-- cost_adjustments: Cost adjustments, as ChangeInNAV says it.
-- transferred_pnl_adjustments: Transferred pnl adjustments, as ChangeInNAV says it.
-- deposits_withdrawals: Deposits withdrawals, as ChangeInNAV says it.
-- internal_cash_transfers: Internal cash transfers, as ChangeInNAV says it.
-- excess_fund_sweep: Excess fund sweep, as ChangeInNAV says it.
-- asset_transfers: Asset transfers, as ChangeInNAV says it.
-- debit_card_activity: Debit card activity, as ChangeInNAV says it.
-- bill_pay: Bill pay, as ChangeInNAV says it.
-- grant_activity: Grant activity, as ChangeInNAV says it.
-- dividends: Dividends, as ChangeInNAV says it.
-- withholding_tax: Withholding tax, as ChangeInNAV says it.
-- withholding_871m: Withholding 871m, as ChangeInNAV says it.
-- withholding_tax_collected: Withholding tax collected, as ChangeInNAV says it.
-- dividend_accruals_change: Dividend accruals change, as ChangeInNAV says it.
-- interest: Interest, as ChangeInNAV says it.
-- interest_accruals_change: Interest accruals change, as ChangeInNAV says it.
-- advisor_fees: Advisor fees, as ChangeInNAV says it.
-- client_fees: Client fees, as ChangeInNAV says it.
-- broker_fees: Broker fees, as ChangeInNAV says it.
-- other_fees: Other fees, as ChangeInNAV says it.
-- fees_receivables: Fees receivables, as ChangeInNAV says it.
-- commissions: Commissions, as ChangeInNAV says it.
-- commission_credits_redemption: Commission credits redemption, as ChangeInNAV says it.
-- commission_receivables: Commission receivables, as ChangeInNAV says it.
-- forex_commissions: Forex commissions, as ChangeInNAV says it.
-- transaction_tax: Transaction tax, as ChangeInNAV says it.
-- tax_receivables: Tax receivables, as ChangeInNAV says it.
-- sales_tax: Sales tax, as ChangeInNAV says it.
-- billable_sales_tax: Billable sales tax, as ChangeInNAV says it.
-- soft_dollars: Soft dollars, as ChangeInNAV says it.
-- net_fx_trading: Net fx trading, as ChangeInNAV says it.
-- fx_translation: Fx translation, as ChangeInNAV says it.
-- linking_adjustments: Linking adjustments, as ChangeInNAV says it.
-- referral_fee: Referral fee, as ChangeInNAV says it.
-- donations: Donations, as ChangeInNAV says it.
-- carbon_credits: Carbon credits, as ChangeInNAV says it.
-- paxos_transfers: Paxos transfers, as ChangeInNAV says it.
-- corporate_action_proceeds: Corporate action proceeds, as ChangeInNAV says it.
-- other: Other, as ChangeInNAV says it.
-- twr: Time-weighted return in percent, net of fees, as IBKR prints it.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    nav_change.account AS account_code,
    nav_change.day,
    nav_change.from_day,
    nav_change.to_day,
    nav_change.currency,
    nav_change.model,
    nav_change.starting,
    nav_change.ending,
    nav_change.mtm,
    nav_change.realized,
    nav_change.unrealized_change,
    nav_change.cost_adjustments,
    nav_change.transferred_pnl_adjustments,
    nav_change.deposits_withdrawals,
    nav_change.internal_cash_transfers,
    nav_change.excess_fund_sweep,
    nav_change.asset_transfers,
    nav_change.debit_card_activity,
    nav_change.bill_pay,
    nav_change.grant_activity,
    nav_change.dividends,
    nav_change.withholding_tax,
    nav_change.withholding_871m,
    nav_change.withholding_tax_collected,
    nav_change.dividend_accruals_change,
    nav_change.interest,
    nav_change.interest_accruals_change,
    nav_change.advisor_fees,
    nav_change.client_fees,
    nav_change.broker_fees,
    nav_change.other_fees,
    nav_change.fees_receivables,
    nav_change.commissions,
    nav_change.commission_credits_redemption,
    nav_change.commission_receivables,
    nav_change.forex_commissions,
    nav_change.transaction_tax,
    nav_change.tax_receivables,
    nav_change.sales_tax,
    nav_change.billable_sales_tax,
    nav_change.soft_dollars,
    nav_change.net_fx_trading,
    nav_change.fx_translation,
    nav_change.linking_adjustments,
    nav_change.referral_fee,
    nav_change.donations,
    nav_change.carbon_credits,
    nav_change.paxos_transfers,
    nav_change.corporate_action_proceeds,
    nav_change.other,
    nav_change.twr,
    nav_change.level,
    nav_change.origin,
    nav_change.statement AS statement_id,
    nav_change.line,
    nav_change.position AS event_position,
    nav_change.more,
    nav_change.as_sent
FROM nav_change
WHERE nav_change.current

-- name: v_cash_balance
-- Cash of an account in a currency at the end of a day, and how it came to it over a period; all of it in the base currency as
-- BASE_SUMMARY.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- from_day: The first day of its period.
-- to_day: The last day of its period.
-- currency: The currency of the amounts.
-- model: The model, where the query breaks them out.
-- starting: What there was before.
-- ending: What there is at the end.
-- settled: Of it what has settled.
-- deposits_withdrawals: Deposits withdrawals, as the cash report says it.
-- deposits: Deposits, as the cash report says it.
-- withdrawals: Withdrawals, as the cash report says it.
-- account_transfers: Account transfers, as the cash report says it.
-- internal_transfers: Internal transfers, as the cash report says it.
-- dividends: Dividends, as the cash report says it.
-- payment_in_lieu: Payment in lieu, as the cash report says it.
-- withholding_tax: Withholding tax, as the cash report says it.
-- interest: Interest, as the cash report says it.
-- bond_interest: Bond interest, as the cash report says it.
-- commissions: Commissions, as the cash report says it.
-- advisor_fees: Advisor fees, as the cash report says it.
-- other_fees: Other fees, as the cash report says it.
-- transaction_tax: Transaction tax, as the cash report says it.
-- sales_tax: Sales tax, as the cash report says it.
-- trades_sales: Trades sales, as the cash report says it.
-- trades_purchases: Trades purchases, as the cash report says it.
-- fx_translation: Fx translation, as the cash report says it.
-- other: Other, as the cash report says it.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    cash_balance.account AS account_code,
    cash_balance.day,
    cash_balance.from_day,
    cash_balance.to_day,
    cash_balance.currency,
    cash_balance.model,
    cash_balance.starting,
    cash_balance.ending,
    cash_balance.settled,
    cash_balance.deposits_withdrawals,
    cash_balance.deposits,
    cash_balance.withdrawals,
    cash_balance.account_transfers,
    cash_balance.internal_transfers,
    cash_balance.dividends,
    cash_balance.payment_in_lieu,
    cash_balance.withholding_tax,
    cash_balance.interest,
    cash_balance.bond_interest,
    cash_balance.commissions,
    cash_balance.advisor_fees,
    cash_balance.other_fees,
    cash_balance.transaction_tax,
    cash_balance.sales_tax,
    cash_balance.trades_sales,
    cash_balance.trades_purchases,
    cash_balance.fx_translation,
    cash_balance.other,
    cash_balance.level,
    cash_balance.origin,
    cash_balance.statement AS statement_id,
    cash_balance.line,
    cash_balance.position AS event_position,
    cash_balance.more,
    cash_balance.as_sent
FROM cash_balance
WHERE cash_balance.current

-- name: v_cash_flow
-- What came into an account or left it other than by trading: payments, transfers of cash and assets, grants, dividends, interest, fees,
-- taxes. What came is positive.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- at: When it happened; null: the statement says the day alone.
-- type: IBKR's name of what it is.
-- ib_contract_id: IB's id of the contract.
-- settle_day: The day on which it settles.
-- external: Whether performance counts it as a flow of the account: what its owner brings or takes. Not dividends, interest, fees or taxes.
-- is_asset: Whether assets moved; amount is their value.
-- id: IBKR's id of it.
-- scope: firm: it came into the firm or left it; account: from or to another account of the firm, a flow of each and none of the firm;
--   internal: between an account and its own segments; null: income and cost.
-- currency: The currency of the amounts.
-- counterparty: The other account or broker.
-- action_id: IBKR's id of the corporate action that it follows from.
-- code: IBKR's codes.
-- client_reference: The client's own words.
-- symbol: The contract's symbol.
-- asset: The kind of asset: STK, OPT, CASH and so on.
-- isin: The contract's ISIN.
-- description: IBKR's words.
-- amount: How much; what came is positive, what left negative.
-- rate_to_base: What one unit of the currency was worth in the base currency.
-- amount_in_base: The same in the base currency, by the statement's rate.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    cash_flow.account AS account_code,
    cash_flow.day,
    cash_flow.at,
    cash_flow.type,
    cash_flow.contract AS ib_contract_id,
    cash_flow.settle_day,
    cash_flow.external,
    cash_flow.is_asset,
    cash_flow.id,
    cash_flow.scope,
    cash_flow.currency,
    cash_flow.counterparty,
    cash_flow.action_id,
    cash_flow.code,
    cash_flow.client_reference,
    cash_flow.symbol,
    cash_flow.asset,
    cash_flow.isin,
    cash_flow.description,
    cash_flow.amount,
    cash_flow.rate_to_base,
    cash_flow.amount_in_base,
    cash_flow.level,
    cash_flow.origin,
    cash_flow.statement AS statement_id,
    cash_flow.line,
    cash_flow.position AS event_position,
    cash_flow.more,
    cash_flow.as_sent
FROM cash_flow
WHERE cash_flow.current

-- name: v_fund_line
-- Lines of the statement of funds, the ledger of an account's cash.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- at: When it happened; null: the statement says the day alone.
-- ib_contract_id: IB's id of the contract.
-- settle_day: The day on which it settles.
-- id: IBKR's id of it.
-- activity: IBKR's code: DEP, WITH, DIV, BUY and so on.
-- currency: The currency of the amounts.
-- trade_id: IBKR's id of the trade.
-- order_id: IBKR's id of the order.
-- side: Which side: BUY or SELL, Long or Short.
-- action_id: IBKR's id of the corporate action that it follows from.
-- symbol: The contract's symbol.
-- asset: The kind of asset: STK, OPT, CASH and so on.
-- isin: The contract's ISIN.
-- description: IBKR's words.
-- amount: How much was booked.
-- debit: The same, of what was taken.
-- credit: The same, of what was given.
-- balance: What there is after it.
-- rate_to_base: What one unit of the currency was worth in the base currency.
-- quantity: How much; negative for what was sold, or is short.
-- price: At which price.
-- gross: Of a trade: its value.
-- commission: Of a trade: its commission.
-- tax: Of a trade: its tax.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    fund_line.account AS account_code,
    fund_line.day,
    fund_line.at,
    fund_line.contract AS ib_contract_id,
    fund_line.settle_day,
    fund_line.id,
    fund_line.activity,
    fund_line.currency,
    fund_line.trade_id,
    fund_line.order_id,
    fund_line.side,
    fund_line.action_id,
    fund_line.symbol,
    fund_line.asset,
    fund_line.isin,
    fund_line.description,
    fund_line.amount,
    fund_line.debit,
    fund_line.credit,
    fund_line.balance,
    fund_line.rate_to_base,
    fund_line.quantity,
    fund_line.price,
    fund_line.gross,
    fund_line.commission,
    fund_line.tax,
    fund_line.level,
    fund_line.origin,
    fund_line.statement AS statement_id,
    fund_line.line,
    fund_line.position AS event_position,
    fund_line.more,
    fund_line.as_sent
FROM fund_line
WHERE fund_line.current

-- name: v_transfer
-- Positions and cash that were transferred in or out, with IBKR's signs. What counts as a flow of them is in v_cash_flow.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- at: When it happened; null: the statement says the day alone.
-- type: IBKR's name of what it is.
-- ib_contract_id: IB's id of the contract.
-- settle_day: The day on which it settles.
-- id: IBKR's id of it.
-- direction: IN or OUT.
-- counterparty: The other account.
-- counterparty_name: Its name.
-- currency: The currency of the amounts.
-- code: IBKR's codes.
-- symbol: The contract's symbol.
-- asset: The kind of asset: STK, OPT, CASH and so on.
-- isin: The contract's ISIN.
-- description: IBKR's words.
-- quantity: How much; negative for what was sold, or is short.
-- price: At which price.
-- amount: The value of the position, in its currency.
-- amount_in_base: The same in the base currency.
-- cash: Cash that was transferred.
-- pnl: Profit that went with it.
-- pnl_in_base: The same in the base currency.
-- rate_to_base: What one unit of the currency was worth in the base currency.
-- multiplier: The contract's multiplier.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    transfer.account AS account_code,
    transfer.day,
    transfer.at,
    transfer.type,
    transfer.contract AS ib_contract_id,
    transfer.settle_day,
    transfer.id,
    transfer.direction,
    transfer.counterparty,
    transfer.counterparty_name,
    transfer.currency,
    transfer.code,
    transfer.symbol,
    transfer.asset,
    transfer.isin,
    transfer.description,
    transfer.quantity,
    transfer.price,
    transfer.amount,
    transfer.amount_in_base,
    transfer.cash,
    transfer.pnl,
    transfer.pnl_in_base,
    transfer.rate_to_base,
    transfer.multiplier,
    transfer.level,
    transfer.origin,
    transfer.statement AS statement_id,
    transfer.line,
    transfer.position AS event_position,
    transfer.more,
    transfer.as_sent
FROM transfer
WHERE transfer.current

-- name: v_trade
-- Fills as statements say them, from before the install as well. Join v_execution by exec_id = execution_id and the account: one fill, two
-- witnesses.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- at: When it happened; null: the statement says the day alone.
-- order_at: When the order was placed.
-- ib_contract_id: IB's id of the contract.
-- settle_day: The day on which it settles.
-- trade_day: The day of the trade.
-- expiry: The day on which it expires.
-- id: IBKR's id of the trade.
-- exec_id: The execution id of the socket API; null where the statement does not say it, as of exercises.
-- order_id: IBKR's id of the order.
-- transaction_id: IBKR's id of the transaction.
-- brokerage_order_id: The order's id at the broker.
-- external_exec_id: The execution's id at the exchange.
-- order_reference: The order's reference.
-- transaction_type: ExchTrade, or BookTrade where an option was exercised, assigned or expired.
-- order_type: The order's type.
-- side: Which side: BUY or SELL, Long or Short.
-- open_close: O or C.
-- exchange: The exchange.
-- currency: The currency of the amounts.
-- commission_currency: The currency of the commission.
-- notes: IBKR's codes.
-- underlying: The symbol of the underlying.
-- put_call: P or C.
-- symbol: The contract's symbol.
-- asset: The kind of asset: STK, OPT, CASH and so on.
-- isin: The contract's ISIN.
-- description: IBKR's words.
-- quantity: How much; negative for what was sold, or is short.
-- price: At which price.
-- money: Quantity by price and multiplier.
-- proceeds: What was paid for it.
-- commission: Negative where it was paid.
-- taxes: Negative where they were paid.
-- net_cash: What was paid in all.
-- cost: The cost basis.
-- realized: Profit that was realized by it.
-- mtm: Profit by the day's closing price.
-- close_price: The closing price of the day.
-- rate_to_base: What one unit of the currency was worth in the base currency.
-- multiplier: The contract's multiplier.
-- strike: The strike of an option.
-- accrued_interest: Interest that was paid with it.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    trade.account AS account_code,
    trade.day,
    trade.at,
    trade.order_at,
    trade.contract AS ib_contract_id,
    trade.settle_day,
    trade.trade_day,
    trade.expiry,
    trade.id,
    trade.exec_id,
    trade.order_id,
    trade.transaction_id,
    trade.brokerage_order_id,
    trade.external_exec_id,
    trade.order_reference,
    trade.transaction_type,
    trade.order_type,
    trade.side,
    trade.open_close,
    trade.exchange,
    trade.currency,
    trade.commission_currency,
    trade.notes,
    trade.underlying,
    trade.put_call,
    trade.symbol,
    trade.asset,
    trade.isin,
    trade.description,
    trade.quantity,
    trade.price,
    trade.money,
    trade.proceeds,
    trade.commission,
    trade.taxes,
    trade.net_cash,
    trade.cost,
    trade.realized,
    trade.mtm,
    trade.close_price,
    trade.rate_to_base,
    trade.multiplier,
    trade.strike,
    trade.accrued_interest,
    trade.level,
    trade.origin,
    trade.statement AS statement_id,
    trade.line,
    trade.position AS event_position,
    trade.more,
    trade.as_sent
FROM trade
WHERE trade.current

-- name: v_trade_part
-- The other levels of the section of trades: orders and sums of fills, closed lots, wash sales. None of them is a fill.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- at: When it happened; null: the statement says the day alone.
-- order_at: When the order was placed.
-- ib_contract_id: IB's id of the contract.
-- settle_day: The day on which it settles.
-- trade_day: The day of the trade.
-- expiry: The day on which it expires.
-- id: IBKR's id of it.
-- exec_id: The execution id of the socket API; null where the statement does not say it, as of exercises.
-- order_id: IBKR's id of the order.
-- transaction_id: IBKR's id of the transaction.
-- brokerage_order_id: The order's id at the broker.
-- external_exec_id: The execution's id at the exchange.
-- order_reference: The order's reference.
-- transaction_type: IBKR's name of what happened.
-- order_type: The order's type.
-- side: Which side: BUY or SELL, Long or Short.
-- open_close: O or C.
-- exchange: The exchange.
-- currency: The currency of the amounts.
-- commission_currency: The currency of the commission.
-- notes: IBKR's codes.
-- underlying: The symbol of the underlying.
-- put_call: P or C.
-- symbol: The contract's symbol.
-- asset: The kind of asset: STK, OPT, CASH and so on.
-- isin: The contract's ISIN.
-- description: IBKR's words.
-- quantity: How much; negative for what was sold, or is short.
-- price: At which price.
-- money: Quantity by price and multiplier.
-- proceeds: What was paid for it.
-- commission: Negative where it was paid.
-- taxes: Negative where they were paid.
-- net_cash: What was paid in all.
-- cost: The cost basis.
-- realized: Profit that was realized by it.
-- mtm: Profit by the day's closing price.
-- close_price: The closing price of the day.
-- rate_to_base: What one unit of the currency was worth in the base currency.
-- multiplier: The contract's multiplier.
-- strike: The strike of an option.
-- accrued_interest: Interest that was paid with it.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    trade_part.account AS account_code,
    trade_part.day,
    trade_part.at,
    trade_part.order_at,
    trade_part.contract AS ib_contract_id,
    trade_part.settle_day,
    trade_part.trade_day,
    trade_part.expiry,
    trade_part.id,
    trade_part.exec_id,
    trade_part.order_id,
    trade_part.transaction_id,
    trade_part.brokerage_order_id,
    trade_part.external_exec_id,
    trade_part.order_reference,
    trade_part.transaction_type,
    trade_part.order_type,
    trade_part.side,
    trade_part.open_close,
    trade_part.exchange,
    trade_part.currency,
    trade_part.commission_currency,
    trade_part.notes,
    trade_part.underlying,
    trade_part.put_call,
    trade_part.symbol,
    trade_part.asset,
    trade_part.isin,
    trade_part.description,
    trade_part.quantity,
    trade_part.price,
    trade_part.money,
    trade_part.proceeds,
    trade_part.commission,
    trade_part.taxes,
    trade_part.net_cash,
    trade_part.cost,
    trade_part.realized,
    trade_part.mtm,
    trade_part.close_price,
    trade_part.rate_to_base,
    trade_part.multiplier,
    trade_part.strike,
    trade_part.accrued_interest,
    trade_part.level,
    trade_part.origin,
    trade_part.statement AS statement_id,
    trade_part.line,
    trade_part.position AS event_position,
    trade_part.more,
    trade_part.as_sent
FROM trade_part
WHERE trade_part.current

-- name: v_accrual
-- Accruals: dividends that are due (kind dividend), how these changed (dividend change), interest by currency over a period (interest).
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- from_day: The first day of its period.
-- to_day: The last day of its period.
-- kind: Which kind, as said above.
-- ib_contract_id: IB's id of the contract.
-- ex_day: The ex-dividend day.
-- pay_day: The day on which it is paid.
-- currency: The currency of the amounts.
-- code: IBKR's codes.
-- symbol: The contract's symbol.
-- asset: The kind of asset: STK, OPT, CASH and so on.
-- isin: The contract's ISIN.
-- description: IBKR's words.
-- quantity: How much; negative for what was sold, or is short.
-- gross_rate: Dividend per share.
-- gross_amount: Before tax and fee.
-- net_amount: After them.
-- tax: Tax on it.
-- fee: Fee on it.
-- rate_to_base: What one unit of the currency was worth in the base currency.
-- starting: Of interest: what was due before.
-- accrued: What was added.
-- reversal: What was paid or taken back.
-- fx_translation: By changes of rates.
-- ending: What is due at the end.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    accrual.account AS account_code,
    accrual.day,
    accrual.from_day,
    accrual.to_day,
    accrual.kind,
    accrual.contract AS ib_contract_id,
    accrual.ex_day,
    accrual.pay_day,
    accrual.currency,
    accrual.code,
    accrual.symbol,
    accrual.asset,
    accrual.isin,
    accrual.description,
    accrual.quantity,
    accrual.gross_rate,
    accrual.gross_amount,
    accrual.net_amount,
    accrual.tax,
    accrual.fee,
    accrual.rate_to_base,
    accrual.starting,
    accrual.accrued,
    accrual.reversal,
    accrual.fx_translation,
    accrual.ending,
    accrual.level,
    accrual.origin,
    accrual.statement AS statement_id,
    accrual.line,
    accrual.position AS event_position,
    accrual.more,
    accrual.as_sent
FROM accrual
WHERE accrual.current

-- name: v_corporate_action
-- Splits, mergers, spin-offs and the like, as statements say them.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- at: When it happened; null: the statement says the day alone.
-- type: IBKR's code: FS, TC, SO, IC and so on.
-- ib_contract_id: IB's id of the contract.
-- id: IBKR's id of it.
-- action_id: IBKR's id of the corporate action that it follows from.
-- currency: The currency of the amounts.
-- code: IBKR's codes.
-- action_description: IBKR's words of the action.
-- symbol: The contract's symbol.
-- asset: The kind of asset: STK, OPT, CASH and so on.
-- isin: The contract's ISIN.
-- description: IBKR's words.
-- quantity: How much; negative for what was sold, or is short.
-- amount: Its value before.
-- proceeds: Cash that came of it.
-- value: What it is worth.
-- cost: The cost basis.
-- realized: Profit that was realized by it.
-- mtm: Profit by the day's closing price.
-- rate_to_base: What one unit of the currency was worth in the base currency.
-- multiplier: The contract's multiplier.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    corporate_action.account AS account_code,
    corporate_action.day,
    corporate_action.at,
    corporate_action.type,
    corporate_action.contract AS ib_contract_id,
    corporate_action.id,
    corporate_action.action_id,
    corporate_action.currency,
    corporate_action.code,
    corporate_action.action_description,
    corporate_action.symbol,
    corporate_action.asset,
    corporate_action.isin,
    corporate_action.description,
    corporate_action.quantity,
    corporate_action.amount,
    corporate_action.proceeds,
    corporate_action.value,
    corporate_action.cost,
    corporate_action.realized,
    corporate_action.mtm,
    corporate_action.rate_to_base,
    corporate_action.multiplier,
    corporate_action.level,
    corporate_action.origin,
    corporate_action.statement AS statement_id,
    corporate_action.line,
    corporate_action.position AS event_position,
    corporate_action.more,
    corporate_action.as_sent
FROM corporate_action
WHERE corporate_action.current

-- name: v_option_event
-- Exercises, assignments and expirations of options, as statements say them.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- ib_contract_id: IB's id of the contract.
-- expiry: The day on which it expires.
-- transaction_type: Exercise, Assignment, Expiration; Buy or Sell of what was delivered.
-- id: IBKR's id of it.
-- currency: The currency of the amounts.
-- underlying: The symbol of the underlying.
-- put_call: P or C.
-- symbol: The contract's symbol.
-- asset: The kind of asset: STK, OPT, CASH and so on.
-- isin: The contract's ISIN.
-- description: IBKR's words.
-- quantity: How much; negative for what was sold, or is short.
-- price: At which price.
-- close_price: The closing price of the day.
-- proceeds: What was paid for it.
-- commission_and_tax: Commission and tax.
-- cost: The cost basis.
-- realized: Profit that was realized by it.
-- mtm: Profit by the day's closing price.
-- rate_to_base: What one unit of the currency was worth in the base currency.
-- multiplier: The contract's multiplier.
-- strike: The strike of an option.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    option_event.account AS account_code,
    option_event.day,
    option_event.contract AS ib_contract_id,
    option_event.expiry,
    option_event.transaction_type,
    option_event.id,
    option_event.currency,
    option_event.underlying,
    option_event.put_call,
    option_event.symbol,
    option_event.asset,
    option_event.isin,
    option_event.description,
    option_event.quantity,
    option_event.price,
    option_event.close_price,
    option_event.proceeds,
    option_event.commission_and_tax,
    option_event.cost,
    option_event.realized,
    option_event.mtm,
    option_event.rate_to_base,
    option_event.multiplier,
    option_event.strike,
    option_event.level,
    option_event.origin,
    option_event.statement AS statement_id,
    option_event.line,
    option_event.position AS event_position,
    option_event.more,
    option_event.as_sent
FROM option_event
WHERE option_event.current

-- name: v_conversion_rate
-- What one unit of a currency was worth in another at the end of a day, as statements of an account say it.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- currency: The currency.
-- to_currency: The other one, an account's base currency.
-- rate: What one unit of the first is worth in the second.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    conversion_rate.account AS account_code,
    conversion_rate.day,
    conversion_rate.currency,
    conversion_rate.to_currency,
    conversion_rate.rate,
    conversion_rate.level,
    conversion_rate.origin,
    conversion_rate.statement AS statement_id,
    conversion_rate.line,
    conversion_rate.position AS event_position,
    conversion_rate.more,
    conversion_rate.as_sent
FROM conversion_rate
WHERE conversion_rate.current

-- name: v_open_position
-- Positions at the end of a day, as statements say them. Where a statement has lots alone (level LOT), a position is their sum.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- opened: When it was opened.
-- holding_since: When its holding period began.
-- ib_contract_id: IB's id of the contract.
-- expiry: The day on which it expires.
-- side: Which side: BUY or SELL, Long or Short.
-- currency: The currency of the amounts.
-- code: IBKR's codes.
-- underlying: The symbol of the underlying.
-- put_call: P or C.
-- symbol: The contract's symbol.
-- asset: The kind of asset: STK, OPT, CASH and so on.
-- isin: The contract's ISIN.
-- description: IBKR's words.
-- quantity: How much; negative for what was sold, or is short.
-- mark_price: The closing price.
-- value: What it is worth.
-- open_price: The price at which it was opened.
-- cost_price: The cost basis for each.
-- cost: The cost basis.
-- unrealized: Profit if it were closed.
-- percent_of_nav: Of the account's value, in percent.
-- rate_to_base: What one unit of the currency was worth in the base currency.
-- multiplier: The contract's multiplier.
-- strike: The strike of an option.
-- accrued_interest: Interest that is due.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    open_position.account AS account_code,
    open_position.day,
    open_position.opened,
    open_position.holding_since,
    open_position.contract AS ib_contract_id,
    open_position.expiry,
    open_position.side,
    open_position.currency,
    open_position.code,
    open_position.underlying,
    open_position.put_call,
    open_position.symbol,
    open_position.asset,
    open_position.isin,
    open_position.description,
    open_position.quantity,
    open_position.mark_price,
    open_position.value,
    open_position.open_price,
    open_position.cost_price,
    open_position.cost,
    open_position.unrealized,
    open_position.percent_of_nav,
    open_position.rate_to_base,
    open_position.multiplier,
    open_position.strike,
    open_position.accrued_interest,
    open_position.level,
    open_position.origin,
    open_position.statement AS statement_id,
    open_position.line,
    open_position.position AS event_position,
    open_position.more,
    open_position.as_sent
FROM open_position
WHERE open_position.current

-- name: v_transaction_tax
-- Taxes on transactions (kind transaction) and sales taxes on fees (kind sales), as statements say them.
--
-- account_code: The account's code.
-- day: The day, as the statement counts it.
-- at: When it happened; null: the statement says the day alone.
-- kind: Which kind, as said above.
-- ib_contract_id: IB's id of the contract.
-- id: IBKR's id of it.
-- trade_id: IBKR's id of the trade.
-- tax_type: IBKR's name of the tax.
-- country: Whose tax it is.
-- currency: The currency of the amounts.
-- code: IBKR's codes.
-- symbol: The contract's symbol.
-- asset: The kind of asset: STK, OPT, CASH and so on.
-- isin: The contract's ISIN.
-- description: IBKR's words.
-- amount: The tax; negative where it was paid.
-- taxable_amount: Of which amount.
-- tax_rate: At which rate.
-- rate_to_base: What one unit of the currency was worth in the base currency.
-- quantity: How much; negative for what was sold, or is short.
-- price: At which price.
-- level: IBKR's level of detail.
-- origin: The section of the statement that it is from.
-- statement_id: The statement that says it (v_statement).
-- line: The number of the element in it.
-- event_position: The place in v_event of the event that ended the document.
-- more: What the statement says of it that has no column, by IBKR's names.
-- as_sent: IBKR's text of values that a column does not give back letter by letter, by column; null: none is like that.
SELECT
    transaction_tax.account AS account_code,
    transaction_tax.day,
    transaction_tax.at,
    transaction_tax.kind,
    transaction_tax.contract AS ib_contract_id,
    transaction_tax.id,
    transaction_tax.trade_id,
    transaction_tax.tax_type,
    transaction_tax.country,
    transaction_tax.currency,
    transaction_tax.code,
    transaction_tax.symbol,
    transaction_tax.asset,
    transaction_tax.isin,
    transaction_tax.description,
    transaction_tax.amount,
    transaction_tax.taxable_amount,
    transaction_tax.tax_rate,
    transaction_tax.rate_to_base,
    transaction_tax.quantity,
    transaction_tax.price,
    transaction_tax.level,
    transaction_tax.origin,
    transaction_tax.statement AS statement_id,
    transaction_tax.line,
    transaction_tax.position AS event_position,
    transaction_tax.more,
    transaction_tax.as_sent
FROM transaction_tax
WHERE transaction_tax.current

-- name: v_statement_section
-- Sections of statements: how many elements each has, and of how many no row of a table was made.
--
-- statement_id: The statement (v_statement).
-- account_code: The account's code.
-- section: The section.
-- elements: How many elements with attributes it has.
-- unread: Of these, those that no table is made of.
-- others: Attributes without a column, by name, with how many elements have one that is not empty.
SELECT
    section.statement AS statement_id,
    section.account AS account_code,
    section.name AS section,
    section.rows AS elements,
    section.unread,
    section.others
FROM section

-- name: v_statement_oddity
-- Values of statements that could not be understood: the column is null, the text is here.
--
-- statement_id: The statement (v_statement).
-- line: The number of the element in it; as line of the other views.
-- account_code: The account's code.
-- section: The section.
-- attribute: IBKR's name of the value.
-- value: The text.
-- reason: What is wrong with it.
SELECT
    oddity.statement AS statement_id,
    oddity.line,
    oddity.account AS account_code,
    oddity.section,
    oddity.attribute,
    oddity.value,
    oddity.reason
FROM oddity
