/** The kinds of what happened: where the API has them, and what they can be chosen by. */

import { address, type Parameters, part } from "../../api/client";
import { ZONE } from "../../format";

export interface Kind {
  name: string;
  title: string;
  /** What it is, in a sentence. */
  hint: string;
  /** The path of all accounts; null: the API has it of one account alone. */
  all: string | null;
  /** The path of one account, below it. */
  one: string;
  limit: string;
  filters: readonly ("symbol" | "type" | "status")[];
  /** The parameter by which the API itself chooses a symbol. */
  isSymbolAsked?: boolean;
}

export const KINDS: readonly Kind[] = [
  {
    name: "executions",
    title: "Executions",
    hint: "What was bought and sold, each fill once, newest first.",
    all: "v1/executions",
    one: "executions",
    limit: "1000",
    filters: ["symbol"],
    isSymbolAsked: true,
  },
  {
    name: "orders",
    title: "Orders",
    hint: "What was to be bought and sold, open and ended, each with all states that it was seen in.",
    all: "v1/orders",
    one: "orders",
    limit: "200",
    filters: ["symbol", "status"],
    isSymbolAsked: true,
  },
  {
    name: "cash-flows",
    title: "Cash flows",
    hint: "Cash and assets that came or went other than by trading, as statements say it.",
    all: "v1/cash-flows",
    one: "cash-flows",
    limit: "1000",
    filters: ["type", "symbol"],
  },
  {
    name: "earned",
    title: "Earned",
    hint: "Dividends, interest, fees and taxes by month and year, in the base currency, as statements say it.",
    all: "v1/cash-flows",
    one: "cash-flows",
    limit: "10000",
    filters: [],
  },
  {
    name: "transfers",
    title: "Transfers",
    hint: "Positions and cash from and to other accounts and brokers.",
    all: null,
    one: "transfers",
    limit: "1000",
    filters: ["symbol"],
  },
  {
    name: "corporate-actions",
    title: "Corporate actions",
    hint: "Splits, mergers, spin-offs, and what they brought and took.",
    all: null,
    one: "corporate-actions",
    limit: "1000",
    filters: ["symbol"],
  },
  {
    name: "option-events",
    title: "Option events",
    hint: "Exercises, assignments and expirations.",
    all: null,
    one: "option-events",
    limit: "1000",
    filters: ["symbol"],
  },
  {
    name: "accruals",
    title: "Accruals",
    hint: "Dividends and interest that are due and not yet paid.",
    all: null,
    one: "accruals",
    limit: "1000",
    filters: ["symbol"],
  },
  {
    name: "statements",
    title: "Statements",
    hint: "Flex statements that are recorded, those imported last first.",
    all: "v1/statements",
    one: "",
    limit: "1000",
    filters: [],
  },
];

export const STATUSES = [
  ["", "Any status"],
  ["open", "Open"],
  ["filled", "Filled"],
  ["cancelled", "Cancelled"],
  ["inactive", "Inactive"],
  ["gone", "Gone"],
] as const;

/** IBKR's types of cash flows, as it spells them. */
export const TYPES = [
  "Deposits/Withdrawals",
  "Dividends",
  "Payment In Lieu Of Dividends",
  "Withholding Tax",
  "Broker Interest Paid",
  "Broker Interest Received",
  "Bond Interest Paid",
  "Bond Interest Received",
  "Broker Fees",
  "Other Fees",
  "Advisor Fees",
  "Commission Adjustments",
] as const;

export type Query = Record<string, string | undefined>;

/** The end of the span: what was chosen, but never later than the moment that the page shows. */
export function end({ to, at }: Query): string | undefined {
  if (!at) return to;
  return to && to < at.slice(0, 10) ? to : at;
}

/** Where the rows of a kind are, or a file of them; null: an account has to be chosen. */
export function addressOf(kind: Kind, query: Query, format?: "csv" | "parquet"): string | null {
  const { account = "", group, from, symbol, type, status } = query;
  const has = (filter: Kind["filters"][number]) => kind.filters.includes(filter);
  const to = end(query);
  const parameters: Parameters = {
    from,
    to,
    tz: from || to ? ZONE : undefined,
    symbol: kind.isSymbolAsked ? symbol : undefined,
    type: has("type") ? type : undefined,
    status: has("status") ? status : undefined,
    limit: format && kind.name !== "orders" ? "10000" : format ? "1000" : kind.limit,
    format,
  };
  if (kind.name === "statements") return address("v1/statements", { ...parameters, account: account || undefined });
  if (account !== "") return address(`v1/accounts/${part(account)}/${kind.one}`, parameters);
  return kind.all === null ? null : address(kind.all, { ...parameters, group });
}

/** Whether a row is of a symbol, where the API cannot choose: the whole of it, or the first word. */
export function isOfSymbol(row: { Symbol: string | null; UnderlyingSymbol?: string | null }, symbol: string): boolean {
  const wanted = symbol.trim().toUpperCase();
  const words = [row.Symbol, row.Symbol?.split(" ")[0], row.UnderlyingSymbol];
  return wanted === "" || words.some((each) => each?.toUpperCase() === wanted);
}
