-- name: begin_append
-- EXCLUSIVE keeps other writers out until this transaction ends, and lets readers in: without it a transaction
-- that began earlier could commit later, and a reader that has seen the higher positions would never see the
-- lower ones.
BEGIN; SET LOCAL lock_timeout = '30s'; SET LOCAL synchronous_commit = on; LOCK TABLE public.stored_events IN EXCLUSIVE MODE

-- name: copy_rows
COPY public.stored_events (originator_version, originator_id, topic, state) FROM STDIN (FORMAT binary)

-- name: end_append
-- While the lock is held nobody else draws from the sequence, so its current value is our last row's position.
NOTIFY stored_events; SELECT currval('public.stored_events_notification_id_seq') AS position; COMMIT

-- name: stored_versions
-- How far each of these streams is stored already; a stream is always stored without gaps.
SELECT
    originator_id,
    max(originator_version) AS version
FROM public.stored_events
WHERE originator_id = ANY(%(sessions)s)
GROUP BY originator_id

-- name: last_position
SELECT coalesce(max(notification_id), 0) AS position
FROM public.stored_events
