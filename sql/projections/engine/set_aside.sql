-- Events that could not be applied: set aside, logged, and left out of the tables.

-- name: events
SELECT
    position,
    originator_id,
    originator_version,
    topic,
    reason,
    noted
FROM poison_event
ORDER BY position

-- name: set_aside
INSERT INTO poison_event (position, originator_id, originator_version, topic, reason)
VALUES (%(position)s, %(session)s, %(version)s, %(topic)s, %(reason)s)
ON CONFLICT (position) DO NOTHING
