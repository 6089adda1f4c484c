-- What returns are made of: values by day, external flows, exchange rates, and what the recorder knows of days without a statement.
-- Accounts are named by their codes; statements are in the schema of that name, reports and profit beside them. Which accounts are
-- looked at is filled in ({whose}): a condition that goes by an index for one account and for all.

-- name: state
-- Is another one whenever the tables of statements may have other rows: statements are only ever added, with growing numbers.
SELECT
    'statements.statement'::regclass::oid::bigint AS generation,
    (SELECT max(statement.id) FROM statements.statement) AS statements,
    (SELECT projection.position FROM statements.projection) AS position,
    (SELECT projection.position FROM pnl.projection) AS sampled,
    (SELECT projection.position FROM projection) AS reported;

-- name: named
-- Accounts that are named.
SELECT unnest(%(codes)s::text[]) AS code

-- name: every
-- All accounts that there are, of statements (by a look at each: there may be very many rows) and of gateways.
SELECT listed.code
FROM (
    WITH RECURSIVE found (code) AS (
        (
            SELECT nav.account
            FROM statements.nav
            WHERE nav.current
            ORDER BY nav.account
            LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT nav.account
            FROM statements.nav
            WHERE nav.current AND nav.account > found.code
            ORDER BY nav.account
            LIMIT 1
        )
        FROM found
        WHERE found.code IS NOT NULL
    )
    SELECT found.code FROM found WHERE found.code IS NOT NULL
    UNION
    SELECT account.code COLLATE "C" FROM account
) AS listed
-- What a statement says of several accounts together is of none of them.
WHERE listed.code <> '-'

-- name: accounts
-- The accounts of a set, by code: whether each is known, its base currency, and the first and the last day of the span on which a
-- statement gives its value, with that.
SELECT
    whose.code,
    recorded.id,
    coalesce(latest.currency, said.base_currency, recorded.base_currency) AS base,
    earliest.day AS first_day,
    (
        SELECT sum(nav.total)
        FROM statements.nav
        WHERE nav.current AND nav.account = whose.code AND nav.day = earliest.day
    )::text AS first_total,
    latest.day AS last_day,
    (
        SELECT sum(nav.total)
        FROM statements.nav
        WHERE nav.current AND nav.account = whose.code AND nav.day = latest.day
    )::text AS last_total,
    coalesce(earliest.currency <> latest.currency, FALSE) AS has_changed,
    coalesce(earliest.currency, latest.currency) IS NULL AND latest.day IS NOT NULL AS is_untold,
    latest.day IS NOT NULL
    OR recorded.id IS NOT NULL
    OR EXISTS (SELECT FROM statements.statement WHERE statement.account = whose.code) AS is_known
FROM ({whose}) AS whose
LEFT JOIN LATERAL (
    SELECT nav.day, nav.currency
    FROM statements.nav
    WHERE nav.current AND nav.account = whose.code AND nav.day >= %(from)s AND nav.day <= %(to)s AND nav.total IS NOT NULL
    ORDER BY nav.day
    LIMIT 1
) AS earliest ON TRUE
LEFT JOIN LATERAL (
    SELECT nav.day, nav.currency, nav.statement
    FROM statements.nav
    WHERE nav.current AND nav.account = whose.code AND nav.day >= %(from)s AND nav.day <= %(to)s AND nav.total IS NOT NULL
    ORDER BY nav.day DESC
    LIMIT 1
) AS latest ON TRUE
LEFT JOIN statements.statement AS said ON said.id = latest.statement
LEFT JOIN LATERAL (
    SELECT
        account.id,
        (
            SELECT currency.code
            FROM account_snapshot
            INNER JOIN currency ON currency.id = account_snapshot.base_currency_id
            WHERE
                account_snapshot.account_id = account.id
                AND account_snapshot.created = (
                    SELECT max(newest.created)
                    FROM account_snapshot AS newest
                    WHERE newest.account_id = account.id AND NOT newest.is_foreign AND newest.ready
                )
        ) AS base_currency
    FROM account
    WHERE account.code = whose.code
) AS recorded ON TRUE
ORDER BY whose.code COLLATE "C"

-- name: of_named
nav.account = ANY(%(codes)s::text[])

-- name: of_every
nav.account <> '-'

