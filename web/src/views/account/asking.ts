/** What the account's view shows, and of when: kept together, so that its parts ask for the same. */

import { address, part } from "../../api/client";
import type { Performance } from "../../api/performance";
import { type Loaded, useGet } from "../../data";
import { ofDays, type RangeName, type Span, spanOf } from "../../ranges";

export type Query = Readonly<Record<string, string>>;

export const RANGES: readonly RangeName[] = ["1d", "1w", "1m", "3m", "ytd", "1y", "all"];
const EVERY_S = 120;

/** What a part of the view is of. */
export interface Asked {
  code: string;
  query: Query;
  /** The moment that the page shows; undefined: now. */
  at: string | undefined;
  span: Span;
}

export const asked = (code: string, query: Query): Asked => ({
  code,
  query,
  at: query.at,
  span: spanOf(query, query.at, "1y", RANGES),
});

/** The address of a resource of an account. */
export const of = (code: string, path: string, parameters: Parameters<typeof address>[1]): string =>
  address(`v1/accounts/${part(code)}/${path}`, parameters);

const EVER: Span = { name: "all", from: null, to: null };

const performanceOf = ({ code, at }: Asked, span: Span): string =>
  of(code, "performance", { series: "days", ...ofDays(span, at) });

/** Returns over the span. */
export const usePerformance = (of: Asked): Loaded<Performance> =>
  useGet<Performance>(performanceOf(of, of.span), { every: of.at ? 0 : EVERY_S });

/** Returns since anything is known: months and years. */
export const useEver = (of: Asked): Loaded<Performance> =>
  useGet<Performance>(performanceOf(of, EVER), { every: of.at ? 0 : 600 });
