/**
 * What the overview asks for, and in which currency: also the account's head asks so, that the answer is there already.
 *
 * In: the query of a route. Out: rows and totals of `v1/overview`, whose numbers are text.
 */

import { useEffect, useState } from "preact/hooks";
import { address } from "../../api/client";
import type { Exact } from "../../api/json";
import type { components } from "../../api/schema";
import { type Loaded, useGet, whenForgetting } from "../../data";
import { isFigure, ratio, subtract } from "../../figures";
import { ZONE } from "../../format";

type Schemas = components["schemas"];

export type Overview = Exact<Schemas["Overview"]>;
export type Row = Exact<Schemas["OverviewRow"]>;
export type Total = Exact<Schemas["OverviewTotal"]>;
type Reason = Total["Excluded"][number]["Why"];

export const PERIODS = ["SinceClose", "MonthToDate", "YearToDate"] as const;
export type Period = (typeof PERIODS)[number];

const EVERY_S = 15;
/** What was chosen for who chose none: kept, so that nothing is asked for twice. */
let usual: string | undefined;
whenForgetting(() => {
  usual = undefined;
});

/** Reasons that the API gives, in words. */
const WORDS: Readonly<Record<Reason, string>> = {
  "no-report": "there is no report of then",
  "not-ready": "the report cannot be relied on",
  "not-listed": "no gateway lists the account any more",
  "no-figure": "IB did not send it",
  "no-rate": "no ledger gives a rate for its currency",
  "other-base": "the base currency was another one then",
  "several-currencies": "the accounts have several base currencies: choose one",
  "not-positive": "the net liquidation value is not above zero",
  "no-cash-flows": "deposits and withdrawals up to then are not known yet: statements tell them",
  "no-return": "a day has none: the account's returns say which, and why",
};

/** A reason in words; one that this page does not know (of a newer service) as it is. */
export const words = (reason: string): string => WORDS[reason as Reason] ?? reason.replaceAll("-", " ");

/** Why a row has no such figure, in words. */
export function whyNot(row: Row, figure: string, all: Overview | null): string | undefined {
  const found = row.Why.find((each) => each.startsWith(`${figure}=`))?.slice(figure.length + 1) ?? all?.Why[figure];
  return found === undefined ? undefined : words(found);
}

/** A change as a share of the value before it; null: not known. */
export function shareOf(now: string | null, change: string | null): string | null {
  return isFigure(now) && isFigure(change) ? ratio(change, subtract(now, change), 8) : null;
}

/** The currency that most accounts have as their base. */
function most({ Accounts: rows }: Overview): string | undefined {
  const counts = new Map<string, number>();
  for (const { BaseCurrency: each } of rows) if (each !== null) counts.set(each, (counts.get(each) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))[0]?.[0];
}

/** Currencies that occur in an answer, and `now`. */
export function currencies({ Accounts, Rates }: Overview, now: string | null | undefined): string[] {
  const found = new Set(Accounts.map((each) => each.BaseCurrency));
  for (const { From, To, Ledgers } of Rates) {
    found.add(From).add(To);
    for (const each of Ledgers) found.add(each.Currency).add(each.BaseCurrency);
  }
  found.add(now ?? null);
  return [...found].filter((each) => each !== null && each !== "BASE").sort() as string[];
}

/** The address of all accounts at a moment. */
const overview = (query: Readonly<Record<string, string>>, currency: string | undefined): string =>
  address("v1/overview", { currency, at: query.at, group: query.group, tz: ZONE, limit: "10000" });

/** All accounts at the moment and in the currency that the address says, else in that of most accounts. */
export function useOverview(query: Readonly<Record<string, string>>): Loaded<Overview> {
  const currency = query.currency ?? usual;
  const loaded = useGet<Overview>(overview(query, currency), { every: query.at ? 0 : EVERY_S });
  const [, turn] = useState(0);
  const { data, problem } = loaded;
  // Before the first report nobody has a base currency: what they have now says which one to take.
  const isBefore = currency === undefined && query.at !== undefined && data?.Currency === null && !most(data);
  const now = useGet<Overview>(isBefore ? overview({}, undefined) : null).data;
  useEffect(() => {
    if (query.currency !== undefined) return;
    // One that nobody has any more, say since somebody else signed in, is no reason to show nothing.
    const next = problem?.status === 400 ? undefined : currency === undefined ? (chosen(data) ?? chosen(now)) : usual;
    if (next === usual) return;
    usual = next;
    turn((number) => number + 1);
  }, [data, now, problem, query.currency, currency]);
  return loaded;
}

/** The currency to ask for, where the answer has none of its own. */
const chosen = (all: Overview | null): string | undefined => (all?.Currency === null ? most(all) : undefined);
