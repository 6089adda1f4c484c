-- name: v_account_snapshot_latest
-- The snapshot of each account that is its latest (all columns but the account null before the first one), and which of the
-- gateways that it belongs to list it now. It is the newest whose figures can be relied on, or, if there is none, simply the
-- newest; one that a wrong clock dated into the future counts when that time has come. What a gateway says of an account
-- of another one is in the tables alone, here and in all views.
SELECT
    account.code AS account_code,
    latest.created AS latest,
    latest.ready,
    latest.source,
    latest.ended,
    base_currency.code AS base_currency,
    listing.gateways,
    latest.id AS account_snapshot_id,
    latest.completed,
    gateway.name AS gateway,
    latest.remarks
FROM account
LEFT JOIN LATERAL (
    SELECT *
    FROM (
        (
            SELECT *
            FROM account_snapshot
            WHERE account_snapshot.account_id = account.id
              AND account_snapshot.ready
              AND NOT account_snapshot.is_foreign
              AND account_snapshot.created <= clock_timestamp() + interval '1 minute'
            ORDER BY account_snapshot.created DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT *
            FROM account_snapshot
            WHERE account_snapshot.account_id = account.id
              AND NOT account_snapshot.is_foreign
              AND account_snapshot.created <= clock_timestamp() + interval '1 minute'
            ORDER BY account_snapshot.created DESC
            LIMIT 1
        )
    ) AS candidate
    ORDER BY candidate.ready DESC
    LIMIT 1
) AS latest ON true
LEFT JOIN currency AS base_currency ON base_currency.id = latest.base_currency_id
LEFT JOIN gateway ON gateway.id = latest.gateway_id
LEFT JOIN LATERAL (
    SELECT array_agg(gateway.name ORDER BY gateway.name) AS gateways
    FROM gateway_account
    JOIN gateway ON gateway.id = gateway_account.gateway_id
    WHERE gateway_account.account_id = account.id
      AND gateway_account.is_listed
      AND gateway_account.is_owner
) AS listing ON true

-- name: v_account_amount
-- One row per snapshot: the figures of the whole account in its base currency, also those that IB spelled so that no
-- column of the tables holds them exactly (-0.00, 1.0E7).
SELECT
    account.code AS account_code,
    account_snapshot.created,
    account_type.value AS account_type,
    base_currency.code AS base_currency,
    account_snapshot.ready,
    coalesce(account_snapshot.cushion, inexact.cushion) AS cushion,
    coalesce(account_snapshot.look_ahead_next_change, inexact.look_ahead_next_change) AS look_ahead_next_change,
    coalesce(whole.accrued_cash, inexact.accrued_cash) AS accrued_cash,
    coalesce(whole.available_funds, inexact.available_funds) AS available_funds,
    coalesce(whole.buying_power, inexact.buying_power) AS buying_power,
    coalesce(whole.equity_with_loan_value, inexact.equity_with_loan_value) AS equity_with_loan_value,
    coalesce(whole.excess_liquidity, inexact.excess_liquidity) AS excess_liquidity,
    coalesce(whole.full_available_funds, inexact.full_available_funds) AS full_available_funds,
    coalesce(whole.full_excess_liquidity, inexact.full_excess_liquidity) AS full_excess_liquidity,
    coalesce(whole.full_init_margin_req, inexact.full_init_margin_req) AS full_init_margin_req,
    coalesce(whole.full_maint_margin_req, inexact.full_maint_margin_req) AS full_maint_margin_req,
    coalesce(whole.gross_position_value, inexact.gross_position_value) AS gross_position_value,
    coalesce(whole.init_margin_req, inexact.init_margin_req) AS init_margin_req,
    coalesce(whole.look_ahead_available_funds, inexact.look_ahead_available_funds) AS look_ahead_available_funds,
    coalesce(whole.look_ahead_excess_liquidity, inexact.look_ahead_excess_liquidity) AS look_ahead_excess_liquidity,
    coalesce(whole.look_ahead_init_margin_req, inexact.look_ahead_init_margin_req) AS look_ahead_init_margin_req,
    coalesce(whole.look_ahead_maint_margin_req, inexact.look_ahead_maint_margin_req) AS look_ahead_maint_margin_req,
    coalesce(whole.maint_margin_req, inexact.maint_margin_req) AS maint_margin_req,
    coalesce(whole.net_liquidation, inexact.net_liquidation) AS net_liquidation,
    coalesce(all_currencies.total_cash_balance, inexact.total_cash_balance) AS total_cash_balance,
    coalesce(whole.total_cash_value, inexact.total_cash_value) AS total_cash_value,
    account_snapshot.id AS account_snapshot_id,
    account_snapshot.completed,
    gateway.name AS gateway
