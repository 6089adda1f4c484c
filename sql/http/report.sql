-- name: report
-- Everything about each of some snapshots in one statement, so that a rebuild's swap cannot fall between two readings.
-- All of it is one row, since each row more is read by itself. Figures come as the text of composites ("(1.50,,0)"),
-- which is much cheaper to make and to read than columns or arrays; their order is that of SEGMENT_TAGS and LEDGER_TAGS
-- in ibconnect/tags.py (a test compares). Positions come as one list of texts, seven for each. Contracts, attributes and
-- currencies are named by their ids, as text, and are looked up by the queries below: joining the few currencies alone,
-- which Postgres does by reading all that there are, takes a sixth of the statement's time.
SELECT json_agg(
    json_build_object(
        'number', wanted.number,
        'generation', snapshot.tableoid::bigint,
        'gateway', gateway.name,
        'source', snapshot.source,
        'ended', snapshot.ended,
        'ready', snapshot.ready,
        'completed', snapshot.completed,
        'as_of', snapshot.as_of,
        'remarks', snapshot.remarks,
        'base_currency', snapshot.base_currency_id::text,
        'cushion', snapshot.cushion::text,
        'look_ahead_next_change', snapshot.look_ahead_next_change::text,
        'attribute_set', snapshot.attribute_set_id::text,
        'others', (
            SELECT
                array_agg(
                    ARRAY[
                        value.tag,
                        value.segment,
                        value.currency_id::text,
                        value.is_ledger::text,
                        value.value,
                        value.amount::text
                    ]
                    ORDER BY value.ordinal
                )
            FROM account_value AS value
            WHERE value.account_snapshot_id = snapshot.id
        ),
        'segments', (
            SELECT json_object_agg(
                money.segment,
                ROW(
                    money.accrued_cash,
                    money.accrued_dividend,
                    money.available_funds,
                    money.billable,
                    money.buying_power,
                    money.equity_with_loan_value,
                    money.excess_liquidity,
                    money.full_available_funds,
                    money.full_excess_liquidity,
                    money.full_init_margin_req,
                    money.full_maint_margin_req,
                    money.gross_position_value,
                    money.guarantee,
                    money.incentive_coupons,
                    money.indian_stock_haircut,
                    money.init_margin_req,
                    money.look_ahead_available_funds,
                    money.look_ahead_excess_liquidity,
                    money.look_ahead_init_margin_req,
                    money.look_ahead_maint_margin_req,
                    money.maint_margin_req,
                    money.net_liquidation,
                    money.net_liquidation_uncertainty,
                    money.pa_shares_value,
                    money.physical_certificate_value,
                    money.post_expiration_excess,
                    money.post_expiration_margin,
                    money.previous_day_equity_with_loan_value,
                    money.regt_equity,
                    money.regt_margin,
                    money.sma,
                    money.settled_cash,
                    money.total_cash_value,
                    money.total_debit_card_pending_charges,
                    money.unaltered_init_margin_req,
                    money.unaltered_maint_margin_req
                )::text
            )
            FROM account_segment AS money
            WHERE money.account_snapshot_id = snapshot.id
        ),
        'ledger', (
            SELECT json_object_agg(
                figure.currency_id,
                ROW(
                    figure.accrued_cash,
                    figure.cash_balance,
                    figure.corporate_bond_value,
                    figure.cryptocurrency,
                    figure.exchange_rate,
                    figure.fund_value,
                    figure.future_option_value,
                    figure.futures_pnl,
                    figure.fx_cash_balance,
                    figure.issuer_option_value,
                    figure.money_market_fund_value,
                    figure.mutual_fund_value,
                    figure.net_dividend,
                    figure.net_liquidation_by_currency,
                    figure.option_market_value,
                    figure.realized_pnl,
                    figure.stock_market_value,
                    figure.tbill_value,
                    figure.tbond_value,
                    figure.total_cash_balance,
                    figure.unrealized_pnl,
                    figure.warrant_value
                )::text
            )
            FROM account_ledger AS figure
            WHERE figure.account_snapshot_id = snapshot.id
        ),
        'positions', (
            SELECT string_agg(
                array_to_string(
                    ARRAY[
                        contract.id,
                        held.position,
                        held.market_price,
                        held.market_value,
                        held.average_cost,
                        held.unrealized_pnl,
                        held.realized_pnl
                    ],
                    ',',
                    'null'
                ),
                ',' ORDER BY held.market_value DESC NULLS LAST, contract.ib_contract_id, contract.id
            )
            FROM account_position AS held
            INNER JOIN contract ON contract.id = held.contract_id
            WHERE held.account_snapshot_id = snapshot.id
        ),
        'model_positions', CASE WHEN snapshot.has_models THEN (
            SELECT array_agg(
                ARRAY[
                    held.model,
                    held.contract_id::text,
                    held.position::text,
                    held.market_price::text,
                    held.market_value::text,
                    held.average_cost::text,
                    held.unrealized_pnl::text,
                    held.realized_pnl::text
                ]
                ORDER BY held.model, held.market_value DESC NULLS LAST, contract.ib_contract_id, contract.id
            )
            FROM account_model_position AS held
            INNER JOIN contract ON contract.id = held.contract_id
            WHERE held.account_snapshot_id = snapshot.id
        ) END,
        'model_values', CASE WHEN snapshot.has_models THEN (
            SELECT array_agg(
                ARRAY[
                    sent.model,
                    sent.tag,
                    sent.segment,
                    sent.currency_id::text,
                    sent.is_ledger::text,
                    sent.value
                ]
                ORDER BY sent.ordinal
            )
            FROM account_model_value AS sent
            WHERE sent.account_snapshot_id = snapshot.id
        ) END
    )
)::text AS reports
FROM
    json_to_recordset(%(wanted)s::json) AS wanted (number integer, account text, created timestamptz)
