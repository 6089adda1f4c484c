-- What runs: an instance records, projects and answers, in one process or in several, on one machine or on several. An
-- instance of an earlier version says nothing here; it does all three.
CREATE TABLE coordination.process (
    instance text NOT NULL,
    role text NOT NULL,
    version text NOT NULL,
    address text,
    started timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instance, role)
);
