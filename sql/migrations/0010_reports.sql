-- The tables of each report are in a schema of the report's name from this version on. The projector, whose tables they
-- are, moves those of the schema snapshots to the schema accounts when it starts. This number keeps an instance of the
-- version before from being started again, which would look for them where they were; one that runs, runs on.
SELECT;
