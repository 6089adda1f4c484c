-- What IB says of contracts.

-- name: contracts
-- A page of contracts, by id: what was said of each at a moment, of those that have this symbol, ISIN or id (null: any), and that
-- the token may see. What holds at a moment is one row of a contract: the newest said by then.
SELECT
    detail.ib_contract_id,
    detail.symbol,
    detail.local_symbol,
    detail.security_type,
    detail.long_name,
    detail.isin,
    detail.cusip,
    ARRAY(SELECT concat(pair ->> 0, '=', pair ->> 1) FROM jsonb_array_elements(detail.security_ids) AS pair) AS ids,
    detail.currency,
    detail.exchange,
    detail.primary_exchange,
    coalesce(string_to_array(detail.valid_exchanges, ','), '{{}}') AS valid_exchanges,
    detail.trading_class,
    detail.market_name,
    detail.industry,
    detail.category,
    detail.subcategory,
    detail.stock_type,
    detail.expiry,
    detail.last_trade_date,
    detail.real_expiration_date,
    detail.contract_month,
    detail.strike,
    detail.option_right,
    detail.multiplier,
    detail.min_tick,
    detail.price_magnifier,
    detail.market_rule_ids,
    detail.min_size,
    detail.size_increment,
    detail.suggested_size_increment,
    detail.order_types,
    nullif(detail.under_contract_id, '0') AS under_contract_id,
    detail.under_symbol,
    detail.under_security_type,
    detail.time_zone,
    detail.trading_hours,
    detail.liquid_hours,
    detail.coupon,
    detail.coupon_type,
    detail.bond_type,
    detail.ratings,
    detail.issue_date,
    detail.description,
    detail.convertible,
    detail.callable,
    detail.putable,
    detail.next_option_date,
    detail.next_option_type,
    detail.notes,
    ARRAY(SELECT concat(each.key, '=', each.value) FROM jsonb_each_text(detail.fund) AS each ORDER BY each.key) AS fund,
    ARRAY(
        SELECT concat(pair ->> 0, '=', pair ->> 1) FROM jsonb_array_elements(detail.ineligibility) AS pair
    ) AS ineligibility,
    detail.gateway,
    detail.since,
    CASE WHEN detail.until <= %(now)s THEN detail.until END AS until,
    detail.confirmed
FROM contracts.contract_detail AS detail
WHERE
    detail.ib_contract_id > %(after)s
    AND detail.since <= %(at)s
    AND (detail.until IS NULL OR detail.until > %(at)s)
    AND {which}
    AND {visible}
ORDER BY detail.ib_contract_id
LIMIT %(rows)s

-- name: any
TRUE

-- name: of_ids
detail.ib_contract_id = ANY(%(contracts)s::bigint[])

-- name: of_symbol
-- Also the one whose local symbol it is, of those with the symbol.
detail.symbol = ANY(%(symbols)s::text[])

-- name: of_isin
detail.isin = %(isin)s

-- name: held
-- It is one that an account of the token has ever held, a position that was closed on the same day included. (OFFSET 0 keeps
-- the planner from reading all contracts instead.)
detail.ib_contract_id = ANY(
    ARRAY(
        SELECT DISTINCT held.ib_contract_id
        FROM accounts.account
        INNER JOIN accounts.account_contract ON account_contract.account_id = account.id AND NOT account_contract.is_foreign
        CROSS JOIN LATERAL (
            SELECT contract.ib_contract_id
            FROM accounts.contract
            WHERE contract.id = account_contract.contract_id
            OFFSET 0
        ) AS held
        WHERE account.code = ANY(%(codes)s::text[])
    )
)

-- name: names
-- ISIN and long name of some contracts, over time.
SELECT
    detail.ib_contract_id,
    detail.since,
    detail.isin,
    detail.long_name
FROM contracts.contract_detail AS detail
WHERE detail.ib_contract_id = ANY(%(contracts)s::bigint[])
ORDER BY detail.ib_contract_id, detail.since, detail.position
