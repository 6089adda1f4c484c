/**
 * How figures and times look. Digits come from the text of the API; nothing here goes through a float.
 */

import { plain, round, shift } from "./figures";

export const LOCALE = navigator.language || "en";
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const marks = new Intl.NumberFormat(LOCALE, { useGrouping: true, minimumFractionDigits: 1 }).formatToParts(12345678.9);
const GROUP = marks.find((each) => each.type === "group")?.value ?? "";
const POINT = marks.find((each) => each.type === "decimal")?.value ?? ".";
/** The sign of what is negative; as wide as a digit, and read aloud as minus. */
const MINUS = "\u2212";

/** A figure with all its digits, or rounded to `most` decimals and filled up to `least`, as the viewer's locale writes it. */
export function digits(text: string, { least = 0, most = Infinity }: { least?: number; most?: number } = {}): string {
  const value = most === Infinity ? plain(text) : round(text, most);
  const isNegative = value.startsWith("-") && /[1-9]/.test(value);
  const [whole = "0", fraction = ""] = value.replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, GROUP);
  const filled = fraction.padEnd(least, "0");
  return `${isNegative ? MINUS : ""}${grouped}${filled === "" ? "" : POINT + filled}`;
}

/** Money: two decimals, more digits or fewer only where `most` lets or wants them. */
export const money = (text: string, most = 2): string => digits(text, { least: Math.min(2, most), most });

/** A share (0.0123) as percent (1.23%). */
export const percent = (text: string, places = 2): string =>
  `${digits(shift(text, 2), { least: places, most: places })}%`;

/** With a plus where it is more than nothing. */
export const signed = (text: string, written: string): string =>
  /[1-9]/.test(written) && !text.startsWith("-") ? `+${written}` : written;

const long = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "medium" });
const short = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeZone: "UTC" });

/** A moment in the viewer's zone; as it is written where it is no time, say `-30d`. */
export function moment(text: string, seconds = false): string {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : (seconds ? long : short).format(at);
}

/** The same in UTC, as sent, for a title. */
export const utc = (text: string): string => text.replace("T", " ").replace("Z", " UTC");

/** A day of the calendar, `2026-11-27`, which is in no zone. */
export const date = (text: string): string => day.format(new Date(`${text}T00:00:00Z`));

const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [30, "day"],
  [12, "month"],
  [Infinity, "year"],
];
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto", style: "narrow" });

/** How long ago a moment was: "3 min. ago". */
export function age(text: string, now: number = Date.now()): string {
  let size = (new Date(text).getTime() - now) / 1000;
  for (const [length, unit] of STEPS) {
    if (Math.abs(size) < length) return relative.format(Math.round(size), unit);
    size /= length;
  }
  return text;
}

/** How long one has to wait: "45 s", "3 min", "2 h"; empty where nobody waits so long, and it is no more than a guess. */
export function wait(seconds: string): string {
  const size = Number(seconds);
  if (size < 90) return `${size} s`;
  if (size < 5400) return `${Math.round(size / 60)} min`;
  return size < 172_800 ? `${Math.round(size / 3600)} h` : "";
}
