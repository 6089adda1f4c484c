-- The public views. What is said before a SELECT becomes the comment of the view; what follows an empty comment line, those of
-- its columns (ibconnect/projections/engine/views.py).
--
-- Each view begins with the snapshots, which a question bounds by account and time, and reads what belongs to each of them by
-- its key. OFFSET 0 holds the planner to that: by its estimates it would rather read a table of many millions of rows as a
-- whole. Names are looked up, not joined: views that are joined have soon more than eight tables, and of so many the planner
-- does not look for the best order (join_collapse_limit).
--
-- No snapshot has the id 0: to say so lets the views use the index of times, which is kept from all other statements by it.

-- name: v_account_snapshot_latest
-- The snapshot of each account that is its latest (all columns but the account null before the first one), and which of the
-- gateways that it belongs to list it now. It is the newest whose figures can be relied on, or, if there is none, simply the
-- newest; one that a wrong clock dated into the future counts when that time has come. What a gateway says of an account of
-- another one is in the tables alone, here and in all views.
--
-- account_code: The code of an account that any gateway ever listed, or that a Flex statement is of.
-- latest: When its latest snapshot was created, as in /v1/accounts; null before the first.
-- ready: Whether the figures as a whole can be relied on; false: no snapshot of the account can.
-- source: updates, or multi: asked for in another way, without market prices.
-- ended: How the download ended: download-end, quiet, timeout or interrupted.
-- base_currency: ISO code of the account's base currency; null where the snapshot has no figure in it.
-- gateways: The gateways that the account belongs to and that list it now; null: none.
-- account_snapshot_id: The snapshot, for joins with other views; a rebuild gives the same.
-- completed: When the last figure of the snapshot arrived: at a moment that is known which was completed by then.
-- gateway: The gateway, as in IB_GW, that said it.
-- remarks: What is to be said of the figures, by codes; null: nothing.
SELECT
    account.code AS account_code,
    latest.created AS latest,
    latest.ready,
    latest.source,
    latest.ended,
    (SELECT currency.code FROM currency WHERE currency.id = latest.base_currency_id) AS base_currency,
    (
        SELECT array_agg(gateway.name ORDER BY gateway.name)
        FROM gateway_account
        JOIN gateway ON gateway.id = gateway_account.gateway_id
        WHERE gateway_account.account_id = account.id
          AND gateway_account.is_listed
          AND gateway_account.is_owner
    ) AS gateways,
    latest.id AS account_snapshot_id,
    latest.completed,
    (SELECT gateway.name FROM gateway WHERE gateway.id = latest.gateway_id) AS gateway,
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

