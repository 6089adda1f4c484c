-- Keys of the tables that grow with every snapshot. Live they are there from the start; a rebuild adds them once
-- its rows are loaded, which is faster than maintaining them row by row.

ALTER TABLE account_snapshot
    ADD PRIMARY KEY (id),
    ADD UNIQUE (account_id, created),
    ADD FOREIGN KEY (account_id) REFERENCES account,
    ADD FOREIGN KEY (refresh_id) REFERENCES refresh,
    ADD FOREIGN KEY (gateway_id) REFERENCES gateway,
    ADD FOREIGN KEY (base_currency_id) REFERENCES currency,
    ADD FOREIGN KEY (attribute_set_id) REFERENCES attribute_set;

-- The newest that can be relied on, that is its owners', or that one gateway sent (and can be relied on): each is at the end of an
-- index of its own, also where all that came since is of another kind.
CREATE INDEX account_snapshot_ready_idx ON account_snapshot (account_id, created) INCLUDE (is_repeat)
    WHERE ready AND NOT is_foreign;
CREATE INDEX account_snapshot_own_idx ON account_snapshot (account_id, created) WHERE NOT is_foreign;
CREATE INDEX account_snapshot_gateway_idx ON account_snapshot (account_id, gateway_id, created);
CREATE INDEX account_snapshot_gateway_ready_idx ON account_snapshot (account_id, gateway_id, created) WHERE ready;

-- For those who ask the views: the newest snapshot of an account known by its code, and all of a span of time. The latter is for
-- the views alone, which name its condition: for the newest snapshot of one account of few the planner would read along it,
-- past all of the others' (for ever, if that account was closed long ago). From that it is kept in the views by not letting it know
-- how few the accounts are.
CREATE INDEX account_snapshot_account_code_idx ON account_snapshot (account_code, created) WHERE NOT is_foreign;
CREATE INDEX account_snapshot_account_code_ready_idx ON account_snapshot (account_code, created)
    WHERE ready AND NOT is_foreign;
CREATE INDEX account_snapshot_created_idx ON account_snapshot (created) WHERE id <> 0;
ALTER TABLE account_snapshot ALTER COLUMN account_code SET STATISTICS 0;

ALTER TABLE account_segment
    ADD PRIMARY KEY (account_snapshot_id, segment),
    ADD FOREIGN KEY (account_snapshot_id) REFERENCES account_snapshot;

ALTER TABLE account_ledger
    ADD PRIMARY KEY (account_snapshot_id, currency_id),
    ADD FOREIGN KEY (account_snapshot_id) REFERENCES account_snapshot,
    ADD FOREIGN KEY (currency_id) REFERENCES currency;

ALTER TABLE account_value
    ADD PRIMARY KEY (account_snapshot_id, ordinal),
    ADD FOREIGN KEY (account_snapshot_id) REFERENCES account_snapshot,
    ADD FOREIGN KEY (currency_id) REFERENCES currency;

ALTER TABLE account_position
    ADD PRIMARY KEY (account_snapshot_id, contract_id),
    ADD FOREIGN KEY (account_snapshot_id) REFERENCES account_snapshot,
    ADD FOREIGN KEY (contract_id) REFERENCES contract;

ALTER TABLE account_model_position
    ADD PRIMARY KEY (account_snapshot_id, model, contract_id),
    ADD FOREIGN KEY (account_snapshot_id) REFERENCES account_snapshot,
    ADD FOREIGN KEY (contract_id) REFERENCES contract;

ALTER TABLE account_model_value
    ADD PRIMARY KEY (account_snapshot_id, ordinal),
    ADD FOREIGN KEY (account_snapshot_id) REFERENCES account_snapshot,
    ADD FOREIGN KEY (currency_id) REFERENCES currency;
