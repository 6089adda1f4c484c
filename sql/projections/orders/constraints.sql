-- How orders are asked for: newest first, of one account or of all, by state, by name. A rebuild adds these after loading.

CREATE INDEX placed_order_account_idx ON placed_order (account, first_seen, id);
CREATE INDEX placed_order_seen_idx ON placed_order (first_seen, id);
CREATE INDEX placed_order_account_status_idx ON placed_order (account, status, first_seen, id);
CREATE INDEX placed_order_status_idx ON placed_order (status, first_seen, id);
CREATE INDEX placed_order_account_open_idx ON placed_order (account, first_seen, id) WHERE is_open;
CREATE INDEX placed_order_open_idx ON placed_order (first_seen, id) WHERE is_open;
CREATE INDEX order_state_account_idx ON order_state (account, first_seen, placed_order_id, ordinal);
CREATE INDEX order_state_seen_idx ON order_state (first_seen, placed_order_id, ordinal);
ALTER TABLE order_name ADD PRIMARY KEY (name, account, first_seen, placed_order_id);
CREATE INDEX order_name_seen_idx ON order_name (name, first_seen, placed_order_id);
