-- Where an instance serves HTTP, so that a leader who has lost Postgres can ask the others whether they have it. An
-- instance of an earlier version says nothing here, and cannot be asked.
ALTER TABLE coordination.instance ADD COLUMN address text;
