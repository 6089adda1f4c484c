-- name: list_instances
-- The instances that were alive within the last day, by name, each with the gateways that it could record and those that
-- it does. An older schema does not have the version.
SELECT
    instance.name,
    to_jsonb(instance) ->> 'version' AS version,
    instance.address,
    instance.gateways,
    ARRAY(
        SELECT told.name
        FROM coordination.gateway AS told
        WHERE
            told.instance = instance.name
            AND told.connected
            AND told.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s)
        ORDER BY told.name
    ) AS records,
    instance.started,
    instance.heartbeat,
    instance.heartbeat > clock_timestamp() - make_interval(secs => %(fresh)s) AS is_alive
FROM coordination.instance
WHERE instance.heartbeat > clock_timestamp() - INTERVAL '1 day'
ORDER BY instance.name;
