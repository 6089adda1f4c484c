-- Ten years, or so many, of daily statements of accounts: a value for each weekday, a deposit each month, and what statements say of it.

INSERT INTO statements.nav (statement, position, line, day, current, account, origin, currency, total)
SELECT
    1,
    1,
    1,
    each.day::date,
    TRUE,
    'U' || lpad(number::text, 7, '0'),
    'EquitySummaryByReportDateInBase',
    'USD',
    round((100000 + number * 10 + 30 * (each.day::date - DATE '2014-01-01') + 900 * sin(extract(EPOCH FROM each.day) / 86400 + number))::numeric, 9)
FROM
    generate_series(TIMESTAMP '2014-01-01', TIMESTAMP '2014-01-01' + %(days)s * INTERVAL '1 day', INTERVAL '1 day') AS each (day),
    generate_series(1, %(accounts)s) AS number
WHERE extract(ISODOW FROM each.day) < 6
ORDER BY each.day, number;

INSERT INTO statements.cash_flow (
    statement, position, line, day, current, external, scope, account, origin, currency, amount, amount_in_base
)
SELECT
    1, 1, 1, nav.day, TRUE, TRUE, 'firm', nav.account, 'CashTransactions', 'USD', 1000, 1000
FROM statements.nav
WHERE extract(DAY FROM nav.day) = 15;

INSERT INTO statements.nav_change (
    statement, position, line, day, from_day, to_day, current, account, origin, currency, deposits_withdrawals
)
SELECT
    1, 1, 1, nav.day, nav.day, nav.day, TRUE, nav.account, 'ChangeInNAV', 'USD',
    CASE WHEN extract(DAY FROM nav.day) = 15 THEN 1000 ELSE 0 END
FROM statements.nav;
