-- The embedded server's role for the service, made by its superuser, who does nothing else.

-- name: make_role
-- The role that owns everything of ibconnect and may do nothing to the server.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ibconnect_service') THEN
        CREATE ROLE ibconnect_service LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
    END IF;
    IF EXISTS (
        SELECT
        FROM pg_database
        WHERE datname = 'ibconnect' AND datdba <> 'ibconnect_service'::regrole
    ) THEN
        ALTER DATABASE ibconnect OWNER TO ibconnect_service;
    END IF;
END
$$

-- name: hand_over
-- What the superuser owns in this database, as earlier versions made it, to that role. (A sequence of a column goes with its
-- table; what belongs to an extension stays.)
DO $$
DECLARE
    statement text;
BEGIN
    PERFORM set_config('lock_timeout', '10s', true);
    FOR statement IN
        SELECT format('ALTER SCHEMA %I OWNER TO ibconnect_service', nspname)
        FROM pg_namespace
        WHERE nspowner = current_user::regrole
          AND nspname !~ '^pg_'
          AND nspname <> 'information_schema'
        UNION ALL
        SELECT format('ALTER TABLE %s OWNER TO ibconnect_service', relation.oid::regclass)
        FROM pg_class AS relation
        INNER JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
        WHERE relation.relowner = current_user::regrole
          AND relation.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
          AND namespace.nspname !~ '^pg_'
          AND namespace.nspname <> 'information_schema'
          AND NOT EXISTS (
              SELECT
              FROM pg_depend
              WHERE pg_depend.classid = 'pg_class'::regclass
                AND pg_depend.objid = relation.oid
                AND (pg_depend.deptype = 'e' OR (relation.relkind = 'S' AND pg_depend.deptype IN ('a', 'i')))
          )
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO ibconnect_service', routine.oid::regprocedure)
        FROM pg_proc AS routine
        INNER JOIN pg_namespace AS namespace ON namespace.oid = routine.pronamespace
        WHERE routine.proowner = current_user::regrole
          AND namespace.nspname !~ '^pg_'
          AND namespace.nspname <> 'information_schema'
          AND NOT EXISTS (
              SELECT
              FROM pg_depend
              WHERE pg_depend.classid = 'pg_proc'::regclass
                AND pg_depend.objid = routine.oid
                AND pg_depend.deptype = 'e'
          )
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$
