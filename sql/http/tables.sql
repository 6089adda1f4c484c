-- name: live
-- Of which version the live snapshot tables are, and whether others are being built beside them.
SELECT
    projection.version,
    to_regclass('snapshots_next.projection') IS NOT NULL AS is_rebuilding
FROM projection;

-- name: next
-- How far the tables are that are being built, and how far they have to go.
SELECT
    projection.position,
    (
        SELECT coalesce(max(stored_events.notification_id), 0)
        FROM stored_events
        WHERE stored_events.notification_id <= coordination.last_position()
    ) AS newest
FROM snapshots_next.projection;
