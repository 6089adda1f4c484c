-- From one role that owned everything to the roles of roles.sql: what whoever runs this owns in this database goes to
-- whom it is to belong. Run after roles.sql, as that role, which must be a superuser; any number of times. It stops at
-- the first error, and does all or nothing. compose.yaml's Postgres runs it (init/roles.sh).
--
-- To ibconnect_owner: the events and what instances talk through. To ibconnect_recorder: the snapshot tables, the public
-- views, and what people have built upon these, which an upgrade may have to make anew. All else that people have made
-- stays whose it is, and can be read by the recorder and the backup, as it could be until now.
\set ON_ERROR_STOP on
BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '10s';

DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        WITH RECURSIVE reports (oid) AS (
            -- The schemas of reports: in each is a table that says how far its tables are, and one of events set aside.
            SELECT relnamespace
            FROM pg_class
            WHERE relname IN ('projection', 'poison_event') AND relkind = 'r'
            GROUP BY relnamespace
            HAVING count(*) = 2
        ),
        upon_tables (oid) AS (
            SELECT relation.oid
            FROM pg_class AS relation
            WHERE relation.relnamespace IN (SELECT reports.oid FROM reports)
              AND relation.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
            UNION
            -- The one public view that stands upon the events alone.
            SELECT to_regclass('public.v_event')::oid
            UNION
            SELECT rewrite.ev_class
            FROM upon_tables
            INNER JOIN pg_depend AS dependency
                ON dependency.refclassid = 'pg_class'::regclass
                AND dependency.refobjid = upon_tables.oid
                AND dependency.classid = 'pg_rewrite'::regclass
            INNER JOIN pg_rewrite AS rewrite ON rewrite.oid = dependency.objid
        ),
        relations (oid, receiver) AS (
            SELECT oid, 'ibconnect_recorder'
            FROM upon_tables
            UNION
            SELECT to_regclass(name)::oid, 'ibconnect_owner'
            FROM (VALUES ('public.stored_events'), ('public.schema_migration')) AS named (name)
            UNION
            SELECT inhrelid, 'ibconnect_owner'
            FROM pg_inherits
            WHERE inhparent = to_regclass('public.stored_events')
            UNION
            SELECT relation.oid, 'ibconnect_owner'
            FROM pg_class AS relation
            WHERE relation.relnamespace = to_regnamespace('coordination')
        )
        SELECT format(
            'ALTER SCHEMA %I OWNER TO %I',
            nspname,
            CASE nspname WHEN 'coordination' THEN 'ibconnect_owner' ELSE 'ibconnect_recorder' END
        )
        FROM pg_namespace
        WHERE nspowner = current_user::regrole
          AND (nspname = 'coordination' OR pg_namespace.oid IN (SELECT reports.oid FROM reports))
        UNION ALL
        -- A sequence of a column goes with its table.
        SELECT format('ALTER TABLE %s OWNER TO %I', relation.oid::regclass, relations.receiver)
        FROM relations
        INNER JOIN pg_class AS relation ON relation.oid = relations.oid
        WHERE relation.relowner = current_user::regrole
          AND relation.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
          AND NOT EXISTS (
              SELECT
              FROM pg_depend
              WHERE pg_depend.classid = 'pg_class'::regclass
                AND pg_depend.objid = relation.oid
                AND (pg_depend.deptype = 'e' OR (relation.relkind = 'S' AND pg_depend.deptype IN ('a', 'i')))
          )
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO ibconnect_owner', oid::regprocedure)
        FROM pg_proc
        WHERE proowner = current_user::regrole
          AND (pronamespace = to_regnamespace('coordination') OR oid = to_regproc('public.refuse_change_of_events'))
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;

DO $$
DECLARE
    statement text;
BEGIN
    -- (What belongs to an extension is nobody's own.)
    FOR statement IN
        -- What the recorder owns now, as if it had made it.
        SELECT format(
            'GRANT SELECT ON %s TO %s',
            relation.oid::regclass,
            CASE relation.relkind WHEN 'S' THEN 'ibconnect_backup' ELSE 'ibconnect_reader, ibconnect_backup' END
        )
        FROM pg_class AS relation
        WHERE relation.relowner = 'ibconnect_recorder'::regrole
          AND relation.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        UNION ALL
        SELECT format('GRANT USAGE ON SCHEMA %I TO ibconnect_reader, ibconnect_backup', nspname)
        FROM pg_namespace
        WHERE nspowner = 'ibconnect_recorder'::regrole
        UNION ALL
        -- What stays ours, people's own. A view of the recorder's may stand there, and be made anew there.
        SELECT format('GRANT SELECT ON %s TO ibconnect_recorder, ibconnect_backup', relation.oid::regclass)
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
                AND pg_depend.deptype = 'e'
          )
        UNION ALL
        SELECT format('GRANT USAGE ON SCHEMA %I TO ibconnect_recorder, ibconnect_backup', nspname)
        FROM pg_namespace
        WHERE nspowner = current_user::regrole AND nspname !~ '^pg_' AND nspname <> 'information_schema'
        UNION ALL
        SELECT DISTINCT format('GRANT CREATE ON SCHEMA %I TO ibconnect_recorder', namespace.nspname)
        FROM pg_class AS relation
        INNER JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
        WHERE relation.relowner = 'ibconnect_recorder'::regrole AND namespace.nspowner = current_user::regrole
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;

COMMIT;