INNER JOIN account ON account.code = wanted.account
INNER JOIN account_snapshot AS snapshot
    ON snapshot.account_id = account.id AND snapshot.created = wanted.created
INNER JOIN gateway ON gateway.id = snapshot.gateway_id;

-- name: currencies
-- The codes of some currencies; a row of this table never changes within one build of the tables.
SELECT
    'account_snapshot'::regclass::oid::bigint AS generation,
    currency.id::text,
    currency.code
FROM currency
WHERE currency.id = ANY(%(ids)s::integer[]);

-- name: attribute_sets
-- What some attribute sets hold; neither they nor their attributes ever change within one build of the tables.
SELECT
    'account_snapshot'::regclass::oid::bigint AS generation,
    attribute_set.id::text,
    (
        SELECT array_agg(ARRAY[attribute.tag, attribute.segment, currency.code, attribute.value] ORDER BY attribute.ordinal)
        FROM account_attribute AS attribute
        LEFT JOIN currency ON currency.id = attribute.currency_id
        WHERE attribute.attribute_set_id = attribute_set.id
    ) AS attributes
FROM attribute_set
WHERE attribute_set.id = ANY(%(ids)s::integer[]);

-- name: contracts
-- What IB says of some contracts; a row of this table never changes within one build of the tables.
SELECT
    'account_snapshot'::regclass::oid::bigint AS generation,
    contract.id::text,
    contract.ib_contract_id,
    symbol.name AS symbol,
    local_symbol.name AS local_symbol,
    security_type.name AS security_type,
    exchange.name AS exchange,
    currency.iso_4217_code,
    currency.name AS currency,
    currency.code AS currency_code,
    contract.multiplier,
    contract.strike,
    contract.option_right,
    contract.last_trade_date,
    trading_class.name AS trading_class
FROM contract
INNER JOIN symbol ON symbol.id = contract.symbol_id
INNER JOIN symbol AS local_symbol ON local_symbol.id = contract.local_symbol_id
INNER JOIN symbol AS trading_class ON trading_class.id = contract.trading_class_id
INNER JOIN security_type ON security_type.id = contract.security_type_id
INNER JOIN exchange ON exchange.id = contract.exchange_id
INNER JOIN currency ON currency.id = contract.currency_id
WHERE contract.id = ANY(%(ids)s::integer[]);
