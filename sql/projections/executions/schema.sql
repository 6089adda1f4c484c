-- version: 1
-- title: execution tables
-- Created in an empty schema that leads the search_path. Everything here is derived from public.stored_events and can be
-- dropped and built again. Every answer of a gateway repeats all executions of the day, so that rows are looked for by their
-- keys also while the tables are built: those keys stand here, all others in constraints.sql.

-- The accounts that there is any execution of.
CREATE TABLE account (
    code text PRIMARY KEY
);

-- One execution of one account, by its id. A correction has an id of its own, which differs in the number after the last dot
-- alone (`correction`); `key` is what they have in common. Of each key the one with the highest number is current.
-- `position`, `received`: the first event that told of it, and when that came; `gateway`: the one that did, whose word holds.
-- `moment`: what executions are ordered by: `at`, the time of the message in UTC, or where nobody knows in which zone that
-- is, when it came. `multiplier_number`: of a contract that has none it is null. Figures are numbers with IB's digits; `texts` has IB's text of those that are written otherwise, or are
-- none. `digest`: of what the message says.
CREATE TABLE execution (
    account text NOT NULL,
    execution_id text NOT NULL,
    key text COLLATE "C" NOT NULL,
    correction integer NOT NULL,
    is_current boolean NOT NULL,
    position bigint NOT NULL,
    received timestamptz NOT NULL,
    gateway text NOT NULL,
    digest bytea NOT NULL,
    moment timestamptz NOT NULL,
    at timestamptz,
    time text NOT NULL,
    zone text NOT NULL,
    contract_id bigint,
    symbol text NOT NULL,
    security_type text NOT NULL,
    expiry text NOT NULL,
    strike text NOT NULL,
    option_right text NOT NULL,
    multiplier text NOT NULL,
    multiplier_number numeric,
    contract_exchange text NOT NULL,
    currency text NOT NULL,
    local_symbol text NOT NULL,
    trading_class text NOT NULL,
    order_id bigint,
    perm_id bigint,
    client_id bigint,
    exchange text NOT NULL,
    side text NOT NULL,
    shares numeric,
    price numeric,
    cum_qty numeric,
    avg_price numeric,
    liquidation bigint,
    order_ref text NOT NULL,
    ev_rule text NOT NULL,
    ev_multiplier numeric,
    model_code text NOT NULL,
    last_liquidity bigint,
    pending_price_revision boolean,
    submitter text NOT NULL,
    texts jsonb,
    remarks text[] NOT NULL,
    PRIMARY KEY (account, execution_id)
);

-- By bytes, so that those of one order's execution, which differ in the last part of the key, lie side by side.
CREATE INDEX execution_key_idx ON execution (account, key);

-- What was last reported of an execution: by its id, or by that of a correction. It names no account: it is of whoever has the
-- execution.
CREATE TABLE commission (
    execution_id text PRIMARY KEY,
    key text COLLATE "C" NOT NULL,
    correction integer NOT NULL,
    position bigint NOT NULL,
    received timestamptz NOT NULL,
    gateway text NOT NULL,
    digest bytea NOT NULL,
    commission numeric,
    currency text NOT NULL,
    realized_pnl numeric,
    yield numeric,
    redemption_date text NOT NULL,
    texts jsonb
);

-- The days of each gateway, by its own clock, of which it was asked: all executions until `asked_until` are known. What was
-- executed between that and the end of the day, or on a day that is not here, is not.
CREATE TABLE coverage (
    gateway text NOT NULL,
    day date NOT NULL,
    begins timestamptz NOT NULL,
    ends timestamptz NOT NULL,
    asked_until timestamptz NOT NULL,
    zone text NOT NULL,
    PRIMARY KEY (gateway, day)
);
