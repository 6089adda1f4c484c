-- Of which accounts, and by which gateways, a refresh is wanted; null: all. A leader of an earlier version refreshes all
-- of its accounts, which serves it too.
ALTER TABLE coordination.refresh_request
    ADD COLUMN accounts text[],
    ADD COLUMN gateways text[];
