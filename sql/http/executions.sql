-- Executions as rows, newest first; and the times of which nobody knows them.

-- name: page
-- The next executions (of those that `found` finds) before a place, each with its commission: the one that was reported last of it, or
-- else of what it corrects. Figures have IB's digits, also where their column does not keep a minus before zero.
SELECT
    execution.account,
    execution.execution_id,
    execution.at,
    execution.time,
    nullif(execution.zone, ''),
    execution.contract_id,
    nullif(execution.symbol, ''),
    nullif(execution.local_symbol, ''),
    nullif(execution.security_type, ''),
    nullif(execution.side, ''),
    CASE WHEN execution.texts ->> 'shares' ~ '^-0(\.0+)?$' THEN execution.texts ->> 'shares' ELSE execution.shares::text END,
    CASE WHEN execution.texts ->> 'price' ~ '^-0(\.0+)?$' THEN execution.texts ->> 'price' ELSE execution.price::text END,
    nullif(execution.currency, ''),
    nullif(execution.exchange, ''),
    report.commission,
    nullif(report.currency, ''),
    report.realized_pnl,
    execution.order_id,
    execution.perm_id,
    execution.client_id,
    nullif(execution.order_ref, ''),
    execution.last_liquidity,
    execution.cum_qty::text,
    CASE WHEN execution.texts ->> 'avg_price' ~ '^-0(\.0+)?$' THEN execution.texts ->> 'avg_price' ELSE execution.avg_price::text END,
    nullif(execution.multiplier, ''),
    nullif(execution.strike, ''),
    nullif(execution.option_right, ''),
    nullif(execution.expiry, ''),
    nullif(execution.trading_class, ''),
    nullif(execution.contract_exchange, ''),
    nullif(execution.model_code, ''),
    (
        SELECT combo.execution_id
        FROM executions.execution AS combo
        WHERE
            combo.account = execution.account
            AND combo.key > regexp_replace(execution.key, '[^.]*$', '')
            AND combo.key < execution.key
            AND combo.security_type = 'BAG'
            AND combo.is_current
            AND execution.security_type <> 'BAG'
        ORDER BY combo.key DESC
        LIMIT 1
    ),
    ARRAY(
        SELECT former.execution_id
        FROM executions.execution AS former
        WHERE
            former.account = execution.account
            AND former.key = execution.key
            AND (former.correction, former.position) < (execution.correction, execution.position)
        ORDER BY former.correction, former.position
    ),
    (
        SELECT later.execution_id
        FROM executions.execution AS later
        WHERE later.account = execution.account AND later.key = execution.key AND later.is_current AND NOT execution.is_current
    ),
    execution.liquidation,
    nullif(execution.ev_rule, ''),
    execution.ev_multiplier::text,
    execution.pending_price_revision,
    nullif(execution.submitter, ''),
    report.yield,
    nullif(report.redemption_date, ''),
    execution.gateway,
    execution.received,
    execution.remarks || coalesce(report.remarks, '{{}}'),
    'gateway',
    report.position,
    execution.moment,
    execution.position
FROM ({found}) AS execution
LEFT JOIN LATERAL (
    SELECT
        CASE WHEN commission.texts ->> 'commission' ~ '^-0(\.0+)?$' THEN commission.texts ->> 'commission' ELSE commission.commission::text END AS commission,
        CASE WHEN commission.texts ->> 'realized_pnl' ~ '^-0(\.0+)?$' THEN commission.texts ->> 'realized_pnl' ELSE commission.realized_pnl::text END AS realized_pnl,
        commission.currency,
        commission.position,
        commission.yield::text,
        commission.redemption_date,
        CASE
            WHEN
                commission.texts ? 'commission' AND commission.commission IS NULL
                OR commission.texts ? 'realized_pnl' AND commission.realized_pnl IS NULL
                OR commission.texts ? 'yield' AND commission.yield IS NULL
                THEN ARRAY['unreadable-figure']
        END AS remarks
    FROM executions.commission
    WHERE commission.key = execution.key AND commission.correction <= execution.correction
    ORDER BY commission.correction DESC, commission.position DESC
    LIMIT 1
) AS report ON TRUE
ORDER BY execution.moment DESC, execution.position DESC;

-- name: of_all
-- The newest executions of all accounts.
SELECT execution.*
FROM executions.execution
WHERE execution.position <> 0 AND {span} AND {versions}
ORDER BY execution.moment DESC, execution.position DESC
LIMIT %(rows)s

-- name: of_each_account
-- The newest executions of each of these accounts (null: of all), of them the newest.
SELECT execution.*
FROM executions.account
CROSS JOIN LATERAL (
    SELECT execution.*
    FROM executions.execution
    WHERE execution.account = account.code AND {wanted} AND {span} AND {versions}
    ORDER BY execution.moment DESC, execution.position DESC
    LIMIT %(rows)s
) AS execution
WHERE %(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[])
ORDER BY execution.moment DESC, execution.position DESC
LIMIT %(rows)s

