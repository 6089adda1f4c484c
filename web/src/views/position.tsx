/** One position: `#/position/CODE/CONTRACT?curve=price&span=1M`; what is held, since when, and what happened to it. */

import type { ComponentChildren } from "preact";
import { address, part } from "../api/client";
import { Empty, Exports, Fact, Facts, Failure, Figure, Loading, Panel, Time } from "../components/basics";
import { Table } from "../components/table";
import { Traced } from "../components/traced";
import { useGet } from "../data";
import { isFigure } from "../figures";
import { usePages } from "../pages";
import { href } from "../route";
import { executionColumns, executionKey } from "./activity/columns";
import { More } from "./activity/rows";
import { actionColumns, flowColumns, optionColumns } from "./activity/stated";
import { TotalsTable } from "./activity/totals";
import type { CashFlow, CorporateAction, Execution, OptionEvent } from "./activity/types";
import { daysTo, inDays } from "./holdings/options";
import { classOf, dayOf, isOption, nameOf, type Position } from "./holdings/types";
import { About, type Contract } from "./position/contract";
import { History } from "./position/curve";
import type { ViewProps } from "./registry";

const EVERY_S = 60;

export default function View({ route }: ViewProps) {
  const [account = "", contract = ""] = route.args;
  if (account === "" || !isFigure(contract))
    return (
      <Empty>
        No position is named. <a href={href("positions")}>All positions</a>
      </Empty>
    );
  return <Of key={`${account} ${contract}`} account={account} contract={contract} query={route.query} />;
}

interface OfProps {
  account: string;
  contract: string;
  query: Record<string, string>;
}

function Of({ account, contract, query }: OfProps) {
  const { at } = query;
  const every = at ? 0 : EVERY_S;
  const root = `v1/accounts/${part(account)}`;
  const held = useGet<Position[]>(address("v1/positions", { account, contract, at }), { every });
  const about = useGet<Contract[]>(address("v1/contracts", { contract, at }));
  // IB was asked only when a gateway first named it: what it said then is better than nothing.
  const since = useGet<Contract[]>(at && about.data?.length === 0 ? address("v1/contracts", { contract }) : null);
  const executions = usePages<Execution>(address(`${root}/executions`, { contract, to: at, limit: "1000" }));
  if (held.problem !== null && held.data === null) return <Failure problem={held.problem} onRetry={held.reload} />;
  if (held.data === null) return <Loading what="the position" />;
  const position = held.data.find((each) => !each.ModelCode) ?? held.data[0];
  const described = about.data?.[0] ?? since.data?.[0];
  const named = position ?? described ?? executions.data?.[0];
  const multiplier = Number(position?.Multiplier ?? described?.Multiplier ?? "1") || 1;
  return (
    <>
      <div class="title">
        <h1>{named ? nameOf(named) : `Contract ${contract}`}</h1>
        <span class="soft">
          {described?.LongName ?? position?.LongName ?? (named?.SecurityType ? classOf(named.SecurityType) : null)} ·
          held by <a href={href("positions", [account])}>{account}</a>
        </span>
        <div class="tools">
          {position ? (
            <a href={href("sources", [account], { time: position.Timestamp, contract })}>
              Where these figures come from
            </a>
          ) : null}
        </div>
      </div>
      {position ? (
        <Now of={position} at={at} />
      ) : (
        <Empty>
          {account} does not hold it {at ? "at that moment" : "now"}.
        </Empty>
      )}
      <History
        account={account}
        contract={contract}
        query={query}
        multiplier={multiplier}
        executions={executions.data}
      />
      {about.data !== null ? <About of={described} isLater={about.data.length === 0} /> : null}
      <Executions account={account} contract={contract} at={at} pages={executions} />
      <Happened account={account} contract={contract} at={at} symbol={named?.Symbol ?? null} />
    </>
  );
}

/** A figure of the position that leads to the messages which it was made of. */
const OfPosition = ({ of, figure, children }: { of: Position; figure: string; children: ComponentChildren }) => (
  <Traced code={of.AccountCode} time={of.Timestamp} contract={of.IbContractId} figure={figure}>
    {children}
  </Traced>
);

function Now({ of, at }: { of: Position; at: string | undefined }) {
  const expiry = isOption(of) || of.SecurityType === "FUT" ? dayOf(of.Expiry) : null;
  return (
    <section class="panel" aria-label="What is held">
      <Facts>
        <Fact name="Size" hint="How many are held; with a minus: short">
          <OfPosition of={of} figure="Position">
            <Figure of={of.Position} as="digits" />
          </OfPosition>
        </Fact>
        <Fact name="Price">
          <OfPosition of={of} figure="MarketPrice">
            <Figure of={of.MarketPrice} most={8} unit={of.CurrencyCode} why="the gateway gave no price" />
          </OfPosition>
        </Fact>
        <Fact name="Value">
          <OfPosition of={of} figure="MarketValue">
            <Figure of={of.MarketValue} unit={of.CurrencyCode} />
          </OfPosition>
        </Fact>
        {of.BaseCurrency !== of.CurrencyCode ? (
          <Fact
            name={`Value, ${of.BaseCurrency ?? "base"}`}
            hint={`By the rate of the report: ${of.ExchangeRate ?? "none"}`}
          >
            <OfPosition of={of} figure="MarketValueBase">
              <Figure of={of.MarketValueBase} why="the report has no rate" />
            </OfPosition>
          </Fact>
        ) : null}
        <Fact name="Average cost" hint="Of one unit, times the multiplier, with commissions, as IB reckons it">
          <OfPosition of={of} figure="AverageCost">
            <Figure of={of.AverageCost} most={8} unit={of.CurrencyCode} />
          </OfPosition>
        </Fact>
        <Fact name="Unrealised" hint="Profit or loss of what is held, by its average cost">
          <OfPosition of={of} figure="UnrealizedPNL">
            <Figure of={of.UnrealizedPNL} change unit={of.CurrencyCode} />
          </OfPosition>
        </Fact>
        <Fact name="Realised" hint="Profit or loss of what was closed since IB's day began">
          <OfPosition of={of} figure="RealizedPNL">
            <Figure of={of.RealizedPNL} change unit={of.CurrencyCode} />
          </OfPosition>
        </Fact>
        {expiry ? (
          <Fact name="Expiry">
            <Time at={expiry} /> <span class="chip">{inDays(daysTo(expiry, at))}</span>
          </Fact>
        ) : null}
        <Fact name="Reported">
          <Time at={of.Timestamp} seconds />
        </Fact>
      </Facts>
      {of.Ready ? null : <p class="state stale">The report cannot be relied on.</p>}
    </section>
  );
}