-- name: v_account_amount
-- One row per snapshot: the figures of the whole account in its base currency, also those that IB spelled so that no column of
-- the tables holds them exactly (-0.00, 1.0E7). A figure that IB did not send, or sent as unset, is null.
--
-- account_code: The account's code, as IB gives it.
-- created: The time that all snapshots of a refresh share; with the account's code it names the snapshot.
-- account_type: IB's AccountType. What kind of account it is: INDIVIDUAL, CORPORATION, UNIVERSAL and more.
-- base_currency: ISO code of the currency that the money in this row is in; null where the snapshot has none.
-- ready: Whether the figures as a whole can be relied on; leave out of charts where it is false.
-- cushion: IB's Cushion. ExcessLiquidity as a share of NetLiquidation; at zero IB liquidates.
-- look_ahead_next_change: IB's LookAheadNextChange. When the figures LookAhead… come into force; 0: no change is due.
-- accrued_cash: IB's AccruedCash. Interest of this month that has accrued and is not yet paid; below zero: owed.
-- available_funds: IB's AvailableFunds. What is free for new positions: EquityWithLoanValue less InitMarginReq.
-- buying_power: IB's BuyingPower. What securities may be bought for without new money. Margin account: the lesser of
--     EquityWithLoanValue and that of the day before, less InitMarginReq, times four; cash account: not times four.
-- equity_with_loan_value: IB's EquityWithLoanValue. What margin is measured against. Securities: cash, stocks, bonds, funds,
--     and options of Europe and Asia (cash account: settled cash); commodities: cash and options, less the futures' maintenance
--     margin.
-- excess_liquidity: IB's ExcessLiquidity. What may be lost before IB liquidates: equity less MaintMarginReq; below zero: IB may
--     liquidate.
-- full_available_funds: IB's FullAvailableFunds. AvailableFunds without discounts or intraday credits.
-- full_excess_liquidity: IB's FullExcessLiquidity. ExcessLiquidity without discounts or intraday credits.
-- full_init_margin_req: IB's FullInitMarginReq. InitMarginReq without discounts or intraday credits.
-- full_maint_margin_req: IB's FullMaintMarginReq. MaintMarginReq without discounts or intraday credits.
-- gross_position_value: IB's GrossPositionValue. Values of all stocks and options, added up without their signs: short
--     positions count like long ones.
-- init_margin_req: IB's InitMarginReq. Margin that is needed to open what is held.
-- look_ahead_available_funds: IB's LookAheadAvailableFunds. AvailableFunds after the next change of margins, at
--     LookAheadNextChange.
-- look_ahead_excess_liquidity: IB's LookAheadExcessLiquidity. ExcessLiquidity after the next change of margins, at
--     LookAheadNextChange.
-- look_ahead_init_margin_req: IB's LookAheadInitMarginReq. InitMarginReq after the next change of margins, at
--     LookAheadNextChange.
-- look_ahead_maint_margin_req: IB's LookAheadMaintMarginReq. MaintMarginReq after the next change of margins, at
--     LookAheadNextChange.
-- maint_margin_req: IB's MaintMarginReq. Margin that is needed to keep what is held.
-- net_liquidation: IB's NetLiquidation. What the account is worth: cash, stocks, bonds, funds, options, crypto, accrued
--     interest and dividends. Futures count by their gain since the last settlement (FuturesPNL), which is part of the cash,
--     not by MarketValue.
-- total_cash_balance: IB's TotalCashBalance of the ledger's row BASE, in the base currency. Cash of all currencies together,
--     with the futures' gain since the last settlement.
-- total_cash_value: IB's TotalCashValue. Cash, trades counted when they are made, with the futures' gain since the last
--     settlement; below zero: borrowed.
-- account_snapshot_id: The snapshot, for joins with other views; a rebuild gives the same.
-- completed: When the last figure of the snapshot arrived: at a moment that is known which was completed by then.
-- gateway: The gateway, as in IB_GW, that said it.
-- source: updates, or multi: asked for in another way, without market prices.
-- ended: How the download ended: download-end, quiet, timeout or interrupted.
-- remarks: What is to be said of the figures, by codes; null: nothing.
-- is_repeat: Whether those of another gateway of the account are taken of the same refresh: leave it out to have one gateway's
--     for each refresh.
SELECT
    account_snapshot.account_code,
    account_snapshot.created,
    (
        SELECT account_attribute.value
        FROM account_attribute
        WHERE account_attribute.attribute_set_id = account_snapshot.attribute_set_id
          AND account_attribute.tag = 'AccountType'
          AND account_attribute.segment IS NULL
          AND account_attribute.currency_id IS NULL
    ) AS account_type,
    (SELECT currency.code FROM currency WHERE currency.id = account_snapshot.base_currency_id) AS base_currency,
    account_snapshot.ready,
    coalesce(account_snapshot.cushion, (bare.amounts ->> 'Cushion')::numeric) AS cushion,
    coalesce(account_snapshot.look_ahead_next_change, (bare.amounts ->> 'LookAheadNextChange')::numeric) AS look_ahead_next_change,
    coalesce((exact.whole).accrued_cash, (inexact.amounts ->> 'AccruedCash')::numeric) AS accrued_cash,
    coalesce((exact.whole).available_funds, (inexact.amounts ->> 'AvailableFunds')::numeric) AS available_funds,
    coalesce((exact.whole).buying_power, (inexact.amounts ->> 'BuyingPower')::numeric) AS buying_power,
    coalesce((exact.whole).equity_with_loan_value, (inexact.amounts ->> 'EquityWithLoanValue')::numeric) AS equity_with_loan_value,
    coalesce((exact.whole).excess_liquidity, (inexact.amounts ->> 'ExcessLiquidity')::numeric) AS excess_liquidity,
    coalesce((exact.whole).full_available_funds, (inexact.amounts ->> 'FullAvailableFunds')::numeric) AS full_available_funds,
    coalesce((exact.whole).full_excess_liquidity, (inexact.amounts ->> 'FullExcessLiquidity')::numeric) AS full_excess_liquidity,
    coalesce((exact.whole).full_init_margin_req, (inexact.amounts ->> 'FullInitMarginReq')::numeric) AS full_init_margin_req,
    coalesce((exact.whole).full_maint_margin_req, (inexact.amounts ->> 'FullMaintMarginReq')::numeric) AS full_maint_margin_req,
    coalesce((exact.whole).gross_position_value, (inexact.amounts ->> 'GrossPositionValue')::numeric) AS gross_position_value,
    coalesce((exact.whole).init_margin_req, (inexact.amounts ->> 'InitMarginReq')::numeric) AS init_margin_req,
    coalesce((exact.whole).look_ahead_available_funds, (inexact.amounts ->> 'LookAheadAvailableFunds')::numeric) AS look_ahead_available_funds,
    coalesce((exact.whole).look_ahead_excess_liquidity, (inexact.amounts ->> 'LookAheadExcessLiquidity')::numeric) AS look_ahead_excess_liquidity,
    coalesce((exact.whole).look_ahead_init_margin_req, (inexact.amounts ->> 'LookAheadInitMarginReq')::numeric) AS look_ahead_init_margin_req,
    coalesce((exact.whole).look_ahead_maint_margin_req, (inexact.amounts ->> 'LookAheadMaintMarginReq')::numeric) AS look_ahead_maint_margin_req,
    coalesce((exact.whole).maint_margin_req, (inexact.amounts ->> 'MaintMarginReq')::numeric) AS maint_margin_req,
    coalesce((exact.whole).net_liquidation, (inexact.amounts ->> 'NetLiquidation')::numeric) AS net_liquidation,
    coalesce(
        (
            SELECT account_ledger.total_cash_balance
            FROM account_ledger
            WHERE account_ledger.account_snapshot_id = account_snapshot.id
              AND account_ledger.currency_id = (SELECT currency.id FROM currency WHERE currency.code = 'BASE')
        ),
        (of_base.amounts ->> 'TotalCashBalance')::numeric
    ) AS total_cash_balance,
    coalesce((exact.whole).total_cash_value, (inexact.amounts ->> 'TotalCashValue')::numeric) AS total_cash_value,
    account_snapshot.id AS account_snapshot_id,
    account_snapshot.completed,
    (SELECT gateway.name FROM gateway WHERE gateway.id = account_snapshot.gateway_id) AS gateway,
    account_snapshot.source,
    account_snapshot.ended,
    account_snapshot.remarks,
    account_snapshot.is_repeat
