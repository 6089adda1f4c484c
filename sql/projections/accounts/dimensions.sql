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
-- A contract's content is its texts, in the order of the wire. In the order in which contracts were described so last: those
-- that were described again have another place in it than they had.
SELECT
    contract.id,
    contract.described,
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
   OR contract.described > %(described)s
ORDER BY
    contract.described,
    contract.id

-- name: newer_attribute_set
SELECT id, digest
FROM attribute_set
WHERE id > %(last)s
ORDER BY id

-- name: newer_gateway_account
SELECT
    gateway_account.id,
    account.code,
    gateway.name
FROM gateway_account
JOIN account ON account.id = gateway_account.account_id
JOIN gateway ON gateway.id = gateway_account.gateway_id
WHERE gateway_account.id > %(last)s
ORDER BY gateway_account.id

-- name: configured
-- The gateways that are configured, with their pins, as the events up to here say.
SELECT open -> 'configured'
FROM projection

-- name: last_snapshot
SELECT coalesce(max(id), 0)
FROM account_snapshot

-- name: latest
-- When the newest snapshot of each account was created, and the newest of its owners; and the time of the newest refresh that
-- these have a snapshot of (both null: there is none). One of an older refresh may have been created up to two minutes after
-- it: see docs/projections.md. A few looks into the index each.
SELECT
    account.code,
    account.id,
    newest.created,
    newest_own.created,
    (
        SELECT max(refresh.created)
        FROM account_snapshot
        JOIN refresh ON refresh.id = account_snapshot.refresh_id
        WHERE account_snapshot.account_id = account.id
          AND account_snapshot.created >= newest_own.created - interval '121 seconds'
          AND NOT account_snapshot.is_foreign
    )
FROM account
CROSS JOIN LATERAL (
    SELECT account_snapshot.created
    FROM account_snapshot
    WHERE account_snapshot.account_id = account.id
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest
LEFT JOIN LATERAL (
    SELECT account_snapshot.created
    FROM account_snapshot
    WHERE account_snapshot.account_id = account.id
      AND NOT account_snapshot.is_foreign
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest_own ON true

-- name: taken
-- The times of an account's snapshots from one on.
SELECT created
FROM account_snapshot
WHERE account_id = %(account)s
  AND created >= %(from)s
ORDER BY created
LIMIT %(rows)s

-- name: of_refresh
-- The owners' snapshots of an account of the refresh of this time, in the order of events.
SELECT
    gateway.name,
    account_snapshot.ready,
    account_snapshot.is_repeat
FROM account
JOIN account_snapshot ON account_snapshot.account_id = account.id
JOIN refresh ON refresh.id = account_snapshot.refresh_id
JOIN gateway ON gateway.id = account_snapshot.gateway_id
WHERE account.code = %(account)s
  AND account_snapshot.created BETWEEN %(created)s AND %(created)s + interval '121 seconds'
  AND refresh.created = %(created)s
  AND NOT account_snapshot.is_foreign
ORDER BY account_snapshot.id
