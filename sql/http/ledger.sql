-- The ledger of an account over time.

-- name: of_reports
-- What the ledgers of some reports say, a row for each currency, BASE first; of all currencies, or of some. Each figure as IB's
-- digits: the column's, or (where no column holds it exactly) that of its row in account_value; a currency has a row in account_ledger
-- either way. Their order is that of LEDGER_TAGS in ibconnect/tags.py (a test compares).
SELECT
    point.number,
    snapshot.ready,
    base_currency.code AS base_currency,
    currency.code AS currency,
    coalesce(figure.accrued_cash::text, inexact.figures ->> 'AccruedCash'),
    coalesce(figure.cash_balance::text, inexact.figures ->> 'CashBalance'),
    coalesce(figure.corporate_bond_value::text, inexact.figures ->> 'CorporateBondValue'),
    coalesce(figure.cryptocurrency::text, inexact.figures ->> 'Cryptocurrency'),
    coalesce(figure.exchange_rate::text, inexact.figures ->> 'ExchangeRate'),
    coalesce(figure.fund_value::text, inexact.figures ->> 'FundValue'),
    coalesce(figure.future_option_value::text, inexact.figures ->> 'FutureOptionValue'),
    coalesce(figure.futures_pnl::text, inexact.figures ->> 'FuturesPNL'),
    coalesce(figure.fx_cash_balance::text, inexact.figures ->> 'FxCashBalance'),
    coalesce(figure.issuer_option_value::text, inexact.figures ->> 'IssuerOptionValue'),
    coalesce(figure.money_market_fund_value::text, inexact.figures ->> 'MoneyMarketFundValue'),
    coalesce(figure.mutual_fund_value::text, inexact.figures ->> 'MutualFundValue'),
    coalesce(figure.net_dividend::text, inexact.figures ->> 'NetDividend'),
    coalesce(figure.net_liquidation_by_currency::text, inexact.figures ->> 'NetLiquidationByCurrency'),
    coalesce(figure.option_market_value::text, inexact.figures ->> 'OptionMarketValue'),
    coalesce(figure.realized_pnl::text, inexact.figures ->> 'RealizedPnL'),
    coalesce(figure.stock_market_value::text, inexact.figures ->> 'StockMarketValue'),
    coalesce(figure.tbill_value::text, inexact.figures ->> 'TBillValue'),
    coalesce(figure.tbond_value::text, inexact.figures ->> 'TBondValue'),
    coalesce(figure.total_cash_balance::text, inexact.figures ->> 'TotalCashBalance'),
    coalesce(figure.unrealized_pnl::text, inexact.figures ->> 'UnrealizedPnL'),
    coalesce(figure.warrant_value::text, inexact.figures ->> 'WarrantValue')
FROM unnest(%(snapshots)s::integer[]) WITH ORDINALITY AS point (id, number)
INNER JOIN account_snapshot AS snapshot ON snapshot.id = point.id
LEFT JOIN currency AS base_currency ON base_currency.id = snapshot.base_currency_id
INNER JOIN account_ledger AS figure ON figure.account_snapshot_id = snapshot.id
INNER JOIN currency ON currency.id = figure.currency_id
LEFT JOIN LATERAL (
    SELECT
        json_object_agg(
            value.tag,
            CASE WHEN value.value ~ '^-0(\.0+)?$' THEN value.value ELSE value.amount::text END
        ) AS figures
    FROM account_value AS value
    WHERE
        snapshot.has_inexact
        AND value.account_snapshot_id = snapshot.id
        AND value.is_ledger
        AND value.currency_id = figure.currency_id
        AND value.amount IS NOT NULL
) AS inexact ON TRUE
WHERE %(codes)s::text[] IS NULL OR currency.code = ANY(%(codes)s::text[])
ORDER BY
    point.number,
    currency.code <> 'BASE',
    currency.code COLLATE "C";
