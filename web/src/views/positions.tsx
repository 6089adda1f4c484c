/** What is held: by one account, or by all; now, or at a moment. `#/positions/CODE?by=class&sort=-weight&find=…` */

import { type ComponentChildren, Fragment } from "preact";
import { useMemo } from "preact/hooks";
import { address, part } from "../api/client";
import { AccountPick, titleOf, useAccounts } from "../components/account-pick";
import { Choice, Empty, Exports, Failure, Loading, Panel, Time } from "../components/basics";
import type { Sorting } from "../components/table";
import { change, href } from "../route";
import { CashOfAccount, CashOfAll } from "./holdings/cash";
import { baseOf, type Holdings, useHoldings } from "./holdings/loading";
import { Options } from "./holdings/options";
import { Stated } from "./holdings/stated";
import { Allocation, BY_TITLES, Closed, Summary } from "./holdings/summary";
import { BY, type By, groupOf, type Holding, holdingsOf, isClosed } from "./holdings/sums";
import { Positions } from "./holdings/table";
import type { Overview, Position } from "./holdings/types";
import type { ViewProps } from "./registry";

const MOST_NAMED = 200;

/** `-weight`: by weight, the largest first. */
const readSorting = (text: string | undefined): Sorting | undefined =>
  text ? { name: text.replace(/^-/, ""), down: text.startsWith("-") } : undefined;

const writeSorting = ({ name, down }: Sorting): string => `${down ? "-" : ""}${name}`;

const byOf = (text: string | undefined): By => BY.find((each) => each === text) ?? "none";

