-- The roles of ibconnect in a Postgres (14 or later) of your own, managed ones included. Run in ibconnect's database
-- before anything else, as a superuser, or as the database's owner who may create roles (CREATEROLE):
--     psql --dbname ibconnect --file deploy/postgres/roles.sql
-- It may run any number of times, stops at the first error, and does all or nothing. Then give each role that logs in
-- by password one, which psql asks for and sends as a hash: \password ibconnect_owner, and so on.
--
-- ibconnect_owner     DB_URL of "ibconnect migrate" and "restore": owns the events and what instances talk through
-- ibconnect_recorder  DB_URL of "ibconnect serve" and "rebuild": adds events, owns the snapshot tables
-- ibconnect_reader    DB_READ_URL, people, reports: reads everything, changes nothing
-- ibconnect_backup    DB_URL of "ibconnect backup", pg_dump: reads everything, changes nothing
\set ON_ERROR_STOP on
BEGIN;

DO $$
DECLARE
    role name;
BEGIN
    FOREACH role IN ARRAY ARRAY['ibconnect_owner', 'ibconnect_recorder', 'ibconnect_reader', 'ibconnect_backup'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
    END LOOP;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO ibconnect_owner, ibconnect_recorder', current_database());
END
$$;

GRANT USAGE, CREATE ON SCHEMA public TO ibconnect_owner, ibconnect_recorder;
GRANT USAGE ON SCHEMA public TO ibconnect_reader, ibconnect_backup;

-- A restore puts the snapshot tables back as well, which belong to the recorder.
DO $$
BEGIN
    IF NOT pg_has_role('ibconnect_owner', 'ibconnect_recorder', 'MEMBER') THEN
        GRANT ibconnect_recorder TO ibconnect_owner;
    END IF;
END
$$;

-- Each rebuild makes the snapshot tables anew; the reader and the backup may read those too. Only a superuser or a
-- member of the recorder may say so, and who has made a role is none of its members.
DO $$
DECLARE
    is_member boolean := pg_has_role(
        'ibconnect_recorder',
        CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'USAGE' ELSE 'MEMBER' END
    );
BEGIN
    IF NOT is_member THEN
        EXECUTE format('GRANT ibconnect_recorder TO %I', current_user);
    END IF;
    ALTER DEFAULT PRIVILEGES FOR ROLE ibconnect_recorder
        GRANT USAGE ON SCHEMAS TO ibconnect_reader, ibconnect_backup;
    ALTER DEFAULT PRIVILEGES FOR ROLE ibconnect_recorder
        GRANT SELECT ON TABLES TO ibconnect_reader, ibconnect_backup;
    ALTER DEFAULT PRIVILEGES FOR ROLE ibconnect_recorder
        GRANT SELECT ON SEQUENCES TO ibconnect_backup;
    -- Those that are there already may have been made when there was no ibconnect_backup.
    IF EXISTS (
        SELECT FROM pg_namespace WHERE nspname = 'snapshots' AND nspowner = 'ibconnect_recorder'::regrole
    ) THEN
        GRANT USAGE ON SCHEMA snapshots TO ibconnect_reader, ibconnect_backup;
        GRANT SELECT ON ALL TABLES IN SCHEMA snapshots TO ibconnect_reader, ibconnect_backup;
        GRANT SELECT ON ALL SEQUENCES IN SCHEMA snapshots TO ibconnect_backup;
    END IF;
    IF NOT is_member THEN
        EXECUTE format('REVOKE ibconnect_recorder FROM %I', current_user);
    END IF;
END
$$;

COMMIT;