-- name: values
-- The sums of values by day and currency, as one text with a line for each: day, currency, how many accounts, sum. Where a query breaks
-- out models, the values of an account's models are added up, and the account counts once.
SELECT string_agg(
    each.day::text || ' ' || each.currency || ' ' || each.accounts::text || ' ' || each.total::text,
    E'\n'
    ORDER BY each.day
)
FROM (
    SELECT
        nav.day,
        {currency} AS currency,
        {accounts} AS accounts,
        sum(nav.total) AS total
    FROM statements.nav
    {base}
    WHERE nav.current AND {whose} AND nav.day >= %(from)s AND nav.day <= %(to)s AND nav.total IS NOT NULL
    GROUP BY nav.day, {currency}
) AS each

-- name: currency_as_told
nav.currency

-- name: currency_of_account
coalesce(nav.currency, asked.base)

-- name: base_of_account
INNER JOIN unnest(%(codes)s::text[], %(bases)s::text[]) AS asked (account, base) ON asked.account = nav.account

-- name: one_account
1

-- name: several_accounts
count(*) FILTER (WHERE nav.model IS NULL)

-- name: flows
-- External flows by day and currency, of the accounts and their spans that are named, transfers to and from others of them apart
-- (is_within): those by account. An amount is that in the account's base currency, else in its own. `missing`: how many flows have
-- no amount.
SELECT
    flow.day,
    flow.currency,
    sum(flow.amount)::text AS amount,
    count(*) FILTER (WHERE flow.amount IS NULL) AS missing,
    flow.is_within,
    flow.account,
    flow.counterparty,
    flow.what
FROM (
    SELECT
        cash_flow.day,
        CASE
            WHEN cash_flow.amount_in_base IS NULL AND cash_flow.rate_to_base IS NULL THEN cash_flow.currency
            WHEN asked.has_changed THEN coalesce(
                (
                    SELECT nav.currency
                    FROM statements.nav
                    WHERE nav.current AND nav.account = cash_flow.account AND nav.day >= cash_flow.day
                    ORDER BY nav.day
                    LIMIT 1
                ),
                asked.base
            )
            ELSE asked.base
        END AS currency,
        coalesce(
            cash_flow.amount_in_base, cash_flow.amount * cash_flow.rate_to_base, cash_flow.amount
        ) AS amount,
        within.is_within,
        CASE WHEN within.is_within THEN cash_flow.account END AS account,
        CASE WHEN within.is_within THEN cash_flow.counterparty END AS counterparty,
        CASE
            WHEN within.is_within AND cash_flow.is_asset THEN coalesce(cash_flow.contract::text, cash_flow.symbol, '')
            WHEN within.is_within THEN coalesce(cash_flow.currency, '') || ' ' || trim_scale(abs(cash_flow.amount))::text
        END AS what
    FROM unnest(
        %(codes)s::text[], %(bases)s::text[], %(firsts)s::date[], %(lasts)s::date[], %(changed)s::boolean[]
    ) AS asked (account, base, first_day, last_day, has_changed)
    INNER JOIN statements.cash_flow
        ON
            cash_flow.account = asked.account
            AND cash_flow.day > asked.first_day
            AND cash_flow.day <= asked.last_day
    LEFT JOIN unnest(%(codes)s::text[]) AS other (account)
        ON cash_flow.scope = 'account' AND other.account = cash_flow.counterparty
    CROSS JOIN LATERAL (SELECT other.account IS NOT NULL AS is_within) AS within
    WHERE cash_flow.current AND cash_flow.external
) AS flow
GROUP BY flow.day, flow.currency, flow.is_within, flow.account, flow.counterparty, flow.what

-- name: stated
-- Periods of which statements say another sum of flows than the flows that are listed: period, currency, both sums, how many flows are listed.
-- Cents are the rounding of rates. Days are looked up in all that is listed by day: one by one they would take as long as all else.
WITH asked AS MATERIALIZED (
    SELECT asked.*
    FROM unnest(
        %(codes)s::text[], %(bases)s::text[], %(firsts)s::date[], %(lasts)s::date[]
    ) AS asked (account, base, first_day, last_day)
),

listed AS MATERIALIZED (
    SELECT
        cash_flow.account,
        cash_flow.day,
        sum(coalesce(cash_flow.amount_in_base, cash_flow.amount * cash_flow.rate_to_base, cash_flow.amount)) AS amount,
        count(*) AS flows
    FROM asked
    INNER JOIN statements.cash_flow
        ON
            cash_flow.account = asked.account
            AND cash_flow.day > asked.first_day
            AND cash_flow.day <= asked.last_day
    WHERE cash_flow.current AND cash_flow.external
    GROUP BY cash_flow.account, cash_flow.day
),

