-- How a batch of the fold becomes rows: what there is, then one COPY for each table, and the few rows that change.

-- name: known
-- What there is of some fills: all executions with the same keys.
SELECT
    execution.account,
    execution.key,
    execution.execution_id,
    execution.correction,
    execution.is_current,
    execution.position,
    execution.received,
    execution.gateway,
    execution.digest,
    execution.at,
    execution.zone
FROM unnest(%(accounts)s::text[], %(keys)s::text[]) AS wanted (account, key)
INNER JOIN execution ON execution.account = wanted.account AND execution.key = wanted.key

-- name: known_reports
-- What there is of some commissions.
SELECT
    commission.execution_id,
    commission.position,
    commission.digest
FROM commission
WHERE commission.execution_id = ANY(%(ids)s::text[])

-- name: forget
-- Executions that are written anew.
DELETE FROM execution
USING unnest(%(accounts)s::text[], %(ids)s::text[]) AS former (account, execution_id)
WHERE execution.account = former.account
  AND execution.execution_id = former.execution_id

-- name: forget_reports
DELETE FROM commission
WHERE commission.execution_id = ANY(%(ids)s::text[])

-- name: accounts
INSERT INTO account (code)
SELECT fresh.code
FROM unnest(%(codes)s::text[]) AS fresh (code)
ON CONFLICT DO NOTHING

-- name: execution
COPY execution (
    account, execution_id, key, correction, is_current, position, received, gateway, digest, moment, at, time, zone,
    contract_id, symbol, security_type, expiry, strike, option_right, multiplier, multiplier_number,
    contract_exchange, currency, local_symbol, trading_class, order_id, perm_id, client_id, exchange, side, shares, price, cum_qty, avg_price,
    liquidation, order_ref, ev_rule, ev_multiplier, model_code, last_liquidity, pending_price_revision, submitter,
    texts, remarks
) FROM STDIN

-- name: commission
COPY commission (
    execution_id, key, correction, position, received, gateway, digest, commission, currency, realized_pnl, yield,
    redemption_date, texts
) FROM STDIN

-- name: supersede
-- Executions that are corrected now, or are so no longer.
UPDATE execution
SET is_current = changed.is_current
FROM unnest(%(accounts)s::text[], %(ids)s::text[], %(current)s::boolean[]) AS changed (account, execution_id, is_current)
WHERE execution.account = changed.account
  AND execution.execution_id = changed.execution_id

-- name: date
-- Executions of which another gateway has said when they were.
UPDATE execution
SET at = dated.at,
    moment = dated.at,
    zone = dated.zone,
    remarks = array_remove(execution.remarks, 'unknown-time')
FROM unnest(%(accounts)s::text[], %(ids)s::text[], %(times)s::timestamptz[], %(zones)s::text[])
    AS dated (account, execution_id, at, zone)
WHERE execution.account = dated.account
  AND execution.execution_id = dated.execution_id

-- name: cover
-- A day of a gateway is known until a later moment. If its clock has another zone now, the day begins with the new one unless
-- the two leave nothing out.
INSERT INTO coverage (gateway, day, begins, ends, asked_until, zone)
VALUES (%(gateway)s, %(day)s, %(begins)s, %(ends)s, %(until)s, %(zone)s)
ON CONFLICT (gateway, day) DO UPDATE
SET begins = CASE
        WHEN excluded.begins <= coverage.asked_until THEN least(excluded.begins, coverage.begins)
        ELSE excluded.begins
    END,
    ends = excluded.ends,
    asked_until = greatest(excluded.asked_until, coverage.asked_until),
    zone = excluded.zone
