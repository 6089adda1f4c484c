-- Tables as years of recording leave them, by the hour: %(hours)s readings of each account. Filled in by tests/large_world.py.
--
-- Accounts 1 to 16 are ordinary. What looks for "the newest that …" must not look through all of these:
-- 17 was never ready; 18 was so once, at the beginning; 19 is told of by a gateway that it does not belong to, but for its first
-- reading; 20 has every reading twice, by two gateways; 21 is listed and was never read. Gateway 3 was here for one hour.

INSERT INTO gateway VALUES (1, '127.0.0.1:4002'), (2, '127.0.0.1:4003'), (3, '127.0.0.1:4004');
INSERT INTO account SELECT n, 'DU' || lpad(n::text, 7, '0') FROM generate_series(1, 21) AS n;
INSERT INTO gateway_account (id, gateway_id, account_id, is_listed, is_owner, is_conflict, first_listed, last_listed, is_whole, concluded)
SELECT
    row_number() OVER (ORDER BY gateway.id, account.id), gateway.id, account.id, gateway.id < 3,
    gateway.id = 1 OR (gateway.id = 2 AND account.id = 20), gateway.id = 2 AND account.id = 19,
    %(begin)s, %(begin)s + %(hours)s * interval '1 hour', true, %(begin)s + %(hours)s * interval '1 hour'
FROM gateway
JOIN account ON gateway.id = 1 OR account.id BETWEEN 19 AND 20 OR (gateway.id = 3 AND account.id = 1);

