-- Keys of the table, which a rebuild adds after loading.

ALTER TABLE sample ADD PRIMARY KEY (account, contract, at, position);

-- For an account with its positions, over time.
CREATE INDEX sample_account_at_idx ON sample (account, at);

-- For the newest of each gateway, where several list an account.
CREATE INDEX sample_gateway_idx ON sample (account, gateway, contract, at);
