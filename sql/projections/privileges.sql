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

-- name: of_tables
-- The same for those tables of a schema that another schema has too.
SELECT
    granted.privilege_type,
    source.relname,
    role.rolname,
    granted.is_grantable
FROM pg_class AS source
JOIN pg_class AS target
    ON target.relname = source.relname
    AND target.relkind = 'r'
    AND target.relnamespace = to_regnamespace(%(target)s)
CROSS JOIN LATERAL aclexplode(source.relacl) AS granted
LEFT JOIN pg_roles AS role ON role.oid = granted.grantee
WHERE source.relnamespace = to_regnamespace(%(source)s)
  AND source.relkind = 'r'
  AND granted.grantee <> source.relowner
