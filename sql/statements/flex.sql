-- What the fetching of Flex statements keeps: sql/migrations/0014_flex_queries.sql.

-- name: take_turn
-- Whether this session is the one that fetches, for as long as it lives: all processes of a token share IBKR's limits.
SELECT coordination.take('flex statements', 7109, 1)

-- name: is_ours
-- Whether it still is.
SELECT EXISTS (
    SELECT
    FROM coordination.held
    WHERE held.name = 'flex statements' AND held.pid = pg_backend_pid()
)

-- name: watch_settings
-- The server notices within half a minute that a process with its machine is gone, and somebody else may fetch.
SELECT set_config(setting.name, setting.value, FALSE)
FROM (
    VALUES
        ('tcp_keepalives_idle', '10'),
        ('tcp_keepalives_interval', '5'),
        ('tcp_keepalives_count', '3')
) AS setting (name, value)

-- name: announce
-- Say which queries this instance fetches. One that is new is due at once.
INSERT INTO coordination.flex_query (query, name)
SELECT
    query,
    name
FROM unnest(%(queries)s::text[], %(names)s::text[]) AS wanted (query, name)
ON CONFLICT (query) DO UPDATE
SET name = excluded.name, seen = clock_timestamp()

-- name: retry_refused
-- What IBKR refused is tried at once by whoever is started: the setting may be another one now. Not more than once a minute.
UPDATE coordination.flex_query
SET due = clock_timestamp()
WHERE
    query = ANY(%(queries)s::text[])
    AND failures > 0
    AND tried < clock_timestamp() - interval '1 minute'

-- name: hasten
-- The schedule is another one now, by which a query is due sooner.
UPDATE coordination.flex_query
SET due = least(due, %(due)s)
WHERE query = %(query)s AND failures = 0

-- name: states
-- How these queries are, in the order of their ids.
SELECT
    query,
    name,
    due,
    tried,
    got,
    up_to,
    failures,
    failing_since,
    code,
    error,
    clock_timestamp() AS now
FROM coordination.flex_query
WHERE query = ANY(%(queries)s::text[])
ORDER BY query

-- name: succeeded
-- A statement was given and is recorded.
UPDATE coordination.flex_query
SET
    tried = clock_timestamp(),
    got = clock_timestamp(),
    up_to = greatest(up_to, %(up_to)s::date),
    due = %(due)s,
    failures = 0,
    failing_since = NULL,
    code = NULL,
    error = NULL
WHERE query = %(query)s

-- name: failed
-- None was.
UPDATE coordination.flex_query
SET
    tried = clock_timestamp(),
    due = %(due)s,
    failures = failures + 1,
    failing_since = coalesce(failing_since, clock_timestamp()),
    code = %(code)s,
    error = %(error)s
WHERE query = %(query)s

-- name: note_request
-- A request is sent now.
INSERT INTO coordination.flex_request DEFAULT VALUES

-- name: forget_requests
-- Those that no limit counts any more.
DELETE FROM coordination.flex_request
WHERE sent < clock_timestamp() - interval '10 minutes'

-- name: recent_requests
-- How many seconds ago requests were sent, the oldest first.
SELECT extract(EPOCH FROM clock_timestamp() - sent)::float8
FROM coordination.flex_request
WHERE sent > clock_timestamp() - interval '10 minutes'
ORDER BY sent

-- name: windows
-- Spans of days that were given for a query.
SELECT
    from_day,
    to_day,
    statements
FROM coordination.flex_window
WHERE query = %(query)s
ORDER BY to_day DESC, from_day

-- name: note_window
-- A span of days was given, and is recorded.
INSERT INTO coordination.flex_window (query, from_day, to_day, statements, stream)
VALUES (%(query)s, %(from_day)s, %(to_day)s, %(statements)s, %(stream)s)
ON CONFLICT (query, from_day, to_day) DO UPDATE
SET got = clock_timestamp(), statements = excluded.statements, stream = excluded.stream
