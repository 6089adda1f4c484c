-- The original IB Connect's tables of snapshots, as far as their size counts, filled from ours. Its monetary type is
-- an ISO 4217 number and an amount in minor units.
CREATE SCHEMA original;

CREATE TYPE original.monetary AS (
    currency smallint,
    amount bigint
);

CREATE TABLE original.account_snapshot (
    id bigserial PRIMARY KEY,
    account_id bigint NOT NULL,
    created timestamp NOT NULL,
    UNIQUE (account_id, created)
);

CREATE TABLE original.account_amount (
    id bigserial PRIMARY KEY,
    account_snapshot_id bigint NOT NULL UNIQUE,
    account_type_id bigint NOT NULL,
    cushion numeric NOT NULL,
    look_ahead_next_change smallint NOT NULL,
    accrued_cash original.monetary,
    available_funds original.monetary,
    buying_power original.monetary,
    equity_with_loan_value original.monetary,
    excess_liquidity original.monetary,
    full_available_funds original.monetary,
    full_excess_liquidity original.monetary,
    full_init_margin_req original.monetary,
    full_maint_margin_req original.monetary,
    gross_position_value original.monetary,
    init_margin_req original.monetary,
    look_ahead_available_funds original.monetary,
    look_ahead_excess_liquidity original.monetary,
    look_ahead_init_margin_req original.monetary,
    look_ahead_maint_margin_req original.monetary,
    maint_margin_req original.monetary,
    net_liquidation original.monetary,
    total_cash_balance original.monetary,
    total_cash_value original.monetary
);

CREATE TABLE original.account_position (
    id bigserial PRIMARY KEY,
    account_snapshot_id bigint NOT NULL,
    contract_id bigint NOT NULL,
    position bigint NOT NULL,
    market_price numeric NOT NULL,
    market_value numeric NOT NULL,
    average_cost numeric NOT NULL,
    unrealized_pnl numeric NOT NULL,
    realized_pnl numeric NOT NULL,
    UNIQUE (account_snapshot_id, contract_id)
);

INSERT INTO original.account_snapshot (id, account_id, created)
SELECT
    id,
    account_id,
    created
FROM snapshots.account_snapshot
ORDER BY id;

INSERT INTO original.account_amount
SELECT
    account_snapshot_id,
    account_snapshot_id,
    1,
    coalesce(cushion, 0),
    0,
    ROW(978, coalesce(accrued_cash, 0) * 100)::original.monetary,
    ROW(978, coalesce(available_funds, 0) * 100)::original.monetary,
    ROW(978, coalesce(buying_power, 0) * 100)::original.monetary,
    ROW(978, coalesce(equity_with_loan_value, 0) * 100)::original.monetary,
    ROW(978, coalesce(excess_liquidity, 0) * 100)::original.monetary,
    ROW(978, coalesce(full_available_funds, 0) * 100)::original.monetary,
    ROW(978, coalesce(full_excess_liquidity, 0) * 100)::original.monetary,
    ROW(978, coalesce(full_init_margin_req, 0) * 100)::original.monetary,
    ROW(978, coalesce(full_maint_margin_req, 0) * 100)::original.monetary,
    ROW(978, coalesce(gross_position_value, 0) * 100)::original.monetary,
    ROW(978, coalesce(init_margin_req, 0) * 100)::original.monetary,
    ROW(978, coalesce(look_ahead_available_funds, 0) * 100)::original.monetary,
    ROW(978, coalesce(look_ahead_excess_liquidity, 0) * 100)::original.monetary,
    ROW(978, coalesce(look_ahead_init_margin_req, 0) * 100)::original.monetary,
    ROW(978, coalesce(look_ahead_maint_margin_req, 0) * 100)::original.monetary,
    ROW(978, coalesce(maint_margin_req, 0) * 100)::original.monetary,
    ROW(978, coalesce(net_liquidation, 0) * 100)::original.monetary,
    ROW(978, coalesce(total_cash_balance, 0) * 100)::original.monetary,
    ROW(978, coalesce(total_cash_value, 0) * 100)::original.monetary
FROM public.v_account_amount
ORDER BY account_snapshot_id;

INSERT INTO original.account_position (
    account_snapshot_id, contract_id, position, market_price, market_value, average_cost, unrealized_pnl,
    realized_pnl
)
SELECT
    account_snapshot_id,
    contract_id,
    position::bigint,
    market_price,
    market_value,
    average_cost,
    unrealized_pnl,
    realized_pnl
FROM snapshots.account_position
ORDER BY account_snapshot_id;
