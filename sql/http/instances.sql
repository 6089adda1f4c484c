-- What runs on this database.

-- name: list_instances
-- The instances that were alive within the last day, by name: what each of them does, the gateways that it could record and
-- those that it does. One of an earlier version does not say what it does, and an older schema does not have the version.
WITH present AS (
    SELECT
        process.instance AS name,
        max(process.version) AS version,
        max(process.address) AS address,
        min(process.started) AS started,
        max(process.heartbeat) AS heartbeat,
        array_agg(process.role ORDER BY process.role) FILTER (
            WHERE process.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s)
        ) AS roles
    FROM coordination.process
    WHERE process.heartbeat > clock_timestamp() - INTERVAL '1 day'
    GROUP BY process.instance
),

known AS (
    SELECT
        coalesce(recorder.name, present.name) AS name,
        coalesce(to_jsonb(recorder) ->> 'version', present.version) AS version,
        coalesce(recorder.address, present.address) AS address,
        coalesce(recorder.gateways, '{}') AS gateways,
        coalesce(recorder.started, present.started) AS started,
        greatest(recorder.heartbeat, present.heartbeat) AS heartbeat,
        CASE WHEN present.name IS NOT NULL THEN coalesce(present.roles, '{}') END AS roles
    FROM coordination.instance AS recorder
    FULL JOIN present ON present.name = recorder.name
)

SELECT
    known.name,
    known.version,
    known.address,
    known.gateways,
    ARRAY(
        SELECT reported.name
        FROM coordination.gateway AS reported
        WHERE
            reported.instance = known.name
            AND reported.connected
            AND reported.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s)
        ORDER BY reported.name
    ) AS records,
    known.started,
    known.heartbeat,
    known.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s) AS is_alive,
    known.roles
FROM known
WHERE known.heartbeat > clock_timestamp() - INTERVAL '1 day'
ORDER BY known.name;

-- name: anybody_projects
-- Whether a process that projects has said lately that it lives, or an instance of an earlier version has, which does.
SELECT
    EXISTS (
        SELECT
        FROM coordination.process
        WHERE process.role = 'project' AND process.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s)
    )
    OR EXISTS (
        SELECT
        FROM coordination.instance
        WHERE
            instance.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s)
            AND NOT EXISTS (SELECT FROM coordination.process WHERE process.instance = instance.name)
    );