FROM account_snapshot
CROSS JOIN LATERAL (
    SELECT (
        SELECT account_segment
        FROM account_segment
        WHERE account_segment.account_snapshot_id = account_snapshot.id
          AND account_segment.segment = ''
    ) AS whole
) AS exact
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN account_snapshot.has_inexact THEN (
            SELECT jsonb_object_agg(account_value.tag, account_value.amount)
            FROM account_value
            WHERE account_value.account_snapshot_id = account_snapshot.id
              AND account_value.amount IS NOT NULL
              AND NOT account_value.is_ledger
              AND account_value.segment IS NULL
              AND account_value.currency_id IS NULL
        ) END AS amounts
) AS bare
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN account_snapshot.has_inexact THEN (
            SELECT jsonb_object_agg(account_value.tag, account_value.amount)
            FROM account_value
            WHERE account_value.account_snapshot_id = account_snapshot.id
              AND account_value.amount IS NOT NULL
              AND NOT account_value.is_ledger
              AND account_value.segment IS NULL
              AND account_value.currency_id = account_snapshot.base_currency_id
        ) END AS amounts
) AS inexact
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN account_snapshot.has_inexact THEN (
            SELECT jsonb_object_agg(account_value.tag, account_value.amount)
            FROM account_value
            WHERE account_value.account_snapshot_id = account_snapshot.id
              AND account_value.amount IS NOT NULL
              AND account_value.is_ledger
              AND account_value.segment IS NULL
              AND account_value.currency_id = (SELECT currency.id FROM currency WHERE currency.code = 'BASE')
        ) END AS amounts
) AS of_base
WHERE NOT account_snapshot.is_foreign
  AND account_snapshot.id <> 0

