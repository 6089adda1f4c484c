-- What each role may do with the tables that "ibconnect migrate" makes. Run as ibconnect_owner after it, at the
-- first installation and at each upgrade; it may run any number of times:
--     psql --dbname 'postgresql://ibconnect_owner@host/ibconnect' --file deploy/postgres/grants.sql
-- It stops at the first error, and does all or nothing.
\set ON_ERROR_STOP on
BEGIN;

GRANT SELECT ON public.stored_events, public.schema_migration TO ibconnect_recorder, ibconnect_reader;
-- Not the position (notification_id): those come from the sequence alone. Whoever could choose one could put an event
-- beyond all others, or into the past.
REVOKE INSERT ON public.stored_events FROM ibconnect_recorder;
GRANT INSERT (originator_version, originator_id, topic, state) ON public.stored_events TO ibconnect_recorder;
GRANT USAGE, SELECT ON SEQUENCE public.stored_events_notification_id_seq TO ibconnect_recorder;

-- The recorder locks the table so that events become visible in the order of their positions. Before Postgres 17
-- only a right to change rows gives the right to lock; the table's trigger refuses every change all the same.
DO $$
BEGIN
    EXECUTE format(
        'GRANT %s ON public.stored_events TO ibconnect_recorder',
        CASE WHEN current_setting('server_version_num')::integer >= 170000 THEN 'MAINTAIN' ELSE 'UPDATE' END
    );
END
$$;

GRANT USAGE ON SCHEMA coordination TO ibconnect_recorder, ibconnect_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA coordination TO ibconnect_recorder;
GRANT SELECT ON ALL TABLES IN SCHEMA coordination TO ibconnect_reader;

-- A dump reads the sequences too. (The recorder may make one; ibconnect_backup is there since roles.sql makes it.)
GRANT SELECT ON ALL SEQUENCES IN SCHEMA coordination TO ibconnect_recorder;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ibconnect_backup') THEN
        GRANT USAGE ON SCHEMA coordination TO ibconnect_backup;
        GRANT SELECT ON public.stored_events, public.schema_migration TO ibconnect_backup;
        GRANT SELECT ON SEQUENCE public.stored_events_notification_id_seq TO ibconnect_backup;
        GRANT SELECT ON ALL TABLES IN SCHEMA coordination TO ibconnect_backup;
        GRANT SELECT ON ALL SEQUENCES IN SCHEMA coordination TO ibconnect_backup;
    END IF;
END
$$;

COMMIT;
