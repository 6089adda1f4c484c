-- What a running instance says to the others: that it runs, how its gateways are, what it was asked for.

-- name: hold_name
-- Held as long as this connection lives: an instance whose name nobody holds is gone, and so is what it recorded. (The
-- number and the name are those of coordination.is_alive.)
SELECT coordination.take('instance ' || %(name)s::text, 7107, hashtext(%(name)s))

-- name: namesake
-- Where another living process that has this name can be asked: it holds the name, and has beaten lately. (What holds the
-- name of a process that died behind a lock holds it for as long as that lock lasts, and does not beat.)
SELECT coalesce(address, 'an address that it does not tell')
FROM coordination.instance
WHERE name = %(name)s
  AND heartbeat > clock_timestamp() - interval '6 seconds'
  AND coordination.is_alive(name)

-- name: is_alive
-- Whether somebody holds this name.
SELECT coordination.is_alive(%(name)s)

-- name: announce_instance
-- A process that has the name of one that was killed began later than that.
INSERT INTO coordination.instance (name, gateways, client_id, address, version)
VALUES (%(name)s, %(gateways)s, %(client_id)s, %(address)s, %(version)s)
ON CONFLICT (name) DO UPDATE
SET
    gateways = excluded.gateways,
    client_id = excluded.client_id,
    address = excluded.address,
    version = excluded.version,
    started = CASE WHEN %(is_new)s THEN clock_timestamp() ELSE instance.started END,
    heartbeat = clock_timestamp()

-- name: leave_instance
-- A clean end: nobody is left to say that the gateways recorded here are not any more.
WITH left_behind AS (
    UPDATE coordination.gateway
    SET
        connected = false,
        state = 'disconnected',
        detail = 'the instance that recorded it was stopped',
        since = clock_timestamp()
    WHERE instance = %(name)s AND connected
)

DELETE FROM coordination.instance
WHERE name = %(name)s

-- name: forget_gone
-- What has said nothing for a day: instances that were killed, and gateways that no other instance could record (of one
-- of an earlier version it is not known what it could). What was recorded of them stays.
WITH gone AS (
    DELETE FROM coordination.instance
    WHERE heartbeat < clock_timestamp() - interval '1 day'
),

given_up AS (
    DELETE FROM coordination.held
    WHERE since < clock_timestamp() - interval '1 day'
      AND pid IS NOT NULL
      AND NOT coordination.is_there(pid, backend_start, role)
)

DELETE FROM coordination.gateway
WHERE heartbeat < clock_timestamp() - interval '1 day'
  AND NOT EXISTS (
      SELECT 1
      FROM coordination.instance
      WHERE instance.heartbeat >= clock_timestamp() - interval '1 day'
        AND (gateway.name = ANY(instance.gateways) OR instance.gateways = '{}')
  )

-- name: instances
-- The other instances that could take over one of these gateways: where each can be asked, whether it is the same API
-- client, when it has beaten, how long ago that was by this server's clock, and whether somebody holds its name. (To find
-- that out costs more than all else here, so it is not asked of those that are long gone.)
SELECT
    name,
    address,
    client_id IS NOT DISTINCT FROM %(client_id)s AS is_same_client,
    heartbeat,
    extract(EPOCH FROM clock_timestamp() - heartbeat)::double precision AS silent,
    CASE
        WHEN heartbeat > clock_timestamp() - interval '15 seconds' OR name = ANY(%(recent)s::text[])
            THEN coordination.is_alive(name)
        ELSE false
    END AS is_connected
FROM coordination.instance
WHERE name <> %(name)s
  AND (gateways && %(gateways)s OR gateways = '{}')

-- name: configured_elsewhere
-- The gateways that other instances have configured which have not been silent for long, and for how many seconds they have.
SELECT
    configured.name,
    extract(EPOCH FROM clock_timestamp() - max(instance.heartbeat))::double precision AS silent
FROM coordination.instance
CROSS JOIN LATERAL unnest(instance.gateways) AS configured (name)
WHERE instance.name <> %(name)s
  AND instance.heartbeat > clock_timestamp() - make_interval(secs => %(remembered)s)
GROUP BY configured.name

-- name: unled
-- Those of some gateways that no instance leads: whoever leads one reports it every two seconds, connected or not.
SELECT wanted.name
FROM unnest(%(gateways)s::text[]) AS wanted (name)
WHERE NOT EXISTS (
    SELECT 1
    FROM coordination.gateway AS reported
    WHERE reported.name = wanted.name
      AND reported.heartbeat > clock_timestamp() - interval '10 seconds'
)

