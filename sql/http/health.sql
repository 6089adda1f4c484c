-- name: readiness
-- Which migrations the database has.
SELECT max(schema_migration.number) AS migrations
FROM public.schema_migration;

-- name: poisoned
-- How many events could not be applied to the tables of a report.
SELECT count(*)
FROM {report}.poison_event

-- name: progress
-- How far the tables of a report are behind the events.
SELECT
    projection.position,
    (
        SELECT coalesce(max(stored_events.notification_id), 0)
        FROM stored_events
        WHERE stored_events.notification_id <= coordination.last_position()
    ) AS newest,
    (
        SELECT stored_events.state
        FROM stored_events
        WHERE
            stored_events.notification_id > projection.position
            AND stored_events.notification_id <= coordination.last_position()
            AND coordination.carries_time(stored_events.state)
        ORDER BY stored_events.notification_id
        LIMIT 1
    ) AS oldest_state,
    (SELECT count(*) FROM {report}.poison_event) AS poisoned
FROM {report}.projection AS projection

-- name: gateways
-- When all accounts of each gateway were last refreshed: in one complete refresh, or the last of its own in one that made up
-- for what others had missed. And how many of another gateway it lists, where no pin says whose they are.
SELECT
    gateway.name,
    (
        SELECT count(*)
        FROM gateway_account AS listing
        WHERE
            listing.gateway_id = gateway.id
            AND NOT listing.is_owner
            AND listing.is_conflict
            AND listing.is_listed
    ) AS conflicts,
    greatest(
        (
            SELECT refresh.ended
            FROM refresh
            WHERE refresh.gateway_id = gateway.id AND refresh.outcome = 'complete' AND refresh.scope = ''
            ORDER BY refresh.id DESC
            LIMIT 1
        ),
        (
            SELECT CASE WHEN bool_and(coalesce(listing.is_whole, FALSE)) THEN min(listing.concluded) END
            FROM gateway_account AS listing
            WHERE listing.gateway_id = gateway.id AND listing.is_listed AND listing.is_owner
        )
    ) AS ended
FROM gateway
WHERE gateway.name = ANY(%(gateways)s::text[]);
