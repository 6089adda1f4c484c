-- How what is said of a directory becomes rows.

-- name: newest
-- When any of these kinds was said last.
SELECT told.told
FROM told
WHERE told.gateway = %(gateway)s AND told.kind = ANY(%(kinds)s::text[])
ORDER BY told.told DESC
LIMIT 1

-- name: tell
INSERT INTO told (gateway, kind, told, position)
SELECT
    %(gateway)s,
    kind,
    %(at)s,
    %(position)s
FROM unnest(%(kinds)s::text[]) AS kind
ON CONFLICT (gateway, kind) DO UPDATE
SET told = excluded.told,
    position = excluded.position

-- name: holding
-- What holds of these kinds.
SELECT
    entry.kind,
    entry.group_name,
    entry.account,
    entry.value
FROM entry
WHERE entry.gateway = %(gateway)s AND entry.kind = ANY(%(kinds)s::text[]) AND entry.until IS NULL

-- name: end
-- These hold no longer.
UPDATE entry
SET until = %(at)s
FROM unnest(%(kinds)s::text[], %(groups)s::text[], %(accounts)s::text[]) AS ended (kind, group_name, account)
WHERE entry.gateway = %(gateway)s
  AND entry.kind = ended.kind
  AND entry.group_name = ended.group_name
  AND entry.account = ended.account
  AND entry.until IS NULL

-- name: begin
-- These hold from now on.
INSERT INTO entry (gateway, kind, group_name, account, value, since, position)
SELECT
    %(gateway)s,
    begun.kind,
    begun.group_name,
    begun.account,
    begun.value,
    %(at)s,
    %(position)s
FROM unnest(%(kinds)s::text[], %(groups)s::text[], %(accounts)s::text[], %(values)s::text[])
    AS begun (kind, group_name, account, value)
