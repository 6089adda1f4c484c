/**
 * The line at the top of every view: is everything recorded, is it fresh? Red only where something is to be done.
 */

import { address } from "../api/client";
import type { Exact } from "../api/json";
import { useGet } from "../data";
import { href } from "../route";
import { Time } from "./basics";

interface Refresh {
  Ended: string | null;
  Outcome: string | null;
  Missing: Record<string, string>;
}

export interface Gateway {
  Gateway: string;
  Connected: boolean;
  State: string;
  Detail: string | null;
  LastRefresh: Refresh | null;
}

interface Row {
  AccountCode: string;
  Latest: string | null;
  Listed: boolean;
  Ready: boolean | null;
}

const EVERY_S = 5;

/** What is wrong, in words; empty: nothing. */
function troubles(gateways: readonly Gateway[], accounts: readonly Exact<Row>[]): string[] {
  const found = gateways
    .filter((each) => !each.Connected)
    .map((each) => `${each.Gateway}: ${each.Detail ?? each.State}`);
  const unready = accounts.filter((each) => each.Listed && each.Latest !== null && each.Ready === false);
  if (unready.length > 0)
    found.push(`${unready.map((each) => each.AccountCode).join(", ")}: the newest figures cannot be relied on`);
  return found;
}

export function StatusLine() {
  const gateways = useGet<Gateway[]>(address("v1/gateways"), { every: EVERY_S });
  const accounts = useGet<Exact<Row>[]>(address("v1/accounts"), { every: EVERY_S });
  const problem = gateways.problem ?? accounts.problem;
  if (problem) {
    return (
      <p class="status bad" role="status">
        <span class="dot" aria-hidden="true" /> {problem.message}. {problem.detail}
      </p>
    );
  }
  if (gateways.data === null || accounts.data === null)
    return (
      <p class="status" role="status">
        Looking …
      </p>
    );
  const found = troubles(gateways.data, accounts.data);
  const newest = accounts.data
    .map((each) => each.Latest)
    .filter((each) => each !== null)
    .sort()
    .at(-1);
  const connected = gateways.data.filter((each) => each.Connected).length;
  return (
    <p class={found.length > 0 ? "status bad" : "status good"} role="status">
      <span class="dot" aria-hidden="true" />
      <a href={href("recorder")}>
        {gateways.data.length === 0
          ? "No gateway"
          : `${connected} of ${gateways.data.length} ${gateways.data.length === 1 ? "gateway" : "gateways"} recorded`}
      </a>
      <span>
        newest snapshot {newest ? <Time at={newest} as="age" /> : "none yet"} · {accounts.data.length}{" "}
        {accounts.data.length === 1 ? "account" : "accounts"}
      </span>
      {found.length > 0 ? <span class="troubles">{found.join("; ")}</span> : null}
    </p>
  );
}
