-- Which processes run, as they say themselves.

-- name: announce
-- A process that has the name of one that was killed began later than that.
INSERT INTO coordination.process (instance, role, version, address)
SELECT
    %(instance)s,
    unnest(%(roles)s::text[]),
    %(version)s,
    %(address)s
ON CONFLICT (instance, role) DO UPDATE
SET
    version = excluded.version,
    address = excluded.address,
    started = CASE WHEN %(is_new)s THEN clock_timestamp() ELSE process.started END,
    heartbeat = clock_timestamp()

-- name: leave
-- A clean end.
DELETE FROM coordination.process
WHERE instance = %(instance)s AND role = ANY(%(roles)s::text[])

-- name: forget
-- What has said nothing for a day: processes that were killed.
DELETE FROM coordination.process
WHERE heartbeat < clock_timestamp() - interval '1 day'
