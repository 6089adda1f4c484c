-- name: lock_events
-- As every writer of events does: the end of a stream must not pass rows that are being stored.
SET LOCAL lock_timeout = '2s';
SET LOCAL idle_in_transaction_session_timeout = '3s';
SET LOCAL synchronous_commit = on;
LOCK TABLE public.stored_events IN EXCLUSIVE MODE

-- name: close_stream
-- The last event of a stream that has none, right after what is stored of it.
INSERT INTO public.stored_events (originator_version, originator_id, topic, state)
SELECT
    last_event.originator_version + 1,
    %(stream)s,
    %(topic)s,
    %(state)s
FROM (
    SELECT
        originator_version,
        topic
    FROM public.stored_events
    WHERE originator_id = %(stream)s
    ORDER BY originator_version DESC
    LIMIT 1
) AS last_event
WHERE last_event.topic <> %(topic)s
RETURNING originator_version

-- name: tell
-- Wakes whoever follows the events, unless the queue of notifications is full: the commit would fail for it.
SELECT CASE WHEN pg_notification_queue_usage() < 0.5 THEN pg_notify('stored_events', '') END