-- name: v_account_segment
-- One row per segment of a snapshot, and one for the whole account: margin and balance in the base currency, also those figures
-- that no column of the tables holds exactly.
--
-- account_code: The account's code, as IB gives it.
-- created: The time that all snapshots of a refresh share; with the account's code it names the snapshot.
-- segment: S securities, C commodities, P crypto …; null: the whole account.
-- base_currency: ISO code of the currency that the money in this row is in.
-- accrued_cash: IB's AccruedCash. Interest of this month that has accrued and is not yet paid; below zero: owed.
-- accrued_dividend: IB's AccruedDividend. Dividends that are due and not yet paid.
-- available_funds: IB's AvailableFunds. What is free for new positions: EquityWithLoanValue less InitMarginReq.
-- billable: IB's Billable. Value of treasury bills.
-- buying_power: IB's BuyingPower. What securities may be bought for without new money. Margin account: the lesser of
--     EquityWithLoanValue and that of the day before, less InitMarginReq, times four; cash account: not times four.
-- equity_with_loan_value: IB's EquityWithLoanValue. What margin is measured against. Securities: cash, stocks, bonds, funds,
--     and options of Europe and Asia (cash account: settled cash); commodities: cash and options, less the futures' maintenance
--     margin.
-- excess_liquidity: IB's ExcessLiquidity. What may be lost before IB liquidates: equity less MaintMarginReq; below zero: IB may
--     liquidate.
-- full_available_funds: IB's FullAvailableFunds. AvailableFunds without discounts or intraday credits.
-- full_excess_liquidity: IB's FullExcessLiquidity. ExcessLiquidity without discounts or intraday credits.
-- full_init_margin_req: IB's FullInitMarginReq. InitMarginReq without discounts or intraday credits.
-- full_maint_margin_req: IB's FullMaintMarginReq. MaintMarginReq without discounts or intraday credits.
-- gross_position_value: IB's GrossPositionValue. Values of all stocks and options, added up without their signs: short
--     positions count like long ones.
-- guarantee: IB's Guarantee. A guarantee, by its name.
-- incentive_coupons: IB's IncentiveCoupons. Coupons of an incentive, by its name.
-- indian_stock_haircut: IB's IndianStockHaircut. What a margin rule of accounts at IB India takes off.
-- init_margin_req: IB's InitMarginReq. Margin that is needed to open what is held.
-- look_ahead_available_funds: IB's LookAheadAvailableFunds. AvailableFunds after the next change of margins, at
--     LookAheadNextChange.
-- look_ahead_excess_liquidity: IB's LookAheadExcessLiquidity. ExcessLiquidity after the next change of margins, at
--     LookAheadNextChange.
-- look_ahead_init_margin_req: IB's LookAheadInitMarginReq. InitMarginReq after the next change of margins, at
--     LookAheadNextChange.
-- look_ahead_maint_margin_req: IB's LookAheadMaintMarginReq. MaintMarginReq after the next change of margins, at
--     LookAheadNextChange.
-- maint_margin_req: IB's MaintMarginReq. Margin that is needed to keep what is held.
-- net_liquidation: IB's NetLiquidation. What the account is worth: cash, stocks, bonds, funds, options, crypto, accrued
--     interest and dividends. Futures count by their gain since the last settlement (FuturesPNL), which is part of the cash,
--     not by MarketValue.
-- net_liquidation_uncertainty: IB's NetLiquidationUncertainty. How far NetLiquidation is uncertain, by prices after hours.
-- pa_shares_value: IB's PASharesValue. Value of personal account shares.
-- physical_certificate_value: IB's PhysicalCertificateValue. Value of physical certificates, by its name.
-- post_expiration_excess: IB's PostExpirationExcess. ExcessLiquidity as it would be if what is about to expire had expired.
-- post_expiration_margin: IB's PostExpirationMargin. Margin as it would be if what is about to expire had expired.
-- previous_day_equity_with_loan_value: IB's PreviousDayEquityWithLoanValue. EquityWithLoanValue as of 16:00 in New York on the
--     day before; securities only.
-- regt_equity: IB's RegTEquity. Equity by US Regulation T, of universal accounts.
-- regt_margin: IB's RegTMargin. Initial margin by US Regulation T, of universal accounts.
-- sma: IB's SMA. Special memorandum account: credit of US Regulation T, which grows when securities gain in value.
-- settled_cash: IB's SettledCash. Cash of trades that are settled.
-- total_cash_value: IB's TotalCashValue. Cash, trades counted when they are made, with the futures' gain since the last
--     settlement; below zero: borrowed.
-- total_debit_card_pending_charges: IB's TotalDebitCardPendingCharges. Charges of the debit card that are pending.
-- unaltered_init_margin_req: IB's UnalteredInitMarginReq. InitMarginReq before adjustments, by its name.
-- unaltered_maint_margin_req: IB's UnalteredMaintMarginReq. MaintMarginReq before adjustments, by its name.
-- ready: Whether the figures as a whole can be relied on; leave out of charts where it is false.
-- completed: When the last figure of the snapshot arrived: at a moment that is known which was completed by then.
-- gateway: The gateway, as in IB_GW, that said it.
-- is_repeat: Whether those of another gateway of the account are taken of the same refresh: leave it out to have one gateway's
--     for each refresh.
-- account_snapshot_id: The snapshot, for joins with other views; a rebuild gives the same.
SELECT
    account_snapshot.account_code,
    account_snapshot.created,
    nullif(figures.segment, '') AS segment,
    (SELECT currency.code FROM currency WHERE currency.id = account_snapshot.base_currency_id) AS base_currency,
    coalesce(figures.accrued_cash, (inexact.amounts ->> 'AccruedCash')::numeric) AS accrued_cash,
    coalesce(figures.accrued_dividend, (inexact.amounts ->> 'AccruedDividend')::numeric) AS accrued_dividend,
    coalesce(figures.available_funds, (inexact.amounts ->> 'AvailableFunds')::numeric) AS available_funds,
    coalesce(figures.billable, (inexact.amounts ->> 'Billable')::numeric) AS billable,
    coalesce(figures.buying_power, (inexact.amounts ->> 'BuyingPower')::numeric) AS buying_power,
    coalesce(figures.equity_with_loan_value, (inexact.amounts ->> 'EquityWithLoanValue')::numeric) AS equity_with_loan_value,
    coalesce(figures.excess_liquidity, (inexact.amounts ->> 'ExcessLiquidity')::numeric) AS excess_liquidity,
    coalesce(figures.full_available_funds, (inexact.amounts ->> 'FullAvailableFunds')::numeric) AS full_available_funds,
    coalesce(figures.full_excess_liquidity, (inexact.amounts ->> 'FullExcessLiquidity')::numeric) AS full_excess_liquidity,
    coalesce(figures.full_init_margin_req, (inexact.amounts ->> 'FullInitMarginReq')::numeric) AS full_init_margin_req,
    coalesce(figures.full_maint_margin_req, (inexact.amounts ->> 'FullMaintMarginReq')::numeric) AS full_maint_margin_req,
    coalesce(figures.gross_position_value, (inexact.amounts ->> 'GrossPositionValue')::numeric) AS gross_position_value,
    coalesce(figures.guarantee, (inexact.amounts ->> 'Guarantee')::numeric) AS guarantee,
    coalesce(figures.incentive_coupons, (inexact.amounts ->> 'IncentiveCoupons')::numeric) AS incentive_coupons,
    coalesce(figures.indian_stock_haircut, (inexact.amounts ->> 'IndianStockHaircut')::numeric) AS indian_stock_haircut,
    coalesce(figures.init_margin_req, (inexact.amounts ->> 'InitMarginReq')::numeric) AS init_margin_req,
    coalesce(figures.look_ahead_available_funds, (inexact.amounts ->> 'LookAheadAvailableFunds')::numeric) AS look_ahead_available_funds,
    coalesce(figures.look_ahead_excess_liquidity, (inexact.amounts ->> 'LookAheadExcessLiquidity')::numeric) AS look_ahead_excess_liquidity,
    coalesce(figures.look_ahead_init_margin_req, (inexact.amounts ->> 'LookAheadInitMarginReq')::numeric) AS look_ahead_init_margin_req,
    coalesce(figures.look_ahead_maint_margin_req, (inexact.amounts ->> 'LookAheadMaintMarginReq')::numeric) AS look_ahead_maint_margin_req,
    coalesce(figures.maint_margin_req, (inexact.amounts ->> 'MaintMarginReq')::numeric) AS maint_margin_req,
    coalesce(figures.net_liquidation, (inexact.amounts ->> 'NetLiquidation')::numeric) AS net_liquidation,
    coalesce(figures.net_liquidation_uncertainty, (inexact.amounts ->> 'NetLiquidationUncertainty')::numeric) AS net_liquidation_uncertainty,
    coalesce(figures.pa_shares_value, (inexact.amounts ->> 'PASharesValue')::numeric) AS pa_shares_value,
    coalesce(figures.physical_certificate_value, (inexact.amounts ->> 'PhysicalCertificateValue')::numeric) AS physical_certificate_value,
    coalesce(figures.post_expiration_excess, (inexact.amounts ->> 'PostExpirationExcess')::numeric) AS post_expiration_excess,
    coalesce(figures.post_expiration_margin, (inexact.amounts ->> 'PostExpirationMargin')::numeric) AS post_expiration_margin,
    coalesce(figures.previous_day_equity_with_loan_value, (inexact.amounts ->> 'PreviousDayEquityWithLoanValue')::numeric) AS previous_day_equity_with_loan_value,
    coalesce(figures.regt_equity, (inexact.amounts ->> 'RegTEquity')::numeric) AS regt_equity,
    coalesce(figures.regt_margin, (inexact.amounts ->> 'RegTMargin')::numeric) AS regt_margin,
    coalesce(figures.sma, (inexact.amounts ->> 'SMA')::numeric) AS sma,
    coalesce(figures.settled_cash, (inexact.amounts ->> 'SettledCash')::numeric) AS settled_cash,
    coalesce(figures.total_cash_value, (inexact.amounts ->> 'TotalCashValue')::numeric) AS total_cash_value,
    coalesce(figures.total_debit_card_pending_charges, (inexact.amounts ->> 'TotalDebitCardPendingCharges')::numeric) AS total_debit_card_pending_charges,
    coalesce(figures.unaltered_init_margin_req, (inexact.amounts ->> 'UnalteredInitMarginReq')::numeric) AS unaltered_init_margin_req,
    coalesce(figures.unaltered_maint_margin_req, (inexact.amounts ->> 'UnalteredMaintMarginReq')::numeric) AS unaltered_maint_margin_req,
    account_snapshot.ready,
    account_snapshot.completed,
    (SELECT gateway.name FROM gateway WHERE gateway.id = account_snapshot.gateway_id) AS gateway,
    account_snapshot.is_repeat,
    account_snapshot.id AS account_snapshot_id
