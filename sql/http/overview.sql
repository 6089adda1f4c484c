-- What all accounts are worth at one moment, and what they were worth at some moments before it.

-- name: overview
-- One statement, so that a rebuild's swap cannot fall between two readings. A point is an account at a moment: number 0 is
-- the one asked for, with the snapshot that /v1/accounts calls the latest, or, where a time is given, the one that as-of
-- leads to; the others are the moments that figures are compared with, with the newest snapshot before each that can be
-- relied on. A few looks into an index each (LIMIT and OFFSET 0 keep the planner from reading whole tables instead). All of
-- it is one row: a text for each column with a line for each point, those of one moment after the other, by code; an empty
-- line stands for nothing.
WITH point AS MATERIALIZED (
    SELECT
        0::bigint AS number,
        account.id AS account_id,
        account.code,
        coalesce(preferred.id, newest.id) AS snapshot_id,
        coalesce(preferred.created, newest.created) AS created,
        coalesce(preferred.ready, newest.ready) AS ready,
        coalesce(preferred.base_currency_id, newest.base_currency_id) AS base_currency_id,
        coalesce(preferred.gateway_id, newest.gateway_id) AS gateway_id,
        coalesce(preferred.has_inexact, newest.has_inexact) AS has_inexact,
        coalesce(preferred.attribute_set_id, newest.attribute_set_id) AS attribute_set_id,
        coalesce(preferred.cushion, newest.cushion) AS cushion
    FROM account
    LEFT JOIN LATERAL (
        SELECT
            account_snapshot.id,
            account_snapshot.created,
            account_snapshot.ready,
            account_snapshot.base_currency_id,
            account_snapshot.gateway_id,
            account_snapshot.has_inexact,
            account_snapshot.attribute_set_id,
            account_snapshot.cushion
        FROM account_snapshot
        WHERE
            account_snapshot.account_id = account.id
            AND NOT account_snapshot.is_foreign
            AND {by_then}
            AND {ready}
        ORDER BY account_snapshot.created DESC
        LIMIT 1
    ) AS preferred ON TRUE
    LEFT JOIN LATERAL (
        SELECT
            account_snapshot.id,
            account_snapshot.created,
            account_snapshot.ready,
            account_snapshot.base_currency_id,
            account_snapshot.gateway_id,
            account_snapshot.has_inexact,
            account_snapshot.attribute_set_id,
            account_snapshot.cushion
        FROM account_snapshot
        WHERE
            preferred.id IS NULL
            AND account_snapshot.account_id = account.id
            AND NOT account_snapshot.is_foreign
            AND {by_then}
        ORDER BY account_snapshot.created DESC
        LIMIT 1
    ) AS newest ON TRUE
    WHERE %(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[])
    UNION ALL
    SELECT
        moment.number,
        account.id,
        account.code,
        before.*,
        NULL,
        NULL
    FROM account
    CROSS JOIN unnest(%(since)s::timestamptz[]) WITH ORDINALITY AS moment (at, number)
    LEFT JOIN LATERAL (
        SELECT
            account_snapshot.id,
            account_snapshot.created,
            account_snapshot.ready,
            account_snapshot.base_currency_id,
            account_snapshot.gateway_id,
            account_snapshot.has_inexact
        FROM account_snapshot
        WHERE
            account_snapshot.account_id = account.id
            AND NOT account_snapshot.is_foreign
            AND account_snapshot.created <= moment.at
            AND account_snapshot.completed <= moment.at
            AND account_snapshot.ready
        ORDER BY account_snapshot.created DESC
        LIMIT 1
    ) AS before ON TRUE
    WHERE %(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[])
),

-- Written once each: many accounts share the time of a refresh.
instant AS MATERIALIZED (
    SELECT
        shared.created,
        replace(replace(shared.created::text, ' ', 'T'), '+00', 'Z') AS text
    FROM (SELECT DISTINCT point.created FROM point) AS shared
),

