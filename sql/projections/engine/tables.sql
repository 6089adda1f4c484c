-- What every report has in its schema, beside tables of its own.

-- How far the events have been applied, in the same transaction as the rows that came of them. `open` is what
-- the events after `position` still build on: in the accounts report what has begun and not ended.
CREATE TABLE projection (
    name text PRIMARY KEY,
    version integer NOT NULL,
    position bigint NOT NULL,
    open jsonb NOT NULL,
    updated timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Events that could not be applied, set aside with the reason so that the others go on.
CREATE TABLE poison_event (
    position bigint PRIMARY KEY,
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    reason text NOT NULL,
    noted timestamptz NOT NULL DEFAULT clock_timestamp()
);