FROM account_snapshot
CROSS JOIN LATERAL (
    SELECT *
    FROM account_segment
    WHERE account_segment.account_snapshot_id = account_snapshot.id
    OFFSET 0
) AS figures
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN account_snapshot.has_inexact THEN (
            SELECT jsonb_object_agg(account_value.tag, account_value.amount)
            FROM account_value
            WHERE account_value.account_snapshot_id = account_snapshot.id
              AND account_value.amount IS NOT NULL
              AND NOT account_value.is_ledger
              AND coalesce(account_value.segment, '') = figures.segment
              AND account_value.currency_id = account_snapshot.base_currency_id
        ) END AS amounts
) AS inexact
WHERE NOT account_snapshot.is_foreign
  AND account_snapshot.id <> 0

-- name: v_account_ledger
-- One row per currency of a snapshot, and one for all of them together (BASE): cash and values as IB's ledger has them, also
-- those figures that no column of the tables holds exactly.
--
-- account_code: The account's code, as IB gives it.
-- created: The time that all snapshots of a refresh share; with the account's code it names the snapshot.
-- currency: ISO code of the currency that the money in this row is in; BASE: all currencies together, in the base currency.
-- base_currency: ISO code of the account's base currency; null where the snapshot has no figure in it.
-- accrued_cash: IB's AccruedCash. Interest of this month that has accrued and is not yet paid; below zero: owed.
-- cash_balance: IB's CashBalance. Cash in this currency, trades counted when they are made; below zero: borrowed.
-- corporate_bond_value: IB's CorporateBondValue. Value of bonds that are not a government's: corporate and municipal.
-- cryptocurrency: IB's Cryptocurrency. Value of cryptocurrencies.
-- exchange_rate: IB's ExchangeRate. What one unit of the row's currency is in the base currency.
-- fund_value: IB's FundValue. Value of funds.
-- future_option_value: IB's FutureOptionValue. Market value of options on futures; below zero: more is held short than long.
-- futures_pnl: IB's FuturesPNL. Gain of the futures since the last settlement: all that futures are worth to the account.
-- fx_cash_balance: IB's FxCashBalance. Cash of the related account at IB UK.
-- issuer_option_value: IB's IssuerOptionValue. Market value of options that the issuer has issued.
-- money_market_fund_value: IB's MoneyMarketFundValue. Value of money market funds.
-- mutual_fund_value: IB's MutualFundValue. Value of mutual funds but money market funds.
-- net_dividend: IB's NetDividend. Dividends to be received less those to be paid.
-- net_liquidation_by_currency: IB's NetLiquidationByCurrency. What the account is worth in this currency: TotalCashBalance,
--     stocks, options, bonds, funds, crypto, AccruedCash, NetDividend; below zero: more is borrowed than held.
-- option_market_value: IB's OptionMarketValue. Market value of options on securities; below zero: more is held short than long.
-- realized_pnl: IB's RealizedPnL. Gain of positions that were closed, commissions counted, of the day as IB counts it.
-- stock_market_value: IB's StockMarketValue. Market value of stocks, and of CFDs on them; below zero: more is held short than
--     long.
-- tbill_value: IB's TBillValue. Value of treasury bills.
-- tbond_value: IB's TBondValue. Value of treasury bonds.
-- total_cash_balance: IB's TotalCashBalance. Cash in this currency with the futures' gain since the last settlement; below
--     zero: borrowed.
-- unrealized_pnl: IB's UnrealizedPnL. Market value of open positions less what they cost, commissions included.
-- warrant_value: IB's WarrantValue. Value of warrants.
-- ready: Whether the figures as a whole can be relied on; leave out of charts where it is false.
-- completed: When the last figure of the snapshot arrived: at a moment that is known which was completed by then.
-- gateway: The gateway, as in IB_GW, that said it.
-- is_repeat: Whether those of another gateway of the account are taken of the same refresh: leave it out to have one gateway's
--     for each refresh.
-- account_snapshot_id: The snapshot, for joins with other views; a rebuild gives the same.
SELECT
    account_snapshot.account_code,
    account_snapshot.created,
    (SELECT currency.code FROM currency WHERE currency.id = figures.currency_id) AS currency,
    (SELECT currency.code FROM currency WHERE currency.id = account_snapshot.base_currency_id) AS base_currency,
    coalesce(figures.accrued_cash, (inexact.amounts ->> 'AccruedCash')::numeric) AS accrued_cash,
    coalesce(figures.cash_balance, (inexact.amounts ->> 'CashBalance')::numeric) AS cash_balance,
    coalesce(figures.corporate_bond_value, (inexact.amounts ->> 'CorporateBondValue')::numeric) AS corporate_bond_value,
    coalesce(figures.cryptocurrency, (inexact.amounts ->> 'Cryptocurrency')::numeric) AS cryptocurrency,
    coalesce(figures.exchange_rate, (inexact.amounts ->> 'ExchangeRate')::numeric) AS exchange_rate,
    coalesce(figures.fund_value, (inexact.amounts ->> 'FundValue')::numeric) AS fund_value,
    coalesce(figures.future_option_value, (inexact.amounts ->> 'FutureOptionValue')::numeric) AS future_option_value,
    coalesce(figures.futures_pnl, (inexact.amounts ->> 'FuturesPNL')::numeric) AS futures_pnl,
    coalesce(figures.fx_cash_balance, (inexact.amounts ->> 'FxCashBalance')::numeric) AS fx_cash_balance,
    coalesce(figures.issuer_option_value, (inexact.amounts ->> 'IssuerOptionValue')::numeric) AS issuer_option_value,
    coalesce(figures.money_market_fund_value, (inexact.amounts ->> 'MoneyMarketFundValue')::numeric) AS money_market_fund_value,
    coalesce(figures.mutual_fund_value, (inexact.amounts ->> 'MutualFundValue')::numeric) AS mutual_fund_value,
    coalesce(figures.net_dividend, (inexact.amounts ->> 'NetDividend')::numeric) AS net_dividend,
    coalesce(figures.net_liquidation_by_currency, (inexact.amounts ->> 'NetLiquidationByCurrency')::numeric) AS net_liquidation_by_currency,
    coalesce(figures.option_market_value, (inexact.amounts ->> 'OptionMarketValue')::numeric) AS option_market_value,
    coalesce(figures.realized_pnl, (inexact.amounts ->> 'RealizedPnL')::numeric) AS realized_pnl,
    coalesce(figures.stock_market_value, (inexact.amounts ->> 'StockMarketValue')::numeric) AS stock_market_value,
    coalesce(figures.tbill_value, (inexact.amounts ->> 'TBillValue')::numeric) AS tbill_value,
    coalesce(figures.tbond_value, (inexact.amounts ->> 'TBondValue')::numeric) AS tbond_value,
    coalesce(figures.total_cash_balance, (inexact.amounts ->> 'TotalCashBalance')::numeric) AS total_cash_balance,
    coalesce(figures.unrealized_pnl, (inexact.amounts ->> 'UnrealizedPnL')::numeric) AS unrealized_pnl,
    coalesce(figures.warrant_value, (inexact.amounts ->> 'WarrantValue')::numeric) AS warrant_value,
    account_snapshot.ready,
    account_snapshot.completed,
    (SELECT gateway.name FROM gateway WHERE gateway.id = account_snapshot.gateway_id) AS gateway,
    account_snapshot.is_repeat,
    account_snapshot.id AS account_snapshot_id
