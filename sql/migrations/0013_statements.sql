-- Which Flex statements are recorded: a row for each document, added by the transaction that adds its events. The same bytes
-- are recorded once: whoever adds a document has the turn to append, and looks here first.
CREATE TABLE coordination.statement (
    digest bytea PRIMARY KEY,
    stream uuid NOT NULL UNIQUE,
    position bigint NOT NULL UNIQUE,
    size bigint NOT NULL,
    parts integer NOT NULL,
    received timestamptz NOT NULL,
    source text NOT NULL,
    name text,
    given_by text,
    statements integer NOT NULL,
    accounts text[] NOT NULL,
    from_day date,
    to_day date,
    elements bigint NOT NULL
);

COMMENT ON TABLE coordination.statement IS 'a row for each Flex statement (XML document) that is recorded';
COMMENT ON COLUMN coordination.statement.digest IS 'SHA-256 of the document';
COMMENT ON COLUMN coordination.statement.stream IS 'the stream of its events';
COMMENT ON COLUMN coordination.statement.position IS 'of the last of its events';
COMMENT ON COLUMN coordination.statement.size IS 'bytes of the document';
COMMENT ON COLUMN coordination.statement.parts IS 'how many events hold its bytes';
COMMENT ON COLUMN coordination.statement.source IS 'file, http or flex';
COMMENT ON COLUMN coordination.statement.name IS 'of the file, or the id of the Flex query';
COMMENT ON COLUMN coordination.statement.given_by IS 'the name of the API token that gave it';
COMMENT ON COLUMN coordination.statement.statements IS 'how many FlexStatement elements it has';
COMMENT ON COLUMN coordination.statement.accounts IS 'whose these are';
COMMENT ON COLUMN coordination.statement.from_day IS 'the first day of any of these';
COMMENT ON COLUMN coordination.statement.to_day IS 'the last day of any of these';
COMMENT ON COLUMN coordination.statement.elements IS 'how many elements with attributes it has';

-- Documents of one account; those of a span of time.
CREATE INDEX statement_accounts_idx ON coordination.statement USING gin (accounts);
CREATE INDEX statement_received_idx ON coordination.statement (received, position);

-- Instances of the version before run on, and have the rights of their role: those to add and to read, no others.
DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT
            right_of.privilege_type AS what,
            role.rolname AS whom
        FROM pg_class AS relation
        CROSS JOIN LATERAL aclexplode(relation.relacl) AS right_of
        INNER JOIN pg_roles AS role ON role.oid = right_of.grantee
        WHERE relation.oid = 'coordination.instance'::regclass
          AND right_of.grantee <> relation.relowner
          AND right_of.privilege_type IN ('SELECT', 'INSERT')
    LOOP
        EXECUTE format('GRANT %s ON coordination.statement TO %I', granted.what, granted.whom);
    END LOOP;
END
$$;
