-- What only a role that records may hold. Any role may take any advisory lock, a reader too, and so could keep a gateway
-- from being recorded: who holds a name is a row here. It ends with the session that holds it, as an advisory lock does:
-- a session that is gone holds nothing.
CREATE TABLE coordination.held (
    name text PRIMARY KEY,
    pid integer,
    backend_start timestamptz,
    role oid,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Instances of the version before run on: whoever has a right on their table has it on this one.
DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT
            right_of.privilege_type AS what,
            role.rolname AS whom
        FROM pg_class AS relation
        CROSS JOIN LATERAL aclexplode(relation.relacl) AS right_of
        INNER JOIN pg_roles AS role ON role.oid = right_of.grantee
        WHERE relation.oid = 'coordination.instance'::regclass
          AND right_of.grantee <> relation.relowner
          AND right_of.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    LOOP
        EXECUTE format('GRANT %s ON coordination.held TO %I', granted.what, granted.whom);
    END LOOP;
END
$$;

-- Whether a session is there still. (When it began is not shown of sessions of other roles; a process id that went to a
-- session of another role is no sign of life.)
CREATE FUNCTION coordination.is_there(pid integer, backend_start timestamptz, role oid) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL RESTRICTED
RETURN EXISTS (
    SELECT 1
    FROM pg_catalog.pg_stat_activity AS session
    WHERE session.pid = is_there.pid
      AND session.usesysid = is_there.role
      AND coalesce(session.backend_start = is_there.backend_start, TRUE)
);

-- Whether somebody holds a name.
CREATE FUNCTION coordination.is_held(wanted text) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL RESTRICTED
RETURN EXISTS (
    SELECT 1
    FROM coordination.held
    WHERE held.name = wanted
      AND coordination.is_there(held.pid, held.backend_start, held.role)
);

-- Who holds an advisory lock, by its numbers as pg_locks shows them: true: a role that records (with is_backup also one
-- that makes backups), as instances of earlier versions do; false: only others; null: nobody. Looking must not take it.
CREATE FUNCTION coordination.is_locked_by_ours(first bigint, second bigint, kind integer, is_backup boolean) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL RESTRICTED
RETURN (
    SELECT bool_or(
        has_table_privilege(session.usesysid, 'coordination.held', 'UPDATE')
        OR (is_backup AND has_sequence_privilege(session.usesysid, 'coordination.refresh_request_id_seq', 'SELECT'))
    )
    FROM pg_catalog.pg_locks AS lock
    INNER JOIN pg_catalog.pg_stat_activity AS session ON session.pid = lock.pid
    WHERE lock.locktype = 'advisory'
      AND lock.granted
      AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND lock.classid::bigint = first
      AND lock.objid::bigint = second
      AND lock.objsubid = kind
);

-- Hold a name for as long as this session lives, or until it is given back; whether it is ours now. Instances of earlier
-- versions hold the advisory lock (class, key), or (key) where there is no class: it is taken as well, and respected. A
-- session that may not record keeps nobody away by holding it. A role that only makes backups has the lock and no row.
CREATE FUNCTION coordination.take(wanted text, class integer, key integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog
SET lock_timeout = '1s'
AS $$
DECLARE
    has_lock boolean;
    is_ours boolean;
BEGIN
    LOOP
        has_lock := CASE WHEN class IS NULL THEN pg_try_advisory_lock(key::bigint) ELSE pg_try_advisory_lock(class, key) END;
        EXIT WHEN has_lock;
        PERFORM pg_stat_clear_snapshot();
        is_ours := coordination.is_locked_by_ours(
            (coalesce(class, 0)::bigint + 4294967296) % 4294967296,
            (key::bigint + 4294967296) % 4294967296,
            CASE WHEN class IS NULL THEN 1 ELSE 2 END,
            class IS NULL
        );
        IF is_ours THEN
            RETURN FALSE;
        END IF;
        -- Null: whoever had it has just let go of it.
        EXIT WHEN NOT is_ours;
    END LOOP;
    is_ours := NOT EXISTS (
        SELECT
        FROM coordination.held
        WHERE held.name = wanted
          AND held.pid <> pg_backend_pid()
          AND coordination.is_there(held.pid, held.backend_start, held.role)
    );
    IF is_ours AND has_table_privilege('coordination.held', 'UPDATE') THEN
        -- Who holds what is worth nothing after a crash: no reason to wait for a standby.
        PERFORM set_config('synchronous_commit', 'off', TRUE);
        INSERT INTO coordination.held (name) VALUES (wanted) ON CONFLICT (name) DO NOTHING;
        PERFORM FROM coordination.held WHERE name = wanted FOR UPDATE;
        -- What the list of sessions said before the row was locked may be old.
        PERFORM pg_stat_clear_snapshot();
        UPDATE coordination.held
        SET pid = session.pid, backend_start = session.backend_start, role = session.usesysid, since = clock_timestamp()
        FROM pg_stat_activity AS session
        WHERE held.name = wanted
          AND session.pid = pg_backend_pid()
          AND (
              held.pid IS NULL
              OR held.pid = session.pid
              OR NOT coordination.is_there(held.pid, held.backend_start, held.role)
          );
        is_ours := FOUND;
    END IF;
    IF has_lock AND NOT is_ours THEN
        PERFORM CASE WHEN class IS NULL THEN pg_advisory_unlock(key::bigint) ELSE pg_advisory_unlock(class, key) END;
    END IF;
    RETURN is_ours;
END
$$;

-- Give a name back before the session ends.
CREATE FUNCTION coordination.give_back(wanted text, key bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog
AS $$
BEGIN
    IF has_table_privilege('coordination.held', 'DELETE') THEN
        DELETE FROM coordination.held WHERE name = wanted AND pid = pg_backend_pid();
    END IF;
    PERFORM pg_advisory_unlock(key) FROM pg_locks
    WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted AND classid = 0 AND objid::bigint = key AND objsubid = 1;
END
$$;

-- Wait for a turn, and have it until the transaction ends: the row itself is locked, which only who may change it can do.
-- Instances of earlier versions take the advisory lock for it, which is taken as well, unless only strangers have it.
CREATE FUNCTION coordination.take_turn(wanted text, key bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM FROM coordination.held WHERE name = wanted FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO coordination.held (name) VALUES (wanted) ON CONFLICT (name) DO NOTHING;
        PERFORM FROM coordination.held WHERE name = wanted FOR UPDATE;
    END IF;
    LOOP
        EXIT WHEN pg_try_advisory_xact_lock(key);
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN NOT coordination.is_locked_by_ours(0, key, 1, FALSE);
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;

-- Whether an instance is connected: it holds its name. One of an earlier version holds the advisory lock (7107, hash of its
-- name) instead.
CREATE OR REPLACE FUNCTION coordination.is_alive(instance text) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL RESTRICTED
RETURN coordination.is_held('instance ' || instance)
    OR coalesce(
        coordination.is_locked_by_ours(7107, (hashtext(instance)::bigint + 4294967296) % 4294967296, 2, FALSE), FALSE
    );

-- The highest position that the sequence has given: what stands beyond it was put there by hand, and would hide all that is
-- recorded from whoever follows the positions. For every role that may use the schema, without a right on the sequence.
CREATE FUNCTION coordination.last_position() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog
RETURN (SELECT last_value FROM public.stored_events_notification_id_seq);
