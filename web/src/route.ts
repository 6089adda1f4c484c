/**
 * The state of a view is its address: `#/account/DU1?at=…&currency=…`. The part behind # never leaves the browser.
 */

import { useLayoutEffect, useState } from "preact/hooks";

export interface Route {
  view: string;
  args: string[];
  query: Record<string, string>;
}

/** What stays when another view is opened. */
const KEPT = ["at", "currency", "group"];

export function read(hash: string = location.hash): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view = "", ...args] = path.split("/").map(decode);
  return { view: view || "overview", args, query: Object.fromEntries(new URLSearchParams(search)) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a view; of the query what is undefined, null or empty is left out. */
export function href(
  view: string,
  args: readonly string[] = [],
  query: Record<string, string | null | undefined> = {},
): string {
  const kept = Object.fromEntries(KEPT.map((name) => [name, read().query[name]]));
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...kept, ...query })) if (value) all.set(name, value);
  const search = all.size > 0 ? `?${all}` : "";
  return `#/${[view, ...args].map(encodeURIComponent).join("/")}${search}`;
}

/** The same view with another query; what is null goes. */
export function change(query: Record<string, string | null>): void {
  const { view, args, query: now } = read();
  location.hash = href(view, args, { ...now, ...query });
}

/** As `change`, but going back does not lead to what was before: for what changes with each key. */
export function replace(query: Record<string, string | null>): void {
  const { view, args, query: now } = read();
  history.replaceState(null, "", href(view, args, { ...now, ...query }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

const UNITS_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const UNITS_MONTHS: Readonly<Record<string, number>> = { mo: 1, q: 3, y: 12 };

/** The instant that a time ago (`-30d`, `-1mo`) is now, as the API counts it; null: it is written otherwise. */
function ago(text: string): Date | null {
  const [, size, unit = ""] = /^-(\d{1,6})(s|m|h|d|w|mo|q|y)$/.exec(text) ?? [];
  if (size === undefined) return null;
  const at = new Date();
  const months = UNITS_MONTHS[unit];
  if (months === undefined) return new Date(at.getTime() - Number(size) * (UNITS_S[unit] ?? 0) * 1000);
  const day = at.getUTCDate();
  at.setUTCDate(1);
  at.setUTCMonth(at.getUTCMonth() - Number(size) * months);
  // The 31st of a month that has none is its last day.
  const last = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
  at.setUTCDate(Math.min(day, last));
  return at;
}

/** A moment that is written as a time ago, or as `now`, is put into the address as the instant that it is. */
function settled(): Route {
  const route = read();
  const { at } = route.query;
  const instant = at === undefined ? null : ago(at);
  if (at !== "now" && (instant === null || Number.isNaN(instant.getTime()))) return route;
  const found = at === "now" ? null : instant?.toISOString().replace(/\.\d+Z/, "Z");
  history.replaceState(null, "", href(route.view, route.args, { ...route.query, at: found }));
  return read();
}

/** Whether a moment can be read. */
export const isMoment = (text: string): boolean => !Number.isNaN(Date.parse(text));

export function useRoute(): Route {
  const [route, set] = useState(settled);
  useLayoutEffect(() => {
    const changed = () => set(settled());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