-- A new session each day; gateway 2 does not give an answer in most of them.
INSERT INTO session (id, originator_id, gateway_id, client_id, server_version, connection_time, instance, software, opened, closed)
SELECT
    number,
    (lpad(to_hex((extract(EPOCH FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(number::text, 3, '0')
        || '8000' || lpad(number::text, 12, '0'))::uuid,
    gateway, 5555, '178', '', 'instance', 'ibconnect', at, at + interval '23 hours 59 minutes'
FROM (
    SELECT row_number() OVER (ORDER BY day, gateway) AS number, gateway, %(begin)s + day * interval '1 day' AS at
    FROM generate_series(0, %(hours)s / 24) AS day, generate_series(1, 3) AS gateway
    WHERE gateway < 3 OR day = 0
) AS numbered;
INSERT INTO refresh (id, session_id, gateway_id, created, trigger, started, scope, total, ended, outcome, request, missing, done)
SELECT
    row_number() OVER (ORDER BY hour, session.gateway_id), session.id, session.gateway_id, %(begin)s + hour * interval '1 hour', 'schedule',
    %(begin)s + hour * interval '1 hour', CASE WHEN hour %% 10 = 3 THEN 'some' ELSE '' END, 20,
    %(begin)s + hour * interval '1 hour' + interval '20 seconds',
    CASE WHEN session.gateway_id = 1 OR hour = 0 THEN 'complete' ELSE 'partial' END, nullif(hour, 0), '{}', 20
FROM generate_series(0, %(hours)s - 1) AS hour
JOIN session ON session.opened = %(begin)s + (hour / 24) * interval '1 day' AND (session.gateway_id < 3 OR hour = 0);
SELECT setval(pg_get_serial_sequence('coordination.refresh_request', 'id'), %(hours)s);

INSERT INTO attribute_set SELECT n, convert_to(n::text, 'UTF8') FROM generate_series(1, 21) AS n;
INSERT INTO account_attribute
SELECT n, tag.number, tag.name, tag.segment, NULL, tag.value
FROM generate_series(1, 21) AS n,
    (VALUES (1, 'AccountType', NULL, 'INDIVIDUAL'), (2, 'SegmentTitle', 'S', 'US Securities')) AS tag (number, name, segment, value);
INSERT INTO security_type VALUES (1, 'STK');
INSERT INTO exchange VALUES (1, 'NASDAQ');
INSERT INTO symbol SELECT n, 'S' || n FROM generate_series(1, 20000) AS n;
INSERT INTO contract (
    id, ib_contract_id, symbol_id, security_type_id, last_trade_date, strike, option_right, multiplier, exchange_id,
    currency_id, local_symbol_id, trading_class_id, described
)
SELECT n, 1000 + n, n, 1, '', '0', '', '', 1, currency.id, n, n, 1
FROM generate_series(1, 20000) AS n
JOIN currency ON currency.code = 'USD';

INSERT INTO account_snapshot (
    id, account_id, created, completed, refresh_id, gateway_id, attribute_set_id, base_currency_id, ready, is_repeat,
    is_foreign, has_models, has_inexact, source, ended, account_code
)
SELECT
    row_number() OVER (ORDER BY refresh.created, refresh.id, account.id), account.id,
    refresh.created + (session.gateway_id - 1) * interval '1 microsecond', refresh.created + interval '10 seconds', refresh.id,
    session.gateway_id, account.id, base.id, account.id <> 17 AND (account.id <> 18 OR hour = 0),
    account.id = 20 AND session.gateway_id = 2, account.id = 19 AND session.gateway_id = 2, false, account.id = 5,
    'updates', 'download-end', account.code
FROM generate_series(0, %(hours)s - 1) AS hour
JOIN refresh ON refresh.created = %(begin)s + hour * interval '1 hour'
JOIN session ON session.id = refresh.session_id
JOIN account ON account.id < 21 AND CASE session.gateway_id
    WHEN 1 THEN account.id <> 19 OR hour = 0
    WHEN 2 THEN account.id > 18
    ELSE account.id = 1
END
JOIN currency AS base ON base.code = CASE account.id %% 2 WHEN 0 THEN 'USD' ELSE 'EUR' END;
INSERT INTO account_segment (account_snapshot_id, segment, net_liquidation, total_cash_value, gross_position_value, accrued_cash)
SELECT id, segment, 1000000.10 + id, 5000.25 + id, id, 1.50 FROM account_snapshot, unnest(ARRAY['', 'S']) AS segment;
INSERT INTO account_ledger (account_snapshot_id, currency_id, cash_balance, exchange_rate)
SELECT account_snapshot.id, currency.id, account_snapshot.id, 1.10
FROM account_snapshot
JOIN currency ON currency.code IN ('BASE', 'EUR', 'USD');
INSERT INTO account_value
SELECT id, number, 'Tag' || number, NULL, NULL, false, 'text ' || id, NULL FROM account_snapshot, generate_series(1, 2) AS number;
INSERT INTO account_position (account_snapshot_id, contract_id, position, market_price, market_value)
SELECT id, 1 + (account_id * 10 + number * 100 + refresh_id / 1000) %% 20000, 1, 10.50, 1050.00
FROM account_snapshot, generate_series(1, 3) AS number;
INSERT INTO account_contract
SELECT DISTINCT snapshot.account_id, contract_id, snapshot.gateway_id, snapshot.is_foreign
FROM account_position JOIN account_snapshot AS snapshot ON id = account_snapshot_id;
INSERT INTO account_key
SELECT account_id, tag, segment, currency, tag IN ('CashBalance', 'ExchangeRate'), gateway_id, bool_or(is_foreign)
FROM (SELECT DISTINCT account_id, gateway_id, is_foreign FROM account_snapshot) AS sent,
    (VALUES ('NetLiquidation', '', 'USD'), ('NetLiquidation', 'S', 'USD'), ('CashBalance', '', 'EUR'), ('AccruedCash', '', 'EUR'),
        ('AccruedCash', '', 'USD'), ('Cushion', '', ''), ('Tag1', '', ''), ('AccountType', '', ''), ('ExchangeRate', '', 'EUR'))
        AS key (tag, segment, currency)
GROUP BY 1, 2, 3, 4, 5, 6;
INSERT INTO account_key
SELECT id, 'Other' || n, '', '', false, 1, false FROM account, generate_series(1, 200) AS n;

-- Four fills an hour, of accounts in turn; of every hundredth an account's first version is corrected. Account 1 has most.
INSERT INTO executions.account SELECT code FROM accounts.account;
INSERT INTO executions.execution (
    account, execution_id, key, correction, is_current, position, received, gateway, digest, moment, at, time, zone, contract_id,
    symbol, security_type, expiry, strike, option_right, multiplier, contract_exchange, currency, local_symbol, trading_class,
    exchange, side, shares, price, order_ref, ev_rule, model_code, submitter, remarks
)
SELECT
    account.code, 'a.' || n || '.01.0' || version, 'a.' || n || '.01', version, version = 1 + (n %% 100 = 0)::integer,
    2 * n + version, %(begin)s + n * interval '15 minutes', '127.0.0.1:4002', '', %(begin)s + n * interval '15 minutes',
    %(begin)s + n * interval '15 minutes', '', '', 1000 + n %% 2000, 'S' || n %% 2000, 'STK', '', '', '', '', '', 'USD',
    'S' || n %% 2000, '', '', 'BOT', 1, 10.50, '', '', '', '', '{}'
FROM generate_series(1, 4 * %(hours)s) AS n
CROSS JOIN LATERAL generate_series(1, 1 + (n %% 100 = 0)::integer) AS version
JOIN accounts.account ON account.id = CASE WHEN n %% 3 = 0 THEN 1 ELSE 1 + n %% 20 END;
INSERT INTO executions.commission (execution_id, key, correction, position, received, gateway, digest, commission, currency, redemption_date)
SELECT execution_id, key, correction, position, received, gateway, '', 1.05, 'USD', '' FROM executions.execution;
INSERT INTO executions.coverage
SELECT gateway.name, day::date, day, day + interval '1 day', day + interval '23 hours', 'UTC'
FROM accounts.gateway
CROSS JOIN generate_series(%(begin)s, %(begin)s + %(hours)s * interval '1 hour', interval '1 day') AS day;

-- Events of each day's first session; the rest would only take time.
INSERT INTO public.stored_events (originator_version, originator_id, topic, state)
SELECT
    n, session.originator_id, CASE n WHEN 1 THEN 'so' ELSE 'v' END,
    convert_to(CASE WHEN n %% 20 = 1 THEN '[' || (extract(EPOCH FROM session.opened) * 1000000)::bigint || ',"a"]' ELSE '["a"]' END, 'UTF8')
FROM session, generate_series(1, %(events)s) AS n
WHERE session.id <= 700
ORDER BY session.id, n;
UPDATE projection SET position = (SELECT max(notification_id) FROM public.stored_events);

-- A sample of profit and loss after each snapshot, and of two positions.
INSERT INTO pnl.sample (at, contract, position, account, gateway, daily, unrealized, realized)
SELECT
    account_snapshot.created + interval '1 minute',
    subject.contract,
    3 * account_snapshot.id + subject.number,
    account.code,
    gateway.name,
    1.50,
    2.50,
    0.00
FROM account_snapshot
INNER JOIN account ON account.id = account_snapshot.account_id
INNER JOIN gateway ON gateway.id = account_snapshot.gateway_id
CROSS JOIN (VALUES (0, 0), (1, 265598), (2, 4391)) AS subject (number, contract);

-- Orders: four an hour, of accounts 1 to 20 in turn, nearly all of which were filled; the last fifty are open.
SET search_path = orders, public;
INSERT INTO gateway VALUES (1, '127.0.0.1:4002');
INSERT INTO placed_order (
    id, perm_id, account, gateway_id, order_id, client_id, status, states, is_open, changed, first_seen, last_seen, first_position,
    described, symbol, local_symbol
)
SELECT
    n, 1000000 + n, 'DU' || lpad((n %% 20 + 1)::text, 7, '0'), 1, n, 5,
    CASE WHEN n > 4 * %(hours)s - 50 THEN 'Submitted' WHEN n %% 1009 = 0 THEN 'Gone' WHEN n %% 7 = 0 THEN 'Cancelled' ELSE 'Filled' END,
    2, n > 4 * %(hours)s - 50, seen.at, seen.at, seen.at, n, n, 'S' || n %% 97, 'L' || n %% 97
FROM generate_series(1, 4 * %(hours)s) AS n
CROSS JOIN LATERAL (SELECT %(begin)s + n * interval '15 minutes' AS at) AS seen;
INSERT INTO order_state (placed_order_id, ordinal, status, filled, gateway_id, position, first_seen, last_seen, account)
SELECT id, ordinal, CASE ordinal WHEN 1 THEN 'Submitted' ELSE status END, ordinal, 1, id, first_seen, last_seen, account
FROM placed_order, generate_series(1, 2) AS ordinal;
INSERT INTO order_gateway (placed_order_id, gateway_id, ordinal, listing)
SELECT id, 1, 2, CASE WHEN is_open THEN 'listed' ELSE '' END FROM placed_order;
INSERT INTO order_name SELECT name, account, first_seen, id FROM placed_order, unnest(ARRAY[symbol, local_symbol]) AS name;
UPDATE projection SET position = (SELECT max(notification_id) FROM public.stored_events);

-- What IB says of contracts, twice of each; and an advisor's directory, in which an alias and a group change each month.
INSERT INTO contracts.contract_detail (
    position, ib_contract_id, since, until, confirmed, gateway, digest, isin, symbol, long_name
)
SELECT
    2 * n + version, 1000 + n, %(begin)s + version * interval '300 days',
    CASE version WHEN 0 THEN %(begin)s + interval '300 days' END, %(begin)s + (version + 1) * interval '300 days',
    '127.0.0.1:4002', '', 'US' || lpad(n::text, 9, '0') || '0', 'S' || n %% 5000, 'Contract ' || n
FROM generate_series(1, %(hours)s) AS n, generate_series(0, 1) AS version;
-- What other accounts have ever held, of which a token for some need not know.
INSERT INTO accounts.account_contract
SELECT account.id, contract.id, 1, false FROM accounts.account, accounts.contract WHERE account.id BETWEEN 2 AND 16
ON CONFLICT DO NOTHING;
INSERT INTO directory.entry (gateway, kind, group_name, account, value, since, until, position)
SELECT
    '127.0.0.1:4002', kind, CASE kind WHEN 'member' THEN 'G' || account.id %% 3 ELSE '' END, account.code, kind || month,
    %(begin)s + month * interval '30 days', CASE WHEN month < 30 THEN %(begin)s + (month + 1) * interval '30 days' END, month
FROM accounts.account, generate_series(0, 30) AS month, unnest(ARRAY['alias', 'member', 'family']) AS kind;

-- Statements of accounts 1 to 20, one a day, but on some days that are holidays, and until a month before the end; of account 3 for some
-- weeks, without a currency; flows twice a month, some to another account; rates of euros but for one day in a hundred.
INSERT INTO statements.statement (
    id, position, received, stream, number, elements, unread, oddities, from_day, to_day, account, base_currency
)
SELECT
    n * 20 + account.id, 1, %(begin)s, '00000000-0000-0000-0000-000000000000', 0, 1, 0, 0, day.day, day.day, account.code, 'EUR'
FROM generate_series(0, %(hours)s / 24 - 30) AS n
CROSS JOIN LATERAL (SELECT (%(begin)s + n * interval '1 day')::date AS day) AS day
CROSS JOIN accounts.account
WHERE account.id BETWEEN 1 AND 20;
INSERT INTO statements.covered (statement, sections, from_day, to_day, mentioned, account)
SELECT id, 5, from_day, to_day, FALSE, account FROM statements.statement;
INSERT INTO statements.nav (statement, position, line, day, current, account, origin, currency, total)
SELECT
    id, 1, 1, to_day, TRUE, account, 'EquitySummaryByReportDateInBase', CASE account WHEN 'DU0000003' THEN NULL ELSE 'EUR' END, 1000 + id %% 97
FROM statements.statement
WHERE extract(isodow FROM to_day) < 6 AND extract(doy FROM to_day) <> 52
    AND (account <> 'DU0000003' OR id < 400);
INSERT INTO statements.nav_change (
    statement, position, line, day, from_day, to_day, current, account, origin, currency, starting, ending, deposits_withdrawals, twr
)
SELECT
    id, 1, 1, to_day, to_day, to_day, TRUE, account, 'ChangeInNAV', 'EUR', 1000, 1000,
    CASE WHEN extract(day FROM to_day) IN (7, 20) THEN 500 ELSE 0 END, 0
FROM statements.statement;
INSERT INTO statements.cash_flow (
    statement, position, line, at, day, current, external, scope, counterparty, account, origin, currency, amount, amount_in_base
)
SELECT
    id, 1, 1, to_day + interval '15 hours', to_day, TRUE, TRUE, CASE WHEN id %% 3 = 0 THEN 'account' ELSE 'firm' END, 'DU0000001', account,
    'CashTransactions', 'EUR', 500, 500
FROM statements.statement
WHERE extract(day FROM to_day) IN (7, 20);
INSERT INTO statements.conversion_rate (statement, position, line, day, current, account, origin, currency, to_currency, rate)
SELECT id, 1, 1, to_day, TRUE, account, 'ConversionRates', rate.currency, 'EUR', rate.rate
FROM statements.statement, (VALUES ('USD', 0.9), ('CHF', 1.1)) AS rate (currency, rate)
WHERE to_day - DATE '2020-01-01' <> 100 * ((to_day - DATE '2020-01-01') / 100);
UPDATE statements.projection SET position = (SELECT max(notification_id) FROM public.stored_events);

-- What else the same statements say; trades of what gateways told of, and as many of the time before.
SET search_path = statements, public;
INSERT INTO section (statement, account, name, rows, unread)
SELECT id, account, kept.name, 1, 0 FROM statement, unnest(ARRAY['CashTransactions', 'OpenPositions', 'Trades']) AS kept (name);
INSERT INTO cash_balance (statement, position, line, day, from_day, to_day, current, account, origin, currency, ending)
SELECT id, position, 2, to_day, to_day, to_day, true, account, 'CashReport', currency, 10.5
FROM statement, unnest(ARRAY['EUR', 'USD', 'BASE_SUMMARY']) AS currency;
INSERT INTO cash_flow (statement, position, line, day, current, external, is_asset, account, origin, type, currency, amount)
SELECT id, position, n, to_day, true, n = 3, false, account, 'CashTransactions', CASE n WHEN 3 THEN 'Deposits/Withdrawals' ELSE 'Dividends' END, 'USD', 5
FROM statement, generate_series(3, 4) AS n;
INSERT INTO open_position (statement, position, line, day, current, account, origin, contract, symbol, currency, quantity, mark_price, value)
SELECT id, position, 5, to_day, true, account, 'OpenPositions', 1001 + number %% 2000, 'S' || number %% 2000, 'USD', 1, 10.5, 10.5
FROM statement;
INSERT INTO accrual (statement, position, line, day, current, account, origin, kind) SELECT id, position, 7, to_day, true, account, '', 'dividend' FROM statement;
INSERT INTO transfer (statement, position, line, day, current, account, origin) SELECT id, position, 8, to_day, true, account, '' FROM statement;
INSERT INTO corporate_action (statement, position, line, day, current, account, origin, type) SELECT id, position, 9, to_day, true, account, '', 'FS' FROM statement;
INSERT INTO option_event (statement, position, line, day, current, account, origin, transaction_type)
SELECT id, position, 10, to_day, true, account, '', 'Assignment' FROM statement;
INSERT INTO transaction_tax (statement, position, line, day, current, account, origin, kind) SELECT id, position, 11, to_day, true, account, '', 'sales' FROM statement;
INSERT INTO trade (
    statement, position, line, at, day, current, account, origin, level, exec_id, contract, symbol, currency, quantity, price, commission
)
SELECT
    1, execution.position, 12, execution.at - told.before, (execution.at - told.before)::date, true, execution.account, 'Trades', 'EXECUTION',
    told.prefix || execution.execution_id, execution.contract_id, execution.symbol, 'USD', execution.shares, execution.price, -1.05
FROM executions.execution
CROSS JOIN (VALUES ('', interval '0'), ('z', %(hours)s * interval '1 hour')) AS told (prefix, before)
WHERE execution.is_current AND execution.account <> 'DU0000017';
UPDATE projection SET position = (SELECT max(notification_id) FROM public.stored_events);