function matches(holding: Holding, words: readonly string[]): boolean {
  const { of, name } = holding;
  const text = [name, of.Symbol, of.LocalSymbol, of.LongName, of.ISIN, of.AccountCode, of.CurrencyCode, of.SecurityType]
    .join(" ")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

export default function View({ route }: ViewProps) {
  const account = route.args[0] ?? "";
  const { at, currency, group } = route.query;
  const found = useHoldings({ account, at, group, currency });
  const accounts = useAccounts();
  const { aliases, gone } = accounts;
  const { positions, report, times } = found;
  // An account without a report then may have statements of that time.
  const isUnreported = account !== "" && positions.data?.length === 0 && times.data?.length === 0;
  const problem = positions.problem ?? times.problem;
  return (
    <>
      <div class="title">
        <h1>{account === "" ? "Positions" : `Positions of ${titleOf(account, aliases)}`}</h1>
        {account !== "" ? (
          <span class="soft">
            <a href={href("account", [account])}>Account</a> · <a href={href("activity", [], { account })}>Activity</a>
          </span>
        ) : null}
        <div class="tools">
          <AccountPick accounts={accounts} value={account} onChange={(code) => open(code, route.query)} />
          {found.currencies.length > 0 ? <CurrencyPick value={found.currency} options={found.currencies} /> : null}
        </div>
      </div>
      {group && account === "" ? (
        <p class="state">
          Only accounts of the group {group}.{" "}
          <button type="button" onClick={() => change({ group: null })}>
            All accounts
          </button>
        </p>
      ) : null}
      {gone.has(account) && !at ? (
        <p class="state">No gateway lists {account} any more: these are its last figures.</p>
      ) : null}
      {isUnreported ? (
        <Stated account={account} at={at} />
      ) : positions.data === null || (times.data === null && times.problem !== null) ? (
        problem ? (
          <Failure problem={problem} onRetry={positions.reload} />
        ) : (
          <Loading what="positions" />
        )
      ) : (
        <Held route={route} found={found} account={account} aliases={aliases} />
      )}
      {account !== "" && report.data !== null && positions.data !== null ? (
        <p class="soft">
          As the report of <Time at={report.data.Timestamp} seconds /> has it.{" "}
          <a href={href("sources", [account], { time: report.data.Timestamp })}>The gateway's messages</a>
        </p>
      ) : null}
    </>
  );
}

const open = (code: string, query: Record<string, string>): void => {
  location.hash = href("positions", code === "" ? [] : [code], { by: query.by, sort: query.sort });
};

function CurrencyPick({ value, options }: { value: string; options: readonly string[] }) {
  return (
    <label class="field">
      <span>Currency</span>
      <select value={value} onChange={(event) => change({ currency: event.currentTarget.value })}>
        {options.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Accounts that the net liquidation value is without. */
const leftOut = (overview: Overview | null, isWhy: (why: string) => boolean): string[] =>
  (overview?.Total.Excluded ?? [])
    .filter((each) => each.Figure === "NetLiquidation" && isWhy(each.Why))
    .flatMap((each) => each.AccountCodes);

function LeftOut({ codes, children }: { codes: readonly string[]; children: ComponentChildren }) {
  if (codes.length === 0) return null;
  return (
    <p class="state">
      {codes.map((code, index) => (
        <Fragment key={code}>
          {index > 0 ? ", " : null}
          <a href={href("positions", [code])}>{code}</a>
        </Fragment>
      ))}
      : {children}
    </p>
  );
}

function exportOf(account: string, query: Record<string, string>, shown: readonly Holding[], isWhole: boolean) {
  const contract = isWhole ? undefined : [...new Set(shown.map((each) => each.of.IbContractId))].join(",");
  const path = account === "" ? "v1/positions" : `v1/accounts/${part(account)}/positions`;
  const whose = account === "" ? { group: query.group } : {};
  return (format: "csv" | "parquet") => address(path, { at: query.at, contract, limit: "10000", ...whose, format });
}

interface HeldProps {
  route: ViewProps["route"];
  found: Holdings;
  account: string;
  aliases: ReadonlyMap<string, string>;
}

function Held({ route, found, account, aliases }: HeldProps) {
  const { query } = route;
  const { positions, rates, netLiquidation, currency, profits, overview, report } = found;
  const unlisted = leftOut(account === "" ? overview : null, (why) => why === "not-listed");
  const uncounted = leftOut(account === "" ? overview : null, (why) => why !== "not-listed");
  const unlistedKey = unlisted.join();
  const rows: readonly Position[] = useMemo(
    () => (positions.data ?? []).filter((each) => !unlisted.includes(each.AccountCode)),
    [positions.data, unlistedKey],
  );
  const rateKey = [...rates].join();
  const all = useMemo(
    () => holdingsOf(rows, rates, netLiquidation, profits),
    [rows, rateKey, netLiquidation, profits.length, profits[0]?.Timestamp],
  );
  const words = (query.find ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const shown = useMemo(() => all.filter((each) => matches(each, words)), [all, query.find]);
  const titles = useMemo(
    () => new Map([...aliases.keys()].map((code) => [code, titleOf(code, aliases)])),
    [aliases.size],
  );
  const by = byOf(query.by);
  const held = useMemo(() => shown.filter((each) => !isClosed(each)), [shown]);
  const closed = useMemo(() => shown.filter(isClosed), [shown]);
  const isWhole = words.length === 0 || shown.length > MOST_NAMED;
  const cash =
    account !== "" && report.data !== null ? (
      <CashOfAccount report={report.data} base={rows[0]?.BaseCurrency ?? baseOf(report.data) ?? ""} />
    ) : account === "" && overview !== null ? (
      <CashOfAll overview={overview} rates={rates} currency={currency} />
    ) : null;
  if (all.length === 0)
    return (
      <>
        <Nothing account={account} at={query.at} />
        {cash}
      </>
    );
  return (
    <>
      <LeftOut codes={unlisted}>no gateway lists it any more, so it is in no figure here.</LeftOut>
      <LeftOut codes={uncounted}>the net liquidation value is without it, so weights are too large.</LeftOut>
      <Summary found={found} holdings={all} />
      <div class={account === "" ? "grid" : "grid uneven"}>
        <Allocation holdings={all} found={found} by={by === "none" ? "class" : by} titles={titles} />
        {cash}
      </div>
      <Panel
        title="Positions"
        wide
        tools={
          <>
            <label class="field">
              <span>Find</span>
              <input
                type="search"
                value={query.find ?? ""}
                placeholder="symbol, name, ISIN"
                onChange={(event) => change({ find: event.currentTarget.value })}
              />
            </label>
            <Choice
              label="Group by"
              options={BY.filter((each) => each !== "account" || account === "").map(
                (each) => [each, BY_TITLES[each]] as const,
              )}
              value={by}
              onChange={(value) => change({ by: value === "none" ? null : value })}
            />
            {by !== "none" ? (
              <Choice
                label="Rows"
                options={
                  [
                    ["", "Positions"],
                    ["1", "Sums only"],
                  ] as const
                }
                value={query.sums === "1" ? "1" : ""}
                onChange={(value) => change({ sums: value })}
              />
            ) : null}
            <Exports to={exportOf(account, query, shown, isWhole)} name={`${account || "all"}-positions`} />
          </>
        }
      >
        {held.length === 0 ? (
          <Empty>
            {words.length > 0 ? `No position has “${query.find}” in its name, symbol or ISIN.` : "Nothing is held."}
          </Empty>
        ) : (
          <Positions
            holdings={held}
            by={by}
            isSums={query.sums === "1"}
            isOfAll={account === ""}
            currency={currency}
            netLiquidation={netLiquidation}
            total={groupOf("", "", held, netLiquidation)}
            titles={titles}
            sorting={readSorting(query.sort)}
            onSort={(sorting) => change({ sort: writeSorting(sorting) })}
          />
        )}
        {positions.hasMore ? (
          <p>
            There are more than {rows.length}: sums are of these.{" "}
            <button type="button" onClick={positions.all} disabled={positions.isGrowing}>
              Load all
            </button>
          </p>
        ) : null}
      </Panel>
      <Options
        holdings={held}
        at={query.at}
        isOfAll={account === ""}
        currency={currency}
        netLiquidation={netLiquidation}
      />
      <Closed holdings={closed} isOfAll={account === ""} currency={currency} />
    </>
  );
}

function Nothing({ account, at }: { account: string; at: string | undefined }) {
  if (account !== "")
    return (
      <Empty>
        {account} holds no position{at ? " at that moment" : ""}.
      </Empty>
    );
  if (at)
    return (
      <Empty>
        No position was held, or no report was complete, at that moment. What statements say of that time is shown for
        one account: choose it above.
      </Empty>
    );
  return (
    <Empty>
      No position is held. Before the first snapshot there is nothing to show: the{" "}
      <a href={href("recorder")}>recorder</a> says what it waits for.
    </Empty>
  );
}
