-- Value of an account per day: as statements say it, and as the recorder saw it on days of which no statement is.

-- name: following
-- The first day from a day on of which anything is known.
SELECT least(
    (
        SELECT nav.day
        FROM statements.nav
        WHERE nav.account = account.code AND nav.current AND nav.day >= %(from)s::date AND %(stated)s
        ORDER BY nav.day
        LIMIT 1
    ),
    (
        SELECT (account_snapshot.created AT TIME ZONE %(zone)s)::date
        FROM accounts.account_snapshot
        WHERE
            account_snapshot.account_id = account.id
            AND account_snapshot.ready
            AND NOT account_snapshot.is_foreign
            AND account_snapshot.created >= (%(from)s::date::timestamp AT TIME ZONE %(zone)s)
            AND account_snapshot.created <= %(now)s
            AND %(recorded)s
        ORDER BY account_snapshot.created
        LIMIT 1
    )
)
FROM accounts.account
WHERE account.code = %(account)s;

-- name: stated
-- What statements say of some days.
SELECT
    item.day,
    {cells}
FROM statements.nav AS item
WHERE
    item.account = %(account)s
    AND item.current
    AND item.day >= %(from)s::date
    AND item.day <= %(to)s::date
ORDER BY item.day, item.statement, item.line

-- name: recorded
-- The last report of each of some days that can be relied on, of those that no statement says the value of (or of all): its value, and
-- what the ledger has in the base currency for all currencies.
SELECT
    numbered.day,
    snapshot.created,
    currency.code,
    coalesce(
        segment.net_liquidation::text,
        (
            SELECT value.amount::text
            FROM accounts.account_value AS value
            WHERE
                value.account_snapshot_id = snapshot.id
                AND value.tag = 'NetLiquidation'
                AND value.segment IS NULL
                AND NOT value.is_ledger
                AND value.currency_id = snapshot.base_currency_id
            ORDER BY value.ordinal DESC
            LIMIT 1
        )
    ) AS net_liquidation,
    ledger.total_cash_balance::text,
    ledger.stock_market_value::text,
    ledger.option_market_value::text,
    ledger.net_dividend::text,
    ledger.accrued_cash::text
FROM accounts.account
CROSS JOIN (
    SELECT series.at::date AS day
    FROM generate_series(%(from)s::date::timestamp, %(to)s::date::timestamp, INTERVAL '1 day') AS series (at)
) AS numbered
CROSS JOIN LATERAL (
    SELECT
        account_snapshot.id,
        account_snapshot.created,
        account_snapshot.base_currency_id
    FROM accounts.account_snapshot
    WHERE
        account_snapshot.account_id = account.id
        AND account_snapshot.ready
        AND NOT account_snapshot.is_foreign
        AND account_snapshot.created >= (numbered.day::timestamp AT TIME ZONE %(zone)s)
        AND account_snapshot.created < ((numbered.day + 1)::timestamp AT TIME ZONE %(zone)s)
        AND account_snapshot.created <= %(now)s
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS snapshot
LEFT JOIN accounts.currency ON currency.id = snapshot.base_currency_id
LEFT JOIN accounts.account_segment AS segment
    ON segment.account_snapshot_id = snapshot.id AND segment.segment = ''
LEFT JOIN accounts.account_ledger AS ledger
    ON
        ledger.account_snapshot_id = snapshot.id
        AND ledger.currency_id = (SELECT base.id FROM accounts.currency AS base WHERE base.code = 'BASE')
WHERE
    account.code = %(account)s
    AND NOT (
        %(stated)s
        AND EXISTS (
            SELECT FROM statements.nav
            WHERE nav.account = account.code AND nav.current AND nav.day = numbered.day
            OFFSET 0
        )
    )
ORDER BY numbered.day
