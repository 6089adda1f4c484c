-- name: lacks_store
-- Whether the database has no event store of ours yet.
SELECT to_regclass('public.stored_events') IS NULL OR to_regclass('public.schema_migration') IS NULL

-- name: head
-- The position of the newest event. Writers lock the table, so everything up to it is committed and visible to
-- every later statement.
SELECT coalesce(max(notification_id), 0)
FROM public.stored_events

-- name: sessions
-- The sessions whose ids lie in a range, in order of their ids (which grow with time): the first event, the last
-- one, and the newest that carries a time. One statement, so that all of it is of one moment. Ids are found by
-- hopping along the primary key: a few index probes for each session, however many events it has.
WITH RECURSIVE hop AS (
    (
        SELECT originator_id
        FROM public.stored_events
        WHERE originator_id >= %(lowest)s::uuid
        ORDER BY originator_id
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT following.originator_id
        FROM public.stored_events AS following
        WHERE following.originator_id > hop.originator_id
        ORDER BY following.originator_id
        LIMIT 1
    )
    FROM hop
    WHERE hop.originator_id < %(highest)s::uuid
)
SELECT
    hop.originator_id,
    first_event.notification_id,
    first_event.topic,
    first_event.state,
    last_event.notification_id,
    last_event.originator_version,
    last_event.topic,
    last_event.state,
    timed.state
FROM hop
CROSS JOIN LATERAL (
    SELECT
        notification_id,
        topic,
        state
    FROM public.stored_events
    WHERE originator_id = hop.originator_id
    ORDER BY originator_version
    LIMIT 1
) AS first_event
CROSS JOIN LATERAL (
    SELECT
        notification_id,
        originator_version,
        topic,
        state
    FROM public.stored_events
    WHERE originator_id = hop.originator_id
    ORDER BY originator_version DESC
    LIMIT 1
) AS last_event
CROSS JOIN LATERAL (
    SELECT state
    FROM public.stored_events
    WHERE originator_id = hop.originator_id
      AND (
          substring(state FROM 1 FOR 1) = '{'::bytea
          OR substring(state FROM 2 FOR 1) BETWEEN '0'::bytea AND '9'::bytea
      )
    ORDER BY originator_version DESC
    LIMIT 1
) AS timed
WHERE hop.originator_id <= %(highest)s::uuid
ORDER BY hop.originator_id

-- name: events
-- A range of positions, or of one session's versions: the events that are wanted, and those that say when others
-- arrived. Text that is looked for stands in the state as it is, since JSON leaves letters and digits alone.
SELECT
    event.notification_id,
    event.originator_id,
    event.originator_version,
    event.topic,
    event.state,
    event.is_wanted
FROM (
    SELECT
        notification_id,
        originator_id,
        originator_version,
        topic,
        state,
        notification_id > %(after)s::bigint
        AND (%(topics)s::text[] IS NULL OR topic = ANY (%(topics)s::text[]))
        AND (%(text)s::bytea IS NULL OR position(%(text)s::bytea IN state) > 0) AS is_wanted
    FROM public.stored_events
    WHERE notification_id > %(low)s::bigint
      AND notification_id <= %(high)s::bigint
      AND (%(session)s::uuid IS NULL OR originator_id = %(session)s::uuid)
      AND (%(session)s::uuid IS NULL OR originator_version > %(above)s::bigint)
      AND (%(session)s::uuid IS NULL OR originator_version <= %(upto)s::bigint)
      AND (%(sessions)s::uuid[] IS NULL OR originator_id = ANY (%(sessions)s::uuid[]))
) AS event
WHERE event.is_wanted
   OR substring(event.state FROM 1 FOR 1) = '{'::bytea
   OR substring(event.state FROM 2 FOR 1) BETWEEN '0'::bytea AND '9'::bytea
ORDER BY event.notification_id

-- name: timed_before
-- The newest event of a session before a version that carries a time.
SELECT state
FROM public.stored_events
WHERE originator_id = %(session)s
  AND originator_version < %(version)s
  AND (
      substring(state FROM 1 FOR 1) = '{'::bytea
      OR substring(state FROM 2 FOR 1) BETWEEN '0'::bytea AND '9'::bytea
  )
ORDER BY originator_version DESC
LIMIT 1
