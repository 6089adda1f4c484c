/** What the API says of where a figure comes from; numbers are text. */

import type { Recorded } from "../../api/events";

export interface Source extends Recorded {
  Sha256: string;
  /** Its value stands in the report. */
  Holds: boolean;
}

export interface Asked {
  Tag?: string;
  Segment?: string | null;
  Currency?: string | null;
  Level?: string | null;
  IbContractId?: string;
  Figure?: string | null;
  ModelCode: string | null;
  Value: string | null;
  /** How it is worked out, if it was not sent as it stands in the report. */
  Formula?: string;
}

export interface Sources {
  AccountCode: string;
  Timestamp: string;
  Gateway: string;
  Session: string;
  Source: "updates" | "multi";
  Figure: Asked | null;
  Sources: Source[];
}

export interface Value {
  Tag: string;
  Value: string;
  Segment: string | null;
  Currency: string | null;
  ModelCode?: string | null;
}

export interface Position {
  IbContractId: string;
  Symbol: string;
  LocalSymbol: string | null;
  SecurityType: string;
  Position: string | null;
  MarketValue: string | null;
  CurrencyCode: string | null;
}

export interface Report {
  AccountCode: string;
  Timestamp: string;
  Values: Value[];
  Positions: Position[];
}

export interface Tags {
  Segments: { Segment: string; Title: string; Meaning: string }[];
  Tags: { Tag: string; Meaning: string | null }[];
}

export const QUERY = ["tag", "segment", "currency", "level", "contract", "figure", "model"] as const;

/** The places in a message whose text is the figure's: the first behind the head of the message, or none. */
export function placesOf(source: Source, figure: Asked | null): number[] {
  const value = figure?.Value;
  if (!source.Holds || value == null || source.Message === undefined || figure?.Formula !== undefined) return [];
  const found = source.Message.findIndex((field, place) => place > 2 && field === value);
  return found < 0 ? [] : [found];
}

/** A figure in a line, as a heading. */
export function nameOf(figure: Asked | null): string {
  if (figure === null) return "All figures of a report";
  const parts =
    figure.Tag !== undefined
      ? [figure.Tag, figure.Segment ? `segment ${figure.Segment}` : null, figure.Currency]
      : [figure.Figure ?? "All figures", `of contract ${figure.IbContractId}`];
  return [...parts, figure.ModelCode ? `model ${figure.ModelCode}` : null].filter(Boolean).join(" · ");
}

/** How anybody with Postgres finds the event, and takes the hash of what is stored. */
export const statementFor = (position: string): string =>
  `SELECT notification_id, originator_id, originator_version, topic,\n` +
  `       encode(sha256(state), 'hex'), convert_from(state, 'UTF8')\n` +
  `FROM public.stored_events WHERE notification_id = ${position};`;
