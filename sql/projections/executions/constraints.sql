-- What only readers need: live it is there from the start; a rebuild adds it once its rows are loaded.

-- Executions, newest first: of an account all, those of a contract, of a symbol; and of all accounts. No position is 0 or less: an index
-- with such a condition is for the queries that name it alone. For those of one contract of many, or of one account of many, the
-- planner would else read along an index in the order of time, past all others (for ever, if they were long ago).
CREATE INDEX execution_account_moment_idx ON execution (account, moment, position) WHERE position <> -1;
CREATE INDEX execution_contract_idx ON execution (account, contract_id, moment, position);
CREATE INDEX execution_symbol_idx ON execution (account, symbol, moment, position);
CREATE INDEX execution_local_symbol_idx ON execution (account, local_symbol, moment, position);
CREATE INDEX execution_moment_idx ON execution (moment, position) WHERE position <> 0;

-- For those who ask the views, by the time of the execution.
CREATE INDEX execution_account_at_idx ON execution (account, at) WHERE position <> -2;
CREATE INDEX execution_at_idx ON execution (at) WHERE position <> -2;

-- The report of an execution, or of the newest before its last correction.
CREATE INDEX commission_key_idx ON commission (key, correction);
