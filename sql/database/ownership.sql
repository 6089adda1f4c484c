-- To whom things belong: to one role, or to those of deploy/postgres/roles.sql.

-- name: owner_of_events
-- Who we are, and who is to own the events and the schema: ibconnect_owner where the roles were made for this database;
-- else whoever asks.
SELECT
    current_user::text AS us,
    CASE WHEN count(*) = 2 THEN 'ibconnect_owner' ELSE current_user::text END AS wanted
FROM pg_roles
WHERE rolname IN ('ibconnect_owner', 'ibconnect_recorder')
  AND has_database_privilege(oid, current_database(), 'CREATE')

-- name: owner_of_tables
-- The same for the tables of reports: the owner of those that there are; else ibconnect_recorder where the roles were made
-- for this database; else whoever asks.
SELECT
    current_user::text AS us,
    coalesce(
        (
            SELECT pg_get_userbyid(nspowner)::text
            FROM pg_namespace
            WHERE nspname = ANY (%(schemas)s::text[])
            ORDER BY array_position(%(schemas)s::text[], nspname::text)
            LIMIT 1
        ),
        CASE WHEN count(*) = 2 THEN 'ibconnect_recorder' ELSE current_user::text END
    ) AS wanted
FROM pg_roles
WHERE rolname IN ('ibconnect_owner', 'ibconnect_recorder')
  AND has_database_privilege(oid, current_database(), 'CREATE')