-- The gateways that an account belongs to and that list it now.
listing AS MATERIALIZED (
    SELECT
        gateway_account.account_id,
        string_agg(gateway.name, ' ' ORDER BY gateway.name COLLATE "C") AS gateways
    FROM gateway_account
    INNER JOIN gateway ON gateway.id = gateway_account.gateway_id
    WHERE gateway_account.is_listed AND gateway_account.is_owner
    GROUP BY gateway_account.account_id
),

-- The currency of the total: the one asked for, or the only base currency that there is.
target AS MATERIALIZED (
    SELECT
        CASE
            WHEN %(currency)s::text IS NOT NULL THEN (SELECT currency.id FROM currency WHERE currency.code = %(currency)s)
            WHEN count(DISTINCT based.base_currency_id) FILTER (WHERE based.number = 0) = 1
                THEN min(based.base_currency_id) FILTER (WHERE based.number = 0)
        END AS currency_id,
        array_agg(DISTINCT based.base_currency_id) AS bases
    FROM (
        SELECT DISTINCT
            point.number,
            point.base_currency_id
        FROM point
        WHERE point.base_currency_id IS NOT NULL
    ) AS based
),

-- The reports of each moment that can be relied on, by base currency, the newest first.
based AS MATERIALIZED (
    SELECT
        point.number,
        point.base_currency_id,
        array_agg(point.snapshot_id ORDER BY point.created DESC, point.code COLLATE "C") AS snapshots
    FROM point
    CROSS JOIN target
    WHERE
        point.ready
        AND point.base_currency_id IS NOT NULL
        AND target.currency_id IS NOT NULL
        AND target.bases <> ARRAY[target.currency_id]
    GROUP BY point.number, point.base_currency_id
),

-- Of each moment the newest rate between any two of these currencies that a ledger gives: the first that is found, since
-- the reports are looked through in their order.
rate AS (
    SELECT
        based.number,
        wanted.currency_id,
        based.base_currency_id,
        newest.snapshot_id,
        newest.rate
    FROM target
    CROSS JOIN LATERAL (
        SELECT DISTINCT unnest(target.bases || target.currency_id) AS currency_id
    ) AS wanted
    INNER JOIN based ON based.base_currency_id <> wanted.currency_id
    CROSS JOIN LATERAL (
        SELECT
            point.snapshot_id,
            given.rate
        FROM unnest(based.snapshots) AS point (snapshot_id)
        CROSS JOIN LATERAL (
            SELECT coalesce(figure.exchange_rate::text, {rate}) AS rate
            FROM account_ledger AS figure
            WHERE figure.account_snapshot_id = point.snapshot_id AND figure.currency_id = wanted.currency_id
            OFFSET 0
        ) AS given
        WHERE given.rate::numeric > 0
        LIMIT 1
    ) AS newest
)

SELECT
    'account_snapshot'::regclass::oid::bigint AS generation,
    (SELECT currency.code FROM target INNER JOIN currency ON currency.id = target.currency_id) AS currency,
    (
        SELECT json_agg(
            json_build_array(
                rate.number,
                source.code,
                base.code,
                rate.rate,
                replace(replace(report.created::text, ' ', 'T'), '+00', 'Z'),
                report.code,
                gateway.name
            )
        )
        FROM rate
        CROSS JOIN LATERAL (
            SELECT
                account_snapshot.created,
                account_snapshot.gateway_id,
                account.code
            FROM account_snapshot
            INNER JOIN account ON account.id = account_snapshot.account_id
            WHERE account_snapshot.id = rate.snapshot_id
            OFFSET 0
        ) AS report
        INNER JOIN currency AS source ON source.id = rate.currency_id
        INNER JOIN currency AS base ON base.id = rate.base_currency_id
        INNER JOIN gateway ON gateway.id = report.gateway_id
    )::text AS rates,
    figures.*
