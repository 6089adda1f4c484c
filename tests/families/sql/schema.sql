-- version: 1
-- title: family tables

-- The family of each account, as it was told last.
CREATE TABLE family (
    account text NOT NULL,
    family_code text NOT NULL,
    position bigint NOT NULL,
    told timestamptz NOT NULL
);
