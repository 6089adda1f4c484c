-- What is fetched from IBKR's Flex Web Service by schedule: how far each query has got, what went wrong last, and when it
-- is due. All instances follow it, and one that starts again goes on with it. The token is nowhere here.
CREATE TABLE coordination.flex_query (
    query text PRIMARY KEY,
    name text NOT NULL,
    seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    due timestamptz NOT NULL DEFAULT clock_timestamp(),
    tried timestamptz,
    got timestamptz,
    up_to date,
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    code text,
    error text
);

COMMENT ON COLUMN coordination.flex_query.seen IS 'When an instance last said that it fetches this query';
COMMENT ON COLUMN coordination.flex_query.due IS 'When it is fetched next';
COMMENT ON COLUMN coordination.flex_query.tried IS 'When it was last tried';
COMMENT ON COLUMN coordination.flex_query.got IS 'When IBKR last gave a statement';
COMMENT ON COLUMN coordination.flex_query.up_to IS 'The last day that is covered';
COMMENT ON COLUMN coordination.flex_query.failures IS 'How often it has failed since';
COMMENT ON COLUMN coordination.flex_query.code IS 'The code of IBKR with the last failure; null: it was none of IBKR''s';

-- The spans of days that `ibconnect statements fetch` has been given, so that it goes on where it was cut off.
CREATE TABLE coordination.flex_window (
    query text,
    from_day date,
    to_day date,
    got timestamptz NOT NULL DEFAULT clock_timestamp(),
    statements integer NOT NULL,
    stream uuid,
    PRIMARY KEY (query, from_day, to_day)
);

-- When requests were sent within the last minutes: IBKR counts those of all processes that use a token.
CREATE TABLE coordination.flex_request (
    sent timestamptz PRIMARY KEY DEFAULT clock_timestamp()
);

-- Instances of the version before run on, and whoever records may use these as he may the table of instances.
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
    LOOP
        EXECUTE format(
            'GRANT %s ON coordination.flex_query, coordination.flex_window, coordination.flex_request TO %I',
            granted.what, granted.whom
        );
    END LOOP;
END
$$;
