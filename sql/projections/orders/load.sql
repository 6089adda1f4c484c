-- How a batch of facts about orders becomes rows: what is known of these orders, then what is new of them.

-- name: gateways
SELECT gateway.id, gateway.name FROM gateway WHERE gateway.id > %(last)s ORDER BY gateway.id

-- name: last_order
SELECT coalesce(max(placed_order.id), 0) FROM placed_order

-- name: find
-- The orders that a batch may be about: those of IB's ids, those that wait for something under these numbers of their
-- clients, and those in the lists of gateways whose lists end in it.
SELECT placed_order.id
FROM placed_order
WHERE placed_order.perm_id = ANY(%(perm_ids)s::bigint [])
UNION
SELECT placed_order.id
FROM unnest(%(client_ids)s::bigint [], %(order_ids)s::bigint []) AS named (client_id, order_id)
INNER JOIN placed_order
    ON placed_order.client_id = named.client_id AND placed_order.order_id = named.order_id
WHERE placed_order.is_open AND placed_order.order_id <> 0
UNION
SELECT order_gateway.placed_order_id
FROM order_gateway
WHERE order_gateway.listing <> '' AND order_gateway.gateway_id = ANY(%(gateway_ids)s::integer [])

-- name: orders
SELECT placed_order.* FROM placed_order WHERE placed_order.id = ANY(%(ids)s::bigint [])

-- name: states
-- The newest states of each order, oldest first.
SELECT newest.*
FROM unnest(%(ids)s::bigint []) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT order_state.*
    FROM order_state
    WHERE order_state.placed_order_id = wanted.id
    ORDER BY order_state.ordinal DESC
    LIMIT %(most)s
) AS newest
ORDER BY newest.placed_order_id, newest.ordinal

-- name: seen
SELECT
    order_gateway.placed_order_id,
    order_gateway.gateway_id,
    order_gateway.ordinal,
    order_gateway.listing
FROM order_gateway
WHERE order_gateway.placed_order_id = ANY(%(ids)s::bigint [])

-- name: gateway
COPY gateway (id, name) FROM STDIN

-- name: forget
-- Orders whose rows are written anew.
DELETE FROM placed_order WHERE placed_order.id = ANY(%(ids)s::bigint [])

-- name: forget_states
-- States whose rows are written anew.
DELETE FROM order_state
USING unnest(%(ids)s::bigint [], %(ordinals)s::integer []) AS former (id, ordinal)
WHERE order_state.placed_order_id = former.id AND order_state.ordinal = former.ordinal

-- name: placed_order
-- The columns of the table in their order.
COPY placed_order FROM STDIN

-- name: order_state
-- The columns of the table in their order.
COPY order_state FROM STDIN

-- name: order_name
-- The columns of the table in their order.
COPY order_name FROM STDIN

-- name: touch_orders
-- Orders of which nothing new was said.
UPDATE placed_order
SET last_seen = touched.last_seen
FROM unnest(%(ids)s::bigint [], %(times)s::timestamptz []) AS touched (id, last_seen)
WHERE placed_order.id = touched.id

-- name: touch_states
-- States that were told again.
UPDATE order_state
SET last_seen = touched.last_seen
FROM unnest(%(ids)s::bigint [], %(ordinals)s::integer [], %(times)s::timestamptz []) AS touched (id, ordinal, last_seen)
WHERE order_state.placed_order_id = touched.id AND order_state.ordinal = touched.ordinal

-- name: note_seen
INSERT INTO order_gateway (placed_order_id, gateway_id, ordinal, listing)
SELECT
    told.id,
    told.gateway_id,
    told.ordinal,
    told.listing
FROM unnest(
    %(ids)s::bigint [], %(gateway_ids)s::integer [], %(ordinals)s::integer [], %(listings)s::text []
) AS told (id, gateway_id, ordinal, listing)
ON CONFLICT (placed_order_id, gateway_id) DO UPDATE SET ordinal = excluded.ordinal, listing = excluded.listing

-- name: adopt_states
-- States of orders whose account was not told before.
UPDATE order_state
SET account = adopted.account
FROM unnest(%(ids)s::bigint [], %(accounts)s::text []) AS adopted (id, account)
WHERE order_state.placed_order_id = adopted.id

-- name: drop_names
DELETE FROM order_name
USING unnest(%(ids)s::bigint [], %(accounts)s::text [], %(times)s::timestamptz [], %(names)s::text [])
    AS former (id, account, first_seen, name)
WHERE
    order_name.name = former.name
    AND order_name.account = former.account
    AND order_name.first_seen = former.first_seen
    AND order_name.placed_order_id = former.id
