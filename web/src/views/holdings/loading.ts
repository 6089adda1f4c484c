/** What the positions are shown with: rates, net liquidation value, profit of the day. All is asked for at once. */

import { address, part } from "../../api/client";
import { type Loaded, useGet } from "../../data";
import { isFigure, sum } from "../../figures";
import { type Pages, usePages } from "../../pages";
import { converted, type Rates, ratesTo } from "./sums";
import type { Overview, Position, Profit, Report } from "./types";

const EVERY_S = 60;

export interface Holdings {
  positions: Pages<Position>;
  /** Of one account: when it was reported by then, the newest alone; empty: never. */
  times: Loaded<string[]>;
  /** Of one account: its report, with cash by currency. */
  report: Loaded<Report>;
  /** Of all accounts: a row each. */
  overview: Overview | null;
  profits: Profit[];
  daily: string | null;
  /** In which all is shown. */
  currency: string;
  currencies: string[];
  rates: Rates;
  netLiquidation: string | null;
}

export interface Asked {
  account: string;
  at: string | undefined;
  group: string | undefined;
  currency: string | undefined;
}

/** `USD 12.50`, as money stands in a report's balance. */
export function balanceOf(text: string | null | undefined): { currency: string; amount: string } | null {
  const [currency, amount] = (text ?? "").split(" ");
  return currency && isFigure(amount) ? { currency, amount } : null;
}

/** The base currency that occurs most often. */
function commonest(positions: readonly Position[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { BaseCurrency } of positions)
    if (BaseCurrency) counts.set(BaseCurrency, (counts.get(BaseCurrency) ?? 0) + 1);
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]?.[0];
}

/** The newest sample of each, of the day that runs. */
function newest(profits: readonly Profit[]): Profit[] {
  const running = profits.filter((each) => each.Partial);
  return running.length > 0 ? running : [...profits];
}

function dailyOf(profits: readonly Profit[], rates: Rates): string | null {
  const accounts = profits.filter((each) => !each.IbContractId);
  const all = accounts.map((each) => converted(each.DailyPnL, rates.get(each.Currency ?? "")));
  return all.length > 0 && all.every(isFigure) ? sum(all) : null;
}

export function useHoldings({ account, at, group, currency }: Asked): Holdings {
  const every = at ? 0 : EVERY_S;
  const root = account === "" ? "v1" : `v1/accounts/${part(account)}`;
  const whose = account === "" ? { group } : {};
  const positions = usePages<Position>(
    address("v1/positions", { account: account || undefined, at, limit: "10000", ...whose }),
    { every },
  );
  const times = useGet<string[]>(account === "" ? null : address(`${root}/snapshots`, { to: at, limit: "1" }), {
    every,
  });
  // Without a position none says which report is shown; the newest may not have been complete then.
  const time = positions.data?.[0]?.Timestamp ?? (times.data?.length ? `as-of/${part(at ?? "now")}` : undefined);
  const isKnown = account !== "" && positions.data !== null && time !== undefined;
  const report = useGet<Report>(isKnown ? address(`${root}/${time}`) : null);
  const profits = useGet<Profit[]>(
    account === ""
      ? address("v1/pnl", { at, limit: "10000", ...whose })
      : address(`${root}/pnl`, { positions: "true", step: "1d", from: dayBefore(at), to: at, limit: "10000" }),
    { every },
  );
  const base = account === "" ? undefined : (positions.data?.[0]?.BaseCurrency ?? baseOf(report.data));
  const isConverted = account === "" || (currency !== undefined && base !== undefined && currency !== base);
  const few = account === "" ? {} : { limit: "1" };
  const asked = useGet<Overview>(isConverted ? address("v1/overview", { at, currency, ...whose, ...few }) : null, {
    every,
  });
  // Accounts in several currencies have no total until one is named.
  const isNameless =
    account === "" && currency === undefined && asked.data !== null && asked.data.Total.Currency === null;
  const common = isNameless && positions.data !== null ? commonest(positions.data) : undefined;
  const named = useGet<Overview>(
    common === undefined ? null : address("v1/overview", { at, currency: common, ...whose, ...few }),
    { every },
  );
  const overview = isConverted ? (isNameless ? named.data : asked.data) : null;
  const shown = overview?.Total.Currency ?? overview?.Currency ?? (isConverted ? undefined : base) ?? currency ?? "";
  const rates = ratesTo(shown === "" ? null : shown, overview?.Rates ?? []);
  const ofDay = newest(profits.data ?? []);
  return {
    positions,
    times,
    report,
    overview,
    profits: ofDay,
    daily: dailyOf(ofDay, rates),
    currency: shown,
    currencies: currenciesOf(positions.data ?? [], asked.data, shown),
    rates,
    netLiquidation:
      account === ""
        ? (overview?.Total.NetLiquidation ?? null)
        : converted(balanceOf(report.data?.Balance.NetLiquidation)?.amount, rates.get(base ?? "")),
  };
}

/** Whose rows are all of one account, without a position: the currency of its balance. */
export const baseOf = (report: Report | null): string | undefined =>
  balanceOf(report?.Balance.NetLiquidation)?.currency;

function dayBefore(at: string | undefined): string {
  return at ? new Date(new Date(at).getTime() - 86_400_000).toISOString() : "-1d";
}

function currenciesOf(positions: readonly Position[], overview: Overview | null, shown: string): string[] {
  const all = new Set<string>(shown === "" ? [] : [shown]);
  for (const each of positions) {
    if (each.BaseCurrency) all.add(each.BaseCurrency);
    all.add(each.CurrencyCode);
  }
  for (const each of overview?.Accounts ?? []) if (each.BaseCurrency) all.add(each.BaseCurrency);
  return [...all].sort();
}
