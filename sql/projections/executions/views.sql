-- The public views. What is said before a SELECT becomes the comment of the view; what follows an empty comment line, those of
-- its columns (ibconnect/projections/engine/views.py).

-- name: v_execution
-- One row per fill, as it stands after its last correction, with its commission as reported last: what was bought or sold, when,
-- at which price. A combination has a row (BAG) and one for each leg: leave its row out of what you add up. Bound questions by
-- account_code and executed.
--
-- account_code: The account's code, as IB gives it.
-- execution_id: IB's id of the execution; statements of IB have the same as ibExecID.
-- executed: When it was executed; null: nobody knows in which zone the gateway's clock was.
-- time_as_sent: The time as IB sent it.
-- time_zone: The zone that it is in: named with it, or that of the gateway's clock.
-- ib_contract_id: IB's id of the contract; null: what came is no id.
-- symbol: The symbol of the underlying.
-- local_symbol: The symbol of the contract at its exchange.
-- security_type: STK, OPT, FUT, FOP, CASH, BOND, CFD, FUND ...; BAG: a combination, whose legs are rows of their own.
-- expiry: Last trade date, usually YYYYMMDD.
-- strike: Of an option, as IB sent it.
-- option_right: C, P, or IB's filler.
-- multiplier: Units of the underlying; null: of a contract that has none, which counts as 1.
-- contract_exchange: The exchange of the contract, as IB sent it with the execution.
-- currency: ISO code of the currency of the price.
-- trading_class: IB's trading class.
-- side: BOT (bought) or SLD (sold).
-- shares: How many; never negative.
-- price: Of one unit.
-- traded_value: Price times shares times multiplier, in the currency of the price: never negative unless the price is.
-- cum_qty: How many of the order were filled by then.
-- avg_price: The average price of these.
-- exchange: Where it was executed.
-- order_id: The order's id, as its client knows it.
-- perm_id: The order's id, as IB knows it.
-- client_id: The API client whose order it was; 0: TWS.
-- order_ref: What the client wrote on the order; empty: nothing.
-- model_code: The model under which it was ordered; empty: none.
-- liquidity: 1: it added liquidity, 2: it removed liquidity, 3: it was routed out; 0 or null: IB does not say.
-- liquidation: Whether IB liquidated the position: 1, else 0.
-- commission: What IB charged, as reported last; null: not reported yet. A combination has none: its legs have.
-- commission_currency: ISO code of the currency of commission and realized_pnl.
-- realized_pnl: Profit of what it closed, after commission; null: it opened a position, or IB has not said.
-- yield: Of a bond, as IB reported it.
-- yield_redemption_date: Of a bond, as IB reported it; empty: none.
-- combo_execution_id: Of a leg: the execution of the combination that it is a part of.
-- ev_rule: IB's economic value rule; empty: none.
-- ev_multiplier: IB's economic value multiplier.
-- pending_price_revision: Whether IB says that the price is not final; null: the gateway is older than that.
-- submitter: Who submitted the order, as IB says; empty: not said.
-- gateway: The gateway, as in IB_GW, that told of it first.
-- received: When it was first told of.
-- texts: IB's text of the figures that it writes in another way than Postgres does, or that are no numbers, by column.
-- remarks: What is to be said of it, by codes: unknown-time, unreadable-figure.
-- corrects: The executions that it stands in the place of, oldest first; null: none.
SELECT
    execution.account AS account_code,
    execution.execution_id,
    execution.at AS executed,
    execution.time AS time_as_sent,
    execution.zone AS time_zone,
    execution.contract_id AS ib_contract_id,
    execution.symbol,
    execution.local_symbol,
    execution.security_type,
    execution.expiry,
    execution.strike,
    execution.option_right,
    execution.multiplier_number AS multiplier,
    execution.contract_exchange,
    execution.currency,
    execution.trading_class,
    execution.side,
    execution.shares,
    execution.price,
    execution.price * execution.shares * coalesce(nullif(execution.multiplier_number, 0), 1) AS traded_value,
    execution.cum_qty,
    execution.avg_price,
    execution.exchange,
    execution.order_id,
    execution.perm_id,
    execution.client_id,
    execution.order_ref,
    execution.model_code,
    execution.last_liquidity AS liquidity,
    execution.liquidation,
    report.commission,
    report.currency AS commission_currency,
    report.realized_pnl,
    report.yield,
    report.redemption_date AS yield_redemption_date,
    (
        SELECT combo.execution_id
        FROM execution AS combo
        WHERE combo.account = execution.account
          AND combo.key > regexp_replace(execution.key, '[^.]*$', '')
          AND combo.key < execution.key
          AND combo.security_type = 'BAG'
          AND combo.is_current
          AND execution.security_type <> 'BAG'
        ORDER BY combo.key DESC
        LIMIT 1
    ) AS combo_execution_id,
    execution.ev_rule,
    execution.ev_multiplier,
    execution.pending_price_revision,
    execution.submitter,
    execution.gateway,
    execution.received,
    coalesce(execution.texts || report.texts, execution.texts, report.texts) AS texts,
    execution.remarks,
    (
        SELECT array_agg(former.execution_id ORDER BY former.correction, former.position)
        FROM execution AS former
        WHERE former.account = execution.account
          AND former.key = execution.key
          AND NOT former.is_current
    ) AS corrects