period AS MATERIALIZED (
    SELECT
        nav_change.account,
        nav_change.from_day,
        nav_change.to_day,
        coalesce(nav_change.currency, asked.base) AS currency,
        {sum} AS amount
    FROM asked
    INNER JOIN statements.nav_change
        ON
            nav_change.account = asked.account
            AND nav_change.to_day > asked.first_day
            AND nav_change.from_day > asked.first_day
            AND nav_change.to_day <= asked.last_day
    WHERE nav_change.current AND ({sum}) <> 0
),

compared AS (
    SELECT period.*, listed.amount AS listed, listed.flows
    FROM period
    LEFT JOIN listed ON listed.account = period.account AND listed.day = period.to_day
    WHERE period.from_day = period.to_day
    UNION ALL
    SELECT period.*, of_days.amount, of_days.flows
    FROM period
    CROSS JOIN LATERAL (
        SELECT
            sum(coalesce(cash_flow.amount_in_base, cash_flow.amount * cash_flow.rate_to_base, cash_flow.amount)) AS amount,
            count(*) AS flows
        FROM statements.cash_flow
        WHERE
            cash_flow.account = period.account
            AND cash_flow.day >= period.from_day
            AND cash_flow.day <= period.to_day
            AND cash_flow.current
            AND cash_flow.external
    ) AS of_days
    WHERE period.from_day < period.to_day
)

SELECT
    compared.account,
    compared.from_day,
    compared.to_day,
    compared.currency,
    compared.amount::text AS stated,
    coalesce(compared.listed, 0)::text AS listed,
    coalesce(compared.flows, 0)::integer AS flows
FROM compared
WHERE abs(compared.amount - coalesce(compared.listed, 0)) > 0.01

-- name: sum_of_flows
-- What a statement counts as flows of its period.
coalesce(nav_change.deposits_withdrawals, 0)
+ coalesce(nav_change.asset_transfers, 0)
+ coalesce(nav_change.internal_cash_transfers, 0)
+ coalesce(nav_change.debit_card_activity, 0)
+ coalesce(nav_change.bill_pay, 0)
+ coalesce(nav_change.grant_activity, 0)
+ coalesce(nav_change.donations, 0)
+ coalesce(nav_change.paxos_transfers, 0)

-- name: rates_of_named
rate.account = ANY(%(visible)s::text[])

-- name: printed
-- Returns that the statements of an account print: of a day where that is not what its values and flows give with flows weighed so, and
-- of longer periods. In percent; `digits`: how many decimals are printed.
SELECT
    change.from_day,
    change.to_day,
    change.twr::text,
    scale(change.twr) AS digits
FROM (
    SELECT nav_change.*, {sum} AS flow
    FROM statements.nav_change
    WHERE
        nav_change.account = %(code)s
        AND nav_change.current
        AND nav_change.twr IS NOT NULL
        AND nav_change.to_day > %(first)s::date
        AND nav_change.to_day <= %(last)s::date
        AND nav_change.from_day > %(first)s::date
) AS change
WHERE
    change.from_day < change.to_day
    OR CASE
        WHEN change.starting + %(weight)s * change.flow > 0
            THEN round(
                100 * (change.ending - change.starting - change.flow) / (change.starting + %(weight)s * change.flow),
                scale(change.twr)
            ) <> change.twr
    END
ORDER BY change.to_day, change.from_day
LIMIT 1000

-- name: covered
-- Of these days those that a statement of one of the accounts covers that gives values of days. No statement is longer than a year.
SELECT asked.day
FROM unnest(%(days)s::date[]) AS asked (day)
WHERE EXISTS (
    SELECT
    FROM unnest(%(codes)s::text[]) AS whose (code)
    INNER JOIN statements.covered
        ON
            covered.account = whose.code
            AND covered.from_day <= asked.day
            AND covered.from_day > asked.day - 367
            AND covered.to_day >= asked.day
    WHERE
        NOT covered.mentioned
        AND EXISTS (SELECT FROM statements.nav WHERE nav.statement = covered.statement AND nav.account = covered.account)
)

-- name: rates
-- What one unit of a currency was worth in another on each of some days, as a statement says it that the token may see: directly, the
-- other way round, or both over a third currency. `above` / `below` is the rate.
SELECT
    asked.day,
    found.above::text,
    found.below::text
