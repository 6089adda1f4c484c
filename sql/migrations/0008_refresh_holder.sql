-- For whom a refresh is wanted (the name that the log has for a token, or an address), so that a leader serves those who
-- wait by turns. Requests of instances of an earlier version do not say.
ALTER TABLE coordination.refresh_request ADD COLUMN holder text;
