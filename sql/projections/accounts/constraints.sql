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

-- For those who ask the views: the newest snapshot of an account known by its code, and all of a span of time.
CREATE INDEX account_snapshot_account_code_idx ON account_snapshot (account_code, created);
CREATE INDEX account_snapshot_created_idx ON account_snapshot (created);

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
