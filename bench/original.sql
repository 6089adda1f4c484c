-- The snapshot tables of the original IB Connect, for reference: one row of 19 amounts, one row per position.
CREATE TYPE monetary_amount AS (
    iso_4217_code smallint,
    amount bigint
);

CREATE TABLE account_snapshot (
    id bigserial PRIMARY KEY,
    account_id bigint NOT NULL,
    created timestamp NOT NULL,
    UNIQUE (account_id, created)
);

CREATE TABLE account_amount (
    id bigserial PRIMARY KEY,
    account_snapshot_id bigint NOT NULL UNIQUE,
    account_type_id bigint,
    cushion numeric,
    look_ahead_next_change smallint,
    accrued_cash monetary_amount,
    available_funds monetary_amount,
    buying_power monetary_amount,
    equity_with_loan_value monetary_amount,
    excess_liquidity monetary_amount,
    full_available_funds monetary_amount,
    full_excess_liquidity monetary_amount,
    full_init_margin_req monetary_amount,
    full_maint_margin_req monetary_amount,
    gross_position_value monetary_amount,
    init_margin_req monetary_amount,
    look_ahead_available_funds monetary_amount,
    look_ahead_excess_liquidity monetary_amount,
    look_ahead_init_margin_req monetary_amount,
    look_ahead_maint_margin_req monetary_amount,
    maint_margin_req monetary_amount,
    net_liquidation monetary_amount,
    total_cash_balance monetary_amount,
    total_cash_value monetary_amount
);

CREATE TABLE account_position (
    id bigserial PRIMARY KEY,
    account_snapshot_id bigint NOT NULL,
    contract_id bigint NOT NULL,
    pos bigint,
    market_price numeric,
    market_value numeric,
    average_cost numeric,
    unrealized_pnl numeric,
    realized_pnl numeric,
    UNIQUE (account_snapshot_id, contract_id)
);

-- The same snapshots as ours, in the order in which they were made.
INSERT INTO account_snapshot (account_id, created)
SELECT account_id, created AT TIME ZONE 'UTC'
FROM accounts.account_snapshot
ORDER BY id;

INSERT INTO account_amount (
    account_snapshot_id, account_type_id, cushion, look_ahead_next_change, accrued_cash, available_funds, buying_power,
    equity_with_loan_value, excess_liquidity, full_available_funds, full_excess_liquidity, full_init_margin_req,
    full_maint_margin_req, gross_position_value, init_margin_req, look_ahead_available_funds,
    look_ahead_excess_liquidity, look_ahead_init_margin_req, look_ahead_maint_margin_req, maint_margin_req,
    net_liquidation, total_cash_balance, total_cash_value
)
SELECT
    snapshot.id,
    1,
    snapshot.cushion,
    0,
    ROW(978, money.accrued_cash * 100)::monetary_amount,
    ROW(978, money.available_funds * 100)::monetary_amount,
    ROW(978, money.buying_power * 100)::monetary_amount,
    ROW(978, money.equity_with_loan_value * 100)::monetary_amount,
    ROW(978, money.excess_liquidity * 100)::monetary_amount,
    ROW(978, money.full_available_funds * 100)::monetary_amount,
    ROW(978, money.full_excess_liquidity * 100)::monetary_amount,
    ROW(978, money.full_init_margin_req * 100)::monetary_amount,
    ROW(978, money.full_maint_margin_req * 100)::monetary_amount,
    ROW(978, money.gross_position_value * 100)::monetary_amount,
    ROW(978, money.init_margin_req * 100)::monetary_amount,
    ROW(978, money.look_ahead_available_funds * 100)::monetary_amount,
    ROW(978, money.look_ahead_excess_liquidity * 100)::monetary_amount,
    ROW(978, money.look_ahead_init_margin_req * 100)::monetary_amount,
    ROW(978, money.look_ahead_maint_margin_req * 100)::monetary_amount,
    ROW(978, money.maint_margin_req * 100)::monetary_amount,
    ROW(978, money.net_liquidation * 100)::monetary_amount,
    ROW(978, money.total_cash_value * 100)::monetary_amount,
    ROW(978, money.total_cash_value * 100)::monetary_amount
FROM accounts.account_snapshot AS snapshot
LEFT JOIN accounts.account_segment AS money ON money.account_snapshot_id = snapshot.id AND money.segment = ''
ORDER BY snapshot.id;

INSERT INTO account_position (
    account_snapshot_id, contract_id, pos, market_price, market_value, average_cost, unrealized_pnl, realized_pnl
)
SELECT
    account_snapshot_id,
    contract_id,
    position,
    market_price,
    market_value,
    average_cost,
    unrealized_pnl,
    realized_pnl
FROM accounts.account_position
ORDER BY account_snapshot_id;