interface ExecutionsProps {
  account: string;
  contract: string;
  at: string | undefined;
  pages: ReturnType<typeof usePages<Execution>>;
}

function Executions({ account, contract, at, pages }: ExecutionsProps) {
  const rows = pages.data ?? [];
  const to = (format: "csv" | "parquet") =>
    address(`v1/accounts/${part(account)}/executions`, { contract, to: at, limit: "10000", format });
  const open = (of: Execution) =>
    href("activity", [], { account, kind: "executions", symbol: of.LocalSymbol ?? of.Symbol, row: executionKey(of) });
  return (
    <Panel title="Executions" wide tools={<Exports to={to} name={`${account}-${contract}-executions`} />}>
      {pages.data === null ? (
        pages.problem ? (
          <Failure problem={pages.problem} onRetry={pages.reload} />
        ) : (
          <Loading what="executions" />
        )
      ) : rows.length === 0 ? (
        <Empty>No execution in it is recorded{at ? " by then" : ""}.</Empty>
      ) : (
        <>
          <Table
            label="Executions"
            columns={executionColumns(false, open).filter((each) => each.name !== "symbol")}
            rows={rows}
            keyOf={executionKey}
          />
          <More pages={pages} shown={rows.length} />
          <TotalsTable
            of="executions"
            rows={rows}
            totals={{
              by: [
                ["Side", (row) => (row.Side === "BOT" ? "Bought" : "Sold")],
                ["Currency", (row) => row.CurrencyCode],
              ],
              sums: [
                ["Size", (row) => row.Shares, "digits"],
                ["Commission", (row) => row.Commission],
                ["Realised", (row) => row.RealizedPNL],
              ],
            }}
          />
        </>
      )}
    </Panel>
  );
}

interface HappenedProps {
  account: string;
  contract: string;
  at: string | undefined;
  symbol: string | null;
}

/** What statements tell of it: the API has these of the whole account, so they are chosen here. */
function Happened({ account, contract, at, symbol }: HappenedProps) {
  const root = `v1/accounts/${part(account)}`;
  const actions = usePages<CorporateAction>(address(`${root}/corporate-actions`, { to: at, limit: "10000" }));
  const options = usePages<OptionEvent>(address(`${root}/option-events`, { to: at, limit: "10000" }));
  const flows = usePages<CashFlow>(address(`${root}/cash-flows`, { to: at, limit: "10000" }));
  const isIts = (row: { IbContractId: string | null }) => row.IbContractId === contract;
  const ofActions = (actions.data ?? []).filter(isIts);
  const ofOptions = (options.data ?? []).filter(
    (row) => isIts(row) || (symbol !== null && row.UnderlyingSymbol === symbol),
  );
  const ofFlows = (flows.data ?? []).filter(isIts);
  const isWaiting = [actions, options, flows].some((each) => each.data === null && each.problem === null);
  const problem = actions.problem ?? options.problem ?? flows.problem;
  if (isWaiting) return <Loading what="what statements tell of it" />;
  return (
    <>
      {problem ? <Failure problem={problem} onRetry={actions.reload} /> : null}
      {ofFlows.length > 0 ? (
        <Panel title="Dividends and other cash" wide>
          <Table
            label="Dividends and other cash"
            columns={flowColumns(false).filter((each) => each.name !== "symbol")}
            rows={ofFlows}
            keyOf={(row) => JSON.stringify(row)}
          />
          <TotalsTable
            of="cash flows"
            rows={ofFlows}
            totals={{
              by: [
                ["Type", (row) => row.Type],
                ["Currency", (row) => row.CurrencyCode],
              ],
              sums: [["Amount", (row) => row.Amount]],
            }}
          />
        </Panel>
      ) : null}
      {ofActions.length > 0 ? (
        <Panel title="Corporate actions" wide>
          <Table
            label="Corporate actions"
            columns={actionColumns()}
            rows={ofActions}
            keyOf={(row) => JSON.stringify(row)}
          />
        </Panel>
      ) : null}
      {ofOptions.length > 0 ? (
        <Panel title="Exercises, assignments, expirations" wide>
          <Table
            label="Option events"
            columns={optionColumns()}
            rows={ofOptions}
            keyOf={(row) => JSON.stringify(row)}
          />
        </Panel>
      ) : null}
    </>
  );
}
