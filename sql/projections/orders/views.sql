-- name: v_order
-- An order, as it was described last, in its latest state. Figures are as IB sent them; what it did not send, or sent as unset,
-- is null.
--
-- placed_order_id: Ours; with it v_order_state has the states of an order.
-- account_code: The account; empty: the gateway did not say.
-- perm_id: IB's own id of the order; null: not given yet.
-- client_id: The API client that placed it; 0: TWS itself, or not said.
-- order_id: The client's number of it; null: none, or not said.
-- parent_id: Of an attached order: its client's number of the order that it hangs on.
-- parent_perm_id: Of an attached order: IB's id of the order that it hangs on.
-- gateway: Who told of it first.
-- status: IB's name of its state; Gone: no longer among the open orders of its gateway, and not among the completed ones.
-- is_open: Whether it may still be filled, as far as is known: all but Filled, Cancelled, ApiCancelled, Inactive and Gone.
-- changed: When its latest state was seen first.
-- first_seen: When it was seen first, in whatever state.
-- last_seen: When a message last told of it.
-- states: How many states were seen of it.
-- filled: How much of it was filled.
-- remaining: How much was not.
-- avg_fill_price: Average price of what was filled.
-- last_fill_price: Price of what was filled last.
-- why_held: Why IB holds it (locate: stock to sell short is looked for).
-- mkt_cap_price: The price that IB has capped it at.
-- ib_contract_id: IB's id of the contract; 0: a combination.
-- symbol: Of the underlying.
-- security_type: STK, OPT, FUT, FOP, CASH, BAG (a combination) and others.
-- last_trade_date: Of a derivative, usually YYYYMMDD.
-- strike: Of an option, as sent.
-- option_right: C, P, or IB's filler.
-- multiplier: Units of the underlying, as sent.
-- exchange: Where it is to be filled.
-- currency: Of its prices.
-- local_symbol: Of the contract at its exchange.
-- trading_class: IB's trading class.
-- combo_legs_description: Of a combination: its legs, as IB describes them.
-- action: BUY, SELL, SSHORT or SLONG.
-- order_type: LMT, MKT, STP, TRAIL and others.
-- total_quantity: How much is to be filled.
-- cash_qty: The same as an amount of money.
-- lmt_price: The limit.
-- aux_price: The stop price, or the amount of a trailing order.
-- trail_stop_price: Where a trailing order stops.
-- trailing_percent: The distance of a trailing order, in percent.
-- lmt_price_offset: Of a trailing limit order: how far the limit is from the stop.
-- tif: Time in force: DAY, GTC, IOC, GTD and others.
-- good_after_time: Not before.
-- good_till_date: Not after, if tif is GTD.
-- outside_rth: Whether it may be filled outside of regular trading hours.
-- oca_group: The group of which one cancels all others.
-- order_ref: What its client wrote to it.
-- model_code: The model that it belongs to.
-- fa_group: An advisor's group that it is allocated to.
-- fa_method: By which method.
-- fa_percentage: By which percentage.
-- commission: What it cost so far, or is expected to cost.
-- min_commission: At least.
-- max_commission: At most.
-- commission_currency: In what.
-- init_margin_before: Initial margin without it.
-- init_margin_change: What it adds to that.
-- init_margin_after: Initial margin with it.
-- maint_margin_before: Maintenance margin without it.
-- maint_margin_change: What it adds to that.
-- maint_margin_after: Maintenance margin with it.
-- equity_with_loan_before: Equity with loan value without it.
-- equity_with_loan_change: What it adds to that.
-- equity_with_loan_after: Equity with loan value with it.
-- warning_text: IB's warning.
-- reject_reason: Why IB rejected it.
-- completed_time: When it was completed, as IB sent it, with its zone.
-- completed_status: How, in IB's words.
-- legs: The legs of a combination.
-- allocations: Of an advisor's order: what of it goes to which account.
-- others: What has no column of its own, by IB's names, as text.
-- inexact: Figures that numeric does not give back letter by letter, as they were sent.
-- fault: Why the message that described it could not be read to its end; null: it could.
-- first_position: The event that first told of it.
-- described: The event that last said something new of its terms.
SELECT
    placed_order.id AS placed_order_id,
    placed_order.account AS account_code,
    placed_order.perm_id,
    placed_order.client_id,
    nullif(placed_order.order_id, 0) AS order_id,
    placed_order.parent_id,
    placed_order.parent_perm_id,
    gateway.name AS gateway,
    placed_order.status,
    placed_order.is_open,
    placed_order.changed,
    placed_order.first_seen,
    placed_order.last_seen,
    placed_order.states,
    order_state.filled,
    order_state.remaining,
    order_state.avg_fill_price,
    order_state.last_fill_price,
    order_state.why_held,
    order_state.mkt_cap_price,
    placed_order.ib_contract_id,
    placed_order.symbol,
    placed_order.security_type,
    placed_order.last_trade_date,
    placed_order.strike,
    placed_order.option_right,
    placed_order.multiplier,
    placed_order.exchange,
    placed_order.currency,
    placed_order.local_symbol,
    placed_order.trading_class,
    placed_order.combo_legs_description,
    placed_order.action,
    placed_order.order_type,
    placed_order.total_quantity,
    placed_order.cash_qty,
    placed_order.lmt_price,
    placed_order.aux_price,
    placed_order.trail_stop_price,
    placed_order.trailing_percent,
    placed_order.lmt_price_offset,
    placed_order.tif,
    placed_order.good_after_time,
    placed_order.good_till_date,
    placed_order.outside_rth,
    placed_order.oca_group,
    placed_order.order_ref,
    placed_order.model_code,
    placed_order.fa_group,
    placed_order.fa_method,
    placed_order.fa_percentage,
    placed_order.commission,
    placed_order.min_commission,
    placed_order.max_commission,
    placed_order.commission_currency,
    placed_order.init_margin_before,
    placed_order.init_margin_change,
    placed_order.init_margin_after,
    placed_order.maint_margin_before,
    placed_order.maint_margin_change,
    placed_order.maint_margin_after,
    placed_order.equity_with_loan_before,
    placed_order.equity_with_loan_change,
    placed_order.equity_with_loan_after,
    placed_order.warning_text,
    placed_order.reject_reason,
    placed_order.completed_time,
    placed_order.completed_status,
    placed_order.legs,
    placed_order.allocations,
    placed_order.others,
    placed_order.inexact,
    placed_order.fault,
    placed_order.first_position,
    placed_order.described
