-- name: state
-- Changes whenever the list of accounts does: accounts and snapshots are only ever added, with growing ids, and
-- a rebuild has new tables.
SELECT
    'account_snapshot'::regclass::oid::bigint AS generation,
    (SELECT max(account.id) FROM account) AS accounts,
    (SELECT max(account_snapshot.id) FROM account_snapshot) AS snapshots;

-- name: list_accounts
-- Every account ever seen, by code, with the snapshot that is shown as its latest: the newest that IB said was
-- ready, or simply the newest.
SELECT
    account.code,
    coalesce(
        (
            SELECT max(ready.created)
            FROM account_snapshot AS ready
            WHERE ready.account_id = account.id AND ready.ready
        ),
        (
            SELECT max(newest.created)
            FROM account_snapshot AS newest
            WHERE newest.account_id = account.id
        )
    ) AS latest
FROM account
WHERE %(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[])
ORDER BY account.code COLLATE "C";

-- name: as_of
-- The newest snapshot of an account at or before a time; a row with null if there is none, no row if there is no
-- such account.
SELECT (
    SELECT max(account_snapshot.created)
    FROM account_snapshot
    WHERE account_snapshot.account_id = account.id AND account_snapshot.created <= %(at)s
) AS created
FROM account
WHERE account.code = %(account)s;

-- name: list_snapshots
-- One page of an account's snapshots, newest first, for `before` (exclusive) from the cursor; one row more than
-- asked for tells that there is a next page.
SELECT account_snapshot.created
FROM account_snapshot
INNER JOIN account ON account.id = account_snapshot.account_id
WHERE
    account.code = %(account)s
    AND (%(from)s::timestamptz IS NULL OR account_snapshot.created >= %(from)s)
    AND (%(to)s::timestamptz IS NULL OR account_snapshot.created <= %(to)s)
    AND (%(before)s::timestamptz IS NULL OR account_snapshot.created < %(before)s)
ORDER BY account_snapshot.created DESC
LIMIT %(rows)s;

-- name: account_exists
-- Whether any gateway ever listed this account.
SELECT EXISTS (SELECT 1 FROM account WHERE account.code = %(account)s);
