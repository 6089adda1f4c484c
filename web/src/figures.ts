/**
 * Exact arithmetic with the text of figures: what the page reckons itself is as exact as what it was sent.
 *
 * In and out: decimal text as JSON writes it (`-1234.50`, `1e-8`). Throws RangeError where a text is no number.
 */

interface Decimal {
  /** The figure times 10 to the `scale`. */
  units: bigint;
  scale: number;
}

const FORM = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
const MOST = 400;

function read(text: string): Decimal {
  const found = FORM.exec(text.trim());
  if (found === null) throw new RangeError(`no number: ${text}`);
  const [, sign, whole = "0", fraction = "", exponent = "0"] = found;
  const power = Number(exponent);
  if (Math.abs(power) > MOST) throw new RangeError(`out of reach: ${text}`);
  let units = BigInt(whole + fraction);
  let scale = fraction.length - power;
  if (scale < 0) {
    units *= 10n ** BigInt(-scale);
    scale = 0;
  }
  return { units: sign === "-" ? -units : units, scale };
}

function write({ units, scale }: Decimal): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale);
  const text = scale > 0 ? `${whole}.${digits.slice(digits.length - scale)}` : whole;
  return units < 0n ? `-${text}` : text;
}

function aligned(a: Decimal, b: Decimal): [bigint, bigint, number] {
  const scale = Math.max(a.scale, b.scale);
  return [a.units * 10n ** BigInt(scale - a.scale), b.units * 10n ** BigInt(scale - b.scale), scale];
}

/** Whether a text is a number. */
export const isFigure = (text: unknown): text is string => typeof text === "string" && FORM.test(text);

/** Written without an exponent; every digit stays, also zeros at the end. */
export const plain = (text: string): string => write(read(text));

export function add(a: string, b: string): string {
  const [x, y, scale] = aligned(read(a), read(b));
  return write({ units: x + y, scale });
}

export function subtract(a: string, b: string): string {
  const [x, y, scale] = aligned(read(a), read(b));
  return write({ units: x - y, scale });
}

export function multiply(a: string, b: string): string {
  const [x, y] = [read(a), read(b)];
  return write({ units: x.units * y.units, scale: x.scale + y.scale });
}

export const sum = (all: readonly string[]): string => all.reduce(add, "0");

/** Negative, zero or positive: for sorting. */
export function compare(a: string, b: string): number {
  const [x, y] = aligned(read(a), read(b));
  return x < y ? -1 : x > y ? 1 : 0;
}

/** -1, 0 or 1. */
export function sign(text: string): number {
  const { units } = read(text);
  return units < 0n ? -1 : units > 0n ? 1 : 0;
}

export const absolute = (text: string): string => plain(text).replace("-", "");

function divided(dividend: bigint, divisor: bigint): bigint {
  // Half away from zero, as money is rounded.
  const isNegative = dividend < 0n !== divisor < 0n;
  const [x, y] = [dividend < 0n ? -dividend : dividend, divisor < 0n ? -divisor : divisor];
  const quotient = (2n * x + y) / (2n * y);
  return isNegative ? -quotient : quotient;
}

/** With so many decimals at most; fewer where the text has fewer. */
export function round(text: string, places: number): string {
  const value = read(text);
  if (value.scale <= places) return write(value);
  return write({ units: divided(value.units, 10n ** BigInt(value.scale - places)), scale: places });
}

/** A quotient with so many decimals; null where it is divided by zero. */
export function ratio(a: string, b: string, places = 6): string | null {
  const [x, y] = aligned(read(a), read(b));
  return y === 0n ? null : write({ units: divided(x * 10n ** BigInt(places), y), scale: places });
}

/** Times a power of ten: a share as percent is `shift(text, 2)`. */
export function shift(text: string, power: number): string {
  const { units, scale } = read(text);
  return scale - power >= 0
    ? write({ units, scale: scale - power })
    : write({ units: units * 10n ** BigInt(power - scale), scale: 0 });
}

/** For charts and bars only. */
export const float = (text: string | null | undefined): number | null => (text == null ? null : Number(text));
