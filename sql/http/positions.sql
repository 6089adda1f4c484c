-- What accounts hold, as rows: at a moment, and over time.

-- name: newest_snapshot
-- Which tables these are (a rebuild has others), and the newest snapshot that there is: pages of one answer know none that
-- came later.
SELECT
    'account_snapshot'::regclass::oid::bigint AS generation,
    (SELECT coalesce(max(account_snapshot.id), 0) FROM account_snapshot) AS newest;

-- name: known
-- Which of some accounts any gateway ever listed, or a statement is of.
SELECT account.code FROM account WHERE account.code = ANY(%(codes)s::text[]);

-- name: complete_by
-- The snapshot of an account that was complete at a moment: the newest whose figures can be relied on, or, if there is none
-- (or any will do), simply the newest; where a gateway is named, of what it has sent. Two looks into the index.
SELECT
    candidate.id,
    candidate.created,
    candidate.ready,
    candidate.base_currency_id,
    candidate.has_models
FROM (
    (
        SELECT *
        FROM account_snapshot
        WHERE
            account_snapshot.account_id = account.id
            AND {whose}
            AND account_snapshot.created <= {at}
            AND account_snapshot.completed <= {at}
            AND account_snapshot.id <= %(newest)s
            AND account_snapshot.ready
            AND NOT %(any)s
        ORDER BY account_snapshot.created DESC
        LIMIT 1
    )
    UNION ALL
    (
        SELECT *
        FROM account_snapshot
        WHERE
            account_snapshot.account_id = account.id
            AND {whose}
            AND account_snapshot.created <= {at}
            AND account_snapshot.completed <= {at}
            AND account_snapshot.id <= %(newest)s
        ORDER BY account_snapshot.created DESC
        LIMIT 1
    )
) AS candidate
ORDER BY candidate.ready DESC
LIMIT 1

-- name: reports
-- The reports of accounts that were complete at a moment (each by complete_by).
SELECT
    snapshot.id,
    snapshot.created
FROM account
LEFT JOIN gateway AS named ON named.name = %(gateway)s::text
CROSS JOIN LATERAL ({snapshot}) AS snapshot
WHERE %(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[])

-- name: held
-- One page of what was held in some reports, each with a time where it stands and a number: of each number the largest in base
-- currency come first, whichever sign, those without such a value later, those of models last. (OFFSET: what is held in these
-- reports never changes, and all of it has to be looked at anyway, to find the largest.) Each has the ledger's exchange rate
-- of its currency, as IB's digits, which is a row of its own where no column holds it. Contracts and currencies are named by
-- their ids, as text, and are looked up by the queries of sql/http/report.sql: joining them takes longer than all else.
SELECT
    point.number,
    account.code,
    point.at,
    snapshot.ready,
    snapshot.base_currency_id::text,
    contract.id::text AS contract_id,
    held.position::text,
    held.market_price::text,
    held.market_value::text,
    held.average_cost::text,
    held.unrealized_pnl::text,
    held.realized_pnl::text,
    held.model,
    coalesce(ledger.exchange_rate::text, inexact.rate) AS rate
FROM unnest(%(snapshots)s::integer[], %(times)s::timestamptz[], %(numbers)s::integer[]) AS point (id, at, number)
INNER JOIN account_snapshot AS snapshot ON snapshot.id = point.id
INNER JOIN account ON account.id = snapshot.account_id
CROSS JOIN LATERAL (
    SELECT
        NULL::text AS model,
        account_position.contract_id,
        account_position.position,
        account_position.market_price,
        account_position.market_value,
        account_position.average_cost,
        account_position.unrealized_pnl,
        account_position.realized_pnl
    FROM account_position
    WHERE account_position.account_snapshot_id = snapshot.id AND {own}
    UNION ALL
    SELECT
        account_model_position.model,
        account_model_position.contract_id,
        account_model_position.position,
        account_model_position.market_price,
        account_model_position.market_value,
        account_model_position.average_cost,
        account_model_position.unrealized_pnl,
        account_model_position.realized_pnl
    FROM account_model_position
    WHERE snapshot.has_models AND account_model_position.account_snapshot_id = snapshot.id AND {of_models}
) AS held
INNER JOIN contract ON contract.id = held.contract_id
LEFT JOIN account_ledger AS ledger
    ON ledger.account_snapshot_id = snapshot.id AND ledger.currency_id = contract.currency_id
LEFT JOIN LATERAL (
    SELECT
        value.amount,
        CASE WHEN value.value ~ '^-0(\.0+)?$' THEN value.value ELSE value.amount::text END AS rate
    FROM account_value AS value
    WHERE
        snapshot.has_inexact
        AND value.account_snapshot_id = snapshot.id
        AND value.tag = 'ExchangeRate'
        AND value.is_ledger
        AND value.currency_id = contract.currency_id
        AND value.amount IS NOT NULL
        AND ledger.exchange_rate IS NULL
    LIMIT 1
) AS inexact ON TRUE
ORDER BY
    point.number,
    held.model IS NOT NULL,
    abs(held.market_value * coalesce(ledger.exchange_rate, inexact.amount)) DESC NULLS LAST,
    abs(held.market_value) DESC NULLS LAST,
    account.code COLLATE "C",
    contract.ib_contract_id,
    contract.id,
    held.model COLLATE "C"
OFFSET %(skipped)s
LIMIT %(rows)s

-- name: of_any_contract
TRUE

-- name: of_contract
-- The contract of an id of IB's, by all its descriptions.
{table}.contract_id = ANY(ARRAY(SELECT contract.id FROM contract WHERE contract.ib_contract_id = %(contract)s))

-- name: of_symbol
-- The contracts of a symbol, and the one whose local symbol it is.
{table}.contract_id = ANY(
    ARRAY(
        SELECT contract.id
        FROM contract
        WHERE
            contract.symbol_id = ANY(ARRAY(SELECT symbol.id FROM symbol WHERE symbol.name = ANY(%(symbols)s::text[])))
            OR contract.local_symbol_id = ANY(ARRAY(SELECT symbol.id FROM symbol WHERE symbol.name = ANY(%(symbols)s::text[])))
    )
)
