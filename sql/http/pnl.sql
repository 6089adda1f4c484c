-- Profit and loss over time, and of all accounts at a moment. Whose samples count is filled in ({whose}), and of which contracts
-- ({subject}): as a parameter, the latter could use no index where a statement is planned once for all.

-- name: first
-- When the account's first sample was made.
SELECT min(sample.at) FROM pnl.sample WHERE sample.account = %(account)s;

-- name: contracts
-- Everything that the account has samples of, 0 for itself, by a look at each: there may be very many samples.
WITH RECURSIVE found (contract) AS (
    (
        SELECT sample.contract
        FROM pnl.sample
        WHERE sample.account = %(account)s
        ORDER BY sample.contract
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT sample.contract
        FROM pnl.sample
        WHERE sample.account = %(account)s AND sample.contract > found.contract
        ORDER BY sample.contract
        LIMIT 1
    )
    FROM found
    WHERE found.contract IS NOT NULL
)
SELECT found.contract FROM found WHERE found.contract IS NOT NULL;

-- name: columns
-- What is shown of a sample. Each figure as IB's digits: the column's, or the text of a zero with a minus, which numeric has not.
nullif(sample.contract, 0),
CASE WHEN sample.as_sent ->> 'daily' ~ '^-0(\.0+)?$' THEN sample.as_sent ->> 'daily' ELSE sample.daily::text END,
CASE WHEN sample.as_sent ->> 'unrealized' ~ '^-0(\.0+)?$' THEN sample.as_sent ->> 'unrealized' ELSE sample.unrealized::text END,
CASE WHEN sample.as_sent ->> 'realized' ~ '^-0(\.0+)?$' THEN sample.as_sent ->> 'realized' ELSE sample.realized::text END,
CASE WHEN sample.as_sent ->> 'size' ~ '^-0(\.0+)?$' THEN sample.as_sent ->> 'size' ELSE sample.size::text END,
CASE WHEN sample.as_sent ->> 'value' ~ '^-0(\.0+)?$' THEN sample.as_sent ->> 'value' ELSE sample.value::text END,
CASE WHEN sample.contract = 0 THEN sample.base_currency END,
sample.gateway

-- name: report
-- Whose the account was when a sample was made: the gateway of its newest report then, which also says the base currency.
LEFT JOIN LATERAL (
    SELECT
        gateway.name,
        currency.code AS base_currency
    FROM account_snapshot
    INNER JOIN gateway ON gateway.id = account_snapshot.gateway_id
    LEFT JOIN currency ON currency.id = account_snapshot.base_currency_id
    WHERE
        account_snapshot.account_id = {account_id}
        AND NOT account_snapshot.is_foreign
        AND NOT account_snapshot.is_repeat
        AND account_snapshot.created <= {at}
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS report ON TRUE

-- name: newest
-- The newest sample of a span: of each gateway that has named the account its own newest, and of these the newest that counts. One
-- look at an index for each gateway, however many samples of others there are. (Of a gateway that has none the primary key would
-- find out by reading all of the account's: compared and ordered as whole rows, only the index by gateway can be used.)
SELECT
    candidate.*,
    report.base_currency
FROM gateway_account
INNER JOIN gateway ON gateway.id = gateway_account.gateway_id
CROSS JOIN LATERAL (
    SELECT *
    FROM pnl.sample
    WHERE
        sample.account = {account}
        AND (sample.gateway, sample.contract, sample.at) > (gateway.name, {contract}, {since}::timestamptz)
        AND (sample.gateway, sample.contract, sample.at) <= (gateway.name, {contract}, {until}::timestamptz)
    ORDER BY
        sample.gateway DESC,
        sample.contract DESC,
        sample.at DESC
    LIMIT 1
) AS candidate
{report}
WHERE
    gateway_account.account_id = {account_id}
    AND {whose}
ORDER BY
    candidate.at DESC,
    candidate.position DESC
LIMIT 1

-- name: of_its_own
{sample}.gateway = coalesce(report.name, {sample}.gateway)

-- name: of_one_gateway
{sample}.gateway = %(gateway)s

-- name: of_account
sample.contract = 0

-- name: of_contract
sample.contract = %(contract)s

-- name: of_all
TRUE

-- name: each
-- The samples of a span, so many of them, and those of the same time as the last; each with whether it counts.
SELECT
    sample.at,
    {columns},
    sample.is_wanted
FROM (
    SELECT
        candidate.*,
        report.base_currency,
        {whose} AS is_wanted
    FROM (
        SELECT *
        FROM pnl.sample
        WHERE
            sample.account = %(account)s
            AND {subject}
            AND sample.at >= %(from)s
            AND sample.at <= %(to)s
        ORDER BY sample.at
        FETCH FIRST %(rows)s ROWS WITH TIES
    ) AS candidate
    {report}
) AS sample
ORDER BY
    sample.at,
    sample.contract,
    sample.position

-- name: each_step
-- The newest sample of each of some steps, of the account itself and of each contract asked for, with the step's number; none where
-- there is none.
SELECT
    sample.at,
    {columns},
    step.number
FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS step (since, until, number)
CROSS JOIN unnest(%(contracts)s::bigint[]) AS subject (contract)
CROSS JOIN LATERAL ({newest}) AS sample
ORDER BY
    step.number,
    sample.contract

-- name: at_moment
-- The newest sample of each account at a moment, by code, so many of them.
SELECT
    sample.at,
    {columns},
    account.code
FROM account
CROSS JOIN LATERAL ({newest}) AS sample
WHERE
    (%(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[]))
    AND (%(after)s::text IS NULL OR account.code COLLATE "C" > %(after)s::text)
ORDER BY account.code COLLATE "C"
LIMIT %(rows)s
