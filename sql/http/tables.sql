-- name: live
-- Of which version the live tables of a report are, and whether others are being built beside them.
SELECT
    projection.version,
    to_regclass({following}) IS NOT NULL AS is_rebuilding
FROM {live} AS projection;

-- name: following
-- How far the tables are that are being built, and how far they have to go.
SELECT
    projection.position,
    (
        SELECT coalesce(max(stored_events.notification_id), 0)
        FROM stored_events
        WHERE stored_events.notification_id <= coordination.last_position()
    ) AS newest
FROM {following} AS projection;