FROM account_snapshot
CROSS JOIN LATERAL (
    SELECT *
    FROM account_ledger
    WHERE account_ledger.account_snapshot_id = account_snapshot.id
    OFFSET 0
) AS figures
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN account_snapshot.has_inexact THEN (
            SELECT jsonb_object_agg(account_value.tag, account_value.amount)
            FROM account_value
            WHERE account_value.account_snapshot_id = account_snapshot.id
              AND account_value.amount IS NOT NULL
              AND account_value.is_ledger
              AND account_value.segment IS NULL
              AND account_value.currency_id = figures.currency_id
        ) END AS amounts
) AS inexact
WHERE NOT account_snapshot.is_foreign
  AND account_snapshot.id <> 0

-- name: v_account_position
-- One row per position of a snapshot. Money is in the contract's currency. A position of size 0 was closed that day. Where
-- `model` is not null the row is what a portfolio under that model holds, which the account's own rows may hold too.
--
-- account_code: The account's code, as IB gives it.
-- created: The time that all snapshots of a refresh share; with the account's code it names the snapshot.
-- ib_contract_id: IB's id of the contract (conId); several contracts share 0 (combinations); null: what came is no id.
-- symbol: IB's symbol, of options and futures that of the underlying.
-- local_symbol: The symbol at the exchange.
-- security_type: STK, OPT, FUT, FOP, CASH, BOND, FUND, CRYPTO …
-- exchange: Primary exchange, or the exchange, as IB named it.
-- currency: ISO code of the contract's currency, which the money in this row is in.
-- last_trade_date: IB's text: YYYYMMDD, or YYYYMM; empty where there is none.
-- strike: The strike as a number; null where IB sent none, or what is none. IB sends 0 for what has none.
-- option_right: C call, P put; what IB sends for what is no option: 0, or nothing.
-- multiplier: The multiplier as a number; null where IB sent none, as for stocks.
-- trading_class: IB's trading class.
-- position: Size, below zero: short; 0: closed that day. Null: what came is no number, here and in all figures.
-- market_price: IB's price of one unit; null in snapshots of source multi, as are value and profits.
-- market_value: IB's value, in the contract's currency. Of a future it is the value of the contracts, and no part of
--     NetLiquidation.
-- average_cost: IB's cost of one contract, with commission, and times the multiplier.
-- unrealized_pnl: IB's unrealized profit, in the contract's currency.
-- realized_pnl: IB's realized profit of the day, in the contract's currency.
-- ready: Whether the figures as a whole can be relied on; leave out of charts where it is false.
-- source: updates, or multi: asked for in another way, without market prices.
-- account_snapshot_id: The snapshot, for joins with other views; a rebuild gives the same.
-- model: The model that holds it; null: the account's own, which may count what models hold.
-- contract_id: The contract as it was described then, for joins with v_contract: one row there.
-- completed: When the last figure of the snapshot arrived: at a moment that is known which was completed by then.
-- gateway: The gateway, as in IB_GW, that said it.
-- is_repeat: Whether those of another gateway of the account are taken of the same refresh: leave it out to have one gateway's
--     for each refresh.
-- base_currency: ISO code of the account's base currency, which market_value_base is in.
-- exchange_rate: The ledger's ExchangeRate of the snapshot: what one unit of the contract's currency is in the base currency;
--     null where IB gave none.
-- market_value_base: market_value times exchange_rate, with every digit.
SELECT
    account_snapshot.account_code,
    account_snapshot.created,
    contract.ib_contract_id,
    names.symbol,
    names.local_symbol,
    names.security_type,
    names.exchange,
    names.currency,
    contract.last_trade_date,
    contract.strike_number AS strike,
    contract.option_right,
    contract.multiplier_number AS multiplier,
    names.trading_class,
    held.position,
    held.market_price,
    held.market_value,
    held.average_cost,
    held.unrealized_pnl,
    held.realized_pnl,
    account_snapshot.ready,
    account_snapshot.source,
    account_snapshot.id AS account_snapshot_id,
    held.model,
    held.contract_id,
    account_snapshot.completed,
    (SELECT gateway.name FROM gateway WHERE gateway.id = account_snapshot.gateway_id) AS gateway,
    account_snapshot.is_repeat,
    (SELECT currency.code FROM currency WHERE currency.id = account_snapshot.base_currency_id) AS base_currency,
    rate.exchange_rate,
    held.market_value * rate.exchange_rate AS market_value_base
