-- name: relevant
-- The gateways that are configured now (one of them, where it is named), each with the accounts that it lists and that are
-- its own (only those asked for, where some are), and how long ago it was asked for them. A gateway without any of them has
-- one row without an account. What a gateway lists besides holds up nobody who asks for that account.
SELECT
    reported.name,
    reported.connected AND reported.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s) AS is_connected,
    CASE
        WHEN reported.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s) THEN reported.state
        ELSE 'unknown'
    END AS state,
    CASE
        WHEN reported.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s) THEN reported.detail
        ELSE concat('the instance that told of it has fallen silent; it last said: ', concat_ws(': ', reported.state, reported.detail))
    END AS detail,
    account.code,
    extract(EPOCH FROM clock_timestamp() - listing.concluded)::double precision AS age,
    coalesce(listing.is_whole, FALSE) AS is_whole,
    listing.detail AS why
FROM coordination.gateway AS reported
LEFT JOIN gateway ON gateway.name = reported.name
LEFT JOIN (
    gateway_account AS listing
    INNER JOIN account ON account.id = listing.account_id
)
    ON
        listing.gateway_id = gateway.id
        AND listing.is_listed
        AND listing.is_owner
        AND (%(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[]))
WHERE
    (%(gateway)s::text IS NULL OR reported.name = %(gateway)s::text)
    AND (
        reported.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s)
        OR EXISTS (
            SELECT 1
            FROM coordination.instance
            WHERE
                reported.name = ANY(instance.gateways)
                AND instance.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s)
        )
    )
ORDER BY reported.name, account.code COLLATE "C";

-- name: one_at_a_time
-- Whoever asks for a refresh waits until it is known what another instance asks for in this moment, so that the floor is
-- that of all instances together, and ids become visible in their order. Readers are not kept out, and can keep nobody out.
LOCK TABLE coordination.refresh_request IN SHARE ROW EXCLUSIVE MODE;

-- name: asked_lately
-- The refreshes that need not be asked for, since that was done within the floor, or so lately that it may still go on;
-- with the request's id. Who wants one account does not wait for all of a gateway's, which may be a thousand: a request for
-- it alone has it asked for next, and what a moment ago brought is new enough without any request.
SELECT
    wanted.gateway,
    wanted.account,
    max(request.id) AS request
FROM json_to_recordset(%(wanted)s::json) AS wanted (gateway text, account text)
INNER JOIN coordination.refresh_request AS request
    ON
        request.asked > clock_timestamp() - make_interval(secs => greatest(%(floor)s, %(patience)s))
        AND (request.gateways IS NULL OR wanted.gateway = ANY(request.gateways))
        AND (
            wanted.account = ANY(request.accounts)
            OR (wanted.account IS NULL AND request.accounts IS NULL)
        )
WHERE
    request.asked > clock_timestamp() - make_interval(secs => %(floor)s)
    OR NOT (
        EXISTS (
            SELECT 1
            FROM refresh
            INNER JOIN gateway ON gateway.id = refresh.gateway_id
            WHERE
                refresh.request >= request.id
                AND refresh.scope = ''
                AND refresh.ended IS NOT NULL
                AND refresh.outcome <> 'aborted'
                AND gateway.name = wanted.gateway
        )
        OR EXISTS (
            SELECT 1
            FROM gateway_account
            INNER JOIN gateway ON gateway.id = gateway_account.gateway_id
            INNER JOIN account ON account.id = gateway_account.account_id
            WHERE
                gateway.name = wanted.gateway
                AND account.code = wanted.account
                AND gateway_account.request >= request.id
        )
    )
GROUP BY wanted.gateway, wanted.account;

-- name: ask
-- Ask gateways for a refresh of some accounts, or (null) of all: the request's id. Requests of former days serve nobody any
-- more. (Leaders look for themselves as well: a full queue of notifications, which any role can fill, fails nothing.)
WITH forgotten AS (
    DELETE FROM coordination.refresh_request
    WHERE asked < clock_timestamp() - INTERVAL '1 day'
),

request AS (
    INSERT INTO coordination.refresh_request (instance, accounts, gateways, holder)
    VALUES (%(instance)s, %(accounts)s, %(gateways)s, %(holder)s)
    RETURNING id
)

SELECT
    request.id,
    CASE WHEN pg_notification_queue_usage() < 0.5 THEN pg_notify('refresh_requested', request.id::text) END
FROM request;

-- name: unserved
-- Those of some gateways that are connected and have not served a request, each its own, yet. A refresh that was aborted (its session
-- ended) does not count: the next session refreshes again. One for all accounts serves a request for one of them. (Requests are
-- looked at from the newest on: of an EXISTS the planner would make a join with all refreshes.)
SELECT DISTINCT wanted.gateway
FROM json_to_recordset(%(wanted)s::json) AS wanted (gateway text, account text, request bigint)
INNER JOIN coordination.gateway AS reported ON reported.name = wanted.gateway
WHERE
    reported.connected
    AND reported.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s)
    AND (
        SELECT refresh.id
        FROM refresh
        INNER JOIN gateway ON gateway.id = refresh.gateway_id
        WHERE
            refresh.request >= wanted.request
            AND refresh.scope = ''
            AND refresh.ended IS NOT NULL
            AND refresh.outcome <> 'aborted'
            AND gateway.name = wanted.gateway
        ORDER BY refresh.request DESC NULLS LAST
        LIMIT 1
    ) IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM gateway_account
        INNER JOIN gateway ON gateway.id = gateway_account.gateway_id
        INNER JOIN account ON account.id = gateway_account.account_id
        WHERE
            gateway.name = wanted.gateway
            AND account.code = wanted.account
            AND gateway_account.request >= wanted.request
    );

-- name: is_recorded
-- Whether there is any snapshot: of one of some accounts, or (null) any account at all.
SELECT CASE
    WHEN %(codes)s::text[] IS NULL THEN EXISTS (SELECT 1 FROM account)
    ELSE EXISTS (
        SELECT 1
        FROM account
        CROSS JOIN LATERAL (
            SELECT
            FROM account_snapshot
            WHERE account_snapshot.account_id = account.id
            ORDER BY account_snapshot.created
            LIMIT 1
        ) AS first_snapshot
        WHERE account.code = ANY(%(codes)s::text[])
    )
END;
