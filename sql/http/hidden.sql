-- name: others
-- The accounts that there are beside these.
SELECT account.code FROM account WHERE NOT account.code = ANY(%(codes)s::text[])
