-- The event store is the table of the eventsourcing library (same names and types), with the columns in an
-- order that leaves no alignment gaps. Session ids grow with time (UUIDv7) and positions always grow, so both
-- indexes are filled from the right and their pages are packed full.
CREATE TABLE public.stored_events (
    notification_id bigserial NOT NULL,
    originator_version bigint NOT NULL,
    originator_id uuid NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (originator_id, originator_version) WITH (fillfactor = 100)
)
WITH (
    autovacuum_enabled = true,
    autovacuum_vacuum_insert_threshold = 1000000,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05
);

CREATE UNIQUE INDEX stored_events_notification_id_idx
    ON public.stored_events (notification_id ASC)
    WITH (fillfactor = 100);

-- JSON of up to a few hundred bytes: compressing it costs more time than the space is worth.
ALTER TABLE public.stored_events ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE FUNCTION public.refuse_change_of_events() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are immutable: % of public.stored_events is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Record a new event instead; projections can be rebuilt.';
END
$$;

-- A trigger binds everyone, the table's owner included, which grants do not.
CREATE TRIGGER events_are_immutable
    BEFORE UPDATE OR DELETE OR TRUNCATE ON public.stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change_of_events();

-- Without this, a session with session_replication_role = replica would skip the trigger.
ALTER TABLE public.stored_events ENABLE ALWAYS TRIGGER events_are_immutable;

-- What running instances tell one another. Nothing here is history: all of it may be lost.
CREATE SCHEMA coordination;

-- One row per gateway that any instance was configured with, as its leader last reported it.
CREATE TABLE coordination.gateway (
    name text PRIMARY KEY,
    instance text NOT NULL,
    state text NOT NULL,
    detail text,
    connected boolean NOT NULL DEFAULT false,
    session_id uuid,
    server_version text,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_notice_code text,
    last_notice_text text,
    last_notice_at timestamptz,
    heartbeat timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Somebody wants fresh snapshots. Leaders refresh; a refresh serves every request up to the id that its
-- RefreshEnded event names.
CREATE TABLE coordination.refresh_request (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked timestamptz NOT NULL DEFAULT clock_timestamp(),
    instance text NOT NULL
);

-- Instances that run, or ran: whether a leader that lost the database has a peer that may take over.
CREATE TABLE coordination.instance (
    name text PRIMARY KEY,
    started timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat timestamptz NOT NULL DEFAULT clock_timestamp()
);