FROM account_snapshot
JOIN account ON account.id = account_snapshot.account_id
JOIN gateway ON gateway.id = account_snapshot.gateway_id
LEFT JOIN currency AS base_currency ON base_currency.id = account_snapshot.base_currency_id
LEFT JOIN account_attribute AS account_type
    ON account_type.attribute_set_id = account_snapshot.attribute_set_id
    AND account_type.tag = 'AccountType'
    AND account_type.segment IS NULL
    AND account_type.currency_id IS NULL
LEFT JOIN account_segment AS whole
    ON whole.account_snapshot_id = account_snapshot.id
    AND whole.segment = ''
LEFT JOIN account_ledger AS all_currencies
    ON all_currencies.account_snapshot_id = account_snapshot.id
    AND all_currencies.currency_id = (SELECT currency.id FROM currency WHERE currency.code = 'BASE')
LEFT JOIN LATERAL (
    SELECT
        max(amount) FILTER (WHERE tag = 'Cushion' AND is_bare) AS cushion,
        max(amount) FILTER (WHERE tag = 'LookAheadNextChange' AND is_bare) AS look_ahead_next_change,
        max(amount) FILTER (WHERE tag = 'AccruedCash' AND is_whole) AS accrued_cash,
        max(amount) FILTER (WHERE tag = 'AvailableFunds' AND is_whole) AS available_funds,
        max(amount) FILTER (WHERE tag = 'BuyingPower' AND is_whole) AS buying_power,
        max(amount) FILTER (WHERE tag = 'EquityWithLoanValue' AND is_whole) AS equity_with_loan_value,
        max(amount) FILTER (WHERE tag = 'ExcessLiquidity' AND is_whole) AS excess_liquidity,
        max(amount) FILTER (WHERE tag = 'FullAvailableFunds' AND is_whole) AS full_available_funds,
        max(amount) FILTER (WHERE tag = 'FullExcessLiquidity' AND is_whole) AS full_excess_liquidity,
        max(amount) FILTER (WHERE tag = 'FullInitMarginReq' AND is_whole) AS full_init_margin_req,
        max(amount) FILTER (WHERE tag = 'FullMaintMarginReq' AND is_whole) AS full_maint_margin_req,
        max(amount) FILTER (WHERE tag = 'GrossPositionValue' AND is_whole) AS gross_position_value,
        max(amount) FILTER (WHERE tag = 'InitMarginReq' AND is_whole) AS init_margin_req,
        max(amount) FILTER (WHERE tag = 'LookAheadAvailableFunds' AND is_whole) AS look_ahead_available_funds,
        max(amount) FILTER (WHERE tag = 'LookAheadExcessLiquidity' AND is_whole) AS look_ahead_excess_liquidity,
        max(amount) FILTER (WHERE tag = 'LookAheadInitMarginReq' AND is_whole) AS look_ahead_init_margin_req,
        max(amount) FILTER (WHERE tag = 'LookAheadMaintMarginReq' AND is_whole) AS look_ahead_maint_margin_req,
        max(amount) FILTER (WHERE tag = 'MaintMarginReq' AND is_whole) AS maint_margin_req,
        max(amount) FILTER (WHERE tag = 'NetLiquidation' AND is_whole) AS net_liquidation,
        max(amount) FILTER (WHERE tag = 'TotalCashValue' AND is_whole) AS total_cash_value,
        max(amount) FILTER (
            WHERE tag = 'TotalCashBalance'
              AND is_ledger
              AND currency_id = (SELECT currency.id FROM currency WHERE currency.code = 'BASE')
        ) AS total_cash_balance
    FROM (
        SELECT
            account_value.tag,
            account_value.amount,
            account_value.is_ledger,
            account_value.currency_id,
            account_value.currency_id IS NULL AND NOT account_value.is_ledger AS is_bare,
            account_value.currency_id = account_snapshot.base_currency_id AND NOT account_value.is_ledger AS is_whole
        FROM account_value
        WHERE account_value.account_snapshot_id = account_snapshot.id
          AND account_value.segment IS NULL
          AND account_value.amount IS NOT NULL
    ) AS sent
) AS inexact ON true
WHERE NOT account_snapshot.is_foreign

