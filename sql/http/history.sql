-- Figures over time, made of the pieces below by what is asked for. Which snapshots are looked at is filled in
-- (ibconnect/http/resources/conditions.py), not left to parameters: each of these conditions has an index of its own, which a
-- statement that is planned for any parameters could not use.

-- name: account
-- What a history needs to know first: the account, its base currency as of its newest snapshot of the kind asked for, and the
-- first of these snapshots within the times asked for; and, where a gateway is named that has named the account, which one that
-- is.
SELECT
    account.id,
    newest.base_currency_id,
    newest.code AS base_currency,
    (
        SELECT min(account_snapshot.created)
        FROM account_snapshot
        WHERE
            account_snapshot.account_id = account.id
            AND account_snapshot.created >= %(from)s
            AND {whose}
    ) AS first_created,
    named.id AS gateway_id
FROM account
LEFT JOIN gateway AS named
    ON
        named.name = %(gateway)s::text
        AND EXISTS (
            SELECT 1
            FROM gateway_account
            WHERE gateway_account.gateway_id = named.id AND gateway_account.account_id = account.id
        )
LEFT JOIN LATERAL (
    SELECT
        account_snapshot.base_currency_id,
        currency.code
    FROM account_snapshot
    INNER JOIN currency ON currency.id = account_snapshot.base_currency_id
    WHERE
        account_snapshot.account_id = account.id
        AND {whose}
        AND account_snapshot.created <= clock_timestamp() + INTERVAL '1 minute'
        AND {ready}
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest ON TRUE
WHERE account.code = %(account)s;

-- name: edges
-- Where pages of so many snapshots begin, and how many come before each; last the first snapshot that is too many, if there is one.
WITH RECURSIVE edge AS (
    SELECT
        %(from)s::timestamptz AS created,
        0 AS before
    UNION ALL
    SELECT
        following.created,
        edge.before + least(%(rows)s, %(limit)s - edge.before)
    FROM edge
    CROSS JOIN LATERAL (
        SELECT account_snapshot.created
        FROM account_snapshot
        WHERE
            account_snapshot.account_id = %(account)s
            AND account_snapshot.created >= edge.created
            AND account_snapshot.created <= %(to)s
            AND {wanted}
        ORDER BY account_snapshot.created
        OFFSET least(%(rows)s, %(limit)s - edge.before)
        LIMIT 1
    ) AS following
    WHERE edge.before < %(limit)s
)

SELECT
    edge.created,
    edge.before
FROM edge
ORDER BY edge.before

-- name: is_sparse
-- Whether there are no more snapshots than so many.
SELECT count(*) <= %(most)s
FROM (
    SELECT
    FROM account_snapshot
    WHERE
        account_snapshot.account_id = %(account)s
        AND account_snapshot.created > %(from)s
        AND account_snapshot.created <= %(to)s
        AND {wanted}
    LIMIT %(most)s + 1
) AS counted

-- name: state
-- Is another one whenever a history may be another one: snapshots are only ever added, with growing ids, and a rebuild has
-- new tables. What is amended of a snapshot is so when another one is added.
SELECT
    'account_snapshot'::regclass::oid::bigint AS generation,
    (SELECT max(account_snapshot.id) FROM account_snapshot) AS snapshots;

-- name: upcoming
-- Whether a wrong clock dated a snapshot of the account into the future: it makes a point when that time has come.
SELECT EXISTS (
    SELECT FROM account_snapshot
    WHERE account_snapshot.account_id = %(account)s AND account_snapshot.created > %(now)s
);

-- name: digest
-- Stands for the snapshots that points may be made of, which never change.
SELECT
    count(*),
    coalesce(sum(hashint8extended(account_snapshot.id, 0)), 0)
FROM account_snapshot
WHERE
    account_snapshot.account_id = %(account)s
    AND account_snapshot.created > %(from)s
    AND account_snapshot.created <= %(to)s
    AND {wanted};

-- name: currency_of
-- The currency of a contract, as IB described it last.
SELECT currency.code
FROM contract
INNER JOIN currency ON currency.id = contract.currency_id
WHERE contract.ib_contract_id = %(contract)s
ORDER BY contract.described DESC, contract.id DESC
LIMIT 1;

-- name: position_exists
-- Whether any snapshot of the account (of one gateway, where one is named) ever held this contract. What is held under a
-- model is not the account's own.
SELECT EXISTS (
    SELECT 1
    FROM account_contract
    WHERE
        account_contract.account_id = %(account)s
        AND account_contract.contract_id = ANY(
            ARRAY(SELECT contract.id FROM contract WHERE contract.ib_contract_id = %(contract)s)
        )
        AND CASE
            WHEN %(gateway)s::integer IS NULL THEN NOT account_contract.is_foreign
            ELSE account_contract.gateway_id = %(gateway)s
        END
);

-- name: each_snapshot
-- The points of a page, one for each snapshot.
SELECT
    NULL::timestamptz AS begin,
    account_snapshot.created AS at,
    account_snapshot.id AS snapshot_id,
    {facts}
FROM account_snapshot
WHERE
    account_snapshot.account_id = %(account)s
    AND account_snapshot.created >= %(from)s
    AND account_snapshot.created <= %(to)s
    AND {wanted}

-- name: each_step
-- The points of a page, one for each step: the newest snapshot of (begin, at], so that a step without any shows as a gap.
SELECT
    step.begin,
    step.at,
    newest.*
FROM ({steps}) AS step
LEFT JOIN LATERAL (
    SELECT
        account_snapshot.id AS snapshot_id,
        {facts}
    FROM account_snapshot
    WHERE
        account_snapshot.account_id = %(account)s
        AND account_snapshot.created <= step.at
        AND account_snapshot.created > step.begin
        AND {wanted}
        AND {first}
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest ON TRUE

-- name: each_sparse_step
-- The same of steps that are all of one length, where snapshots are few: all are read once, in place of a look for each step.
-- Each is in one of the steps; FULL JOIN for the reason that with_figures has.
SELECT
    step.at - %(step)s::interval AS begin,
    step.at,
    newest.*
FROM generate_series(%(from)s::timestamptz, %(to)s::timestamptz, %(step)s::interval) AS step (at)
FULL JOIN (
    SELECT DISTINCT ON (sent.until) sent.*
    FROM (
        SELECT
            date_bin(%(step)s::interval, account_snapshot.created - INTERVAL '1 microsecond', %(from)s::timestamptz)
            + %(step)s::interval AS until,
            account_snapshot.created,
            account_snapshot.id AS snapshot_id,
            {facts}
        FROM account_snapshot
        WHERE
            account_snapshot.account_id = %(account)s
            AND account_snapshot.created > %(from)s::timestamptz - %(step)s::interval
            AND account_snapshot.created <= %(to)s
            AND {wanted}
    ) AS sent
    ORDER BY
        sent.until,
        sent.created DESC
) AS newest ON newest.until = step.at

-- name: regular_steps
-- Steps that are all of one length.
SELECT
    series.at - %(step)s::interval AS begin,
    series.at
FROM generate_series(%(from)s::timestamptz, %(to)s::timestamptz, %(step)s::interval) AS series (at)

-- name: steps
-- Steps of the calendar, each from the end of the one before.
SELECT
    lag(series.at, 1, %(begin)s::timestamptz) OVER (ORDER BY series.at) AS begin,
    series.at
FROM unnest(%(ends)s::timestamptz[]) AS series (at)

-- name: newest
-- The point of the running step, if it has one: the newest snapshot, at the time of that.
SELECT
    NULL::timestamptz AS begin,
    account_snapshot.created AS at,
    account_snapshot.id AS snapshot_id,
    {facts}
FROM account_snapshot
WHERE
    account_snapshot.account_id = %(account)s
    AND account_snapshot.created > %(from)s
    AND account_snapshot.created <= %(to)s
    AND {wanted}
    AND {first}
ORDER BY account_snapshot.created DESC
LIMIT 1

-- name: newest_first
TRUE

-- name: priced_first
-- Only the subscription to one account has prices: the newest that is of one, if there is any, so nothing after that. (To order
-- by that would take all snapshots of a step.)
account_snapshot.created <= coalesce(
    (
        SELECT account_snapshot.created
        FROM account_snapshot
        WHERE
            account_snapshot.account_id = {account}
            AND account_snapshot.created > {begin}
            AND account_snapshot.created <= {end}
            AND account_snapshot.source <> 'multi'
            AND {wanted}
        ORDER BY account_snapshot.created DESC
        LIMIT 1
    ),
    {end}
)

-- name: any
TRUE

-- name: ready
account_snapshot.ready

-- name: of_one_gateway
account_snapshot.gateway_id = %(gateway)s

-- name: of_named
-- What the gateway that is named has sent, whosever the account.
account_snapshot.gateway_id = named.id

-- name: of_its_own
-- What gateways sent whose the account was.
NOT account_snapshot.is_foreign

-- name: of_each_refresh
NOT account_snapshot.is_repeat AND NOT account_snapshot.is_foreign

-- name: with_figures
-- The figures of those points; both are filled in from the queries and expressions here. All points are one row, since
-- each row more is read by itself: a text for each column, with a line for each point, which takes half the time of arrays.
--
-- Rows of figures are read by all of their snapshots at once, along the index, not by a look for each; and joined by FULL JOIN
-- though every one of them has a point: the planner, who does not know how many there are, could make a LEFT JOIN compare each
-- with each.
WITH point AS MATERIALIZED ({points})

SELECT
    {times} AS times,
    {columns}
FROM point
{joins}

-- name: join_segment
-- The account-level money of a segment, or of the whole account.
FULL JOIN (
    SELECT *
    FROM account_segment
    WHERE
        account_segment.account_snapshot_id = ANY(ARRAY(SELECT point.snapshot_id FROM point))
        AND account_segment.segment = {segment}
) AS {money} ON {money}.account_snapshot_id = point.snapshot_id

-- name: join_ledger
-- The ledger of a currency.
FULL JOIN (
    SELECT *
    FROM account_ledger
    WHERE
        account_ledger.account_snapshot_id = ANY(ARRAY(SELECT point.snapshot_id FROM point))
        AND account_ledger.currency_id = (SELECT currency.id FROM currency WHERE currency.code = %(ledger)s)
) AS figure ON figure.account_snapshot_id = point.snapshot_id

-- name: short_times
-- As short as they are exact. A connection's time zone is UTC, so their text is RFC 3339 but for two characters.
replace(replace(string_agg(point.at::text, E'\n' ORDER BY point.at), ' ', 'T'), '+00', 'Z')

-- name: wide_times
-- All of one width.
string_agg(to_char(point.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), E'\n' ORDER BY point.at)

-- name: column
-- One figure of all points; an empty line is a gap.
string_agg(coalesce({figure}, ''), E'\n' ORDER BY point.at)

-- name: other_base
-- The base currency of a point that has another one than the series.
CASE
    WHEN point.base_currency_id IS DISTINCT FROM %(base_currency)s
        THEN (SELECT jsonb_object_agg(currency.id, currency.code) FROM currency) ->> point.base_currency_id::text
END

-- name: is_ready
point.ready::text

-- name: why
-- Why figures of a point are null: JSON with a member for each of these; null where none is.
nullif(json_strip_nulls(json_build_object({reasons}))::text, '{{}}')

-- name: why_figure
{name}, CASE WHEN {figure} IS NULL THEN {reason} END

-- name: reason
-- Why a figure is null, of a point where it is. What IB sent for it is kept apart from the columns; of what is both the
-- ledger's and the account's it is the ledger's that is shown.
CASE
    WHEN point.snapshot_id IS NULL THEN {gap}
    ELSE coalesce(
        (
            SELECT CASE WHEN value.value = ANY(%(unset)s::text[]) THEN 'unset-figure' ELSE 'unreadable-figure' END
            FROM account_value AS value
            WHERE
                value.account_snapshot_id = point.snapshot_id
                AND value.tag = {tag}
                AND coalesce(value.segment, '') = {segment}
                AND ({asked})
                AND value.amount IS NULL
            ORDER BY value.is_ledger DESC
            LIMIT 1
        ),
        CASE WHEN {elsewhere} THEN 'other-currency' END,
        'not-sent'
    )
END

-- name: reason_of_position
-- Why a figure of a position is null, of a point where it is. What IB sent that is no number only a remark says, which names
-- the position as judgement.py does.
CASE
    WHEN point.snapshot_id IS NULL THEN {gap}
    WHEN held.contract_id IS NULL THEN 'not-held'
    WHEN point.source = 'multi' AND {is_priced} THEN 'without-prices'
    WHEN
        EXISTS (
            SELECT FROM account_snapshot
            CROSS JOIN jsonb_array_elements(account_snapshot.remarks) AS remark
            CROSS JOIN contract
            INNER JOIN symbol ON symbol.id = contract.symbol_id
            INNER JOIN symbol AS local_symbol ON local_symbol.id = contract.local_symbol_id
            WHERE
                account_snapshot.id = point.snapshot_id
                AND contract.id = held.contract_id
                AND remark ->> 'Code' = 'unreadable-figure'
                AND starts_with(
                    remark ->> 'Detail',
                    coalesce(nullif(local_symbol.name, ''), nullif(symbol.name, ''), contract.ib_contract_id::text) || {says}
                )
        )
        THEN 'unreadable-figure'
    ELSE 'unset-figure'
END

-- name: gap
-- Why there is no snapshot: the step has none, or only such as cannot be relied on.
CASE
    WHEN
        EXISTS (
            SELECT FROM account_snapshot
            WHERE
                account_snapshot.account_id = %(account)s
                AND account_snapshot.created > point.begin
                AND account_snapshot.created <= point.at
                AND {whose}
        )
        THEN 'not-ready'
    ELSE 'no-report'
END

-- name: segment_elsewhere
{money}.{column} IS NOT NULL
OR {amount}

-- name: ledger_elsewhere
EXISTS (
    SELECT FROM account_ledger AS other
    WHERE other.account_snapshot_id = point.snapshot_id AND other.{column} IS NOT NULL
)
OR {amount}

-- name: both_elsewhere
{money}.{column} IS NOT NULL
OR EXISTS (
    SELECT FROM account_ledger AS other
    WHERE other.account_snapshot_id = point.snapshot_id AND other.{column} IS NOT NULL
)
OR {amount}

-- name: amount_elsewhere
-- A figure that no column holds exactly, in whatever currency.
EXISTS (
    SELECT FROM account_value AS value
    WHERE
        value.account_snapshot_id = point.snapshot_id
        AND value.tag = {tag}
        AND coalesce(value.segment, '') = {segment}
        AND {level}
        AND value.amount IS NOT NULL
)

-- name: account_level
NOT value.is_ledger

-- name: ledger_level
value.is_ledger

-- name: either_level
TRUE

-- name: text_elsewhere
-- Sent, but not in the currency that is asked for.
EXISTS (
    SELECT FROM account_value AS value
    WHERE
        value.account_snapshot_id = point.snapshot_id
        AND value.tag = {tag}
        AND coalesce(value.segment, '') = {segment}
)
OR EXISTS (
    SELECT FROM account_attribute AS attribute
    WHERE
        attribute.attribute_set_id = point.attribute_set_id
        AND attribute.tag = {tag}
        AND coalesce(attribute.segment, '') = {segment}
)

-- name: segment_figure
-- Account-level money; where a currency is asked for, only in snapshots with that base currency.
CASE
    WHEN
        %(currency)s::text IS NULL
        OR point.base_currency_id = (SELECT currency.id FROM currency WHERE currency.code = %(currency)s)
        THEN coalesce({money}.{column}::text, {of_account})
END

-- name: ledger_figure
-- A figure of the ledger row.
coalesce(figure.{column}::text, {of_ledger})

-- name: both_figure_of_currency
-- The ledger's figure of a tag that exists at account level too; the account's, which is in its base currency, where the
-- ledger has none of that currency, not even one that is unset.
coalesce(
    figure.{column}::text,
    {of_ledger},
    CASE
        WHEN
            point.base_currency_id = (SELECT currency.id FROM currency WHERE currency.code = %(currency)s)
            AND NOT EXISTS (
                SELECT FROM account_value AS value
                WHERE
                    value.account_snapshot_id = point.snapshot_id
                    AND value.tag = {tag}
                    AND value.segment IS NULL
                    AND {is_of_ledger}
            )
            THEN coalesce({money}.{column}::text, {of_account})
    END
)

-- name: snapshot_figure
-- A figure that has neither segment nor currency.
coalesce(point.{column}::text, {bare})

-- name: other_amount
-- The figure of a value that no column holds exactly, with all of IB's digits and the sign of a zero; looked for only where the
-- snapshot has any such.
CASE WHEN point.has_inexact THEN (
    SELECT CASE WHEN value.value ~ '^-0(\.0+)?$' THEN value.value ELSE value.amount::text END
    FROM account_value AS value
    WHERE
        value.account_snapshot_id = point.snapshot_id
        AND value.tag = {tag}
        AND coalesce(value.segment, '') = {segment}
        AND {whose}
        AND value.amount IS NOT NULL
    LIMIT 1
) END

-- name: of_account
NOT value.is_ledger AND value.currency_id = point.base_currency_id

-- name: of_ledger
value.is_ledger AND value.currency_id = (SELECT currency.id FROM currency WHERE currency.code = %(ledger)s)

-- name: bare
NOT value.is_ledger AND value.currency_id IS NULL

-- name: asked_of_account
-- Account-level money in the currency that is asked for, or in the base currency.
NOT value.is_ledger
AND value.currency_id = CASE
    WHEN %(currency)s::text IS NULL THEN point.base_currency_id
    ELSE (SELECT currency.id FROM currency WHERE currency.code = %(currency)s)
END

-- name: asked_of_both
-- A figure of the ledger in the currency that is asked for; the account's, where that is its base currency.
value.currency_id = (SELECT currency.id FROM currency WHERE currency.code = %(currency)s)
AND (value.is_ledger OR value.currency_id = point.base_currency_id)

-- name: no_figure
-- A text is never null where there is one.
FALSE

-- name: other_text
-- The text of a value that has no column at all: a changing one, or an attribute that snapshots share. Where no currency is
-- asked for: one without a currency, else in the base currency, else BASE, else the first. As JSON, which has no line
-- breaks. (Currencies are not joined: the planner would read all that there are, for each point.)
to_json((
    SELECT sent.text
    FROM (
        SELECT
            value.currency_id,
            value.is_ledger,
            CASE
                WHEN value.amount IS NULL OR value.value ~ '^-0(\.0+)?$' THEN value.value
                ELSE value.amount::text
            END AS text
        FROM account_value AS value
        WHERE
            value.account_snapshot_id = point.snapshot_id
            AND value.tag = {tag}
            AND coalesce(value.segment, '') = {segment}
        UNION ALL
        SELECT
            attribute.currency_id,
            FALSE,
            attribute.value
        FROM account_attribute AS attribute
        WHERE
            attribute.attribute_set_id = point.attribute_set_id
            AND attribute.tag = {tag}
            AND coalesce(attribute.segment, '') = {segment}
    ) AS sent
    WHERE
        %(currency)s::text IS NULL
        OR sent.currency_id = (SELECT currency.id FROM currency WHERE currency.code = %(currency)s::text)
    ORDER BY
        sent.is_ledger,
        sent.currency_id IS NOT NULL,
        sent.currency_id IS DISTINCT FROM point.base_currency_id,
        sent.currency_id IS DISTINCT FROM (SELECT currency.id FROM currency WHERE currency.code = 'BASE'),
        (SELECT jsonb_object_agg(currency.id, currency.code) FROM currency) ->> sent.currency_id::text
    LIMIT 1
))::text

-- name: with_position
-- What the account held of one contract at those points.
WITH point AS MATERIALIZED ({points})

SELECT
    {times} AS times,
    string_agg(coalesce(held.position::text, ''), E'\n' ORDER BY point.at) AS positions,
    string_agg(coalesce(held.market_price::text, ''), E'\n' ORDER BY point.at) AS market_prices,
    string_agg(coalesce(held.market_value::text, ''), E'\n' ORDER BY point.at) AS market_values,
    string_agg(coalesce(held.average_cost::text, ''), E'\n' ORDER BY point.at) AS average_costs,
    string_agg(coalesce(held.unrealized_pnl::text, ''), E'\n' ORDER BY point.at) AS unrealized_pnls,
    string_agg(coalesce(held.realized_pnl::text, ''), E'\n' ORDER BY point.at) AS realized_pnls{columns}
FROM point
FULL JOIN (
    SELECT *
    FROM account_position
    WHERE
        account_position.account_snapshot_id = ANY(ARRAY(SELECT point.snapshot_id FROM point))
        AND account_position.contract_id = ANY(
            ARRAY(SELECT contract.id FROM contract WHERE contract.ib_contract_id = %(contract)s)
        )
) AS held ON held.account_snapshot_id = point.snapshot_id
