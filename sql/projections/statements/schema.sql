-- version: 1
-- title: statement tables
-- What Flex statements say, by account and day: value, cash, trades, accruals, rates. Days are those of the statement (Eastern time),
-- amounts have IBKR's digits. Rows of a newer statement take the place of an older one's for the days that it covers: those are
-- `current`, and whoever reads says WHERE current. Newer is generated later, then imported later. What the fold looks up while tables
-- are built has its index here, all else in constraints.sql.
--
-- Each table of facts has: `account`; `day`: the day on which its statement counts it, within the period of the statement for what
-- happens; `statement`, `line`: the statement and the number of the element in it; `position`: of the event that ended the document;
-- `origin`: the section that the row is from, of some the part of it; `level`: levelOfDetail as sent; `current`; `more`: attributes that have no column, as
-- sent, without empty ones; `as_sent`: by the names of columns, texts that a column does not give back letter by letter.

-- A FlexStatement of a document, in the order of import. `number`: of the FlexStatement in its document, from 0. `from_day`, `to_day`:
-- the period. `generated`: null if it does not say so. `stream`: the stream of its events. `query`: the name of the saved query; `kind`:
-- the type of the document. `elements`: elements with attributes; `unread`: of those, the ones of sections that no table is made of.
-- `name`: of the file, or the id of the query that was fetched; `source`: "file", "http" or "flex".
CREATE TABLE statement (
    id bigint PRIMARY KEY,
    position bigint NOT NULL,
    received timestamptz NOT NULL,
    generated timestamptz,
    stream uuid NOT NULL,
    size bigint,
    number integer NOT NULL,
    elements integer NOT NULL,
    unread integer NOT NULL,
    oddities integer NOT NULL,
    from_day date,
    to_day date,
    account text COLLATE "C" NOT NULL,
    generated_text text,
    period text,
    query text,
    kind text,
    base_currency text,
    name text,
    source text,
    sha256 text,
    more jsonb
);

-- How many elements each section of a statement has, how many of them no row was made of, and which attributes have no column (counts
-- by name).
CREATE TABLE section (
    statement bigint NOT NULL,
    rows integer NOT NULL,
    unread integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    others jsonb,
    PRIMARY KEY (statement, account, name)
);

-- Values that could not be understood: the column is null, the text is here.
CREATE TABLE oddity (
    statement bigint NOT NULL,
    line integer NOT NULL,
    account text COLLATE "C" NOT NULL,
    section text COLLATE "C" NOT NULL,
    attribute text COLLATE "C" NOT NULL,
    value text NOT NULL,
    reason text NOT NULL
);

-- Which statement holds for which days of an account: ranges that do not overlap for a section. `sections`: bits, by the list in
-- ibconnect/projections/statements/sections.py. `mentioned`: a day outside of the statement's period, which any statement of the day
-- itself goes before.
CREATE TABLE covered (
    statement bigint NOT NULL,
    sections bigint NOT NULL,
    generated timestamptz,
    from_day date NOT NULL,
    to_day date NOT NULL,
    mentioned boolean NOT NULL,
    account text COLLATE "C" NOT NULL
);
CREATE INDEX covered_account_idx ON covered (account, from_day);

