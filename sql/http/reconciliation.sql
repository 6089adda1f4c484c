-- What statements say of an account and what the recorder saw, day by day, to be compared. Only what no newer statement says otherwise.

-- name: following
-- The first day from a day on of which a statement says anything that can be compared.
SELECT least(
    (
        SELECT nav.day FROM statements.nav
        WHERE nav.account = %(account)s AND nav.current AND nav.day >= %(from)s::date
        ORDER BY nav.day LIMIT 1
    ),
    (
        SELECT cash_balance.day FROM statements.cash_balance
        WHERE cash_balance.account = %(account)s AND cash_balance.current AND cash_balance.day >= %(from)s::date
        ORDER BY cash_balance.day LIMIT 1
    ),
    (
        SELECT open_position.day FROM statements.open_position
        WHERE open_position.account = %(account)s AND open_position.current AND open_position.day >= %(from)s::date
        ORDER BY open_position.day LIMIT 1
    ),
    (
        SELECT trade.day FROM statements.trade
        WHERE trade.account = %(account)s AND trade.current AND trade.day >= %(from)s::date
        ORDER BY trade.day LIMIT 1
    )
);

-- name: nav
-- Value of the account.
SELECT
    nav.day,
    nav.total::text,
    nav.currency,
    nav.statement
FROM statements.nav
WHERE
    nav.account = %(account)s
    AND nav.current
    AND nav.day >= %(from)s::date
    AND nav.day <= %(to)s::date
    AND coalesce(nav.model, '') = ''
ORDER BY nav.day, nav.statement, nav.line;

-- name: cash
-- Cash by currency.
SELECT
    cash_balance.day,
    cash_balance.currency,
    sum(cash_balance.ending)::text,
    max(cash_balance.statement)
FROM statements.cash_balance
WHERE
    cash_balance.account = %(account)s
    AND cash_balance.current
    AND cash_balance.day >= %(from)s::date
    AND cash_balance.day <= %(to)s::date
    AND cash_balance.currency <> 'BASE_SUMMARY'
GROUP BY cash_balance.day, cash_balance.currency
ORDER BY cash_balance.day, cash_balance.currency;

-- name: positions
-- Positions, each the sum of its lots where the statement has lots alone.
SELECT
    open_position.day,
    open_position.contract,
    max(open_position.symbol),
    max(open_position.currency),
    sum(open_position.quantity)::text,
    max(open_position.mark_price)::text,
    sum(open_position.value)::text,
    max(open_position.statement)
FROM statements.open_position
WHERE
    open_position.account = %(account)s
    AND open_position.current
    AND open_position.day >= %(from)s::date
    AND open_position.day <= %(to)s::date
GROUP BY open_position.day, open_position.contract
ORDER BY open_position.day, open_position.contract;

-- name: snapshots
-- Of each of some closes the report nearest to it that can be relied on, not farther away than a span of time: its value, whether it has
-- prices, and its base currency.
SELECT
    moment.number,
    nearest.id,
    nearest.created,
    nearest.source <> 'multi',
    currency.code,
    coalesce(
        segment.net_liquidation::text,
        (
            SELECT value.amount::text
            FROM accounts.account_value AS value
            WHERE
                value.account_snapshot_id = nearest.id
                AND value.tag = 'NetLiquidation'
                AND value.segment IS NULL
                AND NOT value.is_ledger
                AND value.currency_id = nearest.base_currency_id
            ORDER BY value.ordinal DESC
            LIMIT 1
        )
    )
FROM accounts.account
CROSS JOIN unnest(%(closes)s::timestamptz[]) WITH ORDINALITY AS moment (close, number)
CROSS JOIN LATERAL (
    SELECT candidate.*
    FROM (
        (
            SELECT account_snapshot.*
            FROM accounts.account_snapshot
            WHERE
                account_snapshot.account_id = account.id
                AND account_snapshot.ready
                AND NOT account_snapshot.is_foreign
                AND account_snapshot.created <= moment.close
                AND account_snapshot.created >= moment.close - %(within)s::interval
            ORDER BY account_snapshot.created DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT account_snapshot.*
            FROM accounts.account_snapshot
            WHERE
                account_snapshot.account_id = account.id
                AND account_snapshot.ready
                AND NOT account_snapshot.is_foreign
                AND account_snapshot.created > moment.close
                AND account_snapshot.created <= moment.close + %(within)s::interval
            ORDER BY account_snapshot.created
            LIMIT 1
        )
    ) AS candidate
    ORDER BY greatest(candidate.created, moment.close) - least(candidate.created, moment.close), candidate.created
    LIMIT 1
) AS nearest
LEFT JOIN accounts.currency ON currency.id = nearest.base_currency_id
LEFT JOIN accounts.account_segment AS segment
    ON segment.account_snapshot_id = nearest.id AND segment.segment = ''
WHERE account.code = %(account)s;

-- name: recorded_cash
-- Cash by currency, of some reports: with what futures have earned, which a statement has paid at the end of the day.
SELECT
    ledger.account_snapshot_id,
    currency.code,
    coalesce(
        ledger.total_cash_balance::text,
        (
            SELECT value.amount::text
            FROM accounts.account_value AS value
            WHERE
                value.account_snapshot_id = ledger.account_snapshot_id
                AND value.tag IN ('TotalCashBalance', 'CashBalance')
                AND value.is_ledger
                AND value.currency_id = ledger.currency_id
            ORDER BY value.tag DESC, value.ordinal DESC
            LIMIT 1
        ),
        ledger.cash_balance::text
    )
