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
    coalesce(contract.ib_contract_id::text, ''),
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
-- The newest snapshot of each account, and, of those that are no repeat, the newest one's refresh, gateway and whether
-- it is ready: a few looks into the index for each.
SELECT
    account.id,
    newest.created,
    refresh.created,
    newest_own.gateway_id,
    newest_own.ready
FROM account
CROSS JOIN LATERAL (
    SELECT account_snapshot.created
    FROM account_snapshot
    WHERE account_snapshot.account_id = account.id
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest
CROSS JOIN LATERAL (
    SELECT
        account_snapshot.refresh_id,
        account_snapshot.gateway_id,
        account_snapshot.ready
    FROM account_snapshot
    WHERE account_snapshot.account_id = account.id
      AND NOT account_snapshot.is_repeat
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest_own
INNER JOIN refresh ON refresh.id = newest_own.refresh_id

-- name: taken
-- The times of an account's snapshots from one on.
SELECT created
FROM account_snapshot
WHERE account_id = %(account)s
  AND created >= %(from)s
ORDER BY created
LIMIT %(rows)s

-- name: has_ready
-- Whether another gateway has a ready snapshot of an account of the refresh of this time.
SELECT EXISTS (
    SELECT 1
    FROM account_snapshot
    INNER JOIN refresh ON refresh.id = account_snapshot.refresh_id
    WHERE account_snapshot.account_id = %(account)s
      AND account_snapshot.created BETWEEN %(created)s AND %(created)s + interval '1 second'
      AND account_snapshot.gateway_id <> %(gateway)s
      AND account_snapshot.ready
      AND NOT account_snapshot.is_repeat
      AND refresh.created = %(created)s
)
