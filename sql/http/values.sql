-- What accounts were worth at the end of steps: as statements say it, and as the recorder saw it after the last of these.

-- name: values
-- A row for each account that has a value in any of these steps, by code: a text with its values by step, and others with the
-- currencies (of reports their numbers) and where each comes from (s: a statement, r: a report), each with a line for each step; an
-- empty one stands for nothing.
-- A step's value is that of the newest statement of one of its days, or of its newest report that is of a later day. Days end when
-- those of profit do. Where a query breaks out models, the values of an account's models are added up.
WITH step AS MATERIALIZED (
    SELECT step.*
    FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS step (since, until, number)
),

asked AS MATERIALIZED (
    SELECT whose.code, account.id
    FROM ({whose}) AS whose
    LEFT JOIN account ON account.code = whose.code
),

told AS MATERIALIZED (
    SELECT
        nav.account,
        nav.day,
        sum(nav.total) AS total,
        min(nav.currency) AS currency
    FROM statements.nav
    WHERE nav.current AND {of_whom} AND nav.day >= %(from)s AND nav.day <= %(to)s AND nav.total IS NOT NULL
    GROUP BY nav.account, nav.day
),

stated AS MATERIALIZED (
    SELECT DISTINCT ON (told.account, day.number)
        told.account,
        day.number,
        day.until,
        told.total,
        told.currency
    FROM told
    INNER JOIN unnest(
        %(days)s::date[], %(numbers)s::integer[], %(day_ends)s::timestamptz[]
    ) AS day (day, number, until) ON day.day = told.day
    ORDER BY told.account, day.number, told.day DESC
),

found AS (
    SELECT
        asked.code,
        step.number,
        coalesce(report.value, stated.total::text, '') AS value,
        CASE WHEN report.value IS NULL THEN stated.currency ELSE report.base_currency_id::text END AS currency,
        CASE WHEN report.value IS NOT NULL THEN 'r' WHEN stated.total IS NOT NULL THEN 's' ELSE '' END AS source
    FROM asked
    CROSS JOIN step
    LEFT JOIN stated ON stated.account = asked.code AND stated.number = step.number
    LEFT JOIN LATERAL (
        SELECT
            account_snapshot.base_currency_id,
            coalesce(account_segment.net_liquidation::text, {inexact}) AS value
        FROM account_snapshot
        INNER JOIN account_segment
            ON account_segment.account_snapshot_id = account_snapshot.id AND account_segment.segment = ''
        WHERE
            (stated.until IS NULL OR stated.until < step.until)
            AND account_snapshot.account_id = asked.id
            AND account_snapshot.created > greatest(step.since, stated.until)
            AND account_snapshot.created <= step.until
            AND account_snapshot.ready
            AND NOT account_snapshot.is_foreign
        ORDER BY account_snapshot.created DESC
        LIMIT 1
    ) AS report ON TRUE
)

SELECT
    found.code,
    string_agg(found.value, E'\n' ORDER BY found.number) AS value,
    string_agg(coalesce(found.currency, ''), E'\n' ORDER BY found.number) AS currency,
    string_agg(found.source, E'\n' ORDER BY found.number) AS source
FROM found
GROUP BY found.code
HAVING bool_or(found.source <> '')
ORDER BY found.code COLLATE "C"

-- name: inexact
-- A value that no column holds exactly.
(
    SELECT value.amount::text
    FROM account_value AS value
    WHERE
        value.account_snapshot_id = account_snapshot.id
        AND account_snapshot.has_inexact
        AND value.tag = 'NetLiquidation'
        AND value.segment IS NULL
        AND NOT value.is_ledger
        AND value.currency_id = account_snapshot.base_currency_id
    ORDER BY value.ordinal DESC
    LIMIT 1
)

-- name: currencies
-- The codes of currencies by their numbers.
SELECT currency.id::text, currency.code
FROM currency;

-- name: known
-- Which of these accounts a gateway or a statement knows.
SELECT whose.code
FROM unnest(%(codes)s::text[]) AS whose (code)
WHERE
    EXISTS (SELECT FROM account WHERE account.code = whose.code)
    OR EXISTS (SELECT FROM statements.statement WHERE statement.account = whose.code)
    OR EXISTS (SELECT FROM statements.nav WHERE nav.account = whose.code AND nav.current)
