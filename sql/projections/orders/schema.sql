-- version: 1
-- title: order tables
-- Everything here is derived from public.stored_events and can be dropped and built again. Ids are given by the projection in
-- the order of events, so that every build gives the same rows. Figures are as IB sent them; one that numeric does not give
-- back letter by letter stands in `inexact` as it was sent, under the name of its column, and in the column as a number, or
-- null where it is none. What is unset, empty or not sent is null.

CREATE TABLE gateway (
    id integer PRIMARY KEY,
    name text NOT NULL UNIQUE
);

-- One order. `account`: empty until it is told. `perm_id`: IB's own id; null until it is given. `order_id`: its client's number
-- of it; 0: entered in TWS, or not told. `gateway_id`: who told of it first. `status`: of its latest state, whose number is
-- `states`, and which was seen first when it `changed`. `is_open`: that state is not a final one. `first_position`: the event
-- that first told of it; `described`: the one that last said something new of its terms. `fault`: why that could not be read
-- to its end; what is behind is null, or as it was said before. `legs`: of a combination; `allocations`: to accounts, of an
-- advisor's order; `others`: what has no column, by IB's names, as text.
CREATE TABLE placed_order (
    id bigint PRIMARY KEY,
    perm_id bigint,
    account text NOT NULL,
    gateway_id integer NOT NULL,
    order_id bigint NOT NULL,
    status text,
    states integer NOT NULL,
    is_open boolean NOT NULL,
    changed timestamptz NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    first_position bigint NOT NULL,
    described bigint NOT NULL,
    client_id bigint,
    parent_id bigint,
    parent_perm_id bigint,
    ib_contract_id bigint,
    symbol text,
    security_type text,
    last_trade_date text,
    strike text,
    option_right text,
    multiplier text,
    exchange text,
    currency text,
    local_symbol text,
    trading_class text,
    combo_legs_description text,
    action text,
    order_type text,
    tif text,
    oca_group text,
    order_ref text,
    model_code text,
    fa_group text,
    fa_method text,
    fa_percentage text,
    good_after_time text,
    good_till_date text,
    outside_rth boolean,
    total_quantity numeric,
    cash_qty numeric,
    lmt_price numeric,
    aux_price numeric,
    trail_stop_price numeric,
    trailing_percent numeric,
    lmt_price_offset numeric,
    commission numeric,
    min_commission numeric,
    max_commission numeric,
    commission_currency text,
    init_margin_before numeric,
    maint_margin_before numeric,
    equity_with_loan_before numeric,
    init_margin_change numeric,
    maint_margin_change numeric,
    equity_with_loan_change numeric,
    init_margin_after numeric,
    maint_margin_after numeric,
    equity_with_loan_after numeric,
    warning_text text,
    reject_reason text,
    completed_time text,
    completed_status text,
    legs json,
    allocations json,
    others json,
    fault text,
    inexact json
);

-- Where the next message about an order finds it: by IB's id, or, as long as it waits for something, by its client's.
CREATE INDEX placed_order_perm_id_idx ON placed_order (perm_id);
CREATE INDEX placed_order_client_idx ON placed_order (client_id, order_id) WHERE is_open AND order_id <> 0;

-- Every state that was seen of an order, numbered from 1; two in a row differ. `first_seen`, `last_seen`: when the first and
-- the last message came that told of it; `position`: the event that first did; `gateway_id`: who sent that. The status Gone is
-- not IB's: the order is no longer among the open ones, and was not among the completed ones.
CREATE TABLE order_state (
    placed_order_id bigint NOT NULL,
    ordinal integer NOT NULL,
    status text,
    filled numeric,
    remaining numeric,
    avg_fill_price numeric,
    last_fill_price numeric,
    why_held text,
    mkt_cap_price numeric,
    total_quantity numeric,
    order_type text,
    lmt_price numeric,
    aux_price numeric,
    gateway_id integer NOT NULL,
    position bigint NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    account text NOT NULL,
    inexact json,
    PRIMARY KEY (placed_order_id, ordinal)
);

-- How each gateway has seen an order: up to which state, and in which list: `listed` among the open ones, `missing` there
-- where it was before.
CREATE TABLE order_gateway (
    placed_order_id bigint NOT NULL,
    gateway_id integer NOT NULL,
    ordinal integer NOT NULL,
    listing text NOT NULL,
    PRIMARY KEY (placed_order_id, gateway_id)
);

CREATE INDEX order_gateway_listing_idx ON order_gateway (gateway_id) WHERE listing <> '';

-- The names that an order's contract is asked for by: its symbol and its local symbol.
CREATE TABLE order_name (
    name text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    first_seen timestamptz NOT NULL,
    placed_order_id bigint NOT NULL
);
