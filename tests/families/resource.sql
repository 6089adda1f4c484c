-- name: list_families
-- The accounts with these codes (null: all) that are in a family (null: in any), by code.
SELECT
    family.account,
    family.family_code
FROM families.family
WHERE (%(codes)s::text [] IS NULL OR family.account = ANY(%(codes)s::text []))
  AND (%(family)s::text IS NULL OR family.family_code = %(family)s::text)
ORDER BY family.account
