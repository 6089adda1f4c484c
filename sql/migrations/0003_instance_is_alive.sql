-- Whether an instance is connected: each holds the advisory lock (7107, hash of its name) for as long as it is. Looking
-- at the lock must not take it, not even for a moment, so this reads the list of locks.
CREATE FUNCTION coordination.is_alive(instance text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED
RETURN EXISTS (
    SELECT 1
    FROM pg_locks
    WHERE locktype = 'advisory'
      AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid = 7107
      AND objid::bigint = (hashtext(instance)::bigint + 4294967296) % 4294967296
      AND objsubid = 2
);
