-- How rows get into the event store, and how far it is filled. Run by the recorder on a connection of its own.

-- name: begin_append
-- EXCLUSIVE keeps other writers out until this transaction ends, and lets readers in: without it a transaction
-- that began earlier could commit later, and a reader that has seen the higher positions would never see the
-- lower ones. (The wait is longer than deadlock_timeout, after which an autovacuum gives way.)
BEGIN;
SET LOCAL lock_timeout = '2s';
SET LOCAL idle_in_transaction_session_timeout = '3s';
SET LOCAL synchronous_commit = on;
LOCK TABLE public.stored_events IN EXCLUSIVE MODE

-- name: free_lock
-- Ends writers that hold the table and have sent nothing for two seconds: their network is cut, and the server would
-- wait for the rest of their rows for as long as TCP does, since no timeout ends a COPY that waits for its client. What
-- they were storing is rolled back, and still in their journal.
SELECT pg_terminate_backend(activity.pid)
FROM pg_locks
INNER JOIN pg_stat_activity AS activity ON activity.pid = pg_locks.pid
WHERE pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND pg_locks.relation = 'public.stored_events'::regclass
  AND pg_locks.mode = 'ExclusiveLock'
  AND pg_locks.granted
  AND activity.pid <> pg_backend_pid()
  AND activity.wait_event = 'ClientRead'
  AND activity.state_change < clock_timestamp() - interval '2 seconds'

-- name: copy_rows
COPY public.stored_events (originator_version, originator_id, topic, state) FROM STDIN (FORMAT binary)

-- name: end_append
-- While the lock is held nobody else draws from the sequence, so its current value is our last row's position. Any role
-- can fill the queue of notifications, and a commit that has one for a full queue fails: whoever follows the events looks
-- for himself as well.
SELECT
    currval('public.stored_events_notification_id_seq') AS position,
    CASE WHEN pg_notification_queue_usage() < 0.5 THEN pg_notify('stored_events', '') END;
COMMIT

-- name: last_position
SELECT coalesce(max(notification_id), 0) AS position
FROM public.stored_events
WHERE notification_id <= coordination.last_position()
