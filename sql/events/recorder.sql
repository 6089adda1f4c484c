-- How rows get into the event store, and how far it is filled. Run by the recorder on a connection of its own.

-- name: begin_append
-- EXCLUSIVE keeps other writers out until this transaction ends, and lets readers in: without it a transaction
-- that began earlier could commit later, and a reader that has seen the higher positions would never see the
-- lower ones. A writer that is cut off from the server while it holds the lock must not keep it: the server waits
-- three seconds for its rows, and gives up.
BEGIN;
SET LOCAL statement_timeout = '3s';
SET LOCAL idle_in_transaction_session_timeout = '3s';
SET LOCAL synchronous_commit = on;
LOCK TABLE public.stored_events IN EXCLUSIVE MODE

-- name: copy_rows
COPY public.stored_events (originator_version, originator_id, topic, state) FROM STDIN (FORMAT binary)

-- name: end_append
-- While the lock is held nobody else draws from the sequence, so its current value is our last row's position.
-- The commit may take its time: a timeout while it waits for a synchronous standby would end that wait.
SET LOCAL statement_timeout = 0;
NOTIFY stored_events; SELECT currval('public.stored_events_notification_id_seq') AS position;
COMMIT

-- name: stored_versions
-- How far each of these streams is stored already, and with which topic it ends; streams are stored without gaps.
SELECT
    wanted.originator_id,
    last_event.originator_version AS version,
    last_event.topic
FROM unnest(%(sessions)s) AS wanted (originator_id)
CROSS JOIN LATERAL (
    SELECT
        originator_version,
        topic
    FROM public.stored_events
    WHERE originator_id = wanted.originator_id
    ORDER BY originator_version DESC
    LIMIT 1
) AS last_event

-- name: last_position
SELECT coalesce(max(notification_id), 0) AS position
FROM public.stored_events
