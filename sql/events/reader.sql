-- Reading the event store: for the command line, the replay and HTTP alike. An event whose
-- state carries no time arrived with the one before it in its stream.

-- name: lacks_store
-- Whether the database has no event store of ours yet.
SELECT to_regclass('public.stored_events') IS NULL OR to_regclass('public.schema_migration') IS NULL

-- name: head
-- The position of the newest event. One writer at a time adds events, so everything up to it is committed and
-- visible to every later statement. What stands beyond the sequence was put there by hand: to go by it would pass over all that
-- is recorded from then on.
SELECT coalesce(max(notification_id), 0)
FROM public.stored_events
WHERE notification_id <= coordination.last_position()

-- name: sessions
-- The sessions whose ids lie in a range, in order of their ids (which grow with time): the first event, the last
-- one, and the newest that carries a time. One statement, so that all of it is of one moment. Ids are found by
-- hopping along the primary key, in the partition of the month first: a few index probes for each session, however
-- many events it has, and however many months there are.
WITH RECURSIVE hop AS (
    (
        SELECT originator_id
        FROM public.stored_events
        WHERE originator_id >= %(lowest)s::uuid
        ORDER BY originator_id
        LIMIT 1
    )
    UNION ALL
    SELECT coalesce(
        (
            SELECT following.originator_id
            FROM public.stored_events AS following
            WHERE following.originator_id > hop.originator_id
              AND following.originator_id < coordination.month_until(hop.originator_id)
            ORDER BY following.originator_id
            LIMIT 1
        ),
        (
            SELECT following.originator_id
            FROM public.stored_events AS following
            WHERE following.originator_id > hop.originator_id
            ORDER BY following.originator_id
            LIMIT 1
        )
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
      AND coordination.carries_time(state)
    ORDER BY originator_version DESC
    LIMIT 1
) AS timed
WHERE hop.originator_id <= %(highest)s::uuid
ORDER BY hop.originator_id

-- name: events
-- A range of positions, as far as it holds events of a session or of several.
SELECT
    notification_id,
    uuid_send(originator_id) AS session,
    originator_version,
    topic,
    state
FROM public.stored_events
WHERE notification_id > %(low)s::bigint
  AND notification_id <= %(high)s::bigint
  AND (%(session)s::uuid IS NULL OR originator_id = %(session)s::uuid)
  AND (%(sessions)s::uuid[] IS NULL OR originator_id = ANY (%(sessions)s::uuid[]))
ORDER BY notification_id
LIMIT %(rows)s::bigint

-- name: filtered_events
-- The same for what may be wanted by its topic and by a text that stands in its state, and of the events that say when
-- others arrived only those that are needed: the one before each such event that does not say it itself, and in every
-- session the last, for the range that follows. A frame holds its text in base64, and lists of accounts are given to
-- whoever may not see all of them: both are looked into by whoever asks.
SELECT
    shown.notification_id,
    uuid_send(shown.originator_id) AS session,
    shown.originator_version,
    shown.topic,
    shown.state
FROM (
    SELECT
        event.*,
        lead(event.is_wanted AND NOT event.is_timed, 1, TRUE) OVER (
            PARTITION BY event.originator_id
            ORDER BY event.originator_version
        ) AS is_needed
    FROM (
        SELECT
            notification_id,
            originator_id,
            originator_version,
            topic,
            state,
            (
                (%(topics)s::text[] IS NULL OR topic = ANY (%(topics)s::text[]))
                AND (%(about)s::text[] IS NULL OR topic = ANY (%(about)s::text[]))
                AND (
                    %(patterns)s::bytea[] IS NULL
                    OR topic = %(frame)s::text
                    OR state LIKE ANY (%(patterns)s::bytea[])
                )
            )
            OR topic IS NOT DISTINCT FROM %(list)s::text AS is_wanted,
            coordination.carries_time(state) AS is_timed
        FROM public.stored_events
        WHERE notification_id > %(low)s::bigint
          AND notification_id <= %(high)s::bigint
          AND (%(session)s::uuid IS NULL OR originator_id = %(session)s::uuid)
          AND (%(sessions)s::uuid[] IS NULL OR originator_id = ANY (%(sessions)s::uuid[]))
    ) AS event
    WHERE event.is_wanted OR event.is_timed
) AS shown
WHERE shown.is_wanted OR shown.is_needed
ORDER BY shown.notification_id
LIMIT %(rows)s::bigint

-- name: stream_events
-- A range of versions of one session. Nothing is said of positions here, nor ordered by them: a planner that has no statistics
-- yet, as of a new month, would look through the index of all positions as well. (Both grow together.)
SELECT
    notification_id,
    uuid_send(originator_id) AS session,
    originator_version,
    topic,
    state
FROM public.stored_events
WHERE originator_id = %(session)s::uuid
  AND originator_version > %(above)s::bigint
  AND originator_version <= %(upto)s::bigint
ORDER BY originator_version
LIMIT %(rows)s::bigint

-- name: filtered_stream_events
-- The same, filtered as filtered_events are.
SELECT
    shown.notification_id,
    uuid_send(shown.originator_id) AS session,
    shown.originator_version,
    shown.topic,
    shown.state
FROM (
    SELECT
        event.*,
        lead(event.is_wanted AND NOT event.is_timed, 1, TRUE) OVER (ORDER BY event.originator_version) AS is_needed
    FROM (
        SELECT
            notification_id,
            originator_id,
            originator_version,
            topic,
            state,
            (
                (%(topics)s::text[] IS NULL OR topic = ANY (%(topics)s::text[]))
                AND (%(about)s::text[] IS NULL OR topic = ANY (%(about)s::text[]))
                AND (
                    %(patterns)s::bytea[] IS NULL
                    OR topic = %(frame)s::text
                    OR state LIKE ANY (%(patterns)s::bytea[])
                )
            )
            OR topic IS NOT DISTINCT FROM %(list)s::text AS is_wanted,
            coordination.carries_time(state) AS is_timed
        FROM public.stored_events
        WHERE originator_id = %(session)s::uuid
          AND originator_version > %(above)s::bigint
          AND originator_version <= %(upto)s::bigint
    ) AS event
    WHERE event.is_wanted OR event.is_timed
) AS shown
WHERE shown.is_wanted OR shown.is_needed
ORDER BY shown.originator_version
LIMIT %(rows)s::bigint

-- name: ends
-- The positions of a session's first and last event; no row if it has none.
SELECT
    first_event.notification_id AS first_position,
    least(last_event.notification_id, coordination.last_position()) AS last_position
FROM (
    SELECT notification_id
    FROM public.stored_events
    WHERE originator_id = %(session)s::uuid
    ORDER BY originator_version
    LIMIT 1
) AS first_event
CROSS JOIN (
    SELECT notification_id
    FROM public.stored_events
    WHERE originator_id = %(session)s::uuid
    ORDER BY originator_version DESC
    LIMIT 1
) AS last_event

-- name: timed_before
-- The newest event of a session before a version that says when it arrived. (In a CASE, of which the planner takes half of all
-- rows to be: whenever it takes them to be rare, it reads and sorts the whole session for the one that is wanted.)
SELECT state
FROM public.stored_events
WHERE originator_id = %(session)s::uuid
  AND originator_version < %(version)s::bigint
  AND CASE WHEN coordination.carries_time(state) THEN TRUE END
ORDER BY originator_version DESC
LIMIT 1

-- name: timed_from
-- The event of a session at a version, or the first after it, that says when it arrived. (In a CASE as before.)
SELECT
    notification_id,
    originator_version,
    state
FROM public.stored_events
WHERE originator_id = %(session)s::uuid
  AND originator_version >= %(version)s::bigint
  AND CASE WHEN coordination.carries_time(state) THEN TRUE END
ORDER BY originator_version
LIMIT 1

-- name: version_at
-- The first event of a session that says that it arrived at or after an instant, by bisection: of a million events twenty are looked
-- at. (Times grow within a session, by the clock of its machine.) All in one statement: one by one each would be planned again.
-- (In a CASE as before.)
WITH RECURSIVE search (low, high, found) AS (
    SELECT
        1::bigint,
        %(versions)s::bigint,
        NULL::bigint
    UNION ALL
    SELECT
        CASE WHEN timed.arrived < %(instant)s::bigint THEN timed.version + 1 ELSE search.low END,
        CASE WHEN timed.arrived < %(instant)s::bigint THEN search.high ELSE (search.low + search.high) / 2 - 1 END,
        CASE WHEN timed.arrived >= %(instant)s::bigint THEN timed.version ELSE search.found END
    FROM search
    LEFT JOIN LATERAL (
        SELECT
            originator_version AS version,
            coalesce(
                substring(encode(substring(state FROM 1 FOR 26), 'escape') FROM '^(?:\[|\{"t":)([0-9]{1,18})')::bigint, 0
            ) AS arrived
        FROM public.stored_events
        WHERE originator_id = %(session)s::uuid
          AND originator_version >= (search.low + search.high) / 2
          AND CASE WHEN coordination.carries_time(state) THEN TRUE END
        ORDER BY originator_version
        LIMIT 1
    ) AS timed ON TRUE
    WHERE search.low <= search.high
)

SELECT found
FROM search
WHERE low > high

-- name: newest_before
-- The newest event of a session in a range of versions that is of a topic and holds a text.
SELECT
    notification_id,
    originator_version,
    state
FROM public.stored_events
WHERE originator_id = %(session)s::uuid
  AND originator_version > %(above)s::bigint
  AND originator_version < %(version)s::bigint
  AND topic = %(topic)s::text
  AND position(%(code)s::bytea IN state) > 0
ORDER BY originator_version DESC
LIMIT 1