FROM account_snapshot
CROSS JOIN LATERAL (
    SELECT
        NULL::text AS model,
        account_position.contract_id,
        account_position.position,
        account_position.market_price,
        account_position.market_value,
        account_position.average_cost,
        account_position.unrealized_pnl,
        account_position.realized_pnl
    FROM account_position
    WHERE account_position.account_snapshot_id = account_snapshot.id
    UNION ALL
    SELECT
        account_model_position.model,
        account_model_position.contract_id,
        account_model_position.position,
        account_model_position.market_price,
        account_model_position.market_value,
        account_model_position.average_cost,
        account_model_position.unrealized_pnl,
        account_model_position.realized_pnl
    FROM account_model_position
    WHERE account_snapshot.has_models
      AND account_model_position.account_snapshot_id = account_snapshot.id
) AS held
JOIN contract ON contract.id = held.contract_id
CROSS JOIN LATERAL (
    SELECT
        symbol.name AS symbol,
        local_symbol.name AS local_symbol,
        trading_class.name AS trading_class,
        security_type.name AS security_type,
        exchange.name AS exchange,
        currency.code AS currency
    FROM symbol
    CROSS JOIN symbol AS local_symbol
    CROSS JOIN symbol AS trading_class
    CROSS JOIN security_type
    CROSS JOIN exchange
    CROSS JOIN currency
    WHERE symbol.id = contract.symbol_id
      AND local_symbol.id = contract.local_symbol_id
      AND trading_class.id = contract.trading_class_id
      AND security_type.id = contract.security_type_id
      AND exchange.id = contract.exchange_id
      AND currency.id = contract.currency_id
    OFFSET 0
) AS names
CROSS JOIN LATERAL (
    SELECT
        coalesce(
            (
                SELECT account_ledger.exchange_rate
                FROM account_ledger
                WHERE account_ledger.account_snapshot_id = account_snapshot.id
                  AND account_ledger.currency_id = contract.currency_id
            ),
            CASE WHEN account_snapshot.has_inexact THEN (
                SELECT account_value.amount
                FROM account_value
                WHERE account_value.account_snapshot_id = account_snapshot.id
                  AND account_value.tag = 'ExchangeRate'
                  AND account_value.is_ledger
                  AND account_value.segment IS NULL
                  AND account_value.currency_id = contract.currency_id
            ) END
        ) AS exchange_rate
) AS rate
WHERE NOT account_snapshot.is_foreign
  AND account_snapshot.id <> 0

-- name: v_contract
-- Contracts as IB described them. A contract id has several rows when its description has changed: join by `contract_id`, or
-- with those that are newest alone.
--
-- contract_id: This description of a contract; v_account_position names it by this.
-- ib_contract_id: IB's id of the contract (conId); several contracts share 0 (combinations); null: what came is no id.
-- symbol: IB's symbol, of options and futures that of the underlying.
-- local_symbol: The symbol at the exchange.
-- security_type: STK, OPT, FUT, FOP, CASH, BOND, FUND, CRYPTO …
-- exchange: Primary exchange, or the exchange, as IB named it.
-- currency: ISO code of the contract's currency.
-- iso_4217_code: ISO 4217 number of the currency; null where it is none of ISO's.
-- currency_name: The currency's English name.
-- last_trade_date: IB's text: YYYYMMDD, or YYYYMM; empty where there is none.
-- strike: The strike as a number; null where IB sent none, or what is none. IB sends 0 for what has none.
-- option_right: C call, P put; what IB sends for what is no option: 0, or nothing.
-- multiplier: The multiplier as a number; null where IB sent none, as for stocks.
-- trading_class: IB's trading class.
-- is_newest: Whether IB described the contract so last: one row for each ib_contract_id but 0, which names many contracts.
SELECT
    contract.id AS contract_id,
    contract.ib_contract_id,
    names.symbol,
    names.local_symbol,
    names.security_type,
    names.exchange,
    names.currency,
    names.iso_4217_code,
    names.currency_name,
    contract.last_trade_date,
    contract.strike_number AS strike,
    contract.option_right,
    contract.multiplier_number AS multiplier,
    names.trading_class,
    contract.ib_contract_id IS NOT DISTINCT FROM 0 OR NOT EXISTS (
        SELECT
        FROM contract AS later
        WHERE later.ib_contract_id = contract.ib_contract_id
          AND (later.described, later.id) > (contract.described, contract.id)
    ) AS is_newest
