-- name: ask
-- Ask every connected gateway for a refresh: the request's id and the gateways to wait for, or no row if none is
-- connected. Requests of former days serve nobody any more.
WITH connected AS (
    SELECT array_agg(gateway.name) AS names
    FROM coordination.gateway
    WHERE
        gateway.connected
        AND gateway.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s)
),

forgotten AS (
    DELETE FROM coordination.refresh_request
    WHERE asked < clock_timestamp() - INTERVAL '1 day'
),

request AS (
    INSERT INTO coordination.refresh_request (instance)
    SELECT %(instance)s
    FROM connected
    WHERE connected.names IS NOT NULL
    RETURNING id
)

SELECT
    request.id,
    connected.names,
    pg_notify('refresh_requested', request.id::text)
FROM request
CROSS JOIN connected;

-- name: is_served
-- Whether each of these gateways has ended a refresh that serves the request. One that was aborted (its session
-- ended) does not count: the next session refreshes again.
SELECT NOT EXISTS (
    SELECT 1
    FROM unnest(%(gateways)s::text[]) AS wanted (name)
    WHERE NOT EXISTS (
        SELECT 1
        FROM refresh
        INNER JOIN session ON session.id = refresh.session_id
        INNER JOIN gateway ON gateway.id = session.gateway_id
        WHERE
            refresh.request >= %(request)s
            AND refresh.ended IS NOT NULL
            AND refresh.outcome <> 'aborted'
            AND gateway.name = wanted.name
    )
);