-- Value of an account at the end of a day, in its base currency, and its parts (EquitySummaryByReportDateInBase). Where a statement has
-- no such section, one row for its last day from ChangeInNAV: the total alone. `model`: where a query breaks out models, of which.
CREATE TABLE nav (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    line integer NOT NULL,
    day date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    currency text,
    model text,
    total numeric,
    cash numeric,
    stock numeric,
    options numeric,
    bonds numeric,
    notes numeric,
    funds numeric,
    commodities numeric,
    crypto numeric,
    cfd numeric,
    forex_cfd numeric,
    dividend_accruals numeric,
    interest_accruals numeric,
    incentive_coupon_accruals numeric,
    broker_fees_accruals numeric,
    ipo_subscription numeric,
    securities_borrowed numeric,
    securities_lent numeric,
    lending_collateral numeric,
    soft_dollars numeric,
    other numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX nav_statement_idx ON nav (statement);

-- How the value of an account changed over a period (ChangeInNAV), in its base currency. Current is the newest of the same period:
-- current rows of other periods may overlap it. `twr`: time-weighted return in percent, as IBKR prints it.
CREATE TABLE nav_change (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    line integer NOT NULL,
    day date,
    from_day date,
    to_day date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    currency text,
    model text,
    starting numeric,
    ending numeric,
    mtm numeric,
    realized numeric,
    unrealized_change numeric,
    cost_adjustments numeric,
    transferred_pnl_adjustments numeric,
    deposits_withdrawals numeric,
    internal_cash_transfers numeric,
    excess_fund_sweep numeric,
    asset_transfers numeric,
    debit_card_activity numeric,
    bill_pay numeric,
    grant_activity numeric,
    dividends numeric,
    withholding_tax numeric,
    withholding_871m numeric,
    withholding_tax_collected numeric,
    dividend_accruals_change numeric,
    interest numeric,
    interest_accruals_change numeric,
    advisor_fees numeric,
    client_fees numeric,
    broker_fees numeric,
    other_fees numeric,
    fees_receivables numeric,
    commissions numeric,
    commission_credits_redemption numeric,
    commission_receivables numeric,
    forex_commissions numeric,
    transaction_tax numeric,
    tax_receivables numeric,
    sales_tax numeric,
    billable_sales_tax numeric,
    soft_dollars numeric,
    net_fx_trading numeric,
    fx_translation numeric,
    linking_adjustments numeric,
    referral_fee numeric,
    donations numeric,
    carbon_credits numeric,
    paxos_transfers numeric,
    corporate_action_proceeds numeric,
    other numeric,
    twr numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX nav_change_statement_idx ON nav_change (statement);
CREATE INDEX nav_change_period_idx ON nav_change (account, to_day, from_day);

-- Cash of an account in a currency over a period (CashReport), the whole of it in its base currency as BASE_SUMMARY. `day`: the end of
-- the period. Current is the newest for the day at the end.
CREATE TABLE cash_balance (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    line integer NOT NULL,
    day date,
    from_day date,
    to_day date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    currency text,
    model text,
    starting numeric,
    ending numeric,
    settled numeric,
    deposits_withdrawals numeric,
    deposits numeric,
    withdrawals numeric,
    account_transfers numeric,
    internal_transfers numeric,
    dividends numeric,
    payment_in_lieu numeric,
    withholding_tax numeric,
    interest numeric,
    bond_interest numeric,
    commissions numeric,
    advisor_fees numeric,
    other_fees numeric,
    transaction_tax numeric,
    sales_tax numeric,
    trades_sales numeric,
    trades_purchases numeric,
    fx_translation numeric,
    other numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX cash_balance_statement_idx ON cash_balance (statement);

-- Cash and assets that came into an account or left it other than by trading (CashTransactions, Transfers, StockGrantActivities; lines of
-- StmtFunds where nothing else covers the day). `amount`: what came is positive, what left negative; of assets their value. `external`: a flow
-- for the account as performance counts it. `scope`: "firm": it came into or left the firm; "account": from or to another account of the firm (none for the
-- firm as a whole); "internal": between an account and its own segments; null for income and cost. `counterparty`: the other account, or the other
-- broker. `is_asset`: assets, not cash. `id`: IBKR's transaction id.
CREATE TABLE cash_flow (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    at timestamptz,
    contract bigint,
    line integer NOT NULL,
    day date,
    settle_day date,
    current boolean NOT NULL,
    external boolean,
    is_asset boolean,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    id text,
    type text,
    scope text,
    currency text,
    counterparty text,
    action_id text,
    code text,
    client_reference text,
    symbol text,
    asset text,
    isin text,
    description text,
    amount numeric,
    rate_to_base numeric,
    amount_in_base numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX cash_flow_statement_idx ON cash_flow (statement);

-- Lines of the statement of funds, the whole ledger of an account's cash with its balance. `activity`: IBKR's code (DEP, WITH, DIV, BUY …).
CREATE TABLE fund_line (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    at timestamptz,
    contract bigint,
    line integer NOT NULL,
    day date,
    settle_day date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    id text,
    activity text,
    currency text,
    trade_id text,
    order_id text,
    side text,
    action_id text,
    symbol text,
    asset text,
    isin text,
    description text,
    amount numeric,
    debit numeric,
    credit numeric,
    balance numeric,
    rate_to_base numeric,
    quantity numeric,
    price numeric,
    gross numeric,
    commission numeric,
    tax numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX fund_line_statement_idx ON fund_line (statement);

-- Positions and cash that were transferred in or out, with IBKR's signs as sent (Transfers). `direction`: IN or OUT. `amount`: value of
-- the position, in its currency; `amount_in_base`: in base; `cash`: cash that was transferred. What counts as a flow of it is in cash_flow.
CREATE TABLE transfer (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    at timestamptz,
    contract bigint,
    line integer NOT NULL,
    day date,
    settle_day date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    id text,
    type text,
    direction text,
    counterparty text,
    counterparty_name text,
    currency text,
    code text,
    symbol text,
    asset text,
    isin text,
    description text,
    quantity numeric,
    price numeric,
    amount numeric,
    amount_in_base numeric,
    cash numeric,
    pnl numeric,
    pnl_in_base numeric,
    rate_to_base numeric,
    multiplier numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX transfer_statement_idx ON transfer (statement);

-- Fills (Trades, level EXECUTION; TradeConfirms where no section of trades covers the day). `exec_id` is the execution id of the socket API
-- (ibExecID). `quantity`: negative for sales. `commission`: negative where it was paid. `transaction_type`: ExchTrade, or BookTrade where an
-- option was exercised, assigned or expired.
CREATE TABLE trade (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    at timestamptz,
    order_at timestamptz,
    contract bigint,
    line integer NOT NULL,
    day date,
    settle_day date,
    trade_day date,
    expiry date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    id text,
    exec_id text,
    order_id text,
    transaction_id text,
    brokerage_order_id text,
    external_exec_id text,
    order_reference text,
    transaction_type text,
    order_type text,
    side text,
    open_close text,
    exchange text,
    currency text,
    commission_currency text,
    notes text,
    underlying text,
    put_call text,
    symbol text,
    asset text,
    isin text,
    description text,
    quantity numeric,
    price numeric,
    money numeric,
    proceeds numeric,
    commission numeric,
    taxes numeric,
    net_cash numeric,
    cost numeric,
    realized numeric,
    mtm numeric,
    close_price numeric,
    rate_to_base numeric,
    multiplier numeric,
    strike numeric,
    accrued_interest numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX trade_statement_idx ON trade (statement);

-- The other levels of the section of trades: ORDER, SYMBOL_SUMMARY, ASSET_SUMMARY (sums of fills), CLOSED_LOT, WASH_SALE. Not fills: never
-- to be added to those of trade.
CREATE TABLE trade_part (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    at timestamptz,
    order_at timestamptz,
    contract bigint,
    line integer NOT NULL,
    day date,
    settle_day date,
    trade_day date,
    expiry date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    id text,
    exec_id text,
    order_id text,
    transaction_id text,
    brokerage_order_id text,
    external_exec_id text,
    order_reference text,
    transaction_type text,
    order_type text,
    side text,
    open_close text,
    exchange text,
    currency text,
    commission_currency text,
    notes text,
    underlying text,
    put_call text,
    symbol text,
    asset text,
    isin text,
    description text,
    quantity numeric,
    price numeric,
    money numeric,
    proceeds numeric,
    commission numeric,
    taxes numeric,
    net_cash numeric,
    cost numeric,
    realized numeric,
    mtm numeric,
    close_price numeric,
    rate_to_base numeric,
    multiplier numeric,
    strike numeric,
    accrued_interest numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX trade_part_statement_idx ON trade_part (statement);

-- Accruals. `kind`: "dividend" as they stand at the end of the period (OpenDividendAccruals), "dividend change" as they were booked
-- (ChangeInDividendAccruals), "interest" over the period by currency (InterestAccruals: starting, accrued, reversal, ending).
CREATE TABLE accrual (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    contract bigint,
    line integer NOT NULL,
    day date,
    from_day date,
    to_day date,
    ex_day date,
    pay_day date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    kind text NOT NULL,
    currency text,
    code text,
    symbol text,
    asset text,
    isin text,
    description text,
    quantity numeric,
    gross_rate numeric,
    gross_amount numeric,
    net_amount numeric,
    tax numeric,
    fee numeric,
    rate_to_base numeric,
    starting numeric,
    accrued numeric,
    reversal numeric,
    fx_translation numeric,
    ending numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX accrual_statement_idx ON accrual (statement);

-- Splits, mergers, spin-offs and the like (CorporateActions). `type`: IBKR's code (FS, TC, SO, IC …).
CREATE TABLE corporate_action (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    at timestamptz,
    contract bigint,
    line integer NOT NULL,
    day date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    id text,
    action_id text,
    type text,
    currency text,
    code text,
    action_description text,
    symbol text,
    asset text,
    isin text,
    description text,
    quantity numeric,
    amount numeric,
    proceeds numeric,
    value numeric,
    cost numeric,
    realized numeric,
    mtm numeric,
    rate_to_base numeric,
    multiplier numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX corporate_action_statement_idx ON corporate_action (statement);

-- Exercises, assignments and expirations of options (OptionEAE).
CREATE TABLE option_event (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    contract bigint,
    line integer NOT NULL,
    day date,
    expiry date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    transaction_type text,
    id text,
    currency text,
    underlying text,
    put_call text,
    symbol text,
    asset text,
    isin text,
    description text,
    quantity numeric,
    price numeric,
    close_price numeric,
    proceeds numeric,
    commission_and_tax numeric,
    cost numeric,
    realized numeric,
    mtm numeric,
    rate_to_base numeric,
    multiplier numeric,
    strike numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX option_event_statement_idx ON option_event (statement);

-- What one unit of a currency was worth in another at the end of a day (ConversionRates).
CREATE TABLE conversion_rate (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    line integer NOT NULL,
    day date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    currency text,
    to_currency text,
    rate numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX conversion_rate_statement_idx ON conversion_rate (statement);

-- Positions at the end of a day (OpenPositions). `quantity`: negative for short ones. Lots (level LOT) are current only where the statement
-- does not sum them up: then a position is the sum of its lots.
CREATE TABLE open_position (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    opened timestamptz,
    holding_since timestamptz,
    contract bigint,
    line integer NOT NULL,
    day date,
    expiry date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    side text,
    currency text,
    code text,
    underlying text,
    put_call text,
    symbol text,
    asset text,
    isin text,
    description text,
    quantity numeric,
    mark_price numeric,
    value numeric,
    open_price numeric,
    cost_price numeric,
    cost numeric,
    unrealized numeric,
    percent_of_nav numeric,
    rate_to_base numeric,
    multiplier numeric,
    strike numeric,
    accrued_interest numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX open_position_statement_idx ON open_position (statement);

-- Taxes on transactions (TransactionTaxes) and sales taxes on fees (SalesTaxes). `kind`: "transaction" or "sales". `amount`: negative where
-- it was paid.
CREATE TABLE transaction_tax (
    statement bigint NOT NULL,
    position bigint NOT NULL,
    at timestamptz,
    contract bigint,
    line integer NOT NULL,
    day date,
    current boolean NOT NULL,
    account text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    level text,
    kind text NOT NULL,
    id text,
    trade_id text,
    tax_type text,
    country text,
    currency text,
    code text,
    symbol text,
    asset text,
    isin text,
    description text,
    amount numeric,
    taxable_amount numeric,
    tax_rate numeric,
    rate_to_base numeric,
    quantity numeric,
    price numeric,
    more jsonb,
    as_sent jsonb
);
CREATE INDEX transaction_tax_statement_idx ON transaction_tax (statement);
