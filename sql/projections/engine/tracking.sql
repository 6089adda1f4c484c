-- Which version of the tables is live, how far it has come, and the swap of one set of tables for another.

-- name: schema_exists
SELECT EXISTS (
    SELECT
    FROM pg_namespace
    WHERE nspname = %(schema)s
)

-- name: has_tables
-- Whether the two tables that every report has are in a schema. Somebody else's need not be open to us to be looked at so.
SELECT count(*) = 2
FROM pg_class AS relation
INNER JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
WHERE namespace.nspname = %(schema)s
  AND relation.relname IN ('projection', 'poison_event')
  AND relation.relkind = 'r'

-- name: tracking
-- Which tables these are (a rebuild puts others in their place), their version, and how far they are.
SELECT
    'projection'::regclass::oid,
    projection.version,
    projection.position,
    projection.open
FROM projection

-- name: start_tracking
INSERT INTO projection (name, version, position, open)
VALUES (%(name)s, %(version)s, 0, %(open)s)

-- name: advance
UPDATE projection
SET position = %(position)s,
    open = %(open)s,
    updated = clock_timestamp()

-- name: version
-- The version of the tables in a schema, whatever the search_path.
SELECT version
FROM {}

-- name: lock
-- Held until the transaction ends: one projector, or the swap of a rebuild, at a time.
SELECT coordination.take_turn(%(turn)s, %(lock)s)

-- name: try_lock
-- Held until it is given back or the connection ends, for one holder at a time.
SELECT coordination.take(%(turn)s, NULL, %(lock)s::integer)

-- name: unlock
SELECT coordination.give_back(%(turn)s, %(lock)s)

-- name: has_names
-- Whether the schema is of a version that has names to hold: a backup is also made of one that is older.
SELECT to_regclass('coordination.held') IS NOT NULL

-- name: try_lock_without_names
SELECT pg_try_advisory_lock(%(lock)s)

-- name: unlock_without_names
SELECT pg_advisory_unlock(%(lock)s)

-- name: notify_projected
-- Unless the queue of notifications is full: the commit would fail for it.
SELECT CASE WHEN pg_notification_queue_usage() < 0.5 THEN pg_notify('projected', %(position)s::text) END

-- name: live_settings
-- A projector that is cut off from the server in the middle of a step must not hold the others up for long. (The first
-- of these came with Postgres 17.)
SELECT set_config(name, '30000', false)
FROM pg_settings
WHERE name IN ('transaction_timeout', 'idle_in_transaction_session_timeout')

-- name: listen
LISTEN stored_events

-- name: loading_settings
-- For the connection that builds tables nobody reads yet: what a crash takes from them is built again anyway.
SET synchronous_commit = off;
SET maintenance_work_mem = '128MB';

-- name: swap_settings
-- For one transaction: its commit, and all before it, must be on disk.
SET LOCAL synchronous_commit = on

-- name: yielding_settings
-- For one transaction that needs locks which readers hold. Shorter than deadlock_timeout (1 s, which only a superuser may
-- change): of a reader and us, who wait for each other, we give way, and no read fails.
SET LOCAL lock_timeout = '400ms'

-- name: search_path
-- For one transaction.
SELECT set_config('search_path', %(path)s, true)

-- name: tables
SELECT relname
FROM pg_class
WHERE relnamespace = to_regnamespace(%(schema)s)
  AND relkind = 'r'
ORDER BY relname
