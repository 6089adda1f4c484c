/** Two moments of an account compared, as the API says it and as the view draws it; numbers are text. */

import { subtract, sum } from "../../figures";
import type { Part } from "./waterfall";

export type Change = "opened" | "closed" | "resized" | "revalued" | "unknown";

/** A position, or the cash of a currency, that is not the same. What says nothing of it is absent. */
export interface Row {
  Kind: "position" | "cash";
  Change: Change;
  IbContractId?: string;
  Symbol?: string;
  LocalSymbol?: string;
  SecurityType?: string;
  ModelCode?: string;
  Currency?: string;
  Before?: string | null;
  After?: string | null;
  Difference?: string | null;
  MarketPriceBefore?: string | null;
  MarketPriceAfter?: string | null;
  MarketValueBaseBefore?: string | null;
  MarketValueBaseAfter?: string | null;
  DifferenceBase?: string | null;
  BySize?: string | null;
  ByPrice?: string | null;
  ByCurrency?: string | null;
  Why?: string | null;
}

/** In the base currency; `Flows`, `Cash` and `Trading` are null where `Moved` has them together. */
export interface Difference {
  ValueBefore: string;
  ValueAfter: string;
  Value: string;
  Flows: string | null;
  Positions: string;
  Currencies: string;
  Cash: string | null;
  Trading: string | null;
  Moved: string | null;
  Rest: string;
  CashByType: { Type: string | null; Amount: string }[];
  Unsplit: string;
  Why: string | null;
}

export interface Comparison {
  AccountCode: string;
  From: string | null;
  To: string | null;
  Ready: boolean | null;
  BaseCurrency: string | null;
  Why: string | null;
  Difference: Difference | null;
  Changes: Row[];
}

const WHYS: Record<string, string> = {
  "no-report": "there is no report of the account by the second moment",
  "no-report-before": "there is no report of the account by the first moment: it was not recorded yet",
  "other-base-currency": "the account's base currency was another one at the first moment",
  "no-net-liquidation": "a report does not say what the account was worth",
  "no-statement": "no statement of the account is recorded",
  "not-stated-yet": "statements do not reach the second moment yet",
  "days-missing": "statements of some days between are missing",
  "no-amount": "a statement lists something without an amount, or of which nobody says what it is",
  "no-size": "IB gave a size that is no number",
  "no-value": "IB gave no value",
  "no-rate": "IB gave no exchange rate",
};

/** A reason in words. */
export const whyOf = (code: string | null | undefined): string | null => (code == null ? null : (WHYS[code] ?? code));

type Amount = "Positions" | "Currencies" | "Trading" | "Flows" | "Cash" | "Moved" | "Rest";

const TOGETHER = "Trades, flows and income";
const PARTS: readonly (readonly [Amount, string, string])[] = [
  ["Flows", "Paid in and out", "Deposits, withdrawals and transfers, as statements say"],
  ["Positions", "Prices", "What prices have changed, at the size of the second moment and the rate of the first"],
  ["Currencies", "Exchange rates", "What rates have changed, of positions and of cash"],
  ["Trading", "Trades", "What trades gained or lost, commissions included: an estimate"],
  ["Cash", "Dividends, interest, fees, taxes", "What was earned and charged, as statements say"],
  ["Moved", TOGETHER, ""],
  ["Rest", "The rest", "What is left: accruals, what cannot be split, what IB has rounded"],
];

/** Parts that add up to the difference; one that is not known has its reason, and is told with others. */
export const partsOf = (difference: Difference): Part[] =>
  PARTS.filter(([name]) => name !== "Moved" || difference.Moved !== null).map(([name, title, hint]) => ({
    name: title,
    hint: name === "Moved" ? `Not told apart: ${whyOf(difference.Why) ?? "why is not known"}` : hint,
    value: difference[name],
    why: difference[name] === null ? `part of “${TOGETHER}”` : null,
  }));

/** Whether parts add up to the difference, to the last digit. */
export const addUp = (difference: Difference): boolean => {
  const known = PARTS.flatMap(([name]) => difference[name] ?? []);
  return !/[1-9]/.test(subtract(sum(known), difference.Value));
};
