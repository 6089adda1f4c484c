-- name: v_family
-- The family of each account.
--
-- account_code: The account's code.
-- family_code: IB's code of the family that it belongs to.
-- told: When a gateway last said so.
SELECT
    family.account AS account_code,
    family.family_code,
    family.told
FROM family
