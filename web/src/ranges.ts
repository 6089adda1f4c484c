/**
 * Spans of time that a curve is drawn over: a name (`range=3m`) or two days (`from`, `to`), kept in the address.
 *
 * In: the query of a route. Out: days and moments as the API takes them, in the viewer's zone. Nothing here asks.
 */

import { ZONE } from "./format";

export type RangeName = "1d" | "1w" | "1m" | "3m" | "ytd" | "1y" | "all";

export const TITLES: Readonly<Record<RangeName, string>> = {
  "1d": "1D",
  "1w": "1W",
  "1m": "1M",
  "3m": "3M",
  ytd: "YTD",
  "1y": "1Y",
  all: "All",
};

/** A span; `name` null: between two days that somebody chose. */
export interface Span {
  name: RangeName | null;
  /** Its first day; null: the first of which anything is known. */
  from: string | null;
  /** Its last day; null: to the moment that the page shows. */
  to: string | null;
}

const DAY_MS = 86_400_000;
const DAY = /^\d{4}-\d\d-\d\d$/;

/** The day of a moment in the viewer's zone. */
export function dayOf(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/** As many months earlier: the same day of the month, or its last one. */
export function monthsBefore(day: string, months: number): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  const last = new Date(Date.UTC(year, month - months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 - months, Math.min(date, last))).toISOString().slice(0, 10);
}

export function daysBefore(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) - days * DAY_MS).toISOString().slice(0, 10);
}

/** The first day of a span that ends today: its figures begin with the value at the end of the day before. */
function begin(name: RangeName, today: string): string | null {
  const months = { "1m": 1, "3m": 3, "1y": 12 }[name as "1m" | "3m" | "1y"];
  if (months !== undefined) return daysBefore(monthsBefore(today, months), -1);
  if (name === "ytd") return `${today.slice(0, 4)}-01-01`;
  return name === "all" ? null : daysBefore(today, name === "1d" ? 1 : 7);
}

/** The span that an address asks for. `at`: the moment that the page shows; `usual`: where it names none. */
export function spanOf(
  query: Readonly<Record<string, string>>,
  at: string | undefined,
  usual: RangeName,
  known: readonly RangeName[] = Object.keys(TITLES) as RangeName[],
): Span {
  const [from, to] = [query.from ?? "", query.to ?? ""];
  if (DAY.test(from) || DAY.test(to)) {
    return { name: null, from: DAY.test(from) ? from : null, to: DAY.test(to) ? to : null };
  }
  const name = known.find((each) => each === query.range) ?? usual;
  return { name, from: begin(name, dayOf(at ? new Date(at) : new Date())), to: null };
}

/** A span as parameters of performance, whose figures are of days. */
export const ofDays = (span: Span, at: string | undefined) => ({
  from: span.from,
  to: span.to ?? at,
  tz: span.from || span.to || at ? ZONE : undefined,
});

/** A span as parameters of histories, to the moment. */
export function ofMoments(span: Span, at: string | undefined) {
  const days = span.name === "1d" ? 1 : span.name === "1w" ? 7 : 0;
  if (days > 0) {
    return { from: at ? new Date(Date.parse(at) - days * DAY_MS).toISOString() : `-${days}d`, to: at };
  }
  return ofDays(span, at);
}
