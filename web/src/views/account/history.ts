/**
 * Figures of reports over time, for curves alone: numbers are floats, and as many as a curve can show.
 *
 * In: rows of `v1/…/history`. Out: columns. A year and more comes by the hour: ten years of these are 87,600 points.
 */

import { useGet } from "../../data";
import { ofMoments } from "../../ranges";
import { type Asked, of } from "./asking";

interface Point {
  Timestamp: string;
  [tag: string]: number | string | null;
}

interface Answer {
  Currency: string | null;
  Points: Point[];
}

export interface History {
  currency: string | null;
  /** Seconds since 1970, ascending. */
  times: number[];
  /** A column for each tag. */
  values: (number | null)[][];
  /** Whether there is more than one answer holds. */
  isCut: boolean;
}

const GAP = 10;

/** Columns, with nothing in between where there was no report for ten times as long as around it. */
export function columns(points: readonly Point[], tags: readonly string[]): Pick<History, "times" | "values"> {
  const times: number[] = [];
  const values: (number | null)[][] = tags.map(() => []);
  const known = points.filter((point) => tags.some((tag) => typeof point[tag] === "number"));
  const moments = known.map((point) => Date.parse(point.Timestamp) / 1000);
  for (let each = 0; each < known.length; each++) {
    const [now = 0, before, next] = [moments[each], moments[each - 1], moments[each + 1]];
    const around = Math.max(before === undefined ? 0 : before - (moments[each - 2] ?? before), (next ?? now) - now);
    if (before !== undefined && around > 0 && now - before > GAP * around) {
      times.push((before + now) / 2);
      for (const column of values) column.push(null);
    }
    times.push(now);
    for (let tag = 0; tag < tags.length; tag++) {
      const value = known[each]?.[tags[tag] ?? ""];
      values[tag]?.push(typeof value === "number" ? value : null);
    }
  }
  return { times, values };
}

/** The history of some tags over the span; `isWanted` false: nothing is asked. */
export function useHistory(asked: Asked, tags: readonly string[], isWanted: boolean) {
  const { code, span, at } = asked;
  const isShort = span.name === "1d" || span.name === "1w";
  const url = of(code, "history", {
    tag: tags.join(","),
    step: isShort ? undefined : "1h",
    ...ofMoments(span, at),
  });
  return useGet<Answer>(isWanted ? url : null, { exact: false, every: isWanted && isShort && !at ? 60 : 0 });
}

export type { Answer as HistoryAnswer };
