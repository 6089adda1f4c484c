-- Orders and their states, newest first, page by page. Every page is found by an index: of each account that is asked for, or
-- of all, the rows of one state, of one name, or all of them, behind where the page before has ended.

-- name: each
-- Of all accounts that there are.
{source}

-- name: of_accounts
-- Of some accounts, each by itself.
SELECT one.*
FROM unnest(%(codes)s::text[]) AS account (code)
CROSS JOIN LATERAL ({source}) AS one

-- name: known
-- Which of some accounts any gateway ever listed, or told orders of.
SELECT wanted.code
FROM unnest(%(codes)s::text[]) AS wanted (code)
WHERE
    EXISTS (SELECT 1 FROM account WHERE account.code = wanted.code)
    OR EXISTS (SELECT 1 FROM orders.placed_order WHERE placed_order.account = wanted.code)

-- name: all_orders
SELECT
    placed_order.id,
    placed_order.first_seen
FROM orders.placed_order
WHERE
    {whose}
    AND placed_order.first_seen >= %(from)s
    AND (placed_order.first_seen, placed_order.id) < (%(before)s::timestamptz, %(before_id)s::bigint)
ORDER BY placed_order.first_seen DESC, placed_order.id DESC
LIMIT %(rows)s

-- name: open_orders
SELECT
    placed_order.id,
    placed_order.first_seen
FROM orders.placed_order
WHERE
    {whose}
    AND placed_order.is_open
    AND placed_order.first_seen >= %(from)s
    AND (placed_order.first_seen, placed_order.id) < (%(before)s::timestamptz, %(before_id)s::bigint)
ORDER BY placed_order.first_seen DESC, placed_order.id DESC
LIMIT %(rows)s

-- name: orders_in_state
-- Those whose latest state is one of some.
SELECT of_one.*
FROM unnest(%(statuses)s::text[]) AS wanted (status)
CROSS JOIN LATERAL (
    SELECT
        placed_order.id,
        placed_order.first_seen
    FROM orders.placed_order
    WHERE
        {whose}
        AND placed_order.status = wanted.status
        AND placed_order.first_seen >= %(from)s
        AND (placed_order.first_seen, placed_order.id) < (%(before)s::timestamptz, %(before_id)s::bigint)
    ORDER BY placed_order.first_seen DESC, placed_order.id DESC
    LIMIT %(rows)s
) AS of_one

-- name: named_orders
-- Those of a symbol, or of a contract whose local symbol it is, in one of some states.
SELECT of_one.*
FROM unnest(%(names)s::text[]) AS wanted (name)
CROSS JOIN LATERAL (
    SELECT
        order_name.placed_order_id AS id,
        order_name.first_seen
    FROM orders.order_name
    INNER JOIN orders.placed_order ON placed_order.id = order_name.placed_order_id
    WHERE
        order_name.name = wanted.name
        AND {whose_name}
        AND (%(statuses)s::text[] IS NULL OR placed_order.status = ANY(%(statuses)s::text[]))
        AND (NOT %(open)s OR placed_order.is_open)
        AND order_name.first_seen >= %(from)s
        AND (order_name.first_seen, order_name.placed_order_id) < (%(before)s::timestamptz, %(before_id)s::bigint)
    ORDER BY order_name.first_seen DESC, order_name.placed_order_id DESC
    LIMIT %(rows)s
) AS of_one

-- name: anybodys
TRUE

-- name: the_accounts
placed_order.account = account.code

-- name: the_accounts_name
order_name.account = account.code

-- name: page
-- The orders that are on a page. (One that is found by two names is one.)
SELECT DISTINCT
    found.first_seen,
    found.id
FROM ({found}) AS found
ORDER BY found.first_seen DESC, found.id DESC
LIMIT %(rows)s

-- name: orders
-- The rows of some orders, in the order of columns.FLAT_COLUMNS, then what of their state is not exactly a number.
SELECT
    placed_order.id,
    nullif(placed_order.account, ''),
    placed_order.perm_id,
    placed_order.client_id,
    nullif(placed_order.order_id, 0),
    placed_order.parent_id,
    placed_order.parent_perm_id,
    order_state.status,
    order_state.filled,
    order_state.remaining,
    order_state.avg_fill_price,
    order_state.last_fill_price,
    order_state.why_held,
    order_state.mkt_cap_price,
    placed_order.is_open,
    placed_order.changed,
    placed_order.ib_contract_id,
    placed_order.symbol,
    placed_order.local_symbol,
    placed_order.security_type,
    placed_order.exchange,
    placed_order.currency,
    placed_order.multiplier,
    placed_order.strike,
    placed_order.option_right,
    placed_order.last_trade_date,
    placed_order.trading_class,
    placed_order.action,
    placed_order.total_quantity,
    placed_order.order_type,
    placed_order.lmt_price,
    placed_order.aux_price,
    placed_order.cash_qty,
    placed_order.trail_stop_price,
    placed_order.trailing_percent,
    placed_order.lmt_price_offset,
    placed_order.tif,
    placed_order.good_after_time,
    placed_order.good_till_date,
    placed_order.outside_rth,
    placed_order.oca_group,
    placed_order.order_ref,
    placed_order.model_code,
    placed_order.fa_group,
    placed_order.fa_method,
    placed_order.fa_percentage,
    placed_order.commission,
    placed_order.min_commission,
    placed_order.max_commission,
    placed_order.commission_currency,
    placed_order.init_margin_change,
    placed_order.maint_margin_change,
    placed_order.warning_text,
    placed_order.reject_reason,
    placed_order.completed_time,
    placed_order.completed_status,
    placed_order.first_seen,
    placed_order.last_seen,
    gateway.name,
    placed_order.first_position,
    placed_order.states,
    placed_order.legs::text,
    placed_order.allocations::text,
    placed_order.others::text,
    placed_order.inexact::text,
    placed_order.fault,
    order_state.inexact::text
FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS wanted (id, number)
INNER JOIN orders.placed_order ON placed_order.id = wanted.id
INNER JOIN orders.order_state ON order_state.placed_order_id = placed_order.id AND order_state.ordinal = placed_order.states
INNER JOIN orders.gateway ON gateway.id = placed_order.gateway_id
ORDER BY wanted.number

-- name: states_of_orders
-- The newest states of some orders, oldest first, in the order of columns.STATE_COLUMNS, each after its order.
SELECT
    wanted.id,
    NULL,
    NULL,
    NULL,
    NULL,
    newest.ordinal,
    newest.status,
    newest.filled,
    newest.remaining,
    newest.avg_fill_price,
    newest.last_fill_price,
    newest.why_held,
    newest.mkt_cap_price,
    newest.total_quantity,
    newest.order_type,
    newest.lmt_price,
    newest.aux_price,
    newest.first_seen,
    newest.last_seen,
    gateway.name,
    newest.position,
    newest.inexact::text
FROM unnest(%(ids)s::bigint[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT order_state.*
    FROM orders.order_state
    WHERE order_state.placed_order_id = wanted.id
    ORDER BY order_state.ordinal DESC
    LIMIT %(most)s
) AS newest
INNER JOIN orders.gateway ON gateway.id = newest.gateway_id
ORDER BY wanted.id, newest.ordinal

-- name: all_states
SELECT
    order_state.first_seen,
    order_state.placed_order_id,
    order_state.ordinal
FROM orders.order_state
WHERE
    {whose_state}
    AND order_state.first_seen >= %(from)s
    AND (order_state.first_seen, order_state.placed_order_id, order_state.ordinal)
    < (%(before)s::timestamptz, %(before_id)s::bigint, %(before_ordinal)s::integer)
ORDER BY order_state.first_seen DESC, order_state.placed_order_id DESC, order_state.ordinal DESC
LIMIT %(rows)s

-- name: states_of_order
-- Those of one order of the account.
SELECT
    order_state.first_seen,
    order_state.placed_order_id,
    order_state.ordinal
FROM orders.placed_order
INNER JOIN orders.order_state ON order_state.placed_order_id = placed_order.id
WHERE
    placed_order.perm_id = %(perm_id)s
    AND {whose_state}
    AND order_state.first_seen >= %(from)s
    AND (order_state.first_seen, order_state.placed_order_id, order_state.ordinal)
    < (%(before)s::timestamptz, %(before_id)s::bigint, %(before_ordinal)s::integer)
ORDER BY order_state.first_seen DESC, order_state.placed_order_id DESC, order_state.ordinal DESC
LIMIT %(rows)s

-- name: the_accounts_state
order_state.account = account.code

-- name: states_page
-- The states that are on a page, in the order of columns.STATE_COLUMNS, each after its order.
SELECT
    placed_order.id,
    nullif(placed_order.account, ''),
    placed_order.perm_id,
    placed_order.client_id,
    nullif(placed_order.order_id, 0),
    order_state.ordinal,
    order_state.status,
    order_state.filled,
    order_state.remaining,
    order_state.avg_fill_price,
    order_state.last_fill_price,
    order_state.why_held,
    order_state.mkt_cap_price,
    order_state.total_quantity,
    order_state.order_type,
    order_state.lmt_price,
    order_state.aux_price,
    order_state.first_seen,
    order_state.last_seen,
    gateway.name,
    order_state.position,
    order_state.inexact::text
FROM ({found}) AS found
INNER JOIN orders.placed_order ON placed_order.id = found.placed_order_id
INNER JOIN orders.order_state
    ON order_state.placed_order_id = found.placed_order_id AND order_state.ordinal = found.ordinal
INNER JOIN orders.gateway ON gateway.id = order_state.gateway_id
ORDER BY found.first_seen DESC, found.placed_order_id DESC, found.ordinal DESC
LIMIT %(rows)s
