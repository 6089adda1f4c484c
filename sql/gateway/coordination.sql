-- What a running instance tells the others: that it runs, how its gateways are, what it was asked for.

-- name: announce_instance
INSERT INTO coordination.instance (name)
VALUES (%(name)s)
ON CONFLICT (name) DO UPDATE SET heartbeat = clock_timestamp()

-- name: leave_instance
DELETE FROM coordination.instance
WHERE name = %(name)s OR heartbeat < clock_timestamp() - interval '1 day'

-- name: has_peers
-- Whether another instance was alive a moment ago and could take over.
SELECT EXISTS (
    SELECT 1
    FROM coordination.instance
    WHERE name <> %(name)s AND heartbeat > clock_timestamp() - interval '15 seconds'
)

-- name: last_request
-- The latest request, and whether it was asked so recently that somebody may still wait for it.
SELECT
    id,
    asked > clock_timestamp() - interval '1 minute' AS is_recent
FROM coordination.refresh_request
ORDER BY id DESC
LIMIT 1

-- name: request_asked
-- When a request was asked: the time that all snapshots of the refresh it starts will share.
SELECT asked
FROM coordination.refresh_request
WHERE id = %(id)s

-- name: forget_requests
DELETE FROM coordination.refresh_request
WHERE asked < clock_timestamp() - interval '1 day'
  AND id < (SELECT max(id) FROM coordination.refresh_request)

-- name: former_session
-- The session that the last leader of this gateway announced, and how its stream ends.
SELECT
    gateway.session_id,
    last_event.originator_version,
    last_event.topic
FROM coordination.gateway
CROSS JOIN LATERAL (
    SELECT
        originator_version,
        topic
    FROM public.stored_events
    WHERE originator_id = gateway.session_id
    ORDER BY originator_version DESC
    LIMIT 1
) AS last_event
WHERE gateway.name = %(gateway)s

-- name: report_gateway
INSERT INTO coordination.gateway (name, instance, state, detail, connected, session_id, server_version)
VALUES (%(gateway)s, %(instance)s, %(state)s, %(detail)s, %(connected)s, %(session_id)s, %(server_version)s)
ON CONFLICT (name) DO UPDATE
SET
    instance = excluded.instance,
    state = excluded.state,
    detail = excluded.detail,
    connected = excluded.connected,
    session_id = coalesce(excluded.session_id, gateway.session_id),
    server_version = coalesce(excluded.server_version, gateway.server_version),
    since = CASE WHEN gateway.state = excluded.state THEN gateway.since ELSE clock_timestamp() END,
    heartbeat = clock_timestamp()

-- name: report_notice
UPDATE coordination.gateway
SET
    last_notice_code = %(code)s,
    last_notice_text = %(text)s,
    last_notice_at = clock_timestamp()
WHERE name = %(gateway)s

-- name: beat_gateway
UPDATE coordination.gateway
SET heartbeat = clock_timestamp()
WHERE name = %(gateway)s AND instance = %(instance)s

-- name: lead
-- Held as long as this connection lives: there is at most one leader for a gateway.
SELECT pg_try_advisory_lock(%(class)s, hashtext(%(gateway)s))

-- name: lead_settings
-- The server notices within about four seconds that a leader's machine or network is gone, and frees the lock.
SELECT
    set_config('tcp_keepalives_idle', '1', false),
    set_config('tcp_keepalives_interval', '1', false),
    set_config('tcp_keepalives_count', '3', false),
    set_config('tcp_user_timeout', '4000', false)
