-- name: start
-- A new session. What is over goes away, the former session of the same browser, and of one token's sessions those beyond so
-- many that were used last. Rows that somebody else is about to take away are left to him.
WITH over AS (
    SELECT web_session.key
    FROM coordination.web_session
    WHERE
        web_session.expires <= clock_timestamp()
        OR web_session.key = %(former)s
        OR web_session.key IN (
            SELECT others.key
            FROM coordination.web_session AS others
            WHERE others.token = %(token)s
            ORDER BY others.used DESC
            OFFSET %(others)s
        )
    FOR UPDATE SKIP LOCKED
),

gone AS (
    DELETE FROM coordination.web_session
    USING over
    WHERE web_session.key = over.key
)

INSERT INTO coordination.web_session (key, token, name, expires)
VALUES (%(key)s, %(token)s, %(name)s, clock_timestamp() + make_interval(secs => %(idle)s))
RETURNING web_session.key, web_session.token, web_session.expires, %(idle)s::double precision AS seconds

-- name: known
-- What these sessions are, those that have ended left out; for how many seconds more, by the clock of Postgres.
SELECT
    web_session.key,
    web_session.token,
    web_session.expires,
    extract(EPOCH FROM web_session.expires - clock_timestamp())::double precision AS seconds
FROM coordination.web_session
WHERE web_session.key = ANY(%(keys)s) AND web_session.expires > clock_timestamp()

-- name: used
-- These are used: they end that much later, and at the latest so long after they began. What is over goes away.
WITH over AS (
    DELETE FROM coordination.web_session
    WHERE
        web_session.key IN (
            SELECT others.key
            FROM coordination.web_session AS others
            WHERE others.expires <= clock_timestamp()
            FOR UPDATE SKIP LOCKED
        )
),

mine AS (
    SELECT web_session.key
    FROM coordination.web_session
    WHERE web_session.key = ANY(%(keys)s) AND web_session.expires > clock_timestamp()
    FOR UPDATE SKIP LOCKED
)

UPDATE coordination.web_session
SET
    used = clock_timestamp(),
    expires = least(
        clock_timestamp() + make_interval(secs => %(idle)s), web_session.created + make_interval(secs => %(longest)s)
    )
FROM mine
WHERE web_session.key = mine.key

-- name: end
-- Somebody has signed out.
DELETE FROM coordination.web_session
WHERE web_session.key = %(key)s
