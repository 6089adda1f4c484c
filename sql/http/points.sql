-- The reports that make a time series: each of them, or the last of each step. Which reports count, and which of a step comes
-- first, say the conditions of sql/http/history.sql.

-- name: account
-- What a time series needs to know first: the account, the gateway where one is named that has named the account, and when its
-- oldest and its newest snapshot were made.
SELECT
    account.id,
    named.id AS gateway_id,
    (
        SELECT min(account_snapshot.created)
        FROM account_snapshot
        WHERE account_snapshot.account_id = account.id AND {whose}
    ) AS oldest,
    (
        SELECT max(account_snapshot.created)
        FROM account_snapshot
        WHERE account_snapshot.account_id = account.id AND {whose}
    ) AS newest
FROM account
LEFT JOIN gateway AS named
    ON
        named.name = %(gateway)s::text
        AND EXISTS (
            SELECT 1
            FROM gateway_account
            WHERE gateway_account.gateway_id = named.id AND gateway_account.account_id = account.id
        )
WHERE account.code = %(account)s;

-- name: each_report
-- The reports of a span, so many of them.
SELECT
    account_snapshot.id,
    account_snapshot.created
FROM account_snapshot
WHERE
    account_snapshot.account_id = %(account_id)s
    AND account_snapshot.created >= %(from)s
    AND account_snapshot.created <= %(to)s
    AND {wanted}
ORDER BY account_snapshot.created
LIMIT %(rows)s

-- name: each_step
-- The newest report of each of some steps, one that its caller prefers first, with the step's number; none of a step that has none.
SELECT
    newest.id,
    newest.created,
    step.number
FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS step (since, until, number)
CROSS JOIN LATERAL (
    SELECT
        account_snapshot.id,
        account_snapshot.created
    FROM account_snapshot
    WHERE
        account_snapshot.account_id = %(account_id)s
        AND account_snapshot.created > step.since
        AND account_snapshot.created <= step.until
        AND {wanted}
        AND {first}
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest
ORDER BY step.number
