-- name: v_family
-- The family of each account.
SELECT
    family.account AS account_code,
    family.family_code,
    family.told
FROM family
