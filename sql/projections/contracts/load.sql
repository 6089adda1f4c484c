-- How what IB says of a contract becomes rows.

-- name: newest
-- What holds of a contract.
SELECT
    contract_detail.position,
    contract_detail.digest,
    contract_detail.confirmed
FROM contract_detail
WHERE contract_detail.ib_contract_id = %(contract)s AND contract_detail.until IS NULL

-- name: confirm
-- The same was said again.
UPDATE contract_detail
SET confirmed = %(at)s,
    trading_hours = %(trading_hours)s,
    liquid_hours = %(liquid_hours)s
WHERE contract_detail.position = %(position)s

-- name: replace
-- Something else was said.
UPDATE contract_detail
SET until = %(at)s
WHERE contract_detail.position = %(position)s

-- name: add
INSERT INTO contract_detail (
    position,
    ib_contract_id,
    since,
    until,
    confirmed,
    gateway,
    digest,
    isin,
    symbol,
    security_type,
    expiry,
    last_trade_date,
    strike,
    strike_number,
    option_right,
    exchange,
    currency,
    local_symbol,
    market_name,
    trading_class,
    min_tick,
    min_tick_number,
    multiplier,
    multiplier_number,
    order_types,
    valid_exchanges,
    price_magnifier,
    under_contract_id,
    long_name,
    primary_exchange,
    contract_month,
    industry,
    category,
    subcategory,
    time_zone,
    ev_rule,
    ev_multiplier,
    agg_group,
    under_symbol,
    under_security_type,
    market_rule_ids,
    real_expiration_date,
    stock_type,
    min_size,
    min_size_number,
    size_increment,
    size_increment_number,
    suggested_size_increment,
    suggested_size_increment_number,
    cusip,
    coupon,
    coupon_number,
    issue_date,
    ratings,
    bond_type,
    coupon_type,
    convertible,
    callable,
    putable,
    description,
    next_option_date,
    next_option_type,
    next_option_partial,
    notes,
    trading_hours,
    liquid_hours,
    security_ids,
    ineligibility,
    fund
)
VALUES (
    %(position)s,
    %(contract)s,
    %(at)s,
    NULL,
    %(at)s,
    %(gateway)s,
    %(digest)s,
    %(isin)s,
    %(symbol)s,
    %(security_type)s,
    %(expiry)s,
    %(last_trade_date)s,
    %(strike)s,
    %(strike_number)s,
    %(option_right)s,
    %(exchange)s,
    %(currency)s,
    %(local_symbol)s,
    %(market_name)s,
    %(trading_class)s,
    %(min_tick)s,
    %(min_tick_number)s,
    %(multiplier)s,
    %(multiplier_number)s,
    %(order_types)s,
    %(valid_exchanges)s,
    %(price_magnifier)s,
    %(under_contract_id)s,
    %(long_name)s,
    %(primary_exchange)s,
    %(contract_month)s,
    %(industry)s,
    %(category)s,
    %(subcategory)s,
    %(time_zone)s,
    %(ev_rule)s,
    %(ev_multiplier)s,
    %(agg_group)s,
    %(under_symbol)s,
    %(under_security_type)s,
    %(market_rule_ids)s,
    %(real_expiration_date)s,
    %(stock_type)s,
    %(min_size)s,
    %(min_size_number)s,
    %(size_increment)s,
    %(size_increment_number)s,
    %(suggested_size_increment)s,
    %(suggested_size_increment_number)s,
    %(cusip)s,
    %(coupon)s,
    %(coupon_number)s,
    %(issue_date)s,
    %(ratings)s,
    %(bond_type)s,
    %(coupon_type)s,
    %(convertible)s,
    %(callable)s,
    %(putable)s,
    %(description)s,
    %(next_option_date)s,
    %(next_option_type)s,
    %(next_option_partial)s,
    %(notes)s,
    %(trading_hours)s,
    %(liquid_hours)s,
    %(security_ids)s,
    %(ineligibility)s,
    %(fund)s
)

-- name: refuse
-- IB knows no such contract.
INSERT INTO contract_refusal (ib_contract_id, refused, gateway, position, detail)
VALUES (%(contract)s, %(at)s, %(gateway)s, %(position)s, %(detail)s)
ON CONFLICT (ib_contract_id) DO UPDATE
SET refused = excluded.refused,
    gateway = excluded.gateway,
    position = excluded.position,
    detail = excluded.detail
WHERE contract_refusal.refused <= excluded.refused
