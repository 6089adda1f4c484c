-- The messages of downloads, read from their streams.

-- name: downloads
-- The messages of some downloads: for each, the states of its account values, of its positions and (only where
-- asked for) of other messages, each run together in the order of arrival; the newest account time; the notices, and
-- whether 2100 is one that came after values or positions had come.
SELECT
    messages.account_values,
    messages.positions,
    messages.others,
    messages.account_time,
    messages.notices,
    messages.unsubscribed > messages.first_row AS was_unsubscribed
FROM unnest(
    %(sessions)s::uuid[],
    %(after)s::bigint[],
    %(before)s::bigint[],
    %(multi)s::boolean[]
) WITH ORDINALITY AS download (originator_id, after, before, multi, number)
CROSS JOIN LATERAL (
    SELECT
        string_agg(event.state, ',' ORDER BY event.originator_version) FILTER (WHERE event.topic = 'v') AS account_values,
        string_agg(event.state, ',' ORDER BY event.originator_version) FILTER (WHERE event.topic = 'p') AS positions,
        string_agg(event.state, ',' ORDER BY event.originator_version) FILTER (WHERE event.topic = 'm') AS others,
        (array_agg(event.state ORDER BY event.originator_version DESC) FILTER (WHERE event.topic = 't'))[1] AS account_time,
        string_agg(event.state, E'\n' ORDER BY event.originator_version) FILTER (WHERE event.topic IN ('n', 'x')) AS notices,
        min(event.originator_version) FILTER (WHERE event.topic IN ('v', 'p')) AS first_row,
        max(event.originator_version) FILTER (
            WHERE event.topic = 'n' AND position('"2100"'::bytea IN event.state) > 0
        ) AS unsubscribed
    FROM public.stored_events AS event
    WHERE event.originator_id = download.originator_id
      AND event.originator_version > download.after
      AND event.originator_version < download.before
      AND event.topic = ANY (
          CASE WHEN download.multi THEN '{m,t,n,x}'::text[] ELSE '{v,p,t,n,x}'::text[] END
      )
) AS messages
ORDER BY download.number

-- name: download_events
-- The messages of one download one by one, to find the one that cannot be understood.
SELECT
    event.notification_id,
    event.originator_id,
    event.originator_version,
    event.topic,
    event.state
FROM public.stored_events AS event
WHERE event.originator_id = %(session)s
  AND event.originator_version > %(after)s
  AND event.originator_version < %(before)s
  AND event.topic = ANY (%(topics)s)
ORDER BY event.originator_version
