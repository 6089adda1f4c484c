-- What statements say of the money that came into an account, or left it, between two moments.

-- name: flows
-- Sums in the base currency by what they are: whether they are flows of the account as performance counts them (null: nobody says), and
-- their type. Of those whose time is known it decides, of others their day. `missing`: how many have no amount in that currency.
SELECT
    cash_flow.external,
    coalesce(cash_flow.type, '') AS type,
    sum({amount})::text AS amount,
    count(*) FILTER (WHERE {amount} IS NULL) AS missing
FROM statements.cash_flow
WHERE
    cash_flow.current
    AND cash_flow.account = %(account)s
    AND cash_flow.day >= %(first)s::date - 7
    AND cash_flow.day <= %(last)s::date + 7
    AND cash_flow.scope IS DISTINCT FROM 'internal'
    AND CASE
        WHEN cash_flow.at IS NULL THEN cash_flow.day > %(first)s::date AND cash_flow.day <= %(last)s::date
        ELSE cash_flow.at > %(from)s::timestamptz AND cash_flow.at <= %(to)s::timestamptz
    END
GROUP BY cash_flow.external, coalesce(cash_flow.type, '')
ORDER BY cash_flow.external, coalesce(cash_flow.type, '');

-- name: amount
-- In the account's base currency.
coalesce(
    cash_flow.amount_in_base,
    cash_flow.amount * cash_flow.rate_to_base,
    CASE WHEN cash_flow.currency = %(base)s THEN cash_flow.amount END
)

-- name: covered
-- From when until when statements list what came and left (CashTransactions, StmtFunds: the bits of ibconnect/projections/statements/
-- sections.py), and the most days in a row between that none of them covers. Null where none does. No statement is longer than a year.
SELECT
    min(span.from_day) AS begins,
    max(span.to_day) AS ends,
    coalesce(max(span.from_day - span.before - 1), 0) AS missing
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
        AND covered.from_day > %(first)s::date - 367
        AND covered.from_day <= %(last)s::date
        AND covered.to_day >= %(first)s::date - 4
        AND NOT covered.mentioned
        AND covered.sections & 12 <> 0
) AS span;