-- name: of_each_symbol
-- The same of one symbol, in each of the ways in which it may be written: that of the underlying, or that of the contract.
SELECT execution.*
FROM executions.account
CROSS JOIN unnest(%(symbols)s::text[]) AS wanted (symbol)
CROSS JOIN LATERAL (
    (
        SELECT execution.*
        FROM executions.execution
        WHERE execution.account = account.code AND execution.symbol = wanted.symbol AND {span} AND {versions}
        ORDER BY execution.moment DESC, execution.position DESC
        LIMIT %(rows)s
    )
    UNION ALL
    (
        SELECT execution.*
        FROM executions.execution
        WHERE
            execution.account = account.code
            AND execution.local_symbol = wanted.symbol
            AND execution.symbol <> ALL(%(symbols)s::text[])
            AND {span}
            AND {versions}
        ORDER BY execution.moment DESC, execution.position DESC
        LIMIT %(rows)s
    )
) AS execution
WHERE %(codes)s::text[] IS NULL OR account.code = ANY(%(codes)s::text[])
ORDER BY execution.moment DESC, execution.position DESC
LIMIT %(rows)s

-- name: span
-- In a span of time, and before the place at which a page ends.
execution.moment >= %(from)s
AND execution.moment <= %(to)s
AND (execution.moment, execution.position) < (%(moment)s::timestamptz, %(position)s::bigint)

-- name: of_any_contract
-- By the index that has them in the order of time: all have such a position.
execution.position <> -1

-- name: with_corrected
TRUE

-- name: of_contract
execution.contract_id = %(contract)s::bigint

-- name: of_contract_and_symbol
execution.contract_id = %(contract)s::bigint
AND (execution.symbol = ANY(%(symbols)s::text[]) OR execution.local_symbol = ANY(%(symbols)s::text[]))

-- name: current
execution.is_current

-- name: gaps
-- The spans of time of which the executions of an account are not known, oldest first: none of the gateways that list it was asked
-- of them, or can be any more, and no statement tells of their days. A gateway knows of an account from when it first listed it until it
-- did last. Spans of two minutes or less, as there are at midnight, are left out; what is not known yet is no gap while the gateway's
-- day lasts.
WITH asked AS (
    SELECT
        coverage.begins,
        coverage.ends,
        coverage.asked_until,
        max(coverage.asked_until) OVER (
            ORDER BY coverage.begins, coverage.gateway ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS known_until
    FROM accounts.account
    INNER JOIN accounts.gateway_account AS listing ON listing.account_id = account.id
    INNER JOIN accounts.gateway ON gateway.id = listing.gateway_id
    INNER JOIN executions.coverage ON coverage.gateway = gateway.name
    WHERE
        account.code = %(account)s
        AND coverage.asked_until >= coalesce(listing.first_listed, '-infinity')
        AND (listing.is_listed OR coverage.begins <= coalesce(listing.last_listed, 'infinity'))
),

untold AS (
    SELECT
        asked.known_until AS since,
        asked.begins AS until
    FROM asked
    WHERE asked.known_until IS NULL OR asked.begins > asked.known_until + INTERVAL '2 minutes'
    UNION ALL
    SELECT
        max(asked.asked_until) AS since,
        NULL::timestamptz AS until
    FROM asked
    HAVING max(asked.ends) IS NULL OR max(asked.ends) < %(now)s
),

-- What is traded after 17:00 in New York may be of the next weekday, and stand in its statement.
stated AS (
    SELECT
        range_agg(
            tstzrange(
                (
                    CASE
                        WHEN days.from_day - days.before BETWEEN 1 AND CASE extract(ISODOW FROM days.from_day) WHEN 1 THEN 3 WHEN 7 THEN 2 ELSE 1 END
                            THEN days.before + TIME '17:00'
                        ELSE days.from_day::timestamp
                    END
                ) AT TIME ZONE 'America/New_York',
                (days.to_day + TIME '17:00') AT TIME ZONE 'America/New_York'
            )
        ) AS spans
    FROM (
        SELECT
            covered.from_day,
            covered.to_day,
            max(covered.to_day) OVER (
                ORDER BY covered.from_day, covered.to_day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS before
        FROM statements.covered
        WHERE
            covered.account = %(account)s
            AND NOT covered.mentioned
            -- Trades and TradeConfirms: the bits of ibconnect/projections/statements/sections.py. These are told of while their day lasts.
            AND (
                covered.sections & 128 <> 0
                OR (
                    covered.sections & 256 <> 0
                    AND covered.generated >= (covered.to_day + 1)::timestamp AT TIME ZONE 'America/New_York'
                )
            )
    ) AS days
)

SELECT
    lower(piece.span) AS since,
    upper(piece.span) AS until
FROM untold
CROSS JOIN stated
CROSS JOIN LATERAL unnest(
    tstzmultirange(tstzrange(untold.since, untold.until)) - coalesce(stated.spans, tstzmultirange())
) AS piece (span)
WHERE
    coalesce(upper(piece.span) - lower(piece.span) > INTERVAL '2 minutes', TRUE)
    AND coalesce(lower(piece.span), '-infinity') < %(to)s
    AND coalesce(upper(piece.span), 'infinity') > %(from)s
ORDER BY since NULLS FIRST, until;
