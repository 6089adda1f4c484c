/** What happened: `#/activity?account=&kind=executions&from=&to=&symbol=…`; `row` is what was opened. */

import { address, part } from "../api/client";
import { AccountPick, useAccounts } from "../components/account-pick";
import { Empty, Time } from "../components/basics";
import { useGet } from "../data";
import { ZONE } from "../format";
import { change, href } from "../route";
import { executionColumns, executionKey, orderColumns, orderKey, proceeds } from "./activity/columns";
import { ExecutionDetail, OrderDetail, StatementDetail } from "./activity/detail";
import { Earned } from "./activity/earned";
import { Filters } from "./activity/filters";
import { end, KINDS, type Kind, type Query } from "./activity/kinds";
import { Rows } from "./activity/rows";
import {
  accrualColumns,
  actionColumns,
  flowColumns,
  optionColumns,
  statementColumns,
  transferColumns,
} from "./activity/stated";
import type { Totals } from "./activity/totals";
import type {
  Accrual,
  CashFlow,
  CorporateAction,
  Execution,
  OptionEvent,
  Order,
  Statement,
  Transfer,
} from "./activity/types";
import type { ViewProps } from "./registry";

export default function View({ route }: ViewProps) {
  const { query } = route;
  const kind = KINDS.find((each) => each.name === query.kind) ?? (KINDS[0] as Kind);
  const account = query.account ?? "";
  const accounts = useAccounts();
  return (
    <>
      <div class="title">
        <h1>Activity</h1>
        <div class="tools">
          <AccountPick accounts={accounts} value={account} onChange={(code) => change({ account: code, row: null })} />
        </div>
      </div>
      <nav class="tabs wrap" aria-label="Kinds of activity">
        {KINDS.map((each) => (
          <a
            key={each.name}
            href={href("activity", [], { ...kept(query), kind: each.name })}
            aria-current={each === kind ? "page" : undefined}
          >
            {each.title}
          </a>
        ))}
      </nav>
      <Filters kind={kind} query={query} />
      {account === "" && kind.all === null ? (
        <Empty>{kind.title} are shown for one account: choose it above.</Empty>
      ) : (
        <Chosen kind={kind} query={query} isOfAll={account === ""} />
      )}
    </>
  );
}

/** What stays when another kind is opened. */
const kept = ({ account, from, to, symbol }: Query): Query => ({ account, from, to, symbol });

const EXECUTIONS: Totals<Execution> = {
  by: [
    ["Side", (row) => (row.Side === "BOT" ? "Bought" : "Sold")],
    ["Currency", (row) => row.CurrencyCode],
  ],
  sums: [
    ["Amount", proceeds],
    ["Commission", (row) => row.Commission],
    ["Realised", (row) => row.RealizedPNL],
  ],
  isLeftOut: (row) => row.SecurityType === "BAG",
};
const FLOWS: Totals<CashFlow> = {
  by: [
    ["Type", (row) => row.Type],
    ["Currency", (row) => row.CurrencyCode],
  ],
  sums: [["Amount", (row) => row.Amount]],
};
const TRANSFERS: Totals<Transfer> = {
  by: [["Currency", (row) => row.CurrencyCode]],
  sums: [
    ["Positions' value", (row) => row.Amount],
    ["Cash", (row) => row.Cash],
  ],
};
const OPTIONS: Totals<OptionEvent> = {
  by: [
    ["Event", (row) => row.Type],
    ["Currency", (row) => row.CurrencyCode],
  ],
  sums: [
    ["Proceeds", (row) => row.Proceeds],
    ["Realised", (row) => row.RealizedPNL],
  ],
};

function opened(kind: Kind, query: Query, account: string | null, row: string): string {
  return href("activity", [], { ...query, kind: kind.name, account: query.account ?? account ?? "", row });
}

const statedKey = (row: {
  Day: string;
  Statement: string | null;
  Symbol: string | null;
  TransactionId?: string | null;
}): string => [row.Day, row.Statement, row.TransactionId, row.Symbol, JSON.stringify(row)].join("/");

function Chosen({ kind, query, isOfAll }: { kind: Kind; query: Query; isOfAll: boolean }) {
  const { row = "" } = query;
  switch (kind.name) {
    case "orders":
      return (
        <Rows<Order>
          kind={kind}
          query={query}
          columns={orderColumns(isOfAll, (of) => opened(kind, query, null, orderKey(of)))}
          keyOf={orderKey}
        >
          {(rows) =>
            row === "" ? null : (
              <OrderDetail
                account={query.account ?? ""}
                permId={row}
                of={rows.find((each) => orderKey(each) === row)}
              />
            )
          }
        </Rows>
      );
    case "cash-flows":
      return (
        <Rows<CashFlow> kind={kind} query={query} columns={flowColumns(isOfAll)} keyOf={statedKey} totals={FLOWS} />
      );
    case "earned":
      return <Earned kind={kind} query={query} />;
    case "transfers":
      return (
        <Rows<Transfer> kind={kind} query={query} columns={transferColumns()} keyOf={statedKey} totals={TRANSFERS} />
      );
    case "corporate-actions":
      return <Rows<CorporateAction> kind={kind} query={query} columns={actionColumns()} keyOf={statedKey} />;
    case "option-events":
      return (
        <Rows<OptionEvent> kind={kind} query={query} columns={optionColumns()} keyOf={statedKey} totals={OPTIONS} />
      );
    case "accruals":
      return <Rows<Accrual> kind={kind} query={query} columns={accrualColumns()} keyOf={statedKey} />;
    case "statements":
      return (
        <Rows<Statement>
          kind={kind}
          query={query}
          columns={statementColumns(isOfAll, (of) => opened(kind, query, null, of.Statement))}
          keyOf={(of) => of.Statement}
        >
          {(rows) => {
            const found = rows.find((each) => each.Statement === row);
            return found ? <StatementDetail of={found} /> : null;
          }}
        </Rows>
      );
    default:
      return (
        <>
          <Gaps account={query.account ?? ""} query={query} />
          <Rows<Execution>
            kind={kind}
            query={query}
            columns={executionColumns(isOfAll, (of) => opened(kind, query, null, executionKey(of)))}
            keyOf={executionKey}
            totals={EXECUTIONS}
          >
            {(rows) => {
              const found = rows.find((each) => executionKey(each) === row);
              return found ? <ExecutionDetail of={found} /> : null;
            }}
          </Rows>
        </>
      );
  }
}

interface Gap {
  Since: string | null;
  Until: string | null;
}

/** Spans of which nobody knows the executions: what is not there may yet have been. */
function Gaps({ account, query }: { account: string; query: Query }) {
  const span = { from: query.from, to: end(query), tz: ZONE };
  const url = account === "" ? null : address(`v1/accounts/${part(account)}/executions/gaps`, span);
  const gaps = useGet<Gap[]>(url);
  const last = gaps.data?.at(-1);
  if (url === null || gaps.data === null || last === undefined) return null;
  const size = gaps.data.length;
  return (
    <p class="state">
      {size === 1 ? "There is a span of time" : `There are ${size} spans of time`} of which no gateway was asked for
      executions{size === 1 ? ": " : ", the last one "}
      {last.Since ? (
        <>
          from <Time at={last.Since} />{" "}
        </>
      ) : null}
      {last.Until ? (
        <>
          {last.Since ? "to" : "before"} <Time at={last.Until} />
        </>
      ) : (
        "until now"
      )}
      . Of {size === 1 ? "it" : "these"} only statements tell.
    </p>
  );
}
