/** Two moments of an account compared, as the API says it and as the view draws it; numbers are text. */

import { subtract, sum } from "../../figures";
import type { Part } from "./waterfall";

export type Change = "opened" | "closed" | "changed" | "same";

interface Both {
  from: string | null;
  to: string | null;
}

export interface PositionRow {
  key: string;
  contract: string;
  name: string;
  title: string;
  change: Change;
  size: Both;
  price: Both;
  value: Both;
  difference: string | null;
  why: string | null;
}

export interface CashRow {
  currency: string;
  from: string | null;
  to: string | null;
  difference: string | null;
}

export interface Comparison {
  base: string | null;
  from: { time: string | null; value: string | null };
  to: { time: string | null; value: string | null };
  difference: string | null;
  /** Why there is none. */
  why: string | null;
  parts: Part[];
  positions: PositionRow[];
  cash: CashRow[];
}

/** Whether the parts that are known add up to the difference, to the last digit. */
export function addsUp({ difference, parts }: Comparison): boolean {
  const known = parts.flatMap((each) => (each.value === null ? [] : [each.value]));
  return difference !== null && /^-?0*\.?0*$/.test(subtract(sum(known), difference));
}

interface Side {
  Timestamp: string | null;
  NetLiquidation: string | null;
}

interface Held {
  Position: string | null;
  MarketPrice: string | null;
  MarketValue: string | null;
  MarketValueBase: string | null;
}

/** As `/v1/accounts/{AccountCode}/compare` answers. */
export interface Answer {
  BaseCurrency: string | null;
  From: Side;
  To: Side;
  Positions: {
    IbContractId: string;
    Symbol: string;
    LocalSymbol: string | null;
    SecurityType: string;
    Change: string;
    From: Held | null;
    To: Held | null;
    Difference: string | null;
    Why?: string | null;
  }[];
  Cash: { Currency: string; From: string | null; To: string | null; Difference: string | null }[];
  Difference: Record<string, string | null>;
  Why?: Record<string, string>;
}

const PARTS: readonly (readonly [string, string, string])[] = [
  ["Flows", "Deposits and withdrawals", "Paid in and out, and transfers, as statements say"],
  ["Positions", "Prices", "What positions gained by their prices, at the exchange rates of then"],
  ["Currencies", "Exchange rates", "What positions and cash gained by exchange rates"],
  ["Cash", "Dividends, interest, fees", "What was earned and charged, as statements say"],
  ["Trading", "Trading", "What was bought and sold, against its price of now"],
  ["Rest", "The rest", "What cannot be told apart"],
];

const CHANGES: readonly Change[] = ["opened", "closed", "changed"];

export function comparisonOf(answer: Answer): Comparison {
  const whys = answer.Why ?? {};
  return {
    base: answer.BaseCurrency,
    from: { time: answer.From.Timestamp, value: answer.From.NetLiquidation },
    to: { time: answer.To.Timestamp, value: answer.To.NetLiquidation },
    difference: answer.Difference.Value ?? null,
    why: whys.Value ?? null,
    parts: PARTS.filter(([name]) => name in answer.Difference).map(([name, title, hint]) => ({
      name: title,
      hint,
      value: answer.Difference[name] ?? null,
      why: whys[name],
    })),
    positions: answer.Positions.map((each, index) => ({
      key: `${each.IbContractId} ${index}`,
      contract: each.IbContractId,
      name: each.LocalSymbol || each.Symbol,
      title: `${each.Symbol}, ${each.SecurityType}, contract ${each.IbContractId}`,
      change: CHANGES.find((known) => known === each.Change) ?? "same",
      size: { from: each.From?.Position ?? null, to: each.To?.Position ?? null },
      price: { from: each.From?.MarketPrice ?? null, to: each.To?.MarketPrice ?? null },
      value: { from: each.From?.MarketValueBase ?? null, to: each.To?.MarketValueBase ?? null },
      difference: each.Difference,
      why: each.Why ?? null,
    })),
    cash: answer.Cash.map((each) => ({
      currency: each.Currency,
      from: each.From,
      to: each.To,
      difference: each.Difference,
    })),
  };
}
