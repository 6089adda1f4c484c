-- The public views.

-- name: v_contract_detail
-- What IB says of a contract: one row for each contract id, which executions, orders and v_contract name as ib_contract_id.
--
-- ib_contract_id: IB's id of the contract (conId).
-- symbol: IB's symbol, of options and futures that of the underlying.
-- local_symbol: The symbol at the exchange.
-- security_type: STK, OPT, FUT, FOP, CASH, BOND, FUND, CRYPTO ….
-- long_name: What people call it: of a stock the company's name.
-- isin: Its ISIN; null: IB did not name one, or the login is not entitled to it.
-- cusip: Its CUSIP; as the ISIN.
-- security_ids: All of its ids as pairs of a kind and an id.
-- currency: ISO code of the currency that it is traded in.
-- exchange: The exchange that IB was asked about; of a stock SMART.
-- primary_exchange: Where it is listed.
-- valid_exchanges: Where it can be traded, separated by commas.
-- trading_class: IB's trading class.
-- market_name: IB's name of the market.
-- industry: Of a company: its sector.
-- category: Of a company: its line of business.
-- subcategory: Of a company: more exactly.
-- stock_type: COMMON, ADR, ETF, REIT ….
-- expiry: IB's text: YYYYMMDD, with time and zone perhaps; of a bond its maturity.
-- last_trade_date: The last trade date by itself, from server version 182 on.
-- real_expiration_date: When it really expires.
-- contract_month: Of a future or an option: YYYYMM.
-- strike: The strike; null where IB's text is no number.
-- option_right: C call, P put.
-- multiplier: The multiplier; null where IB sent none, as for stocks.
-- min_tick: The smallest step of its price.
-- price_magnifier: What a price is divided by to be in the currency: 100 where it is in pence.
-- min_size: The smallest size of an order.
-- size_increment: The step of sizes.
-- under_contract_id: Of a derivative: the contract id of its underlying.
-- under_symbol: Of a derivative: the symbol of its underlying.
-- under_security_type: Of a derivative: what its underlying is.
-- time_zone: The zone of its hours.
-- trading_hours: When it is traded in the days after `confirmed`, as IB sent it.
-- liquid_hours: When it is traded in regular hours in the days after `confirmed`, as IB sent it.
-- coupon: Of a bond: its coupon in percent.
-- coupon_type: Of a bond: FIXED, FLOATING ….
-- bond_type: Of a bond: CORP, GOVT ….
-- ratings: Of a bond: its ratings.
-- issue_date: Of a bond: when it was issued.
-- description: Of a bond: what IB adds to its description.
-- fund: Of a fund: what only funds have, by name.
-- since: When a gateway said so first.
-- confirmed: When a gateway said so last.
-- gateway: The gateway, as in IB_GW, that said so first.
SELECT
    detail.ib_contract_id,
    detail.symbol,
    detail.local_symbol,
    detail.security_type,
    detail.long_name,
    detail.isin,
    detail.cusip,
    detail.security_ids,
    detail.currency,
    detail.exchange,
    detail.primary_exchange,
    detail.valid_exchanges,
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
    detail.strike_number AS strike,
    detail.option_right,
    detail.multiplier_number AS multiplier,
    detail.min_tick_number AS min_tick,
    detail.price_magnifier,
    detail.min_size_number AS min_size,
    detail.size_increment_number AS size_increment,
    CASE WHEN detail.under_contract_id ~ '^[1-9][0-9]{0,17}$' THEN detail.under_contract_id::bigint END AS under_contract_id,
    detail.under_symbol,
    detail.under_security_type,
    detail.time_zone,
    detail.trading_hours,
    detail.liquid_hours,
    detail.coupon_number AS coupon,
    detail.coupon_type,
    detail.bond_type,
    detail.ratings,
    detail.issue_date,
    detail.description,
    detail.fund,
    detail.since,
    detail.confirmed,
    detail.gateway
FROM contract_detail AS detail
WHERE detail.until IS NULL

