/** Holdings in one currency, their weights, and sums of them by group: exact, as the text of figures is. */

import { absolute, add, compare, isFigure, multiply, ratio, sign } from "../../figures";
import { classOf, type Named, nameOf, type Position, type Profit, type Rate } from "./types";

/** A position with what was reckoned of it, in the currency that is shown. */
export interface Holding {
  key: string;
  of: Position;
  name: string;
  /** What one unit of the contract's currency is worth; null: nobody said. */
  rate: string | null;
  value: string | null;
  unrealised: string | null;
  realised: string | null;
  /** Of the net liquidation value. */
  weight: string | null;
  daily: string | null;
}

/** Rates of base currencies to the currency that is shown. */
export type Rates = ReadonlyMap<string, string>;

export function ratesTo(currency: string | null, rates: readonly Rate[]): Rates {
  const found = new Map<string, string>();
  for (const each of rates)
    if (each.Moment === "At" && each.To === currency && isFigure(each.Rate)) found.set(each.From, each.Rate);
  if (currency !== null) found.set(currency, "1");
  return found;
}

/** An amount in another currency; null: there is none, or no rate. A rate of 1 adds no digits. */
export function converted(amount: string | null | undefined, rate: string | null | undefined): string | null {
  if (!isFigure(amount) || !isFigure(rate)) return null;
  return compare(rate, "1") === 0 ? amount : multiply(amount, rate);
}

export function holdingsOf(
  positions: readonly Position[],
  rates: Rates,
  netLiquidation: string | null,
  profits: readonly Profit[],
): Holding[] {
  const daily = new Map(
    profits.filter((each) => each.IbContractId).map((each) => [`${each.AccountCode} ${each.IbContractId}`, each]),
  );
  const all = positions.map((of): Holding => {
    const toShown = rates.get(of.BaseCurrency ?? "") ?? null;
    const value = converted(of.MarketValueBase, toShown);
    const rate = converted(of.ExchangeRate, toShown);
    return {
      key: `${of.AccountCode} ${of.IbContractId} ${of.ModelCode ?? ""}`,
      of,
      name: nameOf(of),
      rate,
      value,
      unrealised: converted(of.UnrealizedPNL, rate),
      realised: converted(of.RealizedPNL, rate),
      weight: value !== null && netLiquidation !== null ? ratio(value, netLiquidation, 8) : null,
      daily: of.ModelCode ? null : (daily.get(`${of.AccountCode} ${of.IbContractId}`)?.DailyPnL ?? null),
    };
  });
  return all.sort((a, b) => compare(absolute(b.value ?? "0"), absolute(a.value ?? "0")));
}

/** Nothing is held any more: a report has it for what was realised. */
export const isClosed = ({ of }: Holding): boolean => isFigure(of.Position) && sign(of.Position) === 0;

export const BY = ["none", "class", "currency", "underlying", "account"] as const;
export type By = (typeof BY)[number];

const KEYS: Record<By, (of: Position) => string> = {
  none: () => "",
  class: (of) => of.SecurityType,
  currency: (of) => of.CurrencyCode,
  underlying: (of) => underlyingOf(of),
  account: (of) => of.AccountCode,
};

const underlyingOf = (of: Named): string => of.Symbol?.split(" ")[0] ?? "?";

export interface Group {
  key: string;
  name: string;
  size: number;
  value: string | null;
  unrealised: string | null;
  realised: string | null;
  weight: string | null;
  /** So many of its positions have no value: the sum is over the others. */
  without: number;
}

/** The exact sum of what there is; null: there is nothing. */
export function summed(all: readonly (string | null | undefined)[]): string | null {
  const known = all.filter(isFigure);
  return known.length > 0 ? known.reduce(add) : null;
}

export function groupOf(key: string, name: string, of: readonly Holding[], netLiquidation: string | null): Group {
  const value = summed(of.map((each) => each.value));
  return {
    key,
    name,
    size: of.length,
    value,
    unrealised: summed(of.map((each) => each.unrealised)),
    realised: summed(of.map((each) => each.realised)),
    weight: value !== null && netLiquidation !== null ? ratio(value, netLiquidation, 8) : null,
    without: of.filter((each) => each.value === null).length,
  };
}

/** Holdings under the heads of their groups; the group that is worth most, whichever sign, comes first. */
export function grouped(
  holdings: readonly Holding[],
  by: By,
  netLiquidation: string | null,
  titles: ReadonlyMap<string, string>,
): { head: Group; holdings: Holding[] }[] {
  const all = new Map<string, Holding[]>();
  for (const each of holdings) {
    const key = KEYS[by](each.of);
    const of = all.get(key);
    if (of === undefined) all.set(key, [each]);
    else of.push(each);
  }
  const named = (key: string): string => (by === "class" ? classOf(key) : (titles.get(key) ?? key));
  return [...all]
    .map(([key, of]) => ({ head: groupOf(key, named(key), of, netLiquidation), holdings: of }))
    .sort((a, b) => compare(absolute(b.head.value ?? "0"), absolute(a.head.value ?? "0")));
}

/** What is long, short, and both without sign. */
export function exposure(holdings: readonly Holding[]): { long: string; short: string; gross: string } {
  let [long, short] = ["0", "0"];
  for (const { value, of } of holdings) {
    if (value === null || of.SecurityType === "CASH") continue;
    if (sign(value) < 0) short = add(short, value);
    else long = add(long, value);
  }
  return { long, short, gross: add(long, absolute(short)) };
}
