-- What each instance could record, so that gateways are spread over those that run, and as which API client: a
-- gateway admits a client id once, which is the only fence left between instances while Postgres is away.
ALTER TABLE coordination.instance
    ADD COLUMN gateways text[] NOT NULL DEFAULT '{}',
    ADD COLUMN client_id integer;