FROM (
    SELECT
        string_agg(point.code, E'\n' ORDER BY point.number, point.code COLLATE "C") AS codes,
        {columns}
    FROM point
    LEFT JOIN instant ON instant.created = point.created
    LEFT JOIN listing ON point.number = 0 AND listing.account_id = point.account_id
    LEFT JOIN currency AS base ON base.id = point.base_currency_id
    LEFT JOIN LATERAL (
        SELECT
            account_segment.net_liquidation,
            account_segment.total_cash_value,
            account_segment.gross_position_value
        FROM account_segment
        WHERE account_segment.account_snapshot_id = point.snapshot_id AND account_segment.segment = ''
        LIMIT 1
    ) AS money ON TRUE
) AS figures;

-- name: by_then
-- Snapshots that are shown: as of a time those that were complete then, else all that there are, but those that a wrong
-- clock dated into the future.
account_snapshot.created <= coalesce(%(at)s::timestamptz, statement_timestamp() + INTERVAL '1 minute')
AND (%(at)s::timestamptz IS NULL OR account_snapshot.completed <= %(at)s)

-- name: of_each
-- Something of each account at each moment.
string_agg(coalesce({figure}, ''), E'\n' ORDER BY point.number, point.code COLLATE "C")

-- name: gone
-- Whether no gateway lists the account now, and the one that it was last recorded from had walked over all of its accounts
-- since, without it, by the moment asked for.
CASE
    WHEN listing.gateways IS NULL THEN (
        SELECT walk.created <= coalesce(%(at)s::timestamptz, clock_timestamp())
        FROM (
            SELECT
                account_snapshot.refresh_id,
                account_snapshot.gateway_id
            FROM account_snapshot
            WHERE account_snapshot.account_id = point.account_id AND NOT account_snapshot.is_foreign
            ORDER BY account_snapshot.created DESC
            LIMIT 1
        ) AS last_seen
        CROSS JOIN LATERAL (
            SELECT refresh.created
            FROM refresh
            WHERE
                refresh.id > last_seen.refresh_id
                AND refresh.gateway_id = last_seen.gateway_id
                AND refresh.scope = ''
            ORDER BY refresh.id
            LIMIT 1
        ) AS walk
    )
END

-- name: column
-- Something of each account at the moment asked for.
string_agg(coalesce({figure}, ''), E'\n' ORDER BY point.number, point.code COLLATE "C") FILTER (WHERE point.number = 0)

-- name: money
-- Money of the whole account in its base currency.
coalesce(money.{column}::text, {inexact})

-- name: account_types
-- The types of accounts, as some attribute sets hold them; these never change within one build of the tables.
SELECT
    'account_snapshot'::regclass::oid::bigint AS generation,
    attribute_set.id::text,
    (
        SELECT attribute.value
        FROM account_attribute AS attribute
        WHERE
            attribute.attribute_set_id = attribute_set.id
            AND attribute.tag = 'AccountType'
            AND attribute.segment IS NULL
            AND attribute.currency_id IS NULL
        ORDER BY attribute.ordinal DESC
        LIMIT 1
    ) AS account_type
FROM attribute_set
WHERE attribute_set.id = ANY(%(ids)s::integer[]);

-- name: inexact_rate
-- The rate of a ledger's row that no column holds exactly.
(
    SELECT value.amount::text
    FROM account_value AS value
    WHERE
        value.account_snapshot_id = point.snapshot_id
        AND value.tag = 'ExchangeRate'
        AND value.is_ledger
        AND value.currency_id = figure.currency_id
    LIMIT 1
)

-- name: currencies
-- The currencies that the ledgers of some snapshots have.
SELECT DISTINCT currency.code
FROM unnest(%(codes)s::text[], %(created)s::timestamptz[]) AS shown (code, created)
INNER JOIN account ON account.code = shown.code
INNER JOIN account_snapshot ON account_snapshot.account_id = account.id AND account_snapshot.created = shown.created
INNER JOIN account_ledger ON account_ledger.account_snapshot_id = account_snapshot.id
INNER JOIN currency ON currency.id = account_ledger.currency_id
WHERE currency.code <> 'BASE'
ORDER BY currency.code;