FROM execution
LEFT JOIN LATERAL (
    SELECT *
    FROM commission
    WHERE commission.key = execution.key
      AND commission.correction <= execution.correction
    ORDER BY commission.correction DESC, commission.position DESC
    LIMIT 1
) AS report ON true
WHERE execution.is_current
  AND execution.position <> -2

-- name: v_execution_version
-- One row per execution id: the fills of v_execution, and beside them what they stood in the place of, as it was told before.
--
-- account_code: The account's code, as IB gives it.
-- execution_id: IB's id of the execution; statements of IB have the same as ibExecID.
-- executed: When it was executed; null: nobody knows in which zone the gateway's clock was.
-- time_as_sent: The time as IB sent it.
-- time_zone: The zone that it is in: named with it, or that of the gateway's clock.
-- ib_contract_id: IB's id of the contract; null: what came is no id.
-- symbol: The symbol of the underlying.
-- local_symbol: The symbol of the contract at its exchange.
-- security_type: STK, OPT, FUT, FOP, CASH, BOND, CFD, FUND ...; BAG: a combination, whose legs are rows of their own.
-- expiry: Last trade date, usually YYYYMMDD.
-- strike: Of an option, as IB sent it.
-- option_right: C, P, or IB's filler.
-- multiplier: Units of the underlying; null: of a contract that has none, which counts as 1.
-- contract_exchange: The exchange of the contract, as IB sent it with the execution.
-- currency: ISO code of the currency of the price.
-- trading_class: IB's trading class.
-- side: BOT (bought) or SLD (sold).
-- shares: How many; never negative.
-- price: Of one unit.
-- traded_value: Price times shares times multiplier, in the currency of the price: never negative unless the price is.
-- cum_qty: How many of the order were filled by then.
-- avg_price: The average price of these.
-- exchange: Where it was executed.
-- order_id: The order's id, as its client knows it.
-- perm_id: The order's id, as IB knows it.
-- client_id: The API client whose order it was; 0: TWS.
-- order_ref: What the client wrote on the order; empty: nothing.
-- model_code: The model under which it was ordered; empty: none.
-- liquidity: 1: it added liquidity, 2: it removed liquidity, 3: it was routed out; 0 or null: IB does not say.
-- liquidation: Whether IB liquidated the position: 1, else 0.
-- commission: What IB charged, as reported last; null: not reported yet. A combination has none: its legs have.
-- commission_currency: ISO code of the currency of commission and realized_pnl.
-- realized_pnl: Profit of what it closed, after commission; null: it opened a position, or IB has not said.
-- yield: Of a bond, as IB reported it.
-- yield_redemption_date: Of a bond, as IB reported it; empty: none.
-- combo_execution_id: Of a leg: the execution of the combination that it is a part of.
-- ev_rule: IB's economic value rule; empty: none.
-- ev_multiplier: IB's economic value multiplier.
-- pending_price_revision: Whether IB says that the price is not final; null: the gateway is older than that.
-- submitter: Who submitted the order, as IB says; empty: not said.
-- gateway: The gateway, as in IB_GW, that told of it first.
-- received: When it was first told of.
-- texts: IB's text of the figures that it writes in another way than Postgres does, or that are no numbers, by column.
-- remarks: What is to be said of it, by codes: unknown-time, unreadable-figure.
-- corrected_by: The execution that stands in its place now; null: it is the current one.
SELECT
    execution.account AS account_code,
    execution.execution_id,
    execution.at AS executed,
    execution.time AS time_as_sent,
    execution.zone AS time_zone,
    execution.contract_id AS ib_contract_id,
    execution.symbol,
    execution.local_symbol,
    execution.security_type,
    execution.expiry,
    execution.strike,
    execution.option_right,
    execution.multiplier_number AS multiplier,
    execution.contract_exchange,
    execution.currency,
    execution.trading_class,
    execution.side,
    execution.shares,
    execution.price,
    execution.price * execution.shares * coalesce(nullif(execution.multiplier_number, 0), 1) AS traded_value,
    execution.cum_qty,
    execution.avg_price,
    execution.exchange,
    execution.order_id,
    execution.perm_id,
    execution.client_id,
    execution.order_ref,
    execution.model_code,
    execution.last_liquidity AS liquidity,
    execution.liquidation,
    report.commission,
    report.currency AS commission_currency,
    report.realized_pnl,
    report.yield,
    report.redemption_date AS yield_redemption_date,
    (
        SELECT combo.execution_id
        FROM execution AS combo
        WHERE combo.account = execution.account
          AND combo.key > regexp_replace(execution.key, '[^.]*$', '')
          AND combo.key < execution.key
          AND combo.security_type = 'BAG'
          AND combo.is_current
          AND execution.security_type <> 'BAG'
        ORDER BY combo.key DESC
        LIMIT 1
    ) AS combo_execution_id,
    execution.ev_rule,
    execution.ev_multiplier,
    execution.pending_price_revision,
    execution.submitter,
    execution.gateway,
    execution.received,
    coalesce(execution.texts || report.texts, execution.texts, report.texts) AS texts,
    execution.remarks,
    (
        SELECT current.execution_id
        FROM execution AS current
        WHERE current.account = execution.account
          AND current.key = execution.key
          AND current.is_current
          AND NOT execution.is_current
    ) AS corrected_by
