-- Where events lie, by what the tables know of their sessions. The events themselves: sql/events/reader.sql.

-- name: sessions_around
-- The sessions that may have events between two times: when they were open, and where their events lie.
SELECT
    session.originator_id,
    session.opened,
    session.closed,
    last_event.originator_version AS versions,
    first_event.notification_id AS first_position,
    last_event.notification_id AS last_position
FROM (
    SELECT *
    FROM session
    WHERE session.closed >= %(from)s AND session.opened <= %(to)s
    UNION ALL
    SELECT *
    FROM session
    WHERE session.closed IS NULL AND session.opened <= %(to)s
) AS session
CROSS JOIN LATERAL (
    SELECT notification_id
    FROM stored_events
    WHERE stored_events.originator_id = session.originator_id
    ORDER BY stored_events.originator_version
    LIMIT 1
) AS first_event
CROSS JOIN LATERAL (
    SELECT
        originator_version,
        notification_id
    FROM stored_events
    WHERE stored_events.originator_id = session.originator_id
    ORDER BY stored_events.originator_version DESC
    LIMIT 1
) AS last_event;

-- name: statements_around
-- The positions between which the events of Flex statements lie that were recorded between two times; no row if none was. Each is
-- recorded by one transaction, in its turn, with the time of that: positions grow with it.
SELECT
    first_one.position - first_one.parts - 2 AS low,
    last_one.position AS high
FROM (
    SELECT
        position,
        parts
    FROM coordination.statement
    WHERE received >= %(from)s
    ORDER BY received, position
    LIMIT 1
) AS first_one
CROSS JOIN (
    SELECT position
    FROM coordination.statement
    WHERE received <= %(to)s
    ORDER BY received DESC, position DESC
    LIMIT 1
) AS last_one
WHERE last_one.position >= first_one.position;

-- name: applied
-- Up to where the table of sessions is complete.
SELECT coalesce(max(projection.position), 0) FROM projection;

-- name: accounts
-- Every account that any gateway ever listed.
SELECT code FROM account;
