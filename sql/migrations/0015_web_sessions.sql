-- Who has signed in on the page: any instance finds here what a cookie stands for. The cookie's secret is nowhere here, only
-- its SHA-256, by which nobody can sign in; the token likewise.
CREATE TABLE coordination.web_session (
    key bytea PRIMARY KEY,
    token bytea NOT NULL,
    name text NOT NULL,
    created timestamptz NOT NULL DEFAULT clock_timestamp(),
    used timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires timestamptz NOT NULL
);

CREATE INDEX web_session_token ON coordination.web_session (token, used);
CREATE INDEX web_session_expires ON coordination.web_session (expires);

COMMENT ON COLUMN coordination.web_session.key IS 'The SHA-256 of the secret in the cookie';
COMMENT ON COLUMN coordination.web_session.token IS 'The SHA-256 of the token that was given at sign-in';
COMMENT ON COLUMN coordination.web_session.name IS 'What the log called the token then';
COMMENT ON COLUMN coordination.web_session.used IS 'When it was last used, about';
COMMENT ON COLUMN coordination.web_session.expires IS 'When it ends, unless it is used before';

-- Instances of the version before run on. Whoever records or serves may use it as he may the table of instances; who only
-- reads has no business here.
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
          AND right_of.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
          AND role.rolname <> 'ibconnect_reader'
    LOOP
        EXECUTE format('GRANT %s ON coordination.web_session TO %I', granted.what, granted.whom);
    END LOOP;
END
$$;
