-- name: head
-- The position of the newest event, and the highest position there is. One transaction adds events at a time, so
-- everything up to the newest is committed and visible to every later statement. What stands beyond the sequence was put
-- there by hand: to go by it would pass over all that is recorded from then on.
SELECT
    (SELECT max(notification_id) FROM public.stored_events WHERE notification_id <= coordination.last_position()),
    (SELECT max(notification_id) FROM public.stored_events)

-- name: next_position
-- Of the next event behind a position: between them there may be a gap of any size.
SELECT min(notification_id)
FROM public.stored_events
WHERE notification_id > %(after)s

-- name: first_too_much
-- Of the events of a range, the first one with which they are more bytes than may be read at once, and the first of all.
SELECT
    min(position) FILTER (WHERE bytes > %(most)s),
    min(position)
FROM (
    SELECT
        notification_id AS position,
        sum(octet_length(state)) OVER (ORDER BY notification_id) AS bytes
    FROM public.stored_events
    WHERE notification_id > %(after)s
      AND notification_id <= %(upto)s
) AS event

-- name: events
-- The events of a range of positions that some reports are made of, in order: those of some topics, and of other messages
-- those of some ids. For a message that carries its time also its state, once more, as the one that says when it arrived.
SELECT
    event.notification_id,
    event.originator_id,
    event.originator_version,
    event.topic,
    event.state,
    CASE
        WHEN substring(event.state FROM 1 FOR 1) <> '{'::bytea AND coordination.carries_time(event.state) THEN event.state
    END AS timed_state
FROM public.stored_events AS event
WHERE event.notification_id > %(after)s
  AND event.notification_id <= %(upto)s
  AND event.topic = ANY (%(topics)s)
  AND (
      event.topic <> 'm'
      OR %(all_messages)s
      OR split_part(encode(substring(event.state FROM 1 FOR 40), 'escape'), '"', 2) = ANY (%(message_ids)s)
  )
ORDER BY event.notification_id

-- name: timed
-- The events of a range of positions that carry their time. Of a read of the socket that is one, of thousands at most.
SELECT
    originator_id,
    originator_version,
    state
FROM public.stored_events
WHERE notification_id > %(after)s
  AND notification_id <= %(upto)s
  AND coordination.carries_time(state)
ORDER BY
    originator_id,
    originator_version

-- name: timed_before
-- The newest state of a session, up to a version, that carries a time.
SELECT state
FROM public.stored_events
WHERE originator_id = %(session)s
  AND originator_version <= %(version)s
  AND coordination.carries_time(state)
ORDER BY originator_version DESC
LIMIT 1
