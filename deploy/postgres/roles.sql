-- The roles of ibconnect in a Postgres (14 or later) of your own. Run once, as a superuser, in ibconnect's database,
-- before anything else: psql --set ON_ERROR_STOP=1 --dbname ibconnect --file deploy/postgres/roles.sql
-- Then give each role a password: \password ibconnect_owner, and so on.
--
-- ibconnect_owner     DB_URL of "ibconnect migrate": owns the events and the tables that instances talk through
-- ibconnect_recorder  DB_URL of "ibconnect serve" and "ibconnect rebuild": adds events, owns the snapshot tables
-- ibconnect_reader    DB_READ_URL, people, reports: reads everything, changes nothing
DO $$
DECLARE
    role name;
BEGIN
    FOREACH role IN ARRAY ARRAY['ibconnect_owner', 'ibconnect_recorder', 'ibconnect_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
    END LOOP;
    EXECUTE format(
        'GRANT CREATE ON DATABASE %I TO ibconnect_owner, ibconnect_recorder',
        current_database()
    );
END
$$;

GRANT USAGE, CREATE ON SCHEMA public TO ibconnect_owner, ibconnect_recorder;
GRANT USAGE ON SCHEMA public TO ibconnect_reader;

-- Each rebuild makes the snapshot tables anew; the reader may read those too.
ALTER DEFAULT PRIVILEGES FOR ROLE ibconnect_recorder GRANT USAGE ON SCHEMAS TO ibconnect_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE ibconnect_recorder GRANT SELECT ON TABLES TO ibconnect_reader;
