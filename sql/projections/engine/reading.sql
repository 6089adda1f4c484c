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

-- name: events
-- The events of a range of positions that some reports are made of, in order: those of some topics, and of other messages
-- those of some ids. For a message also the state that says when it arrived: the newest of its session that carries a
-- time.
SELECT
    event.notification_id,
    event.originator_id,
    event.originator_version,
    event.topic,
    event.state,
    CASE
        WHEN substring(event.state FROM 1 FOR 1) <> '{'::bytea THEN (
            SELECT timed.state
            FROM public.stored_events AS timed
            WHERE timed.originator_id = event.originator_id
              AND timed.originator_version <= event.originator_version
              AND coordination.carries_time(timed.state)
            ORDER BY timed.originator_version DESC
            LIMIT 1
        )
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
