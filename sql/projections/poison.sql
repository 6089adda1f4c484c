-- Events that could not be applied: set aside, told, and left out of the tables.

-- name: poison_events
SELECT
    position,
    originator_id,
    originator_version,
    topic,
    reason,
    noted
FROM poison_event
ORDER BY position
