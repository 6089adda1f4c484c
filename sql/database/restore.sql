-- What a restore has to know of the database that it fills.

-- name: occupants
-- What is in the database that is not the server's own and of no extension: some names.
SELECT format('%%I.%%I', namespace.nspname, relation.relname) AS name
FROM pg_class AS relation
INNER JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
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
SELECT format('schema %%I', nspname)
FROM pg_namespace
WHERE nspname = 'coordination' OR nspname = ANY (%(schemas)s::text[])
ORDER BY name
LIMIT 5

-- name: may_become
-- Whether we may act as a role. (From Postgres 16 on membership alone does not say so.)
SELECT pg_has_role(
    %(role)s,
    CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END
)

-- name: live_tables
-- Which tables of each report are live: a rebuild puts others in their place. Null: there are none.
SELECT array_agg(to_regclass(format('%%I.projection', schema))::oid ORDER BY schema)
FROM unnest(%(schemas)s::text[]) AS wanted (schema)

-- name: has_events
SELECT to_regclass('public.stored_events') IS NOT NULL
