-- name: readiness
-- Which migrations the database has, and how many schemas of the live snapshot tables there are.
SELECT
    (SELECT max(schema_migration.number) FROM public.schema_migration) AS migrations,
    to_regclass('account_snapshot') IS NOT NULL AS has_tables;

-- name: poisoned
-- How many events could not be applied to the snapshot tables.
SELECT count(*)
FROM poison_event;

-- name: progress
-- How far the snapshot tables are behind the events.
SELECT
    projection.position,
    (SELECT coalesce(max(stored_events.notification_id), 0) FROM stored_events) AS newest,
    (
        SELECT stored_events.state
        FROM stored_events
        WHERE
            stored_events.notification_id > projection.position
            AND (get_byte(stored_events.state, 0) = ascii('{') OR get_byte(stored_events.state, 1) <> ascii('"'))
        ORDER BY stored_events.notification_id
        LIMIT 1
    ) AS oldest_state,
    (SELECT count(*) FROM poison_event) AS poisoned
FROM projection
LIMIT 1;

-- name: last_refreshes
-- When each gateway's newest complete refresh ended.
SELECT
    gateway.name,
    max(refresh.ended) AS ended
FROM gateway
INNER JOIN session ON session.gateway_id = gateway.id
INNER JOIN refresh ON refresh.session_id = session.id
WHERE refresh.outcome = 'complete'
GROUP BY gateway.name;
