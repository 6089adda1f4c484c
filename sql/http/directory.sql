-- What an advisor's directory says, at a moment.

-- name: accounts
-- A page of accounts that any directory says something of at a moment, by code, those with these codes (null: all): alias and
-- family as the gateway says that the account belongs to, or else the one that said so last; the groups of all gateways.
SELECT
    account.code,
    (
        SELECT entry.value
        FROM directory.entry
        WHERE entry.account = account.code AND entry.kind = 'alias' AND {then}
        ORDER BY {order}
        LIMIT 1
    ) AS alias,
    (
        SELECT entry.value
        FROM directory.entry
        WHERE entry.account = account.code AND entry.kind = 'family' AND {then}
        ORDER BY {order}
        LIMIT 1
    ) AS family,
    ARRAY(
        SELECT DISTINCT entry.group_name
        FROM directory.entry
        WHERE entry.account = account.code AND entry.kind = 'member' AND {then}
        ORDER BY 1
    ) AS groups,
    (
        SELECT max(entry.since)
        FROM directory.entry
        WHERE entry.account = account.code AND {then}
    ) AS since
FROM (
    SELECT DISTINCT entry.account AS code
    FROM directory.entry
    WHERE
        entry.account > %(after)s
        AND entry.account <> ''
        AND {then}
        AND (%(codes)s::text[] IS NULL OR entry.account = ANY(%(codes)s::text[]))
        AND {of_group}
    ORDER BY 1
    LIMIT %(rows)s
) AS account
ORDER BY account.code

-- name: then
-- What holds at the moment.
entry.since <= %(at)s AND (entry.until IS NULL OR entry.until > %(at)s)

-- name: order
-- What the account's own gateway says first, then what was said last.
EXISTS (
    SELECT
    FROM accounts.gateway
    INNER JOIN accounts.gateway_account ON gateway_account.gateway_id = gateway.id AND gateway_account.is_owner
    INNER JOIN accounts.account AS owned ON owned.id = gateway_account.account_id
    WHERE gateway.name = entry.gateway AND owned.code = entry.account
) DESC, entry.since DESC, entry.gateway

-- name: of_group
-- It is in one of these groups.
entry.account = ANY(ARRAY({members}))

-- name: members
-- The accounts of these groups at the moment, of those with these codes (null: all).
SELECT DISTINCT entry.account
FROM directory.entry
WHERE
    entry.kind = 'member'
    AND entry.group_name = ANY(%(groups)s::text[])
    AND {then}
    AND (%(codes)s::text[] IS NULL OR entry.account = ANY(%(codes)s::text[]))

-- name: types
-- The types of accounts, by the newest report of each that was complete at the moment.
SELECT
    account.code,
    (
        SELECT attribute.value
        FROM accounts.account_attribute AS attribute
        WHERE
            attribute.attribute_set_id = newest.attribute_set_id
            AND attribute.tag = 'AccountType'
            AND attribute.segment IS NULL
            AND attribute.currency_id IS NULL
        ORDER BY attribute.ordinal DESC
        LIMIT 1
    ) AS account_type
FROM accounts.account
CROSS JOIN LATERAL (
    SELECT account_snapshot.attribute_set_id
    FROM accounts.account_snapshot
    WHERE
        account_snapshot.account_id = account.id
        AND NOT account_snapshot.is_foreign
        AND account_snapshot.created <= %(at)s
        AND account_snapshot.completed <= %(at)s
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest
WHERE account.code = ANY(%(codes)s::text[])

-- name: groups
-- A page of the members of groups at a moment, those with these codes (null: all), by group and account: with the group's
-- method, as the same gateway said it.
SELECT
    entry.group_name,
    method.value,
    entry.account,
    nullif(entry.value, '') AS share,
    entry.gateway,
    entry.since
FROM directory.entry
LEFT JOIN LATERAL (
    SELECT nullif(said.value, '') AS value
    FROM directory.entry AS said
    WHERE
        said.gateway = entry.gateway
        AND said.kind = 'group'
        AND said.group_name = entry.group_name
        AND said.since <= %(at)s
        AND (said.until IS NULL OR said.until > %(at)s)
    LIMIT 1
) AS method ON TRUE
WHERE
    entry.kind = 'member'
    AND {then}
    AND (%(groups)s::text[] IS NULL OR entry.group_name = ANY(%(groups)s::text[]))
    AND (%(codes)s::text[] IS NULL OR entry.account = ANY(%(codes)s::text[]))
ORDER BY entry.group_name, entry.account, entry.gateway
OFFSET %(skipped)s
LIMIT %(rows)s
