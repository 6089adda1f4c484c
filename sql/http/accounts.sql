-- name: state
-- Changes whenever the list of accounts does: accounts and snapshots are only ever added, with growing ids; what gateways
-- list is shown with the time; whose an account is follows from what is configured; and a rebuild has new tables.
SELECT
    'account_snapshot'::regclass::oid::bigint AS generation,
    (SELECT max(account.id) FROM account) AS accounts,
    (SELECT max(account_snapshot.id) FROM account_snapshot) AS snapshots,
    (SELECT count(*) FILTER (WHERE gateway_account.is_listed) FROM gateway_account) AS listed,
    (SELECT max(gateway_account.last_listed) FROM gateway_account WHERE NOT gateway_account.is_listed) AS unlisted,
    (SELECT max(gateway_account.id) FROM gateway_account) AS named,
    (SELECT projection.open ->> 'configured' FROM projection) AS configured;

-- name: list_accounts
-- Every account ever seen, by code, with the snapshot that is shown as its latest: the newest whose figures can be relied
-- on, or, if there is none, simply the newest; and whether a gateway that it belongs to lists it now. (A snapshot that a
-- wrong clock dated into the future counts when that time has come.) Where a gateway is named: its own, whosever the account.
SELECT
    account.code,
    coalesce(ready.created, newest.created) AS latest,
    EXISTS (
        SELECT 1
        FROM gateway_account
        WHERE gateway_account.account_id = account.id AND gateway_account.is_listed AND gateway_account.is_owner
    ) AS is_listed,
    CASE WHEN newest.created IS NOT NULL THEN ready.created IS NOT NULL END AS is_ready,
    newest.created AS newest
FROM account
LEFT JOIN gateway AS named ON named.name = %(gateway)s::text
LEFT JOIN LATERAL (
    SELECT account_snapshot.created
    FROM account_snapshot
    WHERE
        account_snapshot.account_id = account.id
        AND {whose}
        AND account_snapshot.created <= clock_timestamp() + INTERVAL '1 minute'
        AND account_snapshot.ready
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS ready ON TRUE
LEFT JOIN LATERAL (
    SELECT account_snapshot.created
    FROM account_snapshot
    WHERE
        account_snapshot.account_id = account.id
        AND {whose}
        AND account_snapshot.created <= clock_timestamp() + INTERVAL '1 minute'
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest ON TRUE
WHERE %(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[])
ORDER BY account.code COLLATE "C";

-- name: as_of
-- The newest snapshot of an account that was complete at or before a time, so that nobody is shown what was not known yet:
-- of those whose figures can be relied on, and of all. Null if there is none, no row if there is no such account.
SELECT
    ready.created AS ready,
    newest.created AS newest
FROM account
LEFT JOIN gateway AS named ON named.name = %(gateway)s::text
LEFT JOIN LATERAL (
    SELECT account_snapshot.created
    FROM account_snapshot
    WHERE
        account_snapshot.account_id = account.id
        AND {whose}
        AND account_snapshot.created <= %(at)s
        AND account_snapshot.completed <= %(at)s
        AND account_snapshot.ready
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS ready ON TRUE
LEFT JOIN LATERAL (
    SELECT account_snapshot.created
    FROM account_snapshot
    WHERE
        account_snapshot.account_id = account.id
        AND {whose}
        AND account_snapshot.created <= %(at)s
        AND account_snapshot.completed <= %(at)s
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS newest ON TRUE
WHERE account.code = %(account)s;

-- name: list_snapshots
-- One page of an account's snapshots, newest first, for `before` (exclusive) from the cursor; one row more than
-- asked for means that there is a next page.
SELECT page.created
FROM account
LEFT JOIN gateway AS named ON named.name = %(gateway)s::text
CROSS JOIN LATERAL (
    SELECT account_snapshot.created
    FROM account_snapshot
    WHERE
        account_snapshot.account_id = account.id
        AND {whose}
        AND account_snapshot.created >= coalesce(%(from)s::timestamptz, '-infinity')
        AND account_snapshot.created <= coalesce(%(to)s::timestamptz, 'infinity')
        AND account_snapshot.created < coalesce(%(before)s::timestamptz, 'infinity')
    ORDER BY account_snapshot.created DESC
    LIMIT %(rows)s
) AS page
WHERE account.code = %(account)s
ORDER BY page.created DESC;

-- name: gateway_named
-- Whether a gateway has named an account.
SELECT EXISTS (
    SELECT 1
    FROM gateway_account
    INNER JOIN account ON account.id = gateway_account.account_id
    INNER JOIN gateway ON gateway.id = gateway_account.gateway_id
    WHERE account.code = %(account)s AND gateway.name = %(gateway)s
);

-- name: account_exists
-- Whether any gateway ever listed this account, or a statement is of it.
SELECT EXISTS (SELECT 1 FROM account WHERE account.code = %(account)s);
