-- What an account was ever sent: tags, segments and currencies. All go by the key of account_key. Where a gateway is named:
-- what it has sent, whosever the account; else what the account's own gateways have.

-- name: vocabulary
-- The tags of the account's figures and texts, those of the ledger, the segments and the currencies; each null if there is none.
-- (No account has as many keys as are looked at here, but for one whose gateway makes them up.) And whether the gateway that is
-- named, if one is, has named the account. No row: no such account.
SELECT
    %(gateway)s::text IS NULL OR EXISTS (
        SELECT 1
        FROM gateway_account
        WHERE gateway_account.gateway_id = named.id AND gateway_account.account_id = account.id
    ) AS has_gateway,
    sent.tags,
    sent.ledger_tags,
    sent.segments,
    sent.currencies
FROM account
LEFT JOIN gateway AS named ON named.name = %(gateway)s::text
CROSS JOIN LATERAL (
    SELECT
        array_agg(DISTINCT key.tag) FILTER (WHERE NOT key.is_ledger) AS tags,
        array_agg(DISTINCT key.tag) FILTER (WHERE key.is_ledger) AS ledger_tags,
        array_agg(DISTINCT key.segment) FILTER (WHERE key.segment <> '') AS segments,
        array_agg(DISTINCT key.currency) FILTER (WHERE key.currency <> '') AS currencies
    FROM (
        SELECT
            account_key.tag,
            account_key.is_ledger,
            account_key.segment,
            account_key.currency
        FROM account_key
        WHERE
            account_key.account_id = account.id
            AND CASE WHEN %(gateway)s::text IS NULL THEN NOT account_key.is_foreign ELSE account_key.gateway_id = named.id END
        LIMIT %(most)s
    ) AS key
) AS sent
WHERE account.code = %(account)s;

-- name: list_tags
-- One page of the account's tags, each of them once at account level and once of the ledger, with what it comes with: the whole
-- account (or no segment at all), segments, currencies. One row more than asked for means that there is a next page.
SELECT
    account_key.tag,
    account_key.is_ledger,
    bool_or(account_key.segment = '') AS is_whole,
    array_remove(array_agg(DISTINCT account_key.segment), '') AS segments,
    array_remove(array_agg(DISTINCT account_key.currency), '') AS currencies
FROM account
LEFT JOIN gateway AS named ON named.name = %(gateway)s::text
INNER JOIN account_key ON account_key.account_id = account.id
WHERE
    account.code = %(account)s
    AND CASE WHEN %(gateway)s::text IS NULL THEN NOT account_key.is_foreign ELSE account_key.gateway_id = named.id END
    AND account_key.tag >= %(tag)s
    AND (account_key.tag, account_key.is_ledger) > (%(tag)s, %(is_ledger)s)
GROUP BY
    account_key.tag,
    account_key.is_ledger
ORDER BY
    account_key.tag,
    account_key.is_ledger
LIMIT %(rows)s;

-- name: around
-- The base currency of the account's newest snapshot, what IB calls its segments there, and what some currencies are called. One
-- row, whatever there is.
SELECT
    newest.code,
    coalesce(newest.titles, '{{}}') AS titles,
    ARRAY(
        SELECT ARRAY[currency.code, currency.name] FROM currency WHERE currency.code = ANY(%(codes)s::text[])
    ) AS names
FROM (VALUES (1)) AS one (row)
LEFT JOIN LATERAL (
    SELECT
        currency.code,
        ARRAY(
            SELECT ARRAY[attribute.segment, attribute.value]
            FROM account_attribute AS attribute
            WHERE
                attribute.attribute_set_id = last_snapshot.attribute_set_id
                AND attribute.tag = 'SegmentTitle'
                AND attribute.segment IS NOT NULL
        ) AS titles
    FROM account
    LEFT JOIN gateway AS named ON named.name = %(gateway)s::text
    CROSS JOIN LATERAL (
        SELECT
            account_snapshot.attribute_set_id,
            account_snapshot.base_currency_id
        FROM account_snapshot
        WHERE
            account_snapshot.account_id = account.id
            AND {whose}
            AND account_snapshot.created <= clock_timestamp() + INTERVAL '1 minute'
        ORDER BY account_snapshot.created DESC
        LIMIT 1
    ) AS last_snapshot
    LEFT JOIN currency ON currency.id = last_snapshot.base_currency_id
    WHERE account.code = %(account)s
) AS newest ON TRUE;
