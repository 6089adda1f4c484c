-- name: v_account_snapshot_latest
-- The newest snapshot of each account (all columns but the account null before the first one), and which gateways
-- list the account now.
SELECT
    account.code AS account_code,
    latest.created AS latest,
    latest.ready,
    latest.source,
    latest.ended,
    base_currency.code AS base_currency,
    listing.gateways,
    latest.id AS account_snapshot_id
FROM account
LEFT JOIN LATERAL (
    SELECT *
    FROM account_snapshot
    WHERE account_snapshot.account_id = account.id
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS latest ON true
LEFT JOIN currency AS base_currency ON base_currency.id = latest.base_currency_id
LEFT JOIN LATERAL (
    SELECT array_agg(gateway.name ORDER BY gateway.name) AS gateways
    FROM gateway_account
    JOIN gateway ON gateway.id = gateway_account.gateway_id
    WHERE gateway_account.account_id = account.id
      AND gateway_account.is_listed
) AS listing ON true

-- name: v_account_amount
-- One row per snapshot: the figures of the whole account in its base currency.
SELECT
    account.code AS account_code,
    account_snapshot.created,
    account_type.value AS account_type,
    base_currency.code AS base_currency,
    account_snapshot.ready,
    account_snapshot.cushion,
    account_snapshot.look_ahead_next_change,
    whole.accrued_cash,
    whole.available_funds,
    whole.buying_power,
    whole.equity_with_loan_value,
    whole.excess_liquidity,
    whole.full_available_funds,
    whole.full_excess_liquidity,
    whole.full_init_margin_req,
    whole.full_maint_margin_req,
    whole.gross_position_value,
    whole.init_margin_req,
    whole.look_ahead_available_funds,
    whole.look_ahead_excess_liquidity,
    whole.look_ahead_init_margin_req,
    whole.look_ahead_maint_margin_req,
    whole.maint_margin_req,
    whole.net_liquidation,
    all_currencies.total_cash_balance,
    whole.total_cash_value,
    account_snapshot.id AS account_snapshot_id
FROM account_snapshot
JOIN account ON account.id = account_snapshot.account_id
LEFT JOIN currency AS base_currency ON base_currency.id = account_snapshot.base_currency_id
LEFT JOIN account_attribute AS account_type
    ON account_type.attribute_set_id = account_snapshot.attribute_set_id
    AND account_type.tag = 'AccountType'
    AND account_type.segment IS NULL
    AND account_type.currency_id IS NULL
LEFT JOIN account_segment AS whole
    ON whole.account_snapshot_id = account_snapshot.id
    AND whole.segment = ''
LEFT JOIN account_ledger AS all_currencies
    ON all_currencies.account_snapshot_id = account_snapshot.id
    AND all_currencies.currency_id = (SELECT currency.id FROM currency WHERE currency.code = 'BASE')

-- name: v_account_position
-- One row per position of a snapshot. Money is in the contract's currency. A position of size 0 was closed that day.
SELECT
    account.code AS account_code,
    account_snapshot.created,
    contract.ib_contract_id,
    symbol.name AS symbol,
    local_symbol.name AS local_symbol,
    security_type.name AS security_type,
    exchange.name AS exchange,
    currency.code AS currency,
    contract.last_trade_date,
    contract.strike,
    contract.option_right,
    contract.multiplier,
    trading_class.name AS trading_class,
    account_position.position,
    account_position.market_price,
    account_position.market_value,
    account_position.average_cost,
    account_position.unrealized_pnl,
    account_position.realized_pnl,
    account_snapshot.ready,
    account_snapshot.source,
    account_snapshot.id AS account_snapshot_id
FROM account_position
JOIN account_snapshot ON account_snapshot.id = account_position.account_snapshot_id
JOIN account ON account.id = account_snapshot.account_id
JOIN contract ON contract.id = account_position.contract_id
JOIN symbol ON symbol.id = contract.symbol_id
JOIN symbol AS local_symbol ON local_symbol.id = contract.local_symbol_id
JOIN symbol AS trading_class ON trading_class.id = contract.trading_class_id
JOIN security_type ON security_type.id = contract.security_type_id
JOIN exchange ON exchange.id = contract.exchange_id
JOIN currency ON currency.id = contract.currency_id

-- name: v_contract
-- Contracts as IB described them; a contract id has several rows when its description has changed.
SELECT
    contract.id AS contract_id,
    contract.ib_contract_id,
    symbol.name AS symbol,
    local_symbol.name AS local_symbol,
    security_type.name AS security_type,
    exchange.name AS exchange,
    currency.code AS currency,
    currency.iso_4217_code,
    currency.name AS currency_name,
    contract.last_trade_date,
    contract.strike,
    contract.option_right,
    contract.multiplier,
    trading_class.name AS trading_class
FROM contract
JOIN symbol ON symbol.id = contract.symbol_id
JOIN symbol AS local_symbol ON local_symbol.id = contract.local_symbol_id
JOIN symbol AS trading_class ON trading_class.id = contract.trading_class_id
JOIN security_type ON security_type.id = contract.security_type_id
JOIN exchange ON exchange.id = contract.exchange_id
JOIN currency ON currency.id = contract.currency_id