-- name: v_account_position
-- One row per position of a snapshot. Money is in the contract's currency. A position of size 0 was closed that day.
-- Where `model` is not null the row is what a portfolio under that model holds, which the account's own rows may hold too.
SELECT
    account.code AS account_code,
    account_snapshot.created,
    contract.ib_contract_id,
    symbol.name AS symbol,
    local_symbol.name AS local_symbol,
    security_type.name AS security_type,
    exchange.name AS exchange,
    currency.code AS currency,
    contract.last_trade_date,
    contract.strike,
    contract.option_right,
    contract.multiplier,
    trading_class.name AS trading_class,
    held.position,
    held.market_price,
    held.market_value,
    held.average_cost,
    held.unrealized_pnl,
    held.realized_pnl,
    account_snapshot.ready,
    account_snapshot.source,
    account_snapshot.id AS account_snapshot_id,
    held.model
FROM (
    SELECT
        account_snapshot_id,
        NULL::text AS model,
        contract_id,
        position,
        market_price,
        market_value,
        average_cost,
        unrealized_pnl,
        realized_pnl
    FROM account_position
    UNION ALL
    SELECT
        account_snapshot_id,
        model,
        contract_id,
        position,
        market_price,
        market_value,
        average_cost,
        unrealized_pnl,
        realized_pnl
    FROM account_model_position
) AS held
JOIN account_snapshot ON account_snapshot.id = held.account_snapshot_id
JOIN account ON account.id = account_snapshot.account_id
JOIN contract ON contract.id = held.contract_id
JOIN symbol ON symbol.id = contract.symbol_id
JOIN symbol AS local_symbol ON local_symbol.id = contract.local_symbol_id
JOIN symbol AS trading_class ON trading_class.id = contract.trading_class_id
JOIN security_type ON security_type.id = contract.security_type_id
JOIN exchange ON exchange.id = contract.exchange_id
JOIN currency ON currency.id = contract.currency_id
WHERE NOT account_snapshot.is_foreign

-- name: v_contract
-- Contracts as IB described them; a contract id has several rows when its description has changed.
SELECT
    contract.id AS contract_id,
    contract.ib_contract_id,
    symbol.name AS symbol,
    local_symbol.name AS local_symbol,
    security_type.name AS security_type,
    exchange.name AS exchange,
    currency.code AS currency,
    currency.iso_4217_code,
    currency.name AS currency_name,
    contract.last_trade_date,
    contract.strike,
    contract.option_right,
    contract.multiplier,
    trading_class.name AS trading_class
FROM contract
JOIN symbol ON symbol.id = contract.symbol_id
JOIN symbol AS local_symbol ON local_symbol.id = contract.local_symbol_id
JOIN symbol AS trading_class ON trading_class.id = contract.trading_class_id
JOIN security_type ON security_type.id = contract.security_type_id
JOIN exchange ON exchange.id = contract.exchange_id
JOIN currency ON currency.id = contract.currency_id

-- name: v_account_value
-- Every value of every snapshot as IB's text: figures, attributes and everything else. Made for one snapshot or a few
-- at a time (WHERE account_snapshot_id = ...). Of a value that IB sent again this is the last one. `is_ledger` tells the
-- ledger's figures from those of the account; `model` is null for the account's own.
SELECT
    account.code AS account_code,
    account_snapshot.created,
    sent.tag,
    sent.segment,
    CASE WHEN sent.is_in_base THEN base_currency.code ELSE currency.code END AS currency,
    sent.value,
    account_snapshot.id AS account_snapshot_id,
    sent.is_ledger,
    sent.model
