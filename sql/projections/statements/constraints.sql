-- What only readers need: live it is there from the start; a rebuild adds it once its rows are loaded. Whoever reads says
-- WHERE current, and so do the indexes.

-- Statements of an account by day, and those of a document.
CREATE INDEX statement_account_idx ON statement (account, to_day, from_day);
CREATE INDEX statement_newest_idx ON statement (account, id);
CREATE INDEX statement_position_idx ON statement (position);
CREATE INDEX statement_stream_idx ON statement (stream);
CREATE INDEX oddity_statement_idx ON oddity (statement);

-- Of an account by day; of all accounts on a day.
CREATE INDEX nav_account_idx ON nav (account, day) INCLUDE (total, currency, model) WHERE current;
CREATE INDEX nav_day_idx ON nav (day, account) INCLUDE (total, currency, model) WHERE current;
-- Periods with flows, of which there are few: what is listed of them is held against their sum (sum_of_flows of sql/http/performance.sql,
-- to the letter).
CREATE INDEX nav_change_flow_idx ON nav_change (account, to_day, from_day) WHERE current AND (
    coalesce(deposits_withdrawals, 0)
    + coalesce(asset_transfers, 0)
    + coalesce(internal_cash_transfers, 0)
    + coalesce(debit_card_activity, 0)
    + coalesce(bill_pay, 0)
    + coalesce(grant_activity, 0)
    + coalesce(donations, 0)
    + coalesce(paxos_transfers, 0)
) <> 0;
CREATE INDEX cash_balance_account_idx ON cash_balance (account, day, currency) WHERE current;
CREATE INDEX cash_flow_account_idx ON cash_flow (account, day, statement, line) WHERE current;
CREATE INDEX cash_flow_day_idx ON cash_flow (day, account, statement, line) WHERE current;
CREATE INDEX fund_line_account_idx ON fund_line (account, day) WHERE current;
CREATE INDEX transfer_account_idx ON transfer (account, day) WHERE current;
CREATE INDEX accrual_account_idx ON accrual (account, day) WHERE current;
CREATE INDEX corporate_action_account_idx ON corporate_action (account, day) WHERE current;
CREATE INDEX option_event_account_idx ON option_event (account, day) WHERE current;
CREATE INDEX conversion_rate_account_idx ON conversion_rate (account, day, currency) WHERE current;
CREATE INDEX conversion_rate_currency_idx ON conversion_rate (currency, to_currency, day) WHERE current;
CREATE INDEX open_position_account_idx ON open_position (account, day, contract) WHERE current;
CREATE INDEX transaction_tax_account_idx ON transaction_tax (account, day) WHERE current;

-- Trades of an account by day and in the order of time; one by its execution id, the same as in executions.execution.
CREATE INDEX trade_account_idx ON trade (account, day) WHERE current;
CREATE INDEX trade_at_idx ON trade (account, at) WHERE current;
CREATE INDEX trade_exec_idx ON trade (exec_id, account) WHERE current;

-- Beside executions, newest first: of an account all, those of a contract or of a symbol; of all accounts. One that is without a time
-- comes at the end of its day, in New York. By the execution that it is of, whichever correction.
CREATE INDEX trade_moment_idx ON trade (coalesce(at, (day + 1)::timestamp AT TIME ZONE 'America/New_York')) WHERE current;
CREATE INDEX trade_account_moment_idx ON trade (account, coalesce(at, (day + 1)::timestamp AT TIME ZONE 'America/New_York')) WHERE current;
CREATE INDEX trade_contract_idx ON trade (account, contract, coalesce(at, (day + 1)::timestamp AT TIME ZONE 'America/New_York')) WHERE current;
CREATE INDEX trade_symbol_idx ON trade (account, symbol, coalesce(at, (day + 1)::timestamp AT TIME ZONE 'America/New_York')) WHERE current;
CREATE INDEX trade_underlying_idx ON trade (account, underlying, coalesce(at, (day + 1)::timestamp AT TIME ZONE 'America/New_York'))
    WHERE current AND underlying <> symbol;
CREATE INDEX trade_key_idx ON trade (account, (regexp_replace(exec_id, '\.[0-9]+$', '') COLLATE "C")) WHERE current AND exec_id <> '';

-- Cash flows of one type, of all accounts: for the query that names its condition alone. No line is -1; of one account the planner would
-- else look through all of a type.
CREATE INDEX cash_flow_type_idx ON cash_flow (lower(type), day) WHERE current AND line <> -1;

CREATE INDEX trade_part_account_idx ON trade_part (account, day) WHERE current;