FROM accounts.account_ledger AS ledger
INNER JOIN accounts.currency ON currency.id = ledger.currency_id
WHERE ledger.account_snapshot_id = ANY(%(snapshots)s::integer[]) AND currency.code <> 'BASE'
ORDER BY ledger.account_snapshot_id, currency.code;

-- name: recorded_positions
-- What is held, of some reports.
SELECT
    held.account_snapshot_id,
    contract.ib_contract_id,
    max(symbol.name),
    max(currency.code),
    sum(held.position)::text,
    max(held.market_price)::text,
    sum(held.market_value)::text
FROM accounts.account_position AS held
INNER JOIN accounts.contract ON contract.id = held.contract_id
INNER JOIN accounts.symbol ON symbol.id = contract.symbol_id
INNER JOIN accounts.currency ON currency.id = contract.currency_id
WHERE held.account_snapshot_id = ANY(%(snapshots)s::integer[]) AND held.position <> 0
GROUP BY held.account_snapshot_id, contract.ib_contract_id
ORDER BY held.account_snapshot_id, contract.ib_contract_id;

-- name: fills
-- Fills that a statement tells of, each with the execution of a gateway, by its id (whichever correction), or where the statement
-- has no id by contract, time, size and price; and whether the executions of that time are known at all.
SELECT
    trade.day,
    coalesce(trade.exec_id, trade.id),
    trade.contract,
    trade.symbol,
    trade.currency,
    trade.quantity::text,
    trade.price::text,
    (0 - trade.commission)::text,
    trade.statement,
    execution.execution_id,
    CASE execution.side WHEN 'SLD' THEN 0 - execution.shares ELSE execution.shares END::text,
    execution.price::text,
    report.commission::text,
    EXISTS (
        SELECT
        FROM accounts.account
        INNER JOIN accounts.gateway_account AS listing ON listing.account_id = account.id
        INNER JOIN accounts.gateway ON gateway.id = listing.gateway_id
        INNER JOIN executions.coverage ON coverage.gateway = gateway.name
        WHERE
            account.code = trade.account
            AND coverage.begins <= trade.at
            AND coverage.asked_until >= trade.at
            AND listing.first_listed <= coverage.ends
    )
FROM statements.trade
LEFT JOIN LATERAL (
    SELECT told.*
    FROM executions.execution AS told
    WHERE
        told.account = trade.account
        AND told.key = regexp_replace(trade.exec_id, '\.[0-9]+$', '')
        AND trade.exec_id <> ''
        AND told.is_current
    UNION ALL
    SELECT told.*
    FROM executions.execution AS told
    WHERE
        told.account = trade.account
        AND told.contract_id = trade.contract
        AND told.moment = trade.at
        AND told.shares = abs(trade.quantity)
        AND told.price = trade.price
        AND told.is_current
        AND coalesce(trade.exec_id, '') = ''
    LIMIT 1
) AS execution ON TRUE
LEFT JOIN LATERAL (
    SELECT commission.commission
    FROM executions.commission
    WHERE commission.key = execution.key AND commission.correction <= execution.correction
    ORDER BY commission.correction DESC, commission.position DESC
    LIMIT 1
) AS report ON TRUE
WHERE
    trade.account = %(account)s
    AND trade.current
    AND trade.day >= %(from)s::date
    AND trade.day <= %(to)s::date
    AND trade.transaction_type IS DISTINCT FROM 'BookTrade'
ORDER BY trade.day, trade.at, trade.statement, trade.line;

-- name: executions
-- Executions of a gateway on days of statements that have trades, of which no statement tells. (OFFSET 0: each is looked for by an
-- index; the planner would else read all trades that there are.)
SELECT
    stated.day,
    told.execution_id,
    told.contract_id,
    told.symbol,
    told.currency,
    CASE told.side WHEN 'SLD' THEN 0 - told.shares ELSE told.shares END::text,
    told.price::text
FROM (
    SELECT series.at::date AS day
    FROM generate_series(%(from)s::date::timestamp, %(to)s::date::timestamp, INTERVAL '1 day') AS series (at)
    WHERE EXISTS (
        SELECT
        FROM statements.statement
        INNER JOIN statements.section
            ON
                section.statement = statement.id
                AND section.account = statement.account
                AND section.name IN ('Trades', 'TradeConfirms')
        WHERE
            statement.account = %(account)s
            AND statement.to_day >= series.at::date
            AND statement.from_day <= series.at::date
        OFFSET 0
    )
) AS stated
CROSS JOIN LATERAL (
    SELECT execution.*
    FROM executions.execution
    WHERE
        execution.account = %(account)s
        AND execution.at >= (%(from)s::date::timestamp AT TIME ZONE %(zone)s)
        AND execution.at < ((%(to)s::date + 1)::timestamp AT TIME ZONE %(zone)s)
        AND execution.at >= (stated.day::timestamp AT TIME ZONE %(zone)s)
        AND execution.at < ((stated.day + 1)::timestamp AT TIME ZONE %(zone)s)
        AND execution.is_current
        AND execution.security_type <> 'BAG'
        AND execution.position <> -2
) AS told
WHERE
    NOT EXISTS (
        SELECT
        FROM statements.trade
        WHERE
            trade.account = told.account
            AND trade.current
            AND trade.exec_id <> ''
            AND (regexp_replace(trade.exec_id, '\.[0-9]+$', '') COLLATE "C") = told.key
        OFFSET 0
    )
    AND NOT EXISTS (
        SELECT
        FROM statements.trade
        WHERE
            trade.account = told.account
            AND trade.current
            AND trade.at = told.at
            AND trade.contract = told.contract_id
            AND abs(trade.quantity) = told.shares
            AND trade.price = told.price
            AND coalesce(trade.exec_id, '') = ''
        OFFSET 0
    )
ORDER BY told.at, told.execution_id