FROM contract
CROSS JOIN LATERAL (
    SELECT
        symbol.name AS symbol,
        local_symbol.name AS local_symbol,
        trading_class.name AS trading_class,
        security_type.name AS security_type,
        exchange.name AS exchange,
        currency.code AS currency,
        currency.iso_4217_code,
        currency.name AS currency_name
    FROM symbol
    CROSS JOIN symbol AS local_symbol
    CROSS JOIN symbol AS trading_class
    CROSS JOIN security_type
    CROSS JOIN exchange
    CROSS JOIN currency
    WHERE symbol.id = contract.symbol_id
      AND local_symbol.id = contract.local_symbol_id
      AND trading_class.id = contract.trading_class_id
      AND security_type.id = contract.security_type_id
      AND exchange.id = contract.exchange_id
      AND currency.id = contract.currency_id
    OFFSET 0
) AS names

-- name: v_account_value
-- Every value of every snapshot as IB's text: figures, attributes and everything else. Made for one snapshot or a few at a time
-- (WHERE account_snapshot_id = ...). Of a value that IB sent again this is the last one. `is_ledger` tells the ledger's figures
-- from those of the account; `model` is null for the account's own.
--
-- account_code: The account's code, as IB gives it.
-- created: The time that all snapshots of a refresh share; with the account's code it names the snapshot.
-- tag: IB's key, without its segment and without $LEDGER-.
-- segment: S securities, C commodities, P crypto …; null: the whole account, or the ledger.
-- currency: The currency that IB sent with it; BASE: all currencies together; null: none.
-- value: IB's text, digit by digit.
-- account_snapshot_id: The snapshot, for joins with other views; a rebuild gives the same.
-- is_ledger: Whether it is a figure of the ledger, per currency; else it is the account's.
-- model: The model that it is of; null: the account's own.
-- amount: The number that the text is; null: it is none, or stands for no value. Of -0.00 it is 0.00: numbers have no such
--     sign.
-- ready: Whether the figures as a whole can be relied on; leave out of charts where it is false.
-- completed: When the last figure of the snapshot arrived: at a moment that is known which was completed by then.
-- gateway: The gateway, as in IB_GW, that said it.
-- is_repeat: Whether those of another gateway of the account are taken of the same refresh: leave it out to have one gateway's
--     for each refresh.
SELECT
    account_snapshot.account_code,
    account_snapshot.created,
    sent.tag,
    sent.segment,
    (
        SELECT currency.code
        FROM currency
        WHERE currency.id = CASE WHEN sent.is_in_base THEN account_snapshot.base_currency_id ELSE sent.currency_id END
    ) AS currency,
    sent.value,
    account_snapshot.id AS account_snapshot_id,
    sent.is_ledger,
    sent.model,
    sent.amount,
    account_snapshot.ready,
    account_snapshot.completed,
    (SELECT gateway.name FROM gateway WHERE gateway.id = account_snapshot.gateway_id) AS gateway,
    account_snapshot.is_repeat
FROM account_snapshot
CROSS JOIN LATERAL (
    SELECT
        figure.tag,
        nullif(account_segment.segment, '') AS segment,
        NULL::integer AS currency_id,
        true AS is_in_base,
        figure.amount::text AS value,
        false AS is_ledger,
        NULL::text AS model,
        figure.amount
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
        NULL,
        figure.amount
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
        NULL,
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
        NULL,
        account_value.amount
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
        account_model_value.model,
        account_model_value.amount
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
        NULL,
        figure.amount
    FROM (
        VALUES
            ('Cushion', account_snapshot.cushion),
            ('LookAheadNextChange', account_snapshot.look_ahead_next_change)
    ) AS figure (tag, amount)
    WHERE figure.amount IS NOT NULL
) AS sent
WHERE NOT account_snapshot.is_foreign
  AND account_snapshot.id <> 0

-- name: v_event
-- Every recorded event: its place in the store and in its session, what it is, when it arrived (the time that the newest event
-- of its session up to it carries) and its state as JSON. Made for ranges of positions (WHERE position BETWEEN ... AND ...).
-- The time is looked up for those rows alone where it is asked for.
--
-- position: The event's place among all events; positions only grow, and may have gaps.
-- session: The connection to a gateway that it is of, a UUIDv7.
-- version: Its place within the session, from 1 on.
-- kind: What it is, as in `ibconnect events --type`.
-- arrived: When it arrived: the time that it carries, or else the newest event before it in its session.
-- state: What it says, as JSON; of a message its fields, as IB sent them.
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
        WHEN 'qa' THEN 'QuestionAsked'
        WHEN 're' THEN 'RefreshEnded'
        WHEN 'df' THEN 'DecodeFailed'
        WHEN 'ri' THEN 'RecordingInterrupted'
        WHEN 'sb' THEN 'StatementBegan'
        WHEN 'sp' THEN 'StatementPart'
        WHEN 'se' THEN 'StatementEnded'
        ELSE event.topic
    END AS kind,
    (
        SELECT
            to_timestamp(0) + substring(
                encode(earlier.state, 'escape') FROM '^(?:\[|\{"t":)(\d+)'
            )::bigint * interval '1 microsecond'
        FROM public.stored_events AS earlier
        WHERE earlier.originator_id = event.originator_id
          AND earlier.originator_version <= event.originator_version
          AND substring(encode(earlier.state, 'escape') FROM 1 FOR 6) ~ '^(\[|\{"t":)\d'
        ORDER BY earlier.originator_version DESC
        LIMIT 1
    ) AS arrived,
    convert_from(event.state, 'UTF8')::jsonb AS state
FROM public.stored_events AS event
