-- version: 1
-- title: contract tables

-- What IB has said of contracts: a row for each thing that it has said of one, until it says something else. `position`: of the
-- message that said so first; `since`: when that came; `until`: when something else came (null: this holds); `confirmed`: when it
-- was said last. Texts are as sent; a number that is none is null beside its text. Hours are those that were sent last: they
-- are of the days ahead, and change by themselves.
CREATE TABLE contract_detail (
    position bigint PRIMARY KEY,
    ib_contract_id bigint NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz,
    confirmed timestamptz NOT NULL,
    gateway text NOT NULL,
    digest bytea NOT NULL,
    isin text,
    symbol text,
    security_type text,
    expiry text,
    last_trade_date text,
    strike text,
    strike_number numeric,
    option_right text,
    exchange text,
    currency text,
    local_symbol text,
    market_name text,
    trading_class text,
    min_tick text,
    min_tick_number numeric,
    multiplier text,
    multiplier_number numeric,
    order_types text,
    valid_exchanges text,
    price_magnifier text,
    under_contract_id text,
    long_name text,
    primary_exchange text,
    contract_month text,
    industry text,
    category text,
    subcategory text,
    time_zone text,
    ev_rule text,
    ev_multiplier text,
    agg_group text,
    under_symbol text,
    under_security_type text,
    market_rule_ids text,
    real_expiration_date text,
    stock_type text,
    min_size text,
    min_size_number numeric,
    size_increment text,
    size_increment_number numeric,
    suggested_size_increment text,
    suggested_size_increment_number numeric,
    cusip text,
    coupon text,
    coupon_number numeric,
    issue_date text,
    ratings text,
    bond_type text,
    coupon_type text,
    convertible text,
    callable text,
    putable text,
    description text,
    next_option_date text,
    next_option_type text,
    next_option_partial text,
    notes text,
    trading_hours text,
    liquid_hours text,
    security_ids jsonb,
    ineligibility jsonb,
    fund jsonb
);

-- What is said is compared with what holds, in a rebuild as well: these are there from the start.
CREATE UNIQUE INDEX contract_detail_newest_idx ON contract_detail (ib_contract_id) WHERE until IS NULL;

-- Contracts that IB says it does not know, by their ids: when it said so last.
CREATE TABLE contract_refusal (
    ib_contract_id bigint PRIMARY KEY,
    refused timestamptz NOT NULL,
    gateway text NOT NULL,
    position bigint NOT NULL,
    detail text NOT NULL
);
