-- What is granted to anyone but the owner.

-- name: of_schema
-- What is granted on a schema to anyone but its owner; no role means everyone.
SELECT
    granted.privilege_type,
    role.rolname,
    granted.is_grantable
FROM pg_namespace AS namespace
CROSS JOIN LATERAL aclexplode(namespace.nspacl) AS granted
LEFT JOIN pg_roles AS role ON role.oid = granted.grantee
WHERE namespace.nspname = %(schema)s
  AND granted.grantee <> namespace.nspowner

-- name: of_relation
-- The same for a table or view, and for its columns (null: for all of it).
SELECT
    granted.privilege_type,
    NULL::name AS column_name,
    role.rolname,
    granted.is_grantable
FROM pg_class AS relation
CROSS JOIN LATERAL aclexplode(relation.relacl) AS granted
LEFT JOIN pg_roles AS role ON role.oid = granted.grantee
WHERE relation.oid = %(relation)s::oid
  AND granted.grantee <> relation.relowner
UNION ALL
SELECT
    granted.privilege_type,
    attribute.attname,
    role.rolname,
    granted.is_grantable
FROM pg_class AS relation
JOIN pg_attribute AS attribute ON attribute.attrelid = relation.oid AND attribute.attnum > 0
CROSS JOIN LATERAL aclexplode(attribute.attacl) AS granted
LEFT JOIN pg_roles AS role ON role.oid = granted.grantee
WHERE relation.oid = %(relation)s::oid
  AND granted.grantee <> relation.relowner

-- name: tables_of_both
-- The tables of a schema that another schema has too, by name and oid.
SELECT
    source.relname,
    source.oid
FROM pg_class AS source
JOIN pg_class AS target
    ON target.relname = source.relname
    AND target.relkind = 'r'
    AND target.relnamespace = to_regnamespace(%(target)s)
WHERE source.relnamespace = to_regnamespace(%(source)s)
  AND source.relkind = 'r'

-- name: columns
SELECT attribute.attname
FROM pg_attribute AS attribute
WHERE attribute.attrelid = to_regclass(%(relation)s)
  AND attribute.attnum > 0
  AND NOT attribute.attisdropped
