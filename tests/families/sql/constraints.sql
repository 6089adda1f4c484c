ALTER TABLE family ADD PRIMARY KEY (account);