-- name: surplus
-- A gateway that we record and that another instance should: one that is alive, could, and records at least two fewer.
WITH led AS (
    SELECT
        instance,
        count(*) AS gateways
    FROM coordination.gateway
    WHERE heartbeat > clock_timestamp() - interval '15 seconds'
    GROUP BY instance
)

SELECT gateway.name
FROM coordination.gateway
INNER JOIN led ON led.instance = gateway.instance
WHERE gateway.instance = %(name)s
  AND EXISTS (
      SELECT 1
      FROM coordination.instance AS peer
      LEFT JOIN led AS theirs ON theirs.instance = peer.name
      WHERE peer.name <> %(name)s
        AND gateway.name = ANY(peer.gateways)
        AND peer.heartbeat > clock_timestamp() - interval '5 seconds'
        AND coordination.is_alive(peer.name)
        AND coalesce(theirs.gateways, 0) + 2 <= led.gateways
  )
ORDER BY gateway.name DESC
LIMIT 1

-- name: new_requests
-- The requests after the last one that is known, and whether each is news: at the start, when none is known, only those
-- are that were asked so recently that somebody may still wait for them. What is not news counts as seen.
SELECT
    id,
    asked,
    accounts,
    gateways,
    holder,
    %(last)s::bigint IS NOT NULL OR asked > clock_timestamp() - interval '1 minute' AS is_news
FROM coordination.refresh_request
WHERE id > coalesce(%(last)s::bigint, 0)
ORDER BY id

-- name: forget_requests
DELETE FROM coordination.refresh_request
WHERE asked < clock_timestamp() - interval '1 day'
  AND id < (SELECT max(id) FROM coordination.refresh_request)

-- name: unfinished_refresh
-- Of a gateway's newest session but one that has just begun, among the latest hundred streams beside those of Flex statements: its newest refresh, if that
-- was for all accounts and has not ended; and a row for each account whose figures could be relied on in it: when it was
-- concluded (microseconds since the epoch), and the request that this serves. No refresh has as many events as are looked at.
WITH RECURSIVE latest AS (
    (
        SELECT
            originator_id,
            1 AS place
        FROM public.stored_events
        ORDER BY originator_id DESC
        LIMIT 1
    )
    UNION ALL
    SELECT
        coalesce(
            (
                SELECT older.originator_id
                FROM public.stored_events AS older
                WHERE older.originator_id < latest.originator_id
                  AND older.originator_id >= coordination.month_from(latest.originator_id)
                ORDER BY older.originator_id DESC
                LIMIT 1
            ),
            (
                SELECT older.originator_id
                FROM public.stored_events AS older
                WHERE older.originator_id < latest.originator_id
                ORDER BY older.originator_id DESC
                LIMIT 1
            )
        ),
        latest.place + CASE
            WHEN EXISTS (SELECT FROM coordination.statement WHERE statement.stream = latest.originator_id) THEN 0
            ELSE 1
        END
    FROM latest
    WHERE latest.originator_id IS NOT NULL AND latest.place < 100
),

before AS (
    SELECT latest.originator_id
    FROM latest
    INNER JOIN public.stored_events AS opened
        ON opened.originator_id = latest.originator_id AND opened.originator_version = 1
    WHERE
        latest.originator_id <> %(session)s
        AND opened.topic = 'so'
        AND convert_from(opened.state, 'UTF8')::json ->> 'gateway' = %(gateway)s
    ORDER BY latest.originator_id DESC
    LIMIT 1
),

newest AS (
    SELECT
        before.originator_id,
        last_event.originator_version
    FROM before
    CROSS JOIN LATERAL (
        SELECT event.originator_version
        FROM public.stored_events AS event
        WHERE event.originator_id = before.originator_id
        ORDER BY event.originator_version DESC
        LIMIT 1
    ) AS last_event
),

marks AS (
    SELECT
        event.originator_version,
        event.topic,
        convert_from(event.state, 'UTF8')::json AS state
    FROM newest
    INNER JOIN public.stored_events AS event
        ON
            event.originator_id = newest.originator_id
            AND event.originator_version > newest.originator_version - 500000
            AND event.topic IN ('rs', 're', 'ac')
),

