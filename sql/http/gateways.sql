-- name: list_gateways
-- Each gateway that we or an instance that was alive lately could record, as its leader last reported it, with its last
-- refresh; for a token that is limited to some accounts, the gateways that listed one of them, without notices, which may
-- name others (nor is the refresh for its eyes: it may be about others alone). What a leader said that has fallen silent
-- holds no longer. Conflicts: the first of the accounts that it lists and that are not its own.
WITH watched AS (
    SELECT unnest(%(own)s::text[]) AS name
    UNION
    SELECT unnest(instance.gateways)
    FROM coordination.instance
    WHERE instance.heartbeat > clock_timestamp() - make_interval(secs => %(watched)s)
),

latest AS (
    SELECT
        gateway.*,
        gateway.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s) AS is_fresh
    FROM coordination.gateway
)

SELECT
    watched.name,
    coalesce(reported.connected AND reported.is_fresh, FALSE) AS connected,
    CASE WHEN reported.is_fresh THEN reported.state ELSE 'unknown' END AS state,
    CASE
        WHEN %(codes)s::text[] IS NOT NULL THEN NULL
        WHEN reported.is_fresh THEN reported.detail
        WHEN reported.name IS NULL THEN 'no instance has told of it yet'
        ELSE concat('the instance that told of it has fallen silent; it last said: ', concat_ws(': ', reported.state, reported.detail))
    END AS detail,
    CASE WHEN reported.is_fresh THEN reported.since ELSE reported.heartbeat END AS since,
    reported.session_id,
    reported.server_version,
    reported.instance,
    reported.heartbeat,
    CASE WHEN %(codes)s::text[] IS NULL THEN reported.last_notice_code END AS notice_code,
    CASE WHEN %(codes)s::text[] IS NULL THEN reported.last_notice_text END AS notice_text,
    CASE WHEN %(codes)s::text[] IS NULL THEN reported.last_notice_at END AS notice_at,
    last_refresh.created,
    last_refresh.started,
    last_refresh.ended,
    last_refresh.outcome,
    last_refresh.trigger,
    last_refresh.missing,
    last_refresh.scope,
    coalesce(last_refresh.done, last_refresh.done_so_far) AS done,
    last_refresh.total,
    last_refresh.detail AS refresh_detail,
    last_refresh.pace,
    foreign_accounts.conflicts
FROM watched
LEFT JOIN latest AS reported ON reported.name = watched.name
LEFT JOIN gateway ON gateway.name = watched.name
LEFT JOIN LATERAL (
    SELECT
        refresh.created,
        refresh.started,
        refresh.ended,
        refresh.outcome,
        refresh.trigger,
        refresh.missing,
        refresh.scope,
        refresh.done,
        refresh.total,
        refresh.detail,
        CASE WHEN refresh.ended IS NULL THEN (
            SELECT (projection.open -> 'open' -> session.originator_id::text -> 'refresh' ->> 'done')::integer
            FROM projection
            CROSS JOIN session
            WHERE session.id = refresh.session_id
        ) END AS done_so_far,
        -- Seconds for an account, of those that it has asked for itself: what it was resumed with was done before.
        CASE WHEN refresh.ended IS NULL THEN (
            SELECT extract(EPOCH FROM clock_timestamp() - refresh.started)::double precision / nullif(count(*), 0)
            FROM gateway_account AS asked
            WHERE asked.gateway_id = gateway.id AND asked.concluded >= refresh.started
        ) END AS pace
    FROM refresh
    WHERE refresh.gateway_id = gateway.id
    ORDER BY refresh.id DESC
    LIMIT 1
) AS last_refresh ON TRUE
LEFT JOIN LATERAL (
    SELECT
        json_agg(
            json_build_object(
                'AccountCode', conflict.code,
                'Owners', (
                    SELECT coalesce(json_agg(owning.name ORDER BY owning.name COLLATE "C"), '[]'::json)
                    FROM gateway_account AS owned
                    INNER JOIN gateway AS owning ON owning.id = owned.gateway_id
                    WHERE owned.account_id = conflict.id AND owned.is_owner
                ),
                'Pinned', NOT conflict.is_conflict
            )
            ORDER BY conflict.code COLLATE "C"
        ) AS conflicts
    FROM (
        SELECT
            account.id,
            account.code,
            listing.is_conflict
        FROM gateway_account AS listing
        INNER JOIN account ON account.id = listing.account_id
        WHERE
            listing.gateway_id = gateway.id
            AND NOT listing.is_owner
            AND listing.is_listed
            AND (%(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[]))
        ORDER BY account.code COLLATE "C"
        LIMIT %(conflicts)s
    ) AS conflict
) AS foreign_accounts ON TRUE
WHERE
    %(codes)s::text[] IS NULL
    OR EXISTS (
        SELECT 1
        FROM gateway_account
        INNER JOIN account ON account.id = gateway_account.account_id
        WHERE gateway_account.gateway_id = gateway.id AND account.code = ANY(%(codes)s::text[])
    )
ORDER BY 1;

-- name: refreshes_of
-- For a token that is limited to some accounts: of each gateway that listed one of them the newest refresh that asked for
-- one of them, with how each of them fared: a row for each gateway and account. What became of other accounts is in none.
WITH own AS (
    SELECT
        gateway_account.gateway_id,
        account.id,
        account.code,
        gateway_account.is_listed,
        gateway_account.concluded,
        gateway_account.is_whole
    FROM gateway_account
    INNER JOIN account ON account.id = gateway_account.account_id
    WHERE account.code = ANY(%(codes)s::text[])
)

SELECT
    gateway.name,
    last_refresh.created,
    -- What a refresh was resumed with was asked for before it began.
    CASE WHEN last_refresh.trigger = 'resumed' THEN last_refresh.created ELSE last_refresh.started END AS started,
    last_refresh.ended,
    last_refresh.outcome,
    last_refresh.scope,
    own.code,
    own.is_listed,
    own.concluded,
    own.is_whole,
    last_refresh.missing ->> own.code AS why
FROM own
INNER JOIN gateway ON gateway.id = own.gateway_id
CROSS JOIN LATERAL (
    SELECT refresh.*
    FROM refresh
    WHERE
        refresh.gateway_id = gateway.id
        AND (
            refresh.scope = ''
            OR refresh.missing ?| %(codes)s::text[]
            OR EXISTS (
                SELECT 1
                FROM own AS asked
                INNER JOIN account_snapshot AS made
                    ON made.account_id = asked.id AND made.created = refresh.created AND made.refresh_id = refresh.id
                WHERE asked.gateway_id = gateway.id
            )
        )
    ORDER BY refresh.id DESC
    LIMIT 1
) AS last_refresh
ORDER BY gateway.name, own.code COLLATE "C";
