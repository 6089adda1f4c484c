-- version: 4
-- title: snapshot tables
-- Created in an empty schema that leads the search_path. Everything here is derived from public.stored_events and can be
-- dropped and built again. Ids are given by the projection in the order of events, so that every build gives the same
-- rows. Keys of the tables that grow with every snapshot are in constraints.sql: a rebuild adds them after loading.

CREATE TABLE currency (
    id integer PRIMARY KEY,
    code text NOT NULL UNIQUE,
    iso_4217_code smallint,
    name text
);

CREATE TABLE gateway (
    id integer PRIMARY KEY,
    name text NOT NULL UNIQUE
);

-- Accounts that a gateway has named, and those that Flex statements are of, which have no row of gateway_account.
CREATE TABLE account (
    id integer PRIMARY KEY,
    code text NOT NULL UNIQUE
);

CREATE TABLE security_type (
    id integer PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE exchange (
    id integer PRIMARY KEY,
    name text NOT NULL UNIQUE
);

-- Symbols, local symbols and trading classes.
CREATE TABLE symbol (
    id integer PRIMARY KEY,
    name text NOT NULL UNIQUE
);

-- IB identifies a contract by its id alone; what it says of one may change (a renamed symbol, a new exchange).
-- Each version of that has a row of its own, so an old report never changes. Contracts without an id of their own
-- (combinations have 0; null: what came is no id) are told apart by all that is said of them. Strike and multiplier are IB's
-- text; beside them the number, null where there is none. `described`: the snapshot since which IB has described it so, or
-- did until it described it otherwise; of an id's rows the one with the last was the last description.
CREATE TABLE contract (
    id integer PRIMARY KEY,
    ib_contract_id bigint,
    symbol_id integer NOT NULL REFERENCES symbol,
    security_type_id integer NOT NULL REFERENCES security_type,
    last_trade_date text NOT NULL,
    strike text NOT NULL,
    option_right text NOT NULL,
    multiplier text NOT NULL,
    exchange_id integer NOT NULL REFERENCES exchange,
    currency_id integer NOT NULL REFERENCES currency,
    local_symbol_id integer NOT NULL REFERENCES symbol,
    trading_class_id integer NOT NULL REFERENCES symbol,
    strike_number numeric,
    multiplier_number numeric,
    described integer NOT NULL,
    UNIQUE (
        ib_contract_id, symbol_id, security_type_id, last_trade_date, strike, option_right, multiplier,
        exchange_id, currency_id, local_symbol_id, trading_class_id
    )
);

-- One connection to one gateway.
CREATE TABLE session (
    id integer PRIMARY KEY,
    originator_id uuid NOT NULL UNIQUE,
    gateway_id integer NOT NULL REFERENCES gateway,
    client_id integer NOT NULL,
    server_version text NOT NULL,
    connection_time text NOT NULL,
    instance text NOT NULL,
    software text NOT NULL,
    opened timestamptz NOT NULL,
    closed timestamptz,
    close_reason text
);

-- Those of a span of time.
CREATE INDEX session_opened_idx ON session (opened);
CREATE INDEX session_closed_idx ON session (closed);

-- One walk over accounts of a gateway: all of them, or (scope 'some') those that it was asked for alone, of which
-- `total` were to be asked for and `done` were. `request` is the highest refresh request that it serves; `missing` says
-- why for each account without figures that can be relied on, `detail` why where that concerns no account. `gateway_id` is the
-- session's, repeated here so that an index has the refreshes of a gateway in order.
CREATE TABLE refresh (
    id integer PRIMARY KEY,
    session_id integer NOT NULL REFERENCES session,
    gateway_id integer NOT NULL REFERENCES gateway,
    created timestamptz NOT NULL,
    trigger text NOT NULL,
    started timestamptz NOT NULL,
    scope text NOT NULL,
    total integer NOT NULL,
    ended timestamptz,
    outcome text,
    request bigint,
    missing jsonb,
    detail text,
    done integer
);

CREATE INDEX refresh_request_idx ON refresh (request DESC NULLS LAST);
-- The newest of a gateway, also of one that has been away for years; that of all its accounts; and that which was complete.
CREATE INDEX refresh_gateway_idx ON refresh (gateway_id, id);
CREATE INDEX refresh_walk_idx ON refresh (gateway_id, id) WHERE scope = '';
CREATE INDEX refresh_complete_idx ON refresh (gateway_id, id) WHERE outcome = 'complete' AND scope = '';

-- Which accounts a gateway has named, in the order of events; when it last listed them; when it was last asked for one,
-- how that ended, and the highest refresh request that this serves. `is_owner`: the account is this gateway's now.
-- `is_conflict`: another one named it first, and no pin says whose it is.
CREATE TABLE gateway_account (
    id integer PRIMARY KEY,
    gateway_id integer NOT NULL REFERENCES gateway,
    account_id integer NOT NULL REFERENCES account,
    first_listed timestamptz,
    last_listed timestamptz,
    is_listed boolean NOT NULL,
    is_owner boolean NOT NULL,
    is_conflict boolean NOT NULL,
    concluded timestamptz,
    ended text,
    detail text,
    is_whole boolean,
    request bigint,
    UNIQUE (gateway_id, account_id)
);

CREATE INDEX gateway_account_account_idx ON gateway_account (account_id);
CREATE INDEX gateway_account_foreign_idx ON gateway_account (gateway_id) WHERE NOT is_owner;

-- Text about an account that seldom changes: one set of it is shared by all snapshots that say the same.
CREATE TABLE attribute_set (
    id integer PRIMARY KEY,
    digest bytea NOT NULL UNIQUE
);

CREATE TABLE account_attribute (
    attribute_set_id integer NOT NULL REFERENCES attribute_set,
    ordinal smallint NOT NULL,
    tag text NOT NULL,
    segment text,
    currency_id integer REFERENCES currency,
    value text NOT NULL,
    PRIMARY KEY (attribute_set_id, ordinal)
);

-- Which keys an account has ever been sent, by the gateway that sent them, whether the account was another's then: tag,
-- segment and currency ('' for none), and whether it is a figure of the ledger. Whoever asks for one that never came need not
-- look through all snapshots.
CREATE TABLE account_key (
    account_id integer NOT NULL REFERENCES account,
    tag text COLLATE "C" NOT NULL,
    segment text NOT NULL,
    currency text NOT NULL,
    is_ledger boolean NOT NULL,
    gateway_id integer NOT NULL REFERENCES gateway,
    is_foreign boolean NOT NULL,
    PRIMARY KEY (account_id, tag, segment, currency, is_ledger, gateway_id, is_foreign)
);

-- Which contracts an account has ever held, by the gateway that said so, whether the account was another's then: whoever asks
-- for one that it never held need not look through all of its snapshots.
CREATE TABLE account_contract (
    account_id integer NOT NULL REFERENCES account,
    contract_id integer NOT NULL REFERENCES contract,
    gateway_id integer NOT NULL REFERENCES gateway,
    is_foreign boolean NOT NULL,
    PRIMARY KEY (account_id, contract_id, gateway_id, is_foreign)
);

-- `account_code` is the account's, repeated here so that an index has an account's snapshots in order for whoever knows the
-- code alone. `completed`: when its last figure arrived. `as_of`: IB's own time of update, as the gateway sent it, with the zone that
-- the gateway named when it was connected. `ready`: the figures as a whole can be relied on; `remarks` says why not, and
-- what else is to be said of them. `is_repeat`: of the same refresh another owner's snapshots of the account are taken.
-- `is_foreign`: the account was another gateway's then: it is nobody's latest, and in no history but its gateway's.
-- `has_models`: there are rows in the tables of models. `has_inexact`: there are numbers in account_value that a column of the
-- tables would hold if IB had spelled them otherwise.
CREATE TABLE account_snapshot (
    id integer NOT NULL,
    account_id integer NOT NULL,
    created timestamptz NOT NULL,
    completed timestamptz NOT NULL,
    refresh_id integer NOT NULL,
    gateway_id integer NOT NULL,
    attribute_set_id integer NOT NULL,
    base_currency_id integer,
    ready boolean NOT NULL,
    is_repeat boolean NOT NULL,
    is_foreign boolean NOT NULL,
    has_models boolean NOT NULL,
    has_inexact boolean NOT NULL,
    source text NOT NULL,
    ended text NOT NULL,
    as_of text,
    cushion numeric,
    look_ahead_next_change numeric,
    remarks jsonb,
    account_code text NOT NULL
);

-- Money of an account in its base currency: for the whole account (segment '') and per segment.
CREATE TABLE account_segment (
    account_snapshot_id integer NOT NULL,
    segment text NOT NULL,
    accrued_cash numeric,
    accrued_dividend numeric,
    available_funds numeric,
    billable numeric,
    buying_power numeric,
    equity_with_loan_value numeric,
    excess_liquidity numeric,
    full_available_funds numeric,
    full_excess_liquidity numeric,
    full_init_margin_req numeric,
    full_maint_margin_req numeric,
    gross_position_value numeric,
    guarantee numeric,
    incentive_coupons numeric,
    indian_stock_haircut numeric,
    init_margin_req numeric,
    look_ahead_available_funds numeric,
    look_ahead_excess_liquidity numeric,
    look_ahead_init_margin_req numeric,
    look_ahead_maint_margin_req numeric,
    maint_margin_req numeric,
    net_liquidation numeric,
    net_liquidation_uncertainty numeric,
    pa_shares_value numeric,
    physical_certificate_value numeric,
    post_expiration_excess numeric,
    post_expiration_margin numeric,
    previous_day_equity_with_loan_value numeric,
    regt_equity numeric,
    regt_margin numeric,
    sma numeric,
    settled_cash numeric,
    total_cash_value numeric,
    total_debit_card_pending_charges numeric,
    unaltered_init_margin_req numeric,
    unaltered_maint_margin_req numeric
);

-- The ledger: figures per currency, and in the base currency for all of them (currency BASE).
CREATE TABLE account_ledger (
    account_snapshot_id integer NOT NULL,
    currency_id integer NOT NULL,
    accrued_cash numeric,
    cash_balance numeric,
    corporate_bond_value numeric,
    cryptocurrency numeric,
    exchange_rate numeric,
    fund_value numeric,
    future_option_value numeric,
    futures_pnl numeric,
    fx_cash_balance numeric,
    issuer_option_value numeric,
    money_market_fund_value numeric,
    mutual_fund_value numeric,
    net_dividend numeric,
    net_liquidation_by_currency numeric,
    option_market_value numeric,
    realized_pnl numeric,
    stock_market_value numeric,
    tbill_value numeric,
    tbond_value numeric,
    total_cash_balance numeric,
    unrealized_pnl numeric,
    warrant_value numeric
);

-- Every value that the columns above do not hold exactly: keys unknown to this version, text that changes,
-- numbers that are unset or not in plain decimal form. `value` is the wire's text; `amount` is its number, where it has
-- one. `is_ledger`: a figure of the ledger. Of a key that came twice only the last value is kept.
CREATE TABLE account_value (
    account_snapshot_id integer NOT NULL,
    ordinal integer NOT NULL,
    tag text NOT NULL,
    segment text,
    currency_id integer,
    is_ledger boolean NOT NULL,
    value text NOT NULL,
    amount numeric
);

-- A position of size 0 was closed that day; its realized profit is in the row. Unset numbers are null.
CREATE TABLE account_position (
    account_snapshot_id integer NOT NULL,
    contract_id integer NOT NULL,
    position numeric,
    market_price numeric,
    market_value numeric,
    average_cost numeric,
    unrealized_pnl numeric,
    realized_pnl numeric
);

-- What a portfolio under a model holds, and its values: apart, since the rows above may hold the same for the whole
-- account.
CREATE TABLE account_model_position (
    account_snapshot_id integer NOT NULL,
    model text NOT NULL,
    contract_id integer NOT NULL,
    position numeric,
    market_price numeric,
    market_value numeric,
    average_cost numeric,
    unrealized_pnl numeric,
    realized_pnl numeric
);

CREATE TABLE account_model_value (
    account_snapshot_id integer NOT NULL,
    ordinal integer NOT NULL,
    model text NOT NULL,
    tag text NOT NULL,
    segment text,
    currency_id integer,
    is_ledger boolean NOT NULL,
    value text NOT NULL,
    amount numeric
);
