/**
 * Figures of reports over time, for curves alone: numbers are floats, and as many as a curve can show.
 *
 * In: rows of `v1/…/history`. Out: columns. A year and more comes by the hour: ten years of these are 87,600 points.
 */

import { useGet } from "../../data";
import { ofMoments } from "../../ranges";
import { change } from "../../route";
import { momentAt } from "../../snapshots";
import { type Asked, of } from "./asking";

interface Point {
  Timestamp: string;
  [tag: string]: number | string | null;
}

interface Answer {
  Currency: string | null;
  Step: string | null;
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

const HOUR_S = 3600;
const GAP = 10;
/** Nights and long weekends are no gaps, but where a day is looked at. */
const [LEAST_S, LEAST_OF_DAY_S, DAY_AND_HALF_S] = [4 * 86400, 1800, 129_600];

/** Seconds since 1970 of times as the API writes them: `Date.parse` of each takes ten times as long. */
function secondsOf(points: readonly Point[]): number[] {
  let [day, midnight] = ["", 0];
  return points.map(({ Timestamp: text }) => {
    if (!text.startsWith(day) || day === "") {
      day = text.slice(0, 11);
      midnight = Date.parse(`${day}00:00:00Z`) / 1000;
    }
    const two = (at: number) => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528;
    const clock = two(11) * 3600 + two(14) * 60 + two(17);
    return midnight + clock + (text.length > 20 ? Number(text.slice(19, -1)) : 0);
  });
}

/** Columns, with nothing in between where there was no report for ten times as long as around it. */
export function columns(points: readonly Point[], tags: readonly string[]): Pick<History, "times" | "values"> {
  const known = points.filter((point) => tags.some((tag) => typeof point[tag] === "number"));
  const moments = secondsOf(known);
  const gaps: number[] = [];
  const least = (moments.at(-1) ?? 0) - (moments[0] ?? 0) > DAY_AND_HALF_S ? LEAST_S : LEAST_OF_DAY_S;
  for (let each = 1; each < moments.length; each++) {
    const [before = 0, now = 0] = [moments[each - 1], moments[each]];
    const around = Math.max(before - (moments[each - 2] ?? before), (moments[each + 1] ?? now) - now);
    if (around > 0 && now - before > Math.max(GAP * around, least)) gaps.push(each);
  }
  const values = tags.map((tag) =>
    known.map((point) => {
      const value = point[tag];
      return typeof value === "number" ? value : null;
    }),
  );
  // From the end, so that the places of those before it stay.
  for (const each of gaps.reverse()) {
    moments.splice(each, 0, ((moments[each - 1] ?? 0) + (moments[each] ?? 0)) / 2);
    for (const column of values) column.splice(each, 0, null);
  }
  return { times: moments, values };
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

/** Shows the whole page as of the very report that a point of a curve is of. */
export async function travelTo(code: string, { Step: step }: Answer, at: number): Promise<void> {
  change({ at: await momentAt(code, at, step === null ? 0 : HOUR_S) });
}

export type { Answer as HistoryAnswer };
