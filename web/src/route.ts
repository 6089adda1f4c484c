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

export function useRoute(): Route {
  const [route, set] = useState(read);
  useLayoutEffect(() => {
    const changed = () => set(read());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