FROM unnest(%(days)s::date[]) AS asked (day)
CROSS JOIN LATERAL (
    (
        SELECT rate.rate AS above, 1 AS below, 1 AS place
        FROM statements.conversion_rate AS rate
        WHERE
            rate.current AND rate.currency = %(source)s AND rate.to_currency = %(target)s AND rate.day = asked.day
            AND rate.rate > 0 AND {whose}
        LIMIT 1
    )
    UNION ALL
    (
        SELECT 1, rate.rate, 2
        FROM statements.conversion_rate AS rate
        WHERE
            rate.current AND rate.currency = %(target)s AND rate.to_currency = %(source)s AND rate.day = asked.day
            AND rate.rate > 0 AND {whose}
        LIMIT 1
    )
    UNION ALL
    (
        SELECT rate.rate, other.rate, 3
        FROM statements.conversion_rate AS rate
        INNER JOIN statements.conversion_rate AS other
            ON
                other.current
                AND other.account = rate.account
                AND other.day = rate.day
                AND other.to_currency = rate.to_currency
                AND other.currency = %(target)s
                AND other.rate > 0
        WHERE
            rate.current AND rate.currency = %(source)s AND rate.day = asked.day AND rate.rate > 0 AND {whose}
        LIMIT 1
    )
    LIMIT 1
) AS found
ORDER BY asked.day

-- name: ledger_rates
-- The same of ledgers: of the newest report of each of some days of one of the accounts whose base currency one of the two is.
SELECT
    asked.number,
    found.above::text,
    found.below::text
