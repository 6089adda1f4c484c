-- The public view. What is said before the SELECT becomes its comment; what follows an empty comment line, those of its columns.

-- name: v_pnl
-- Profit and loss as gateways said it, a row for each time that one was asked: of an account, or of one of its positions. A day of
-- daily_pnl begins when the gateway resets it, which is at a time that is set in it, not at midnight UTC.
--
-- account_code: The account's code.
-- at: When it was said.
-- ib_contract_id: IB's id of the contract, of a position; null: of the account as a whole.
-- daily_pnl: Profit of the day so far; null: IB gave none. Of an account in its base currency, as all that follows.
-- unrealized_pnl: Profit if all were closed now.
-- realized_pnl: Profit of what was closed.
-- position: How much is held, of a position.
-- market_value: What that is worth.
-- gateway: The gateway, as in IB_GW, that said it; where several list an account, choose one.
-- as_sent: IB's text of figures that a number does not give back letter by letter, by their names; null: none is like that.
-- contract: The same as ib_contract_id, but 0 for the account as a whole, by which one row after the other is found fastest.
-- event_position: The place of the event in v_event.
SELECT
    sample.account AS account_code,
    sample.at,
    nullif(sample.contract, 0) AS ib_contract_id,
    sample.daily AS daily_pnl,
    sample.unrealized AS unrealized_pnl,
    sample.realized AS realized_pnl,
    sample.size AS position,
    sample.value AS market_value,
    sample.gateway,
    sample.as_sent,
    sample.contract,
    sample.position AS event_position
FROM sample
