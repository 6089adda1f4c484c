/** What was earned: dividends, interest, fees and taxes per month and year, exact, in base currency. */

import { address } from "../../api/client";
import { Empty, Exports, Figure, Panel, Shown } from "../../components/basics";
import { type Column, Table } from "../../components/table";
import { useGet } from "../../data";
import { add, isFigure } from "../../figures";
import { LOCALE } from "../../format";
import { usePages } from "../../pages";
import type { Overview } from "../holdings/types";
import { addressOf, type Kind, type Query } from "./kinds";
import { More, None } from "./rows";
import type { CashFlow } from "./types";

const CATEGORIES = ["Dividends", "Interest", "Taxes", "Fees", "Other"] as const;
type Category = (typeof CATEGORIES)[number];

/** Where a type of cash flow belongs; null: a deposit, withdrawal or transfer, which earns nothing. */
export function categoryOf({ Type, External }: Pick<CashFlow, "Type" | "External">): Category | null {
  if (External) return null;
  const type = Type.toLowerCase();
  if (type.includes("withholding") || type.includes("tax")) return "Taxes";
  if (type.includes("dividend")) return "Dividends";
  if (type.includes("interest")) return "Interest";
  if (type.includes("fee") || type.includes("commission")) return "Fees";
  return type.includes("deposit") || type.includes("transfer") || type.includes("internal") ? null : "Other";
}

interface Period {
  key: string;
  isYear: boolean;
  sums: Partial<Record<Category, string>>;
  net: string;
}

function book(all: Map<string, Period>, key: string, category: Category, amount: string): void {
  const period = all.get(key) ?? { key, isYear: key.length === 4, sums: {}, net: "0" };
  period.sums[category] = add(period.sums[category] ?? "0", amount);
  period.net = add(period.net, amount);
  all.set(key, period);
}

/** Years with their months, the newest first; by base currency. `without`: rows that have no amount in it. */
export function periodsOf(
  flows: readonly CashFlow[],
  baseOf: (account: string) => string,
): { currencies: Map<string, Period[]>; without: number } {
  const books = new Map<string, Map<string, Period>>();
  let without = 0;
  for (const flow of flows) {
    const category = categoryOf(flow);
    if (category === null) continue;
    if (!isFigure(flow.AmountInBase)) {
      without += 1;
      continue;
    }
    const base = baseOf(flow.AccountCode);
    const own = books.get(base) ?? new Map<string, Period>();
    books.set(base, own);
    for (const key of [flow.Day.slice(0, 4), flow.Day.slice(0, 7)]) book(own, key, category, flow.AmountInBase);
  }
  const order = (a: Period, b: Period): number => {
    const [x, y] = [a.key.slice(0, 4), b.key.slice(0, 4)];
    return x !== y ? (x < y ? 1 : -1) : a.isYear ? -1 : b.isYear ? 1 : a.key < b.key ? 1 : -1;
  };
  const sorted = [...books].map(([base, own]) => [base, [...own.values()].sort(order)] as const);
  return { currencies: new Map(sorted.sort(([a], [b]) => (a < b ? -1 : 1))), without };
}

const month = new Intl.DateTimeFormat(LOCALE, { month: "long", year: "numeric", timeZone: "UTC" });

const columns: Column<Period>[] = [
  {
    name: "period",
    title: "Period",
    cell: ({ key, isYear }) => (isYear ? key : month.format(new Date(`${key}-01T00:00:00Z`))),
  },
  { name: "net", title: "Net", isFigure: true, cell: ({ net }) => <Figure of={net} change /> },
  ...CATEGORIES.map(
    (category): Column<Period> => ({
      name: category,
      title: category,
      isFigure: true,
      isWide: category === "Other" || category === "Taxes",
      cell: ({ sums }) => (sums[category] === undefined ? null : <Figure of={sums[category]} />),
    }),
  ),
];

export function Earned({ kind, query }: { kind: Kind; query: Query }) {
  const flows = usePages<CashFlow>(addressOf(kind, query));
  const overview = useGet<Overview>(address("v1/overview", { at: query.at, limit: "10000" }));
  const bases = new Map((overview.data?.Accounts ?? []).map((row) => [row.AccountCode, row.BaseCurrency]));
  const to = (format: "csv" | "parquet") => addressOf(kind, query, format) ?? "";
  return (
    <Shown from={flows} what="cash flows">
      {(rows) => {
        const { currencies, without } = periodsOf(rows, (account) => bases.get(account) ?? "base currency");
        return (
          <>
            <p class="soft">
              {kind.hint} Deposits, withdrawals and transfers are none of it; commissions are in the executions.
            </p>
            {currencies.size === 0 ? <None kind={kind} query={query} /> : null}
            {[...currencies].map(([base, periods]) => (
              <Panel
                key={base}
                title={`Earned, ${base}`}
                wide
                tools={<Exports to={to} name={`${query.account ?? "all"}-cash-flows`} />}
              >
                <Table
                  label={`Earned, ${base}`}
                  columns={columns}
                  rows={periods}
                  keyOf={(row) => row.key}
                  tone={(row) => (row.isYear ? "grouping" : undefined)}
                />
              </Panel>
            ))}
            {without > 0 ? <Empty>{without} rows have no amount in base currency: they are left out.</Empty> : null}
            {flows.hasMore ? <More pages={flows} shown={rows.length} /> : null}
          </>
        );
      }}
    </Shown>
  );
}
