-- The public views.

-- name: v_account_directory
-- What a login's directory says of an account now: one row for each account and gateway that says anything.
--
-- account_code: The account's code.
-- gateway: The gateway, as in IB_GW, that says so.
-- alias: What the advisor calls the account; null: nothing.
-- family_code: IB's code of the family that it belongs to; null: none.
-- groups: The advisor's groups that it is in, by name.
-- since: Since when all of this holds.
SELECT
    entry.account AS account_code,
    entry.gateway,
    max(entry.value) FILTER (WHERE entry.kind = 'alias') AS alias,
    max(entry.value) FILTER (WHERE entry.kind = 'family') AS family_code,
    coalesce(
        array_agg(entry.group_name ORDER BY entry.group_name) FILTER (WHERE entry.kind = 'member'), '{}'
    ) AS groups,
    max(entry.since) AS since
FROM entry
WHERE entry.until IS NULL AND entry.account <> ''
GROUP BY entry.account, entry.gateway

-- name: v_account_directory_entry
-- A single thing that a login's directory said, and from when until when.
--
-- kind: alias, group, member or family.
-- gateway: The gateway, as in IB_GW, that said so.
-- account_code: The account; null for a group itself.
-- group_name: The group; null for what is about none.
-- value: The alias; a group's default method; a member's share, null where it has none; the family's code.
-- since: When it was said first.
-- until: When it was no longer said; null: it holds.
SELECT
    entry.kind,
    entry.gateway,
    nullif(entry.account, '') AS account_code,
    nullif(entry.group_name, '') AS group_name,
    nullif(entry.value, '') AS value,
    entry.since,
    entry.until
FROM entry
