-- What stands upon the public views: views that people made, which outlast an upgrade that makes those anew.

-- name: view_comment
SELECT obj_description(to_regclass(%(view)s), 'pg_class')

-- name: former_views
-- Public views that this program once made upon the tables of a report (their comments end with a digest) and no longer
-- makes.
WITH RECURSIVE upon (oid) AS (
    SELECT pg_class.oid
    FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
    WHERE pg_namespace.nspname = ANY (%(schemas)s)
    UNION
    SELECT rewrite.ev_class
    FROM upon
    JOIN pg_depend AS dependency
        ON dependency.refclassid = 'pg_class'::regclass
        AND dependency.refobjid = upon.oid
        AND dependency.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite AS rewrite ON rewrite.oid = dependency.objid
)
SELECT relation.relname
FROM pg_class AS relation
WHERE relation.oid IN (SELECT upon.oid FROM upon)
  AND relation.relnamespace = 'public'::regnamespace
  AND relation.relkind = 'v'
  AND relation.relname <> ALL (%(names)s)
  AND relation.relname LIKE 'v\_%%'
  AND obj_description(relation.oid, 'pg_class') ~ '\[[0-9a-f]{12}\]$'

-- name: standing
-- A view, what stands upon it, and what stands upon that: in an order in which all can be made.
WITH RECURSIVE standing (oid, depth) AS (
    SELECT to_regclass(%(view)s)::oid, 0
    UNION
    SELECT rewrite.ev_class, standing.depth + 1
    FROM standing
    JOIN pg_depend AS dependency
        ON dependency.refclassid = 'pg_class'::regclass
        AND dependency.refobjid = standing.oid
        AND dependency.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite AS rewrite ON rewrite.oid = dependency.objid
    WHERE rewrite.ev_class <> standing.oid
)
SELECT
    relation.oid,
    namespace.nspname,
    relation.relname,
    relation.relkind = 'v' AS is_view,
    pg_get_userbyid(relation.relowner) AS owner,
    array_to_string(relation.reloptions, ', ') AS options,
    obj_description(relation.oid, 'pg_class') AS comment,
    (
        SELECT coalesce(jsonb_object_agg(attribute.attname, said.description), '{}')
        FROM pg_description AS said
        JOIN pg_attribute AS attribute ON attribute.attrelid = said.objoid AND attribute.attnum = said.objsubid
        WHERE said.objoid = relation.oid
          AND said.classoid = 'pg_class'::regclass
          AND said.objsubid > 0
    ) AS columns,
    rtrim(pg_get_viewdef(relation.oid), ';') AS definition
FROM standing
JOIN pg_class AS relation ON relation.oid = standing.oid
JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
GROUP BY relation.oid, namespace.nspname
ORDER BY max(standing.depth), relation.oid

-- name: trial_settings
-- A trial waits for nobody who reads a view: whoever comes after it would wait as well.
SET LOCAL lock_timeout = '200ms'