refresh AS (
    SELECT
        marks.originator_version,
        (marks.state ->> 'created')::bigint AS created
    FROM marks
    WHERE
        marks.topic = 'rs'
        AND coalesce(marks.state ->> 'scope', '') = ''
        AND NOT EXISTS (
            SELECT 1
            FROM marks AS later
            WHERE later.topic IN ('rs', 're') AND later.originator_version > marks.originator_version
        )
)

SELECT
    refresh.created,
    concluded.account,
    concluded.at,
    concluded.request
FROM refresh
LEFT JOIN LATERAL (
    SELECT DISTINCT ON (marks.state ->> 'account')
        marks.state ->> 'account' AS account,
        (marks.state ->> 't')::bigint AS at,
        (marks.state ->> 'request')::bigint AS request,
        coalesce(marks.state ->> 'why', '') = '' AS is_whole
    FROM marks
    WHERE
        marks.topic = 'ac'
        AND marks.originator_version > refresh.originator_version
        AND coalesce(marks.state ->> 'then', '') = ''
    ORDER BY marks.state ->> 'account', marks.originator_version DESC
) AS concluded ON concluded.is_whole

-- name: open_sessions
-- The streams of a gateway, among the latest hundred of all, that do not say how they ended, and whose they are. Those of Flex
-- statements do not count: thousands may be imported between a session and the next.
-- Ids of streams grow with time, so the index gives the latest ones, one step each, in the partition of the month first.
WITH RECURSIVE latest AS (
    (
        SELECT
            originator_id,
            1 AS place
        FROM public.stored_events
        ORDER BY originator_id DESC
        LIMIT 1
    )
    UNION ALL
    SELECT
        coalesce(
            (
                SELECT older.originator_id
                FROM public.stored_events AS older
                WHERE older.originator_id < latest.originator_id
                  AND older.originator_id >= coordination.month_from(latest.originator_id)
                ORDER BY older.originator_id DESC
                LIMIT 1
            ),
            (
                SELECT older.originator_id
                FROM public.stored_events AS older
                WHERE older.originator_id < latest.originator_id
                ORDER BY older.originator_id DESC
                LIMIT 1
            )
        ),
        latest.place + CASE
            WHEN EXISTS (SELECT FROM coordination.statement WHERE statement.stream = latest.originator_id) THEN 0
            ELSE 1
        END
    FROM latest
    WHERE latest.originator_id IS NOT NULL AND latest.place < 100
)

SELECT
    latest.originator_id,
    opened.instance
FROM latest
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN topic = 'so' THEN convert_from(state, 'UTF8')::json ->> 'gateway' END AS gateway,
        CASE WHEN topic = 'so' THEN convert_from(state, 'UTF8')::json ->> 'instance' END AS instance
    FROM public.stored_events
    WHERE originator_id = latest.originator_id AND originator_version = 1
) AS opened
WHERE opened.gateway = %(gateway)s
  AND (
      SELECT topic
      FROM public.stored_events
      WHERE originator_id = latest.originator_id
      ORDER BY originator_version DESC
      LIMIT 1
  ) <> 'sc'

-- name: report_gateway
INSERT INTO coordination.gateway (name, instance, state, detail, connected, session_id, server_version)
VALUES (%(gateway)s, %(instance)s, %(state)s, %(detail)s, %(connected)s, %(session_id)s, %(server_version)s)
ON CONFLICT (name) DO UPDATE
SET
    instance = excluded.instance,
    state = excluded.state,
    detail = excluded.detail,
    connected = excluded.connected,
    session_id = coalesce(excluded.session_id, gateway.session_id),
    server_version = coalesce(excluded.server_version, gateway.server_version),
    since = CASE WHEN gateway.state = excluded.state THEN gateway.since ELSE clock_timestamp() END,
    heartbeat = clock_timestamp()

-- name: report_notice
UPDATE coordination.gateway
SET
    last_notice_code = %(code)s,
    last_notice_text = %(text)s,
    last_notice_at = clock_timestamp()
WHERE name = %(gateway)s

-- name: leader
-- Who reported this gateway last.
SELECT instance
FROM coordination.gateway
WHERE name = %(gateway)s

-- name: contracts_asked
-- What became of asking IB for some contracts, and how long ago.
SELECT
    v_contract_request.ib_contract_id,
    extract(EPOCH FROM clock_timestamp() - v_contract_request.asked)::float8 AS seconds,
    coalesce(v_contract_request.symbol, '') AS symbol,
    coalesce(v_contract_request.multiplier, '') AS multiplier
FROM public.v_contract_request
WHERE v_contract_request.ib_contract_id = ANY(%(contracts)s::bigint[])
