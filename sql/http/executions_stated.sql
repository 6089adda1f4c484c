-- Fills that Flex statements tell of: those that no gateway has told of, beside those that one has.

-- name: page
-- Fills of statements, from a time on and before a place, that no gateway has told of (by the execution's id, whichever correction of it; or,
-- where the statement has no ids, by contract, time, size and price), newest first; and what statements say of some executions.
SELECT
    found.is_unknown,
    found.account,
    found.exec_id,
    found.id,
    found.key,
    found.at,
    found.as_sent ->> 'at' AS time,
    found.contract,
    coalesce(found.underlying, found.symbol) AS symbol,
    found.symbol AS local_symbol,
    found.asset,
    sign(found.quantity)::integer AS sign,
    abs(found.quantity)::text AS shares,
    found.price::text,
    found.currency,
    found.exchange,
    (0 - found.commission)::text AS commission,
    found.commission_currency,
    CASE WHEN found.realized <> 0 OR found.open_close IS DISTINCT FROM 'O' THEN found.realized::text END AS realized,
    found.order_reference,
    found.multiplier::text,
    found.strike::text,
    found.put_call,
    to_char(found.expiry, 'YYYYMMDD') AS expiry,
    found.isin,
    found.description,
    (SELECT statement.received FROM statements.statement WHERE statement.id = found.statement) AS received,
    found.moment,
    found.position,
    found.statement,
    found.line
FROM (
    SELECT
        TRUE AS is_unknown,
        beside.*
    FROM ({found}) AS beside
    UNION ALL
    SELECT
        FALSE,
        trade.*,
        {moment} AS moment,
        {key} AS key
    FROM unnest(%(accounts)s::text[], %(keys)s::text[]) AS execution (account, key)
    INNER JOIN statements.trade
        ON trade.account = execution.account AND {key} = execution.key AND trade.exec_id <> '' AND trade.current
) AS found
ORDER BY found.is_unknown, found.moment DESC, found.position DESC, found.statement DESC, found.line DESC

-- name: moment
-- When it was, or the end of its day where the statement says the day alone.
coalesce(trade.at, (trade.day + 1)::timestamp AT TIME ZONE 'America/New_York')

-- name: key
-- Of the execution, without the number of a correction.
(regexp_replace(trade.exec_id, '\.[0-9]+$', '') COLLATE "C")

-- name: of_all
-- The newest of all accounts.
SELECT
    trade.*,
    {moment} AS moment,
    {key} AS key
FROM statements.trade
WHERE {span} AND {unknown}
ORDER BY {moment} DESC, trade.position DESC, trade.statement DESC, trade.line DESC
LIMIT %(rows)s

-- name: of_each_account
-- The newest of each of these accounts (null: of all), of them the newest.
SELECT newest.*
FROM accounts.account
CROSS JOIN LATERAL (
    SELECT
        trade.*,
        {moment} AS moment,
        {key} AS key
    FROM statements.trade
    WHERE trade.account = account.code AND {wanted} AND {span} AND {unknown}
    ORDER BY {moment} DESC, trade.position DESC, trade.statement DESC, trade.line DESC
    LIMIT %(rows)s
) AS newest
WHERE %(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[])
ORDER BY newest.moment DESC, newest.position DESC, newest.statement DESC, newest.line DESC
LIMIT %(rows)s

-- name: span
-- In a span of time, and before the place at which a page ends. What was exercised, assigned or has expired is no fill.
trade.current
AND {moment} >= %(from)s
AND {moment} <= least(%(to)s::timestamptz, %(moment)s::timestamptz)
AND ({moment}, trade.position, trade.statement, trade.line) < (%(moment)s, %(position)s::bigint, %(statement)s::bigint, %(line)s::integer)
AND trade.transaction_type IS DISTINCT FROM 'BookTrade'

-- name: unknown
-- No gateway has told of it.
NOT EXISTS (
    SELECT
    FROM executions.execution
    WHERE execution.account = trade.account AND execution.key = {key} AND trade.exec_id <> ''
)
AND NOT EXISTS (
    SELECT
    FROM executions.execution
    WHERE
        execution.account = trade.account
        AND execution.contract_id = trade.contract
        AND execution.moment = trade.at
        AND execution.shares = abs(trade.quantity)
        AND execution.price = trade.price
        AND coalesce(trade.exec_id, '') = ''
)

-- name: of_any_contract
TRUE

-- name: of_contract
trade.contract = %(contract)s::bigint

-- name: of_symbol
-- In each of the ways in which it may be written: that of the underlying, or that of the contract.
(
    trade.symbol = ANY(%(symbols)s::text[])
    OR (trade.underlying = ANY(%(symbols)s::text[]) AND trade.underlying <> trade.symbol)
)
