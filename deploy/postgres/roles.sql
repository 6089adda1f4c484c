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
--
-- Those that only read get time-outs, and of each but the recorder there are so many connections at most: what is left of
-- the server's own limit (100 by default) is the recorder's. A role can set another time-out for its session: they are for
-- slips. Limits and rights are not its own to change.
\set ON_ERROR_STOP on
BEGIN;
-- Run again, by a superuser as a rule: a function that one of these roles has put into a schema of its own must not be
-- taken for the server's.
SET LOCAL search_path = pg_catalog;

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

-- Limits and settings are changed only where they differ: these may be another administrator's roles.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT *
        FROM (
            VALUES ('ibconnect_owner', 5), ('ibconnect_recorder', -1), ('ibconnect_reader', 40), ('ibconnect_backup', 5)
        ) AS limits (role, connections)
        INNER JOIN pg_roles ON pg_roles.rolname = limits.role AND pg_roles.rolconnlimit <> limits.connections
    LOOP
        EXECUTE format('ALTER ROLE %I CONNECTION LIMIT %s', wanted.role, wanted.connections);
    END LOOP;
    FOR wanted IN
        SELECT *
        FROM (
            VALUES
            ('ibconnect_owner', 'search_path', 'public'),
            ('ibconnect_owner', 'lock_timeout', '1min'),
            ('ibconnect_owner', 'idle_in_transaction_session_timeout', '10min'),
            ('ibconnect_recorder', 'search_path', 'public'),
            ('ibconnect_recorder', 'lock_timeout', '2min'),
            ('ibconnect_recorder', 'idle_in_transaction_session_timeout', '2min'),
            ('ibconnect_reader', 'search_path', 'public'),
            ('ibconnect_reader', 'statement_timeout', '5min'),
            ('ibconnect_reader', 'lock_timeout', '10s'),
            ('ibconnect_reader', 'idle_in_transaction_session_timeout', '1min'),
            ('ibconnect_backup', 'search_path', 'public'),
            ('ibconnect_backup', 'lock_timeout', '1min'),
            ('ibconnect_backup', 'idle_in_transaction_session_timeout', '10min')
        ) AS settings (role, setting, value)
        WHERE NOT EXISTS (
            SELECT
            FROM pg_db_role_setting AS known
            WHERE known.setrole = settings.role::regrole
              AND known.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND format('%s=%s', settings.setting, settings.value) = ANY (known.setconfig)
        )
    LOOP
        EXECUTE format(
            'ALTER ROLE %I IN DATABASE %I SET %I = %L', wanted.role, current_database(), wanted.setting, wanted.value
        );
    END LOOP;
END
$$;

-- Nobody else makes anything here: an object of one's own in the schema that others search would be theirs to run.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
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
    report name;
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
    -- Those that are there already may have been made when there was no ibconnect_backup. The tables of each report are in a
    -- schema of its own, with a table that says how far they are.
    FOR report IN
        SELECT nspname
        FROM pg_namespace
        WHERE nspowner = 'ibconnect_recorder'::regrole
          AND EXISTS (SELECT FROM pg_class WHERE relnamespace = pg_namespace.oid AND relname = 'projection')
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO ibconnect_reader, ibconnect_backup', report);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO ibconnect_reader, ibconnect_backup', report);
        EXECUTE format('GRANT SELECT ON ALL SEQUENCES IN SCHEMA %I TO ibconnect_backup', report);
    END LOOP;
    IF NOT is_member THEN
        EXECUTE format('REVOKE ibconnect_recorder FROM %I', current_user);
    END IF;
END
$$;

COMMIT;