FROM execution
LEFT JOIN LATERAL (
    SELECT *
    FROM commission
    WHERE commission.key = execution.key
      AND commission.correction <= execution.correction
    ORDER BY commission.correction DESC, commission.position DESC
    LIMIT 1
) AS report ON true
WHERE execution.position <> -2

-- name: v_execution_day
-- One row per gateway and day (by the gateway's own clock) on which it was asked for executions: of these all are known until
-- asked_until. What was executed later that day is not, unless another gateway has told of it.
--
-- gateway: The gateway, as in IB_GW.
-- day: The date there.
-- begins: When that day began.
-- ends: When it ends, or ended.
-- asked_until: Until when all executions of that day are known; as late as ends: of the whole day.
-- time_zone: The zone of the gateway's clock.
SELECT
    coverage.gateway,
    coverage.day,
    coverage.begins,
    coverage.ends,
    coverage.asked_until,
    coverage.zone AS time_zone
FROM coverage

-- name: v_execution_gap
-- One row per span of time of which a gateway was not asked for executions and does not tell any more: the end of a day, or days,
-- on which nobody was connected. Spans of two minutes or less, as there are at midnight, are left out.
--
-- gateway: The gateway, as in IB_GW.
-- since: Until then all executions are known.
-- until: From then on they are known again; null: they are not known since.
SELECT
    asked.gateway,
    asked.since,
    asked.until
FROM (
    SELECT
        coverage.gateway,
        coverage.asked_until AS since,
        lead(coverage.begins) OVER (PARTITION BY coverage.gateway ORDER BY coverage.day) AS until,
        coverage.ends
    FROM coverage
) AS asked
WHERE asked.since + interval '2 minutes' < asked.until
   OR (asked.until IS NULL AND asked.ends < clock_timestamp())
