-- name: head
-- The position of the newest event; commits are in the order of positions, so nothing will appear before it.
SELECT coalesce(max(notification_id), 0) FROM stored_events;

-- name: scan_all
-- The next events after a position.
SELECT
    notification_id,
    uuid_send(originator_id) AS session,
    originator_version,
    topic,
    state
FROM stored_events
WHERE notification_id > %(after)s AND notification_id <= %(until)s
ORDER BY notification_id
LIMIT %(rows)s;

-- name: scan_session
-- The next events of one session, found by its own index.
SELECT
    notification_id,
    uuid_send(originator_id) AS session,
    originator_version,
    topic,
    state
FROM stored_events
WHERE
    originator_id = %(session)s
    AND originator_version > %(version)s
    AND notification_id > %(after)s
    AND notification_id <= %(until)s
ORDER BY originator_version
LIMIT %(rows)s;

-- name: time_before
-- The newest event of a session before a version that says when it arrived: an object, or an array that does not
-- begin with a string (such a one leaves it to the event before it).
SELECT state
FROM stored_events
WHERE
    originator_id = %(session)s
    AND originator_version < %(version)s
    AND (get_byte(state, 0) = ascii('{') OR get_byte(state, 1) <> ascii('"'))
ORDER BY originator_version DESC
LIMIT 1;

-- name: sessions_around
-- The sessions that may have events between two times, with their last versions.
SELECT
    session.originator_id,
    (
        SELECT max(stored_events.originator_version)
        FROM stored_events
        WHERE stored_events.originator_id = session.originator_id
    ) AS versions
FROM session
WHERE
    (session.closed IS NULL OR session.closed >= %(from)s)
    AND session.opened <= %(to)s;

-- name: applied
-- Up to where the table of sessions is complete.
SELECT coalesce(max(projection.position), 0) FROM projection;

-- name: at_version
-- The event at a version, or the first after it, that says when it arrived.
SELECT
    notification_id,
    originator_version,
    state
FROM stored_events
WHERE
    originator_id = %(session)s
    AND originator_version >= %(version)s
    AND (get_byte(state, 0) = ascii('{') OR get_byte(state, 1) <> ascii('"'))
ORDER BY originator_version
LIMIT 1;