-- name: v_contract_detail_version
-- What IB said of a contract, and from when until when: one row for each thing that it said. Of a moment hold the rows with
-- since at or before it, and until after it or null.
--
-- ib_contract_id: IB's id of the contract (conId).
-- symbol: IB's symbol, of options and futures that of the underlying.
-- local_symbol: The symbol at the exchange.
-- security_type: STK, OPT, FUT, FOP, CASH, BOND, FUND, CRYPTO ….
-- long_name: What people call it: of a stock the company's name.
-- isin: Its ISIN; null: IB did not name one, or the login is not entitled to it.
-- cusip: Its CUSIP; as the ISIN.
-- security_ids: All of its ids as pairs of a kind and an id.
-- currency: ISO code of the currency that it is traded in.
-- exchange: The exchange that IB was asked about; of a stock SMART.
-- primary_exchange: Where it is listed.
-- valid_exchanges: Where it can be traded, separated by commas.
-- trading_class: IB's trading class.
-- market_name: IB's name of the market.
-- industry: Of a company: its sector.
-- category: Of a company: its line of business.
-- subcategory: Of a company: more exactly.
-- stock_type: COMMON, ADR, ETF, REIT ….
-- expiry: IB's text: YYYYMMDD, with time and zone perhaps; of a bond its maturity.
-- last_trade_date: The last trade date by itself, from server version 182 on.
-- real_expiration_date: When it really expires.
-- contract_month: Of a future or an option: YYYYMM.
-- strike: The strike; null where IB's text is no number.
-- option_right: C call, P put.
-- multiplier: The multiplier; null where IB sent none, as for stocks.
-- min_tick: The smallest step of its price.
-- price_magnifier: What a price is divided by to be in the currency: 100 where it is in pence.
-- min_size: The smallest size of an order.
-- size_increment: The step of sizes.
-- under_contract_id: Of a derivative: the contract id of its underlying.
-- under_symbol: Of a derivative: the symbol of its underlying.
-- under_security_type: Of a derivative: what its underlying is.
-- time_zone: The zone of its hours.
-- trading_hours: When it is traded in the days after `confirmed`, as IB sent it.
-- liquid_hours: When it is traded in regular hours in the days after `confirmed`, as IB sent it.
-- coupon: Of a bond: its coupon in percent.
-- coupon_type: Of a bond: FIXED, FLOATING ….
-- bond_type: Of a bond: CORP, GOVT ….
-- ratings: Of a bond: its ratings.
-- issue_date: Of a bond: when it was issued.
-- description: Of a bond: what IB adds to its description.
-- fund: Of a fund: what only funds have, by name.
-- since: When a gateway said so first.
-- until: When a gateway said something else; null: this holds.
-- confirmed: When a gateway said so last.
-- gateway: The gateway, as in IB_GW, that said so first.
SELECT
    detail.ib_contract_id,
    detail.symbol,
    detail.local_symbol,
    detail.security_type,
    detail.long_name,
    detail.isin,
    detail.cusip,
    detail.security_ids,
    detail.currency,
    detail.exchange,
    detail.primary_exchange,
    detail.valid_exchanges,
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
    detail.strike_number AS strike,
    detail.option_right,
    detail.multiplier_number AS multiplier,
    detail.min_tick_number AS min_tick,
    detail.price_magnifier,
    detail.min_size_number AS min_size,
    detail.size_increment_number AS size_increment,
    CASE WHEN detail.under_contract_id ~ '^[1-9][0-9]{0,17}$' THEN detail.under_contract_id::bigint END AS under_contract_id,
    detail.under_symbol,
    detail.under_security_type,
    detail.time_zone,
    detail.trading_hours,
    detail.liquid_hours,
    detail.coupon_number AS coupon,
    detail.coupon_type,
    detail.bond_type,
    detail.ratings,
    detail.issue_date,
    detail.description,
    detail.fund,
    detail.since,
    detail.until,
    detail.confirmed,
    detail.gateway
FROM contract_detail AS detail

-- name: v_contract_request
-- What became of asking IB for a contract: one row for each contract id.
--
-- ib_contract_id: The contract id.
-- asked: When IB answered last.
-- is_known: Whether it knew the contract then.
-- detail: What it said if it did not.
-- symbol: What it is called, if IB has ever known it.
-- multiplier: Its multiplier as IB sent it, if IB has ever known it.
SELECT
    detail.ib_contract_id,
    greatest(detail.confirmed, refusal.refused) AS asked,
    refusal.refused IS NULL OR detail.confirmed >= refusal.refused AS is_known,
    CASE WHEN refusal.refused > detail.confirmed THEN refusal.detail END AS detail,
    detail.symbol,
    detail.multiplier
FROM contract_detail AS detail
LEFT JOIN contract_refusal AS refusal ON refusal.ib_contract_id = detail.ib_contract_id
WHERE detail.until IS NULL
UNION ALL
SELECT
    refusal.ib_contract_id,
    refusal.refused AS asked,
    FALSE AS is_known,
    refusal.detail,
    NULL AS symbol,
    NULL AS multiplier
FROM contract_refusal AS refusal
WHERE NOT EXISTS (
    SELECT
    FROM contract_detail AS known
    WHERE known.ib_contract_id = refusal.ib_contract_id AND known.until IS NULL
)
