/** A report of an account, as far as this view shows it: its balance and what is to be said of it. */

import type { Exact } from "../../api/json";
import type { components } from "../../api/schema";
import { type Loaded, useGet } from "../../data";
import { type Asked, of } from "./asking";

/** Money in the balance is `USD 10000.10`. */
export type Report = Omit<Exact<components["schemas"]["Report"]>, "Balance"> & {
  Balance: Record<string, string | null>;
};

const EVERY_S = 15;

/** The report as of the moment that the page shows. No refresh is asked for. */
export const useReport = ({ code, at }: Asked): Loaded<Report> =>
  useGet<Report>(of(code, `as-of/${encodeURIComponent(at ?? "now")}`, {}), { every: at ? 0 : EVERY_S });

/** `USD 10000.10` as its currency and its digits; what is no money has no currency. */
export function amountOf(report: Report, tag: string): { unit: string | null; digits: string | null } {
  const text = report.Balance[tag] ?? null;
  const found = /^([A-Z]{3,5}) (\S+)$/.exec(text ?? "");
  return found ? { unit: found[1] ?? null, digits: found[2] ?? null } : { unit: null, digits: text };
}
