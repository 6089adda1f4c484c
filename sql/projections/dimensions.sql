-- The dimension rows newer than those that the fold knows already, so that each name keeps the id it has.

-- name: newer_currency
SELECT id, code
FROM currency
WHERE id > %(last)s
ORDER BY id

-- name: newer_gateway
SELECT id, name
FROM gateway
WHERE id > %(last)s
ORDER BY id

-- name: newer_account
SELECT id, code
FROM account
WHERE id > %(last)s
ORDER BY id

-- name: newer_security_type
SELECT id, name
FROM security_type
WHERE id > %(last)s
ORDER BY id

-- name: newer_exchange
SELECT id, name
FROM exchange
WHERE id > %(last)s
ORDER BY id

-- name: newer_symbol
SELECT id, name
FROM symbol
WHERE id > %(last)s
ORDER BY id

-- name: newer_contract
-- A contract's content is its texts, in the order of the wire.
SELECT
    contract.id,
    contract.ib_contract_id::text,
    symbol.name,
    security_type.name,
    contract.last_trade_date,
    contract.strike,
    contract.option_right,
    contract.multiplier,
    exchange.name,
    currency.code,
    local_symbol.name,
    trading_class.name
FROM contract
JOIN symbol ON symbol.id = contract.symbol_id
JOIN security_type ON security_type.id = contract.security_type_id
JOIN exchange ON exchange.id = contract.exchange_id
JOIN currency ON currency.id = contract.currency_id
JOIN symbol AS local_symbol ON local_symbol.id = contract.local_symbol_id
JOIN symbol AS trading_class ON trading_class.id = contract.trading_class_id
WHERE contract.id > %(last)s
ORDER BY contract.id

-- name: newer_attribute_set
SELECT id, digest
FROM attribute_set
WHERE id > %(last)s
ORDER BY id

-- name: last_snapshot
SELECT coalesce(max(id), 0)
FROM account_snapshot

-- name: latest
-- The newest snapshot of each account: one look into the index for each.
SELECT
    account.id,
    newest.created
FROM account
CROSS JOIN LATERAL (
    SELECT account_snapshot.created
    FROM account_snapshot
    WHERE account_snapshot.account_id = account.id
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest
