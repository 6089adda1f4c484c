-- name: account
-- What a history needs to know first: the account, its base currency as of its newest snapshot, the span of its
-- snapshots within the times asked for, and where a next page would begin.
SELECT
    account.id,
    (
        SELECT currency.code
        FROM account_snapshot AS newest
        INNER JOIN currency ON currency.id = newest.base_currency_id
        WHERE newest.account_id = account.id
        ORDER BY newest.created DESC
        LIMIT 1
    ) AS base_currency,
    (
        SELECT min(oldest.created)
        FROM account_snapshot AS oldest
        WHERE oldest.account_id = account.id AND oldest.created >= %(from)s
    ) AS first_created,
    (
        SELECT beyond.created
        FROM account_snapshot AS beyond
        WHERE
            beyond.account_id = account.id
            AND beyond.created BETWEEN %(from)s AND %(to)s
        ORDER BY beyond.created
        OFFSET %(limit)s
        LIMIT 1
    ) AS next_created
FROM account
WHERE account.code = %(account)s;

-- name: position_exists
-- Whether any snapshot of the account ever held this contract: looked up for each snapshot of the account (OFFSET 0 keeps
-- the planner from reading the positions of all accounts instead).
SELECT EXISTS (
    SELECT 1
    FROM account_snapshot
    CROSS JOIN LATERAL (
        SELECT 1
        FROM account_position
        WHERE
            account_position.account_snapshot_id = account_snapshot.id
            AND account_position.contract_id = ANY(
                ARRAY(SELECT contract.id FROM contract WHERE contract.ib_contract_id = %(contract)s)
            )
        OFFSET 0
    ) AS held
    WHERE account_snapshot.account_id = %(account)s
);

-- name: each_snapshot
-- The points of a page, one for each snapshot.
SELECT
    account_snapshot.created AS at,
    account_snapshot.id AS snapshot_id,
    account_snapshot.base_currency_id,
    account_snapshot.attribute_set_id,
    account_snapshot.cushion,
    account_snapshot.look_ahead_next_change
FROM account_snapshot
WHERE
    account_snapshot.account_id = %(account)s
    AND account_snapshot.created >= %(from)s
    AND account_snapshot.created <= %(to)s
ORDER BY account_snapshot.created
LIMIT %(rows)s

-- name: each_step
-- The points of a page, one for each step: the newest snapshot at or before it that is newer than the step before,
-- so that an interval without any snapshot shows as a gap.
SELECT
    step.at,
    newest.*
FROM generate_series(%(from)s::timestamptz, %(to)s::timestamptz, %(step)s::interval) AS step (at)
LEFT JOIN LATERAL (
    SELECT
        account_snapshot.id AS snapshot_id,
        account_snapshot.base_currency_id,
        account_snapshot.attribute_set_id,
        account_snapshot.cushion,
        account_snapshot.look_ahead_next_change
    FROM account_snapshot
    WHERE
        account_snapshot.account_id = %(account)s
        AND account_snapshot.created <= step.at
        AND account_snapshot.created > step.at - %(step)s::interval
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest ON TRUE

-- name: with_figures
-- The figures of those points; both are filled in from the queries and expressions here. A connection's time zone is
-- UTC, so the text of a time is RFC 3339 but for two characters. All points are one row, since each row more is read by
-- itself: a text for each column, with a line for each point, which takes half the time of arrays.
SELECT
    replace(replace(string_agg(point.at::text, E'\n' ORDER BY point.at), ' ', 'T'), '+00', 'Z') AS times,
    {columns}
FROM ({points}) AS point
LEFT JOIN account_segment AS money
    ON money.account_snapshot_id = point.snapshot_id AND money.segment = %(segment)s
LEFT JOIN account_ledger AS figure
    ON
        figure.account_snapshot_id = point.snapshot_id
        AND figure.currency_id = (SELECT currency.id FROM currency WHERE currency.code = %(ledger)s)

-- name: column
-- One figure of all points; an empty line is a gap.
string_agg(coalesce({figure}, ''), E'\n' ORDER BY point.at)

-- name: segment_figure
-- Account-level money; where a currency is asked for, only in snapshots with that base currency.
CASE
    WHEN
        %(currency)s::text IS NULL
        OR point.base_currency_id = (SELECT currency.id FROM currency WHERE currency.code = %(currency)s)
        THEN coalesce(money.{column}, {other})::text
END

-- name: ledger_figure
-- A figure of the ledger row.
coalesce(figure.{column}, {other})::text

-- name: snapshot_figure
-- A figure that has neither segment nor currency.
coalesce(point.{column}, {other})::text

-- name: other_amount
-- The number of a value that no column holds exactly.
(
    SELECT value.amount
    FROM account_value AS value
    LEFT JOIN currency ON currency.id = value.currency_id
    WHERE
        value.account_snapshot_id = point.snapshot_id
        AND value.tag = {tag}
        AND coalesce(value.segment, '') = %(segment)s
        AND (
            value.currency_id IS NULL
            OR currency.code = coalesce(%(currency)s::text, %(ledger)s)
            OR (%(currency)s::text IS NULL AND value.currency_id = point.base_currency_id)
        )
    ORDER BY value.ordinal
    LIMIT 1
)

-- name: other_text
-- The text of a value that has no column at all: a changing one, or an attribute that snapshots share. As JSON, which
-- has no line breaks.
to_json(coalesce(
    (
        SELECT coalesce(value.amount::text, value.value)
        FROM account_value AS value
        LEFT JOIN currency ON currency.id = value.currency_id
        WHERE
            value.account_snapshot_id = point.snapshot_id
            AND value.tag = {tag}
            AND coalesce(value.segment, '') = %(segment)s
            AND (%(currency)s::text IS NULL OR currency.code = %(currency)s::text)
        ORDER BY value.ordinal
        LIMIT 1
    ),
    (
        SELECT attribute.value
        FROM account_attribute AS attribute
        LEFT JOIN currency ON currency.id = attribute.currency_id
        WHERE
            attribute.attribute_set_id = point.attribute_set_id
            AND attribute.tag = {tag}
            AND coalesce(attribute.segment, '') = %(segment)s
            AND (%(currency)s::text IS NULL OR currency.code = %(currency)s::text)
        ORDER BY attribute.ordinal
        LIMIT 1
    )
))::text

-- name: with_position
-- What the account held of one contract at those points.
SELECT
    replace(replace(string_agg(point.at::text, E'\n' ORDER BY point.at), ' ', 'T'), '+00', 'Z') AS times,
    string_agg(coalesce(held.position::text, ''), E'\n' ORDER BY point.at) AS positions,
    string_agg(coalesce(held.market_price::text, ''), E'\n' ORDER BY point.at) AS market_prices,
    string_agg(coalesce(held.market_value::text, ''), E'\n' ORDER BY point.at) AS market_values,
    string_agg(coalesce(held.average_cost::text, ''), E'\n' ORDER BY point.at) AS average_costs,
    string_agg(coalesce(held.unrealized_pnl::text, ''), E'\n' ORDER BY point.at) AS unrealized_pnls,
    string_agg(coalesce(held.realized_pnl::text, ''), E'\n' ORDER BY point.at) AS realized_pnls
FROM ({points}) AS point
LEFT JOIN account_position AS held
    ON
        held.account_snapshot_id = point.snapshot_id
        AND held.contract_id = ANY(
            ARRAY(SELECT contract.id FROM contract WHERE contract.ib_contract_id = %(contract)s)
        )
