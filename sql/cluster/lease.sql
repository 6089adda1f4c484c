-- Which instance may record a gateway: whoever holds its name.

-- name: lead
-- Held as long as this connection lives: there is at most one leader for a gateway.
SELECT coordination.take('gateway ' || %(gateway)s::text, %(class)s::integer, hashtext(%(gateway)s))

-- name: holder
-- The session that has a gateway's name, if it is there still.
SELECT
    pid,
    backend_start,
    role
FROM coordination.held
WHERE name = 'gateway ' || %(gateway)s::text
  AND coordination.is_there(pid, backend_start, role)

-- name: watch_settings
-- A connection whose locks say that somebody is alive ends within about three seconds of his silence, whatever is
-- between him and the server: a dead machine, a cut network, or a proxy that keeps the connection open.
SELECT set_config(name, '3000', false)
FROM pg_settings
WHERE name IN ('idle_session_timeout', 'tcp_user_timeout')
