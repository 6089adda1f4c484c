-- How a batch of the fold becomes rows: one COPY for each table, and the few rows that change later.

-- name: currency
COPY currency (id, code) FROM STDIN

-- name: gateway
COPY gateway (id, name) FROM STDIN

-- name: account
COPY account (id, code) FROM STDIN

-- name: gateway_account
COPY gateway_account (id, gateway_id, account_id, is_listed, is_owner, is_conflict) FROM STDIN

-- name: security_type
COPY security_type (id, name) FROM STDIN

-- name: exchange
COPY exchange (id, name) FROM STDIN

-- name: symbol
COPY symbol (id, name) FROM STDIN

-- name: contract
COPY contract (
    id, ib_contract_id, symbol_id, security_type_id, last_trade_date, strike, option_right, multiplier,
    exchange_id, currency_id, local_symbol_id, trading_class_id, strike_number, multiplier_number,
    described
) FROM STDIN

-- name: session
COPY session (
    id, originator_id, gateway_id, client_id, server_version, connection_time, instance, software, opened
) FROM STDIN

-- name: refresh
COPY refresh (id, session_id, gateway_id, created, trigger, started, scope, total) FROM STDIN

-- name: attribute_set
COPY attribute_set (id, digest) FROM STDIN

-- name: account_attribute
COPY account_attribute (attribute_set_id, ordinal, tag, segment, currency_id, value) FROM STDIN

-- name: account_snapshot
COPY account_snapshot (
    id, account_id, created, completed, refresh_id, gateway_id, attribute_set_id, base_currency_id, ready, is_repeat,
    is_foreign, has_inexact, has_models, source, ended, as_of, account_code, cushion, look_ahead_next_change, remarks
) FROM STDIN

-- name: account_segment
-- The columns of the table in their order: snapshot, segment, then those of ibconnect.tags.SEGMENT_TAGS.
COPY account_segment FROM STDIN

-- name: account_ledger
-- The columns of the table in their order: snapshot, currency, then those of ibconnect.tags.LEDGER_TAGS.
COPY account_ledger FROM STDIN

-- name: account_value
COPY account_value (account_snapshot_id, ordinal, tag, segment, currency_id, is_ledger, value, amount) FROM STDIN

-- name: account_position
COPY account_position (
    account_snapshot_id, contract_id, position, market_price, market_value, average_cost, unrealized_pnl,
    realized_pnl
) FROM STDIN

-- name: account_model_position
COPY account_model_position (
    account_snapshot_id, model, contract_id, position, market_price, market_value, average_cost, unrealized_pnl,
    realized_pnl
) FROM STDIN

-- name: account_model_value
COPY account_model_value (
    account_snapshot_id, ordinal, model, tag, segment, currency_id, is_ledger, value, amount
) FROM STDIN

-- name: describe
-- Contracts that snapshots describe as they were described before they were otherwise.
UPDATE contract
SET described = again.snapshot_id
FROM unnest(%(ids)s::integer[], %(snapshots)s::integer[]) AS again (id, snapshot_id)
WHERE contract.id = again.id

-- name: hold
-- Contracts that accounts hold; most are known.
INSERT INTO account_contract (account_id, contract_id, gateway_id, is_foreign)
SELECT * FROM unnest(%(accounts)s::integer[], %(contracts)s::integer[], %(gateways)s::integer[], %(foreign)s::boolean[])
ON CONFLICT DO NOTHING

-- name: close_session
UPDATE session
SET closed = %(closed)s,
    close_reason = %(reason)s
WHERE id = %(session_id)s

-- name: end_refresh
UPDATE refresh
SET ended = %(ended)s,
    outcome = %(outcome)s,
    request = %(request)s,
    missing = %(missing)s,
    detail = %(detail)s,
    done = %(done)s
WHERE id = %(refresh_id)s

-- name: own_accounts
-- Whose accounts are has changed.
UPDATE gateway_account
SET is_owner = %(is_owner)s,
    is_conflict = %(is_conflict)s
WHERE id = %(id)s

-- name: mark_repeats
-- Of some accounts' refreshes of some times, it is the snapshots of these gateways that are no repeats. (A snapshot may have
-- been created up to two minutes after its refresh: see docs/projections.md.)
UPDATE account_snapshot
SET is_repeat = account_snapshot.gateway_id <> taken.gateway_id
FROM unnest(%(accounts)s::integer[], %(gateways)s::integer[], %(created)s::timestamptz[])
    AS taken (account_id, gateway_id, created), refresh
WHERE account_snapshot.account_id = taken.account_id
  AND account_snapshot.is_repeat = (account_snapshot.gateway_id = taken.gateway_id)
  AND account_snapshot.created BETWEEN taken.created AND taken.created + interval '121 seconds'
  AND refresh.id = account_snapshot.refresh_id
  AND refresh.created = taken.created
  AND NOT account_snapshot.is_foreign

-- name: list_accounts
UPDATE gateway_account
SET first_listed = coalesce(first_listed, %(first)s),
    last_listed = %(last)s,
    is_listed = %(is_listed)s
WHERE gateway_id = %(gateway_id)s
  AND account_id = %(account_id)s

-- name: unlist_accounts
-- The accounts that a gateway listed once and no longer does.
UPDATE gateway_account
SET is_listed = false
WHERE gateway_id = %(gateway_id)s
  AND is_listed
  AND account_id <> ALL (%(account_ids)s)

-- name: conclude_accounts
-- What became of an account when its gateway was asked for it; requests that it serves only grow.
UPDATE gateway_account
SET concluded = %(at)s,
    ended = %(ended)s,
    detail = %(why)s,
    is_whole = %(is_whole)s,
    request = greatest(request, %(request)s)
WHERE gateway_id = %(gateway_id)s
  AND account_id = %(account_id)s

-- name: add_keys
-- Keys that accounts were sent; most are known.
INSERT INTO account_key (account_id, gateway_id, is_foreign, tag, segment, currency, is_ledger)
SELECT *
FROM unnest(
    %(accounts)s::integer[],
    %(gateways)s::integer[],
    %(foreign)s::boolean[],
    %(tags)s::text[],
    %(segments)s::text[],
    %(currencies)s::text[],
    %(ledger)s::boolean[]
)
ON CONFLICT DO NOTHING