FROM account_snapshot
JOIN account ON account.id = account_snapshot.account_id
LEFT JOIN currency AS base_currency ON base_currency.id = account_snapshot.base_currency_id
CROSS JOIN LATERAL (
    SELECT
        figure.tag,
        nullif(account_segment.segment, '') AS segment,
        NULL::integer AS currency_id,
        true AS is_in_base,
        figure.amount::text AS value,
        false AS is_ledger,
        NULL::text AS model
    FROM account_segment
    CROSS JOIN LATERAL (
        VALUES
            ('AccruedCash', account_segment.accrued_cash),
            ('AccruedDividend', account_segment.accrued_dividend),
            ('AvailableFunds', account_segment.available_funds),
            ('Billable', account_segment.billable),
            ('BuyingPower', account_segment.buying_power),
            ('EquityWithLoanValue', account_segment.equity_with_loan_value),
            ('ExcessLiquidity', account_segment.excess_liquidity),
            ('FullAvailableFunds', account_segment.full_available_funds),
            ('FullExcessLiquidity', account_segment.full_excess_liquidity),
            ('FullInitMarginReq', account_segment.full_init_margin_req),
            ('FullMaintMarginReq', account_segment.full_maint_margin_req),
            ('GrossPositionValue', account_segment.gross_position_value),
            ('Guarantee', account_segment.guarantee),
            ('IncentiveCoupons', account_segment.incentive_coupons),
            ('IndianStockHaircut', account_segment.indian_stock_haircut),
            ('InitMarginReq', account_segment.init_margin_req),
            ('LookAheadAvailableFunds', account_segment.look_ahead_available_funds),
            ('LookAheadExcessLiquidity', account_segment.look_ahead_excess_liquidity),
            ('LookAheadInitMarginReq', account_segment.look_ahead_init_margin_req),
            ('LookAheadMaintMarginReq', account_segment.look_ahead_maint_margin_req),
            ('MaintMarginReq', account_segment.maint_margin_req),
            ('NetLiquidation', account_segment.net_liquidation),
            ('NetLiquidationUncertainty', account_segment.net_liquidation_uncertainty),
            ('PASharesValue', account_segment.pa_shares_value),
            ('PhysicalCertificateValue', account_segment.physical_certificate_value),
            ('PostExpirationExcess', account_segment.post_expiration_excess),
            ('PostExpirationMargin', account_segment.post_expiration_margin),
            ('PreviousDayEquityWithLoanValue', account_segment.previous_day_equity_with_loan_value),
            ('RegTEquity', account_segment.regt_equity),
            ('RegTMargin', account_segment.regt_margin),
            ('SMA', account_segment.sma),
            ('SettledCash', account_segment.settled_cash),
            ('TotalCashValue', account_segment.total_cash_value),
            ('TotalDebitCardPendingCharges', account_segment.total_debit_card_pending_charges),
            ('UnalteredInitMarginReq', account_segment.unaltered_init_margin_req),
            ('UnalteredMaintMarginReq', account_segment.unaltered_maint_margin_req)
    ) AS figure (tag, amount)
    WHERE account_segment.account_snapshot_id = account_snapshot.id
      AND figure.amount IS NOT NULL
    UNION ALL
    SELECT
        figure.tag,
        NULL,
        account_ledger.currency_id,
        false,
        figure.amount::text,
        true,
        NULL
    FROM account_ledger
    CROSS JOIN LATERAL (
        VALUES
            ('AccruedCash', account_ledger.accrued_cash),
            ('CashBalance', account_ledger.cash_balance),
            ('CorporateBondValue', account_ledger.corporate_bond_value),
            ('Cryptocurrency', account_ledger.cryptocurrency),
            ('ExchangeRate', account_ledger.exchange_rate),
            ('FundValue', account_ledger.fund_value),
            ('FutureOptionValue', account_ledger.future_option_value),
            ('FuturesPNL', account_ledger.futures_pnl),
            ('FxCashBalance', account_ledger.fx_cash_balance),
            ('IssuerOptionValue', account_ledger.issuer_option_value),
            ('MoneyMarketFundValue', account_ledger.money_market_fund_value),
            ('MutualFundValue', account_ledger.mutual_fund_value),
            ('NetDividend', account_ledger.net_dividend),
            ('NetLiquidationByCurrency', account_ledger.net_liquidation_by_currency),
            ('OptionMarketValue', account_ledger.option_market_value),
            ('RealizedPnL', account_ledger.realized_pnl),
            ('StockMarketValue', account_ledger.stock_market_value),
            ('TBillValue', account_ledger.tbill_value),
            ('TBondValue', account_ledger.tbond_value),
            ('TotalCashBalance', account_ledger.total_cash_balance),
            ('UnrealizedPnL', account_ledger.unrealized_pnl),
            ('WarrantValue', account_ledger.warrant_value)
    ) AS figure (tag, amount)
    WHERE account_ledger.account_snapshot_id = account_snapshot.id
      AND figure.amount IS NOT NULL
    UNION ALL
    SELECT
        account_attribute.tag,
        account_attribute.segment,
        account_attribute.currency_id,
        false,
        account_attribute.value,
        false,
        NULL
    FROM account_attribute
    WHERE account_attribute.attribute_set_id = account_snapshot.attribute_set_id
    UNION ALL
    SELECT
        account_value.tag,
        account_value.segment,
        account_value.currency_id,
        false,
        account_value.value,
        account_value.is_ledger,
        NULL
    FROM account_value
    WHERE account_value.account_snapshot_id = account_snapshot.id
    UNION ALL
    SELECT
        account_model_value.tag,
        account_model_value.segment,
        account_model_value.currency_id,
        false,
        account_model_value.value,
        account_model_value.is_ledger,
        account_model_value.model
    FROM account_model_value
    WHERE account_model_value.account_snapshot_id = account_snapshot.id
    UNION ALL
    SELECT
        figure.tag,
        NULL,
        NULL,
        false,
        figure.amount::text,
        false,
        NULL
    FROM (
        VALUES
            ('Cushion', account_snapshot.cushion),
            ('LookAheadNextChange', account_snapshot.look_ahead_next_change)
    ) AS figure (tag, amount)
    WHERE figure.amount IS NOT NULL
) AS sent
LEFT JOIN currency ON currency.id = sent.currency_id
WHERE NOT account_snapshot.is_foreign