FROM unnest(%(begins)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS asked (since, until, number)
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN base.code = %(target)s THEN ledger.exchange_rate ELSE 1 END AS above,
        CASE WHEN base.code = %(target)s THEN 1 ELSE ledger.exchange_rate END AS below
    FROM account
    INNER JOIN account_snapshot ON account_snapshot.account_id = account.id
    INNER JOIN currency AS base ON base.id = account_snapshot.base_currency_id
    INNER JOIN currency AS other
        ON other.code = CASE WHEN base.code = %(target)s THEN %(source)s ELSE %(target)s END
    INNER JOIN account_ledger AS ledger
        ON ledger.account_snapshot_id = account_snapshot.id AND ledger.currency_id = other.id
    WHERE
        account.code = ANY(%(codes)s::text[])
        AND account_snapshot.created > asked.since
        AND account_snapshot.created <= asked.until
        AND account_snapshot.ready
        AND NOT account_snapshot.is_foreign
        AND base.code IN (%(source)s, %(target)s)
        AND ledger.exchange_rate > 0
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS found
ORDER BY asked.number

-- name: recorded
-- What the recorder knows of days of accounts: the net liquidation value of the day's last report that can be relied on, its base
-- currency, and the day's profit as it was last told. Days end when those of profit do.
SELECT
    asked.account,
    asked.number,
    report.value::text,
    report.base,
    profit.daily::text
FROM unnest(
    %(ids)s::integer[], %(codes)s::text[], %(numbers)s::integer[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]
) AS asked (id, account, number, since, until)
CROSS JOIN LATERAL (
    SELECT
        account_segment.net_liquidation AS value,
        currency.code AS base,
        gateway.name AS gateway
    FROM account_snapshot
    INNER JOIN account_segment
        ON account_segment.account_snapshot_id = account_snapshot.id AND account_segment.segment = ''
    INNER JOIN currency ON currency.id = account_snapshot.base_currency_id
    INNER JOIN gateway ON gateway.id = account_snapshot.gateway_id
    WHERE
        account_snapshot.account_id = asked.id
        AND account_snapshot.created > asked.since
        AND account_snapshot.created <= asked.until
        AND account_snapshot.ready
        AND NOT account_snapshot.is_foreign
        AND account_segment.net_liquidation IS NOT NULL
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS report
LEFT JOIN LATERAL (
    SELECT sample.daily
    FROM pnl.sample
    WHERE
        sample.account = asked.account
        AND sample.gateway = report.gateway
        AND sample.contract = 0
        AND sample.at > asked.since
        AND sample.at <= asked.until
        AND sample.daily IS NOT NULL
    ORDER BY sample.at DESC
    LIMIT 1
) AS profit ON TRUE
ORDER BY asked.account, asked.number

-- name: oldest
-- The oldest report of each of some accounts.
SELECT
    asked.id,
    (
        SELECT min(account_snapshot.created)
        FROM account_snapshot
        WHERE account_snapshot.account_id = asked.id AND account_snapshot.ready AND NOT account_snapshot.is_foreign
    ) AS created
FROM unnest(%(ids)s::integer[]) AS asked (id)

-- name: marks
-- The value of an account just before flows of some days: of its newest report that was complete within the hour before each.
SELECT
    asked.account,
    asked.day,
    flow.amount_in_base::text AS amount,
    report.value::text
FROM unnest(%(codes)s::text[], %(days)s::date[]) AS asked (account, day)
INNER JOIN statements.cash_flow AS flow ON flow.account = asked.account AND flow.day = asked.day
LEFT JOIN LATERAL (
    SELECT account_segment.net_liquidation AS value
    FROM account
    INNER JOIN account_snapshot ON account_snapshot.account_id = account.id
    INNER JOIN account_segment
        ON account_segment.account_snapshot_id = account_snapshot.id AND account_segment.segment = ''
    WHERE
        account.code = flow.account
        AND account_snapshot.created > flow.at - INTERVAL '1 hour'
        AND account_snapshot.created <= flow.at
        AND account_snapshot.completed <= flow.at
        AND account_snapshot.ready
        AND NOT account_snapshot.is_foreign
    ORDER BY account_snapshot.created DESC
    LIMIT 1
) AS report ON TRUE
WHERE flow.current AND flow.external
ORDER BY asked.account, flow.day, flow.at

-- name: stated_state
-- Is another one whenever the tables of statements may have other rows.
SELECT
    'statements.statement'::regclass::oid::bigint AS generation,
    (SELECT max(statement.id) FROM statements.statement) AS statements;

-- name: each_value
-- The values of accounts by day, a row for each account: its days, and as many values, each as a text with a line for each; and the
-- currencies that they are in.
SELECT
    each.account,
    string_agg(each.day::text, E'\n' ORDER BY each.day) AS days,
    string_agg(each.total::text, E'\n' ORDER BY each.day) AS totals,
    min(each.currency) AS currency,
    count(DISTINCT each.currency) > 1 AS has_changed
FROM (
    SELECT
        nav.account,
        nav.day,
        min(nav.currency) AS currency,
        sum(nav.total) AS total
    FROM statements.nav
    WHERE nav.current AND {whose} AND nav.day >= %(from)s AND nav.day <= %(to)s AND nav.total IS NOT NULL
    GROUP BY nav.account, nav.day
) AS each
GROUP BY each.account

-- name: each_flow
-- External flows of accounts by day, those in the base currency (currency is null) and others. `missing`: how many have no amount.
SELECT
    cash_flow.account,
    cash_flow.day,
    CASE
        WHEN cash_flow.amount_in_base IS NULL AND cash_flow.rate_to_base IS NULL THEN cash_flow.currency
    END AS currency,
    sum(
        coalesce(cash_flow.amount_in_base, cash_flow.amount * cash_flow.rate_to_base, cash_flow.amount)
    )::text AS amount,
    count(*) FILTER (
        WHERE coalesce(cash_flow.amount_in_base, cash_flow.amount * cash_flow.rate_to_base, cash_flow.amount) IS NULL
    ) AS missing
FROM unnest(%(codes)s::text[], %(firsts)s::date[], %(lasts)s::date[]) AS asked (account, first_day, last_day)
INNER JOIN statements.cash_flow
    ON
        cash_flow.account = asked.account
        AND cash_flow.day > asked.first_day
        AND cash_flow.day <= asked.last_day
WHERE cash_flow.current AND cash_flow.external
GROUP BY 1, 2, 3

-- name: covered_each
-- Of days of accounts those that a statement of the account covers that gives values of days. No statement is longer than a year.
SELECT asked.account, asked.day
FROM unnest(%(codes)s::text[], %(days)s::date[]) AS asked (account, day)
WHERE EXISTS (
    SELECT
    FROM statements.covered
    WHERE
        covered.account = asked.account
        AND covered.from_day <= asked.day
        AND covered.from_day > asked.day - 367
        AND covered.to_day >= asked.day
        AND NOT covered.mentioned
        AND EXISTS (SELECT FROM statements.nav WHERE nav.statement = covered.statement AND nav.account = covered.account)
)
