/** All accounts: what they are worth together and one by one, what has changed, and which of them needs a look. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { address } from "../api/client";
import { Empty, Exports, Panel, Shown } from "../components/basics";
import { useGet } from "../data";
import { ZONE } from "../format";
import { change, replace } from "../route";
import { Accounts, isFound } from "./overview/accounts";
import { currencies, type Overview, useOverview } from "./overview/asking";
import { Begin } from "./overview/begin";
import { useSparks } from "./overview/sparks";
import { Head, TotalCurve } from "./overview/total";
import type { ViewProps } from "./registry";

type Query = Readonly<Record<string, string>>;

function Choices({ all, query }: { all: Overview; query: Query }) {
  const ledgers = useGet<{ Currency: string }[]>(ledgersOf(all));
  const { data: members } = useGet<{ Group: string }[]>(
    address("v1/groups", { at: query.at, tz: query.at ? ZONE : undefined, limit: "10000" }),
  );
  const known = [
    ...new Set([
      ...currencies(all, query.currency ?? all.Currency),
      ...(ledgers.data ?? []).map((each) => each.Currency),
    ]),
  ];
  const groups = [...new Set([...(members ?? []).map((each) => each.Group), ...(query.group ? [query.group] : [])])];
  return (
    <div class="tools">
      {groups.length > 0 ? (
        <label>
          Group{" "}
          <select value={query.group ?? ""} onChange={(event) => change({ group: event.currentTarget.value || null })}>
            <option value="">All accounts</option>
            {groups.sort().map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      <label>
        Currency{" "}
        <select
          value={all.Currency ?? ""}
          onChange={(event) => change({ currency: event.currentTarget.value || null })}
        >
          {all.Currency === null ? <option value="">choose</option> : null}
          {known
            .filter((each) => each !== "BASE")
            .sort()
            .map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
        </select>
      </label>
    </div>
  );
}

/** The ledger of one account: which currencies there are besides the base ones. It never changes. */
function ledgersOf({ Accounts: rows }: Overview): string | null {
  const first = rows.find((each) => each.Latest !== null);
  if (first?.Latest == null) return null;
  const at = first.Latest;
  return address(`v1/accounts/${encodeURIComponent(first.AccountCode)}/ledger`, { from: at, to: at, ready: "any" });
}

/** A text that is typed: shown at once, in the address a moment later. */
function Filter({ value }: { value: string }) {
  const [text, set] = useState(value);
  useEffect(() => set(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => replace({ filter: text || null }), 150);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <input
      type="search"
      aria-label="Filter accounts"
      placeholder="Filter"
      value={text}
      onInput={(event) => set(event.currentTarget.value)}
    />
  );
}

function Body({ all, query }: { all: Overview; query: Query }) {
  const filter = query.filter ?? "";
  const sparks = useSparks(query);
  const rows = useMemo(() => all.Accounts.filter((each) => isFound(each, filter)), [all, filter]);
  const hasReports = all.Accounts.some((each) => each.Latest !== null);
  const isThen = query.at !== undefined;
  return (
    <>
      {hasReports ? (
        <Head all={all} group={query.group} />
      ) : isThen ? (
        <Empty>No snapshot was recorded by then. The curve, and each account, show what statements say.</Empty>
      ) : (
        <Begin />
      )}
      <TotalCurve query={query} currency={all.Currency} accounts={all.Accounts.length} />
      <Panel
        title="Accounts"
        tools={
          <>
            <Filter value={filter} />
            <Exports
              name="overview"
              to={(format) =>
                address("v1/overview", { ...parameters(query), currency: all.Currency, limit: "10000", format })
              }
            />
          </>
        }
      >
        {rows.length > 0 ? (
          <>
            <Accounts all={all} rows={rows} sort={query.sort} sparks={sparks} />
            {rows.some((each) => each.ChangeSinceClose !== null && each.ReturnSinceClose === null) ? (
              <p class="soft">
                In parentheses: the change as a share of the value before, deposits and withdrawals included. Its return
                is known once statements tell of the day.
              </p>
            ) : null}
          </>
        ) : (
          <Empty>
            No account has “{filter}” in its code, name, type, currency, group or gateway.{" "}
            <button type="button" onClick={() => change({ filter: null })}>
              Show all
            </button>
          </Empty>
        )}
      </Panel>
    </>
  );
}

const parameters = (query: Query) => ({ at: query.at, group: query.group, tz: ZONE });

export default function View({ route: { query } }: ViewProps) {
  const loaded = useOverview(query);
  const all = loaded.data;
  return (
    <>
      <div class="title">
        <h1>Overview</h1>
        {query.group ? <span class="soft">Group {query.group}</span> : null}
        {all && all.Accounts.length > 0 ? <Choices all={all} query={query} /> : null}
      </div>
      <Shown from={loaded} what="the accounts">
        {(found) =>
          found.Accounts.length > 0 ? (
            <Body all={found} query={query} />
          ) : query.group || query.at ? (
            <Empty>No account {query.group ? `was in the group ${query.group}` : "was known"} at that moment.</Empty>
          ) : (
            <Begin />
          )
        }
      </Shown>
    </>
  );
}