-- name: v_event
-- Every recorded event: its place in the store and in its session, what it is, when it arrived (the time that the
-- newest event of its session up to it carries) and its state as JSON. Made for ranges of positions
-- (WHERE position BETWEEN ... AND ...).
SELECT
    event.notification_id AS position,
    event.originator_id AS session,
    event.originator_version AS version,
    CASE event.topic
        WHEN 'v' THEN 'AccountValueUpdated'
        WHEN 'p' THEN 'PortfolioUpdated'
        WHEN 't' THEN 'AccountTimeUpdated'
        WHEN 'a' THEN 'AccountsListed'
        WHEN 'd' THEN 'AccountDownloadEnded'
        WHEN 'n' THEN 'GatewayNotice'
        WHEN 'm' THEN 'MessageReceived'
        WHEN 'x' THEN 'FrameReceived'
        WHEN 'so' THEN 'SessionOpened'
        WHEN 'sc' THEN 'SessionClosed'
        WHEN 'rs' THEN 'RefreshStarted'
        WHEN 'as' THEN 'AccountSubscribed'
        WHEN 'ac' THEN 'AccountConcluded'
        WHEN 'pr' THEN 'PositionsRequested'
        WHEN 're' THEN 'RefreshEnded'
        WHEN 'df' THEN 'DecodeFailed'
        WHEN 'ri' THEN 'RecordingInterrupted'
        ELSE event.topic
    END AS kind,
    to_timestamp(0) + timed.micros * interval '1 microsecond' AS arrived,
    convert_from(event.state, 'UTF8')::jsonb AS state
FROM public.stored_events AS event
LEFT JOIN LATERAL (
    SELECT
        substring(encode(earlier.state, 'escape') FROM '^(?:\[|\{"t":)(\d+)')::bigint AS micros
    FROM public.stored_events AS earlier
    WHERE earlier.originator_id = event.originator_id
      AND earlier.originator_version <= event.originator_version
      AND substring(encode(earlier.state, 'escape') FROM 1 FOR 6) ~ '^(\[|\{"t":)\d'
    ORDER BY earlier.originator_version DESC
    LIMIT 1
) AS timed ON true
