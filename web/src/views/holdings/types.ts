/** What the API says of holdings, as the page has it: numbers are text. Members that no view reads are left out. */

import { date } from "../../format";

/** A row of `v1/positions`; of a report's `Positions` what is optional is missing. */
export interface Position {
  AccountCode: string;
  Timestamp: string;
  IbContractId: string;
  Symbol: string;
  LocalSymbol: string | null;
  SecurityType: string;
  Exchange: string | null;
  Position: string | null;
  CurrencyCode: string;
  MarketPrice: string | null;
  MarketValue: string | null;
  AverageCost: string | null;
  UnrealizedPNL: string | null;
  RealizedPNL: string | null;
  Multiplier: string | null;
  Strike: string | null;
  Right: string | null;
  Expiry: string | null;
  ModelCode: string | null;
  MarketValueBase: string | null;
  ExchangeRate: string | null;
  BaseCurrency: string | null;
  Ready: boolean;
  ISIN: string | null;
  LongName: string | null;
}

/** What the report of an account at a moment has, of what is shown here. */
export interface Report {
  AccountCode: string;
  Timestamp: string;
  Ready: boolean;
  Balance: Record<string, string | null>;
  Values: { Tag: string; Segment: string | null; Currency: string | null; Value: string; ModelCode?: string | null }[];
}

export interface Rate {
  Moment: string;
  From: string;
  To: string;
  Rate: string | null;
}

export interface OverviewRow {
  AccountCode: string;
  Alias: string | null;
  BaseCurrency: string | null;
  NetLiquidation: string | null;
  Cash: string | null;
  Latest: string | null;
}

export interface Overview {
  Currency: string | null;
  Accounts: OverviewRow[];
  Total: {
    Currency: string | null;
    NetLiquidation: string | null;
    Cash: string | null;
    Complete: boolean;
    Excluded: { Figure: string; Why: string; AccountCodes: string[] }[];
  };
  Rates: Rate[];
}

/** A sample of profit and loss; `IbContractId` null: of the whole account. */
export interface Profit {
  AccountCode: string;
  Timestamp: string;
  IbContractId?: string | null;
  DailyPnL: string | null;
  UnrealizedPnL: string | null;
  RealizedPnL: string | null;
  Currency: string | null;
  /** Of the step that is running. */
  Partial?: boolean;
}

const CLASSES: Record<string, string> = {
  STK: "Stocks and ETFs",
  OPT: "Options",
  FOP: "Options on futures",
  FUT: "Futures",
  BOND: "Bonds",
  BILL: "Bills",
  CASH: "Currency pairs",
  CRYPTO: "Cryptocurrencies",
  FUND: "Funds",
  WAR: "Warrants",
  IOPT: "Structured products",
  CFD: "CFDs",
  CMDTY: "Commodities",
  BAG: "Combinations",
};

/** A class of securities in words. */
export const classOf = (type: string | null | undefined): string => CLASSES[type ?? ""] ?? type ?? "Other";

/** `20261218` or `2026-12-18` as a day of the calendar; null: none. */
export function dayOf(expiry: string | null | undefined): string | null {
  const found = /^(\d{4})-?(\d\d)-?(\d\d)$/.exec(expiry ?? "");
  return found ? `${found[1]}-${found[2]}-${found[3]}` : null;
}

/** Call or put; null: it is no option. IB sends `0` and `?` for none. */
export function rightOf(right: string | null | undefined): "call" | "put" | null {
  const first = (right ?? "").charAt(0).toUpperCase();
  return first === "C" ? "call" : first === "P" ? "put" : null;
}

/** A strike without the zeros that gateways write behind it. */
export const strikeOf = (strike: string | null | undefined): string | null =>
  strike ? (strike.includes(".") ? strike.replace(/\.?0+$/, "") : strike) : null;

export interface Named {
  Symbol: string | null;
  LocalSymbol?: string | null;
  SecurityType: string | null;
  Strike?: string | null;
  Right?: string | null;
  Expiry?: string | null;
}

/** What a contract is called: an option by its underlying, expiry, strike and right. */
export function nameOf(of: Named): string {
  const [right, day] = [rightOf(of.Right), dayOf(of.Expiry)];
  if (right !== null && day !== null && of.Strike) {
    const underlying = of.Symbol?.split(" ")[0] ?? "";
    return `${underlying} ${date(day)} ${strikeOf(of.Strike)} ${right}`;
  }
  if (of.SecurityType === "STK" || !of.LocalSymbol) return of.Symbol ?? "?";
  return of.LocalSymbol;
}

export const isOption = (of: Named): boolean => rightOf(of.Right) !== null && dayOf(of.Expiry) !== null;
