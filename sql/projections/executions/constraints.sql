-- What only readers need: live it is there from the start; a rebuild adds it once its rows are loaded.

-- An account's executions, newest first: all, of a contract, of a symbol. And those of all accounts.
CREATE INDEX execution_account_moment_idx ON execution (account, moment, position);
CREATE INDEX execution_contract_idx ON execution (account, contract_id, moment, position);
CREATE INDEX execution_symbol_idx ON execution (account, symbol, moment, position);
CREATE INDEX execution_local_symbol_idx ON execution (account, local_symbol, moment, position);
CREATE INDEX execution_moment_idx ON execution (moment, position);

-- For those who ask the views, by the time of the execution.
CREATE INDEX execution_account_at_idx ON execution (account, at);
CREATE INDEX execution_at_idx ON execution (at);

-- The report of an execution, or of the newest before its last correction.
CREATE INDEX commission_key_idx ON commission (key, correction);
