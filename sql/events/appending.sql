-- How rows get into the event store, and how far a stream is stored. Run on connections of whoever appends. A trigger has each who
-- adds rows wait for his turn (sql/migrations/0011_one_append_at_a_time.sql).

-- name: begin_append
-- What waits for its turn for longer than this looks whether whoever has it is still there.
BEGIN;
SET LOCAL lock_timeout = '2s';
SET LOCAL idle_in_transaction_session_timeout = '3s';
SET LOCAL synchronous_commit = on

-- name: take_turn
-- Nothing is added, but the trigger fires: from here on nobody else appends.
INSERT INTO public.stored_events (originator_version, originator_id, topic, state)
SELECT
    0,
    '00000000-0000-0000-0000-000000000000'::uuid,
    '',
    ''::bytea
WHERE FALSE

-- name: free_turn
-- Ends writers that have the turn and have sent nothing for two seconds: their network is cut, and the server would
-- wait for the rest of their rows for as long as TCP does, since no timeout ends a COPY that waits for its client. What
-- they were storing is rolled back, and still in their journal. (Those of the version before lock the events as well.)
SELECT pg_terminate_backend(activity.pid)
FROM pg_locks
INNER JOIN pg_stat_activity AS activity ON activity.pid = pg_locks.pid
WHERE pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND pg_locks.relation IN ('coordination.append_turn'::regclass, 'public.stored_events'::regclass)
  AND pg_locks.mode = 'ExclusiveLock'
  AND pg_locks.granted
  AND activity.pid <> pg_backend_pid()
  AND activity.wait_event = 'ClientRead'
  AND activity.state_change < clock_timestamp() - interval '2 seconds'

-- name: copy_rows
COPY public.stored_events (originator_version, originator_id, topic, state) FROM STDIN (FORMAT binary)

-- name: drawn
-- The position of our last row; nobody else draws from the sequence while we have the turn.
SELECT currval('public.stored_events_notification_id_seq')

-- name: end_append
-- While we have the turn nobody else draws from the sequence, so its current value is our last row's position. Any role
-- can fill the queue of notifications, and a commit that has one for a full queue fails: whoever follows the events looks
-- for himself as well.
SELECT
    currval('public.stored_events_notification_id_seq') AS position,
    CASE WHEN pg_notification_queue_usage() < 0.5 THEN pg_notify('stored_events', '') END;
COMMIT

-- name: end_of_stream
-- How far a stream is stored, and with which topic it ends; no row if nothing of it is.
SELECT
    originator_version,
    topic
FROM public.stored_events
WHERE originator_id = %(stream)s
ORDER BY originator_version DESC
LIMIT 1