FROM placed_order
INNER JOIN gateway ON gateway.id = placed_order.gateway_id
INNER JOIN order_state
    ON order_state.placed_order_id = placed_order.id AND order_state.ordinal = placed_order.states

-- name: v_order_state
-- A state that an order was seen in. Two in a row differ; a change of the quantity, the type or a price by its client is a
-- state as well.
--
-- placed_order_id: The order, in v_order.
-- account_code: The account; empty: the gateway did not say.
-- perm_id: IB's own id of the order; null: not given yet.
-- ordinal: Counts an order's states from 1.
-- status: IB's name of the state; Gone: no longer among the open orders of its gateway, and not among the completed ones.
-- filled: How much of the order was filled by then.
-- remaining: How much was not.
-- avg_fill_price: Average price of what was filled.
-- last_fill_price: Price of what was filled last.
-- why_held: Why IB holds it.
-- mkt_cap_price: The price that IB has capped it at.
-- total_quantity: How much was to be filled.
-- order_type: LMT, MKT, STP, TRAIL and others.
-- lmt_price: The limit.
-- aux_price: The stop price, or the amount of a trailing order.
-- first_seen: When the first message came that told of this state.
-- last_seen: When the last one came.
-- gateway: Who told of it first.
-- position: The event that did.
-- inexact: Figures that numeric does not give back letter by letter, as they were sent.
SELECT
    placed_order.id AS placed_order_id,
    order_state.account AS account_code,
    placed_order.perm_id,
    order_state.ordinal,
    order_state.status,
    order_state.filled,
    order_state.remaining,
    order_state.avg_fill_price,
    order_state.last_fill_price,
    order_state.why_held,
    order_state.mkt_cap_price,
    order_state.total_quantity,
    order_state.order_type,
    order_state.lmt_price,
    order_state.aux_price,
    order_state.first_seen,
    order_state.last_seen,
    gateway.name AS gateway,
    order_state.position,
    order_state.inexact
FROM order_state
INNER JOIN placed_order ON placed_order.id = order_state.placed_order_id
INNER JOIN gateway ON gateway.id = order_state.gateway_id
