/**
 * From one snapshot of an account to the one before or after it: the moments at which each was complete.
 *
 * A report is shown as of a moment only when its last figure had come, which is later than the time that names it.
 */

import { address, get, part } from "./api/client";

interface Report {
  Timestamp: string;
  Completed: string | null;
  Ready: boolean;
}

const MOST = 10_000;
const LOOKED_AT = 12;
const MINUTE_MS = 60_000;
/** How far ahead it is looked for the next one: an hour, a day, a month, ten years. */
const AHEAD_MS = [60 * MINUTE_MS, 1440 * MINUTE_MS, 31 * 1440 * MINUTE_MS, 3660 * 1440 * MINUTE_MS];

const iso = (at: number): string => new Date(at).toISOString();

async function times(code: string, from: string | null, to: string, limit: number): Promise<string[]> {
  const url = address(`v1/accounts/${part(code)}/snapshots`, { from, to, limit: String(limit) });
  return (await get<string[]>(url)).data;
}

const report = async (code: string, time: string): Promise<Report> =>
  (await get<Report>(address(`v1/accounts/${part(code)}/${part(time)}`))).data;

/** As a moment with as many digits as the other, to be compared as text. */
const padded = (time: string): string => {
  const [seconds = "", fraction = ""] = time.replace("Z", "").split(".");
  return `${seconds}.${fraction.padEnd(6, "0")}`;
};

const completed = (one: Report): string => one.Completed ?? one.Timestamp;

/** When the snapshot before the one that is shown at a moment (null: now) was complete; null: there is none. */
export async function before(code: string, at: string | null): Promise<string | null> {
  const moment = at ?? iso(Date.now() + MINUTE_MS);
  let isShown = false;
  for (const time of await times(code, null, moment, LOOKED_AT)) {
    const one = await report(code, time);
    if (!one.Ready || padded(completed(one)) > padded(moment)) continue;
    if (isShown) return completed(one);
    isShown = true;
  }
  return null;
}

/** When the snapshot after the one that is shown at a moment was complete; null: that was the newest. */
export async function after(code: string, at: string): Promise<string | null> {
  const start = Date.parse(at) - MINUTE_MS;
  for (const ahead of AHEAD_MS) {
    const found = await times(code, iso(start), iso(start + ahead), MOST);
    for (const time of found.reverse().slice(0, 2 * LOOKED_AT)) {
      const one = await report(code, time);
      if (one.Ready && padded(completed(one)) > padded(at)) return completed(one);
    }
  }
  return null;
}

/** The moment that leads to a report: when it was complete, as its own time leads to the one before. */
export const momentOf = async (code: string, time: string): Promise<string> => completed(await report(code, time));

/**
 * The moment that leads to the report which a point of a curve is of. `at`: seconds since 1970; `step`: seconds that
 * the point stands for, of which the last report counts; 0: it is of one report. Where there is none: the point itself.
 */
export async function momentAt(code: string, at: number, step = 0): Promise<string> {
  const [begin, end] = [Math.floor(at * 1000), Math.ceil(at * 1000) + step * 1000];
  const found = await times(code, iso(begin - 1), iso(step > 0 ? end - 1 : end + 1), LOOKED_AT).catch(() => []);
  for (const time of found) {
    const one = await report(code, time).catch(() => null);
    if (one?.Ready) return completed(one);
  }
  return iso(begin).replace(/\.\d+Z/, "Z");
}

/** The instant at which clocks of a zone show a time of a day. `day`: 2026-11-27, `time`: 16:00. */
export function instant(day: string, time: string, zone: string): Date {
  const wanted = Date.parse(`${day}T${time}:00Z`);
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const shownAt = (at: number): number => {
    const found = Object.fromEntries(parts.formatToParts(new Date(at)).map((each) => [each.type, Number(each.value)]));
    const { year = 0, month = 1, day: date = 1, hour = 0, minute = 0, second = 0 } = found;
    return Date.UTC(year, month - 1, date, hour, minute, second);
  };
  // Twice, as the first guess may lie on the other side of a change of the clocks.
  let at = wanted;
  for (let turn = 0; turn < 2; turn++) at += wanted - shownAt(at);
  return new Date(at);
}
