-- What each role of deploy/postgres/roles.sql may do with the tables that the migrations make. Pure SQL, run as
-- ibconnect_owner in a transaction of its own, any number of times: by `ibconnect migrate`, and for people by
-- deploy/postgres/grants.sql.

-- name: grants
-- Nothing here is looked for where others may make things: a function of the recorder's that fits better than the
-- server's would run with the owner's rights. Two who grant at once would be in each other's way: the lock lets one wait.
SET LOCAL search_path = pg_catalog;
LOCK TABLE public.schema_migration IN EXCLUSIVE MODE;

GRANT SELECT ON public.stored_events, public.schema_migration TO ibconnect_recorder;
-- Not the position (notification_id): those come from the sequence alone. Whoever could choose one could put an event
-- beyond all others, or into the past.
REVOKE INSERT ON public.stored_events FROM ibconnect_recorder;
GRANT INSERT (originator_version, originator_id, topic, state) ON public.stored_events TO ibconnect_recorder;
GRANT USAGE, SELECT ON SEQUENCE public.stored_events_notification_id_seq TO ibconnect_recorder;

-- Nor a right to lock the table: a trigger has each who adds events wait for his turn. Instances of earlier versions lock it,
-- and were given a right for that (before Postgres 17 the one to change rows, which a trigger refuses all the same). It is
-- taken back once none of them is there: none that lives, or did a moment ago, and began before the trigger was made.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM coordination.instance
        INNER JOIN public.schema_migration ON instance.started < schema_migration.applied
        WHERE schema_migration.name LIKE '%one_append_at_a_time'
          AND instance.heartbeat > clock_timestamp() - interval '5 minutes'
    ) THEN
        REVOKE UPDATE ON public.stored_events FROM ibconnect_recorder;
        IF current_setting('server_version_num')::integer >= 170000 THEN
            EXECUTE 'REVOKE MAINTAIN ON public.stored_events FROM ibconnect_recorder';
        END IF;
    END IF;
END
$$;

-- Each partition by itself can only be read, which a dump does. Those that come get the same right when they are made.
DO $$
DECLARE
    part regclass;
    roles text := (
        SELECT string_agg(quote_ident(rolname), ', ')
        FROM pg_roles
        WHERE rolname IN ('ibconnect_recorder', 'ibconnect_reader', 'ibconnect_backup')
    );
BEGIN
    FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'public.stored_events'::regclass LOOP
        EXECUTE format('GRANT SELECT ON %s TO %s', part, roles);
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION coordination.make_month(date, bigint) TO ibconnect_recorder;

-- A dump reads the sequences too. (The recorder may make one.)
GRANT USAGE ON SCHEMA coordination TO ibconnect_recorder;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA coordination TO ibconnect_recorder;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA coordination TO ibconnect_recorder;
-- Which statements are recorded is as immutable as their events: whoever could take one from this list, or name another
-- stream, could have it recorded twice or hide it.
REVOKE UPDATE, DELETE ON coordination.statement FROM ibconnect_recorder;

-- Those that only read, as far as they are there: roles.sql of an earlier version made no ibconnect_backup.
DO $$
DECLARE
    role name;
BEGIN
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('ibconnect_reader', 'ibconnect_backup') LOOP
        EXECUTE format('GRANT SELECT ON public.stored_events, public.schema_migration TO %I', role);
        EXECUTE format('GRANT USAGE ON SCHEMA coordination TO %I', role);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA coordination TO %I', role);
        -- Who only reads has no business with who has signed in.
        IF role = 'ibconnect_reader' THEN
            EXECUTE format('REVOKE ALL ON coordination.web_session FROM %I', role);
        END IF;
        IF role = 'ibconnect_backup' THEN
            EXECUTE format('GRANT SELECT ON SEQUENCE public.stored_events_notification_id_seq TO %I', role);
            EXECUTE format('GRANT SELECT ON ALL SEQUENCES IN SCHEMA coordination TO %I', role);
        END IF;
    END LOOP;
END
$$;
