/** Returns as the API gives them (`docs/performance-figures.md`): numbers are text, shares have twelve decimals. */

export interface Extreme {
  Day: string;
  Return: string;
}

export interface OfPeriod {
  /** `2026-01`, or `2026`. */
  Period: string;
  Return: string | null;
  Gain: string | null;
  Flows: string | null;
}

export interface Gap {
  Code: string;
  From: string;
  To: string;
  Days: string;
  Detail: string | null;
}

/** A curve: columns of one length, oldest first. */
export interface Days {
  Day: string[];
  Value: string[];
  Flow: (string | null)[];
  Return: (string | null)[];
  /** What 1 has become. */
  Index: (string | null)[];
  Drawdown: (string | null)[];
  Method: (string | null)[];
  Source: string[];
  Days: string[];
}

export interface Performance {
  Accounts: string;
  Currency: string | null;
  Since: string | null;
  Until: string | null;
  StartValue: string | null;
  EndValue: string | null;
  Flows: string | null;
  Inflows: string | null;
  Outflows: string | null;
  Gain: string | null;
  TimeWeightedReturn: string | null;
  AnnualizedReturn: string | null;
  MoneyWeightedReturn: { Solutions: string; Annual: string | null; Period: string | null } | null;
  Observations: string | null;
  Volatility: string | null;
  SharpeRatio: string | null;
  SortinoRatio: string | null;
  MaximumDrawdown: { Depth: string; Peak: string; Trough: string; Recovered: string | null } | null;
  BestDay: Extreme | null;
  WorstDay: Extreme | null;
  BestMonth: Extreme | null;
  WorstMonth: Extreme | null;
  Months: OfPeriod[];
  Years: OfPeriod[];
  Source: { Source: string; From: string; To: string; Days: string }[];
  Gaps: Gap[];
  GapsInAll: string;
  Series: Days;
}
