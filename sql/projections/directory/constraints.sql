-- For whoever asks what is said of an account, or who is in a group.
CREATE INDEX entry_account_idx ON entry (account, kind, since);
CREATE INDEX entry_group_idx ON entry (group_name, kind, since);
