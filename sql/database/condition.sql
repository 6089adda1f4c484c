-- How a database is, for `ibconnect check`: nothing is changed, and nothing need be there yet.

-- name: limit_time
SELECT set_config('statement_timeout', '10000', false)

-- name: server
-- What the server is, who we are to it, and its clock.
SELECT
    current_setting('server_version') AS version,
    pg_is_in_recovery() AS is_standby,
    current_setting('transaction_read_only')::boolean AS is_read_only,
    current_user::text AS role,
    clock_timestamp() AS now

-- name: schema
-- The newest migration that the database has; no row: it has no schema.
SELECT max(number) AS number
FROM public.schema_migration

-- name: missing_rights
-- What the role lacks for recording, projecting, rebuilding and reading. What is not there yet needs no right.
SELECT what
FROM (
    SELECT
        format('CREATE on database %%I', current_database()) AS what,
        has_database_privilege(current_database(), 'CREATE') AS has
    UNION ALL
    SELECT
        'CREATE on schema public',
        has_schema_privilege('public', 'CREATE')
    UNION ALL
    SELECT
        format('%%s on public.%%I', wanted, relname),
        has_table_privilege(pg_class.oid, wanted)
    FROM pg_class
    INNER JOIN (
        VALUES ('stored_events', 'SELECT'), ('schema_migration', 'SELECT')
    ) AS needed (name, wanted) ON needed.name = relname
    WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT
        'INSERT on public.stored_events (originator_version, originator_id, topic, state)',
        bool_and(has_column_privilege(attrelid, attnum, 'INSERT'))
    FROM pg_attribute
    WHERE attrelid = to_regclass('public.stored_events')
      AND attname IN ('originator_version', 'originator_id', 'topic', 'state')
    HAVING count(*) > 0
    UNION ALL
    SELECT
        'USAGE on sequence public.stored_events_notification_id_seq',
        has_sequence_privilege(oid, 'USAGE')
    FROM pg_class
    WHERE oid = to_regclass('public.stored_events_notification_id_seq')
    UNION ALL
    SELECT
        'EXECUTE on function coordination.make_month',
        has_function_privilege(oid, 'EXECUTE')
    FROM pg_proc
    WHERE pronamespace = to_regnamespace('coordination') AND proname = 'make_month'
    UNION ALL
    SELECT
        'USAGE on schema coordination',
        has_schema_privilege(oid, 'USAGE')
    FROM pg_namespace
    WHERE nspname = 'coordination'
    UNION ALL
    SELECT
        format('%%s on coordination.%%I', wanted, relname),
        has_table_privilege(pg_class.oid, wanted)
    FROM pg_class
    CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) AS needed (wanted)
    WHERE relnamespace = to_regnamespace('coordination')
      AND relkind = 'r'
      AND (relname <> 'statement' OR wanted IN ('SELECT', 'INSERT'))
    UNION ALL
    SELECT
        format('ownership of schema %%I, which belongs to %%I', nspname, pg_get_userbyid(nspowner)),
        pg_has_role(nspowner, 'USAGE')
    FROM pg_namespace
    WHERE nspname = ANY (%(schemas)s::text[])
) AS needed
WHERE NOT has

-- name: missing_rights_of_reads
-- What the role of DB_READ_URL lacks. Who has signed in is asked of the primary alone.
SELECT format('SELECT on %%I.%%I', nspname, relname) AS what
FROM pg_class
INNER JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE (
    (nspname = 'public' AND relname IN ('stored_events', 'schema_migration'))
    OR (nspname = 'coordination' AND relname <> 'web_session')
    OR nspname = ANY (%(schemas)s::text[])
  )
  AND relkind IN ('r', 'p')
  AND NOT (has_schema_privilege(pg_namespace.oid, 'USAGE') AND has_table_privilege(pg_class.oid, 'SELECT'))

-- name: strays
-- How many streams lie where all goes that no partition takes: a hundred at most.
WITH RECURSIVE hop AS (
    (
        SELECT
            originator_id,
            1 AS place
        FROM public.stored_events_other
        ORDER BY originator_id
        LIMIT 1
    )
    UNION ALL
    SELECT
        (
            SELECT following.originator_id
            FROM public.stored_events_other AS following
            WHERE following.originator_id > hop.originator_id
            ORDER BY following.originator_id
            LIMIT 1
        ),
        hop.place + 1
    FROM hop
    WHERE hop.originator_id IS NOT NULL AND hop.place < 101
)

SELECT count(originator_id)
FROM hop
