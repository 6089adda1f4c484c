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

-- name: continuation
-- What is to be known to go on with a stream past its end: its first event, how far its continuation is stored and with
-- which topic that ends, the newest state in both that carries a time, and when the next session of its gateway began
-- that was let in: the gateway listed its accounts. No row if the store lacks the stream's beginning. (Ids of streams grow with
-- time: the next ones are found by hopping along the primary key.)
SELECT
    opened.state AS opening,
    continued.originator_version AS version,
    continued.topic,
    coalesce(
        (
            SELECT state
            FROM public.stored_events
            WHERE originator_id = %(continuation)s
              AND coordination.carries_time(state)
            ORDER BY originator_version DESC
            LIMIT 1
        ),
        (
            SELECT state
            FROM public.stored_events
            WHERE originator_id = %(stream)s AND originator_version < %(end)s
              AND coordination.carries_time(state)
            ORDER BY originator_version DESC
            LIMIT 1
        )
    ) AS timed,
    (
        WITH RECURSIVE hop AS (
            SELECT opened.originator_id
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
            WHERE hop.originator_id IS NOT NULL
        )

        SELECT (convert_from(first_event.state, 'UTF8')::json ->> 't')::bigint
        FROM hop
        INNER JOIN public.stored_events AS first_event
            ON first_event.originator_id = hop.originator_id AND first_event.originator_version = 1
        WHERE hop.originator_id <> opened.originator_id
          AND first_event.topic = 'so'
          AND convert_from(first_event.state, 'UTF8')::json ->> 'gateway'
              = convert_from(opened.state, 'UTF8')::json ->> 'gateway'
          AND convert_from(first_event.state, 'UTF8')::json ->> 'continues' IS NULL
          AND EXISTS (
              SELECT 1
              FROM (
                  SELECT topic
                  FROM public.stored_events
                  WHERE originator_id = hop.originator_id
                  ORDER BY originator_version
                  LIMIT 100
              ) AS beginning
              WHERE beginning.topic = 'a'
          )
        LIMIT 1
    ) AS until
FROM public.stored_events AS opened
LEFT JOIN LATERAL (
    SELECT
        originator_version,
        topic
    FROM public.stored_events
    WHERE originator_id = %(continuation)s
    ORDER BY originator_version DESC
    LIMIT 1
) AS continued ON TRUE
WHERE opened.originator_id = %(stream)s
  AND opened.originator_version = 1
  AND opened.topic = 'so'
