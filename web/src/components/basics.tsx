/** The small parts that every view is made of: figures, times, panels, and what stands where there is nothing. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { isPassing, type Problem } from "../api/client";
import { isFigure, sign } from "../figures";
import { age, date, digits, moment, money, percent, signed, utc } from "../format";

interface FigureProps {
  /** The figure as the API wrote it; null: there is none. */
  of: string | null | undefined;
  as?: "money" | "percent" | "digits";
  /** Decimals at most; the title has all. */
  most?: number;
  /** With a sign and an arrow: a change. */
  change?: boolean;
  /** Why there is none. */
  why?: string | null | undefined;
  unit?: string | null | undefined;
  /** What is said beside the exact figure: how it was reckoned. */
  note?: string | undefined;
}

/** A figure, exact in its title. What is negative has a minus and a colour; a change has an arrow as well. */
export function Figure({ of, as = "money", most, change = false, why, unit, note }: FigureProps) {
  if (!isFigure(of)) return <Missing why={of ?? why} />;
  const text =
    as === "percent"
      ? percent(of, most ?? 2)
      : as === "money"
        ? money(of, most ?? 2)
        : digits(of, most === undefined ? {} : { most });
  // What is rounded to nothing is shown as nothing.
  const direction = /[1-9]/.test(text) ? sign(of) : 0;
  const tone = direction < 0 ? "figure negative" : change && direction > 0 ? "figure positive" : "figure";
  const arrow =
    change && direction !== 0 ? (
      <span class="arrow" aria-hidden="true">
        {direction > 0 ? "▲" : "▼"}
      </span>
    ) : null;
  return (
    <span class={tone} title={[of, unit, note ? `(${note})` : null].filter(Boolean).join(" ")}>
      {arrow}
      {change ? signed(of, text) : text}
      {unit ? <span class="unit"> {unit}</span> : null}
    </span>
  );
}

/** No figure, and why. */
export function Missing({ why }: { why?: string | null | undefined }) {
  return (
    <span class="missing" title={why ?? "not known"}>
      <span aria-hidden="true">–</span>
      <span class="hidden">{why ?? "not known"}</span>
    </span>
  );
}

/** A moment in the viewer's zone, UTC at hand; or how long ago it was. */
export function Time({
  at,
  as = "moment",
  seconds = false,
  then,
}: {
  at: string | null | undefined;
  as?: "moment" | "age";
  seconds?: boolean;
  /** The moment that an age is of; now unless given. */
  then?: string | undefined;
}) {
  if (!at) return <Missing />;
  if (/^\d{4}-\d\d-\d\d$/.test(at)) return <time dateTime={at}>{date(at)}</time>;
  return (
    <time class={as} dateTime={at} title={as === "age" ? `${moment(at, true)} (${utc(at)})` : utc(at)}>
      {as === "age" ? age(at, then ? Date.parse(then) : Date.now()) : moment(at, seconds)}
    </time>
  );
}

interface PanelProps {
  title: string;
  /** Beside the title: switches, links. */
  tools?: ComponentChildren;
  children: ComponentChildren;
  wide?: boolean;
}

/** A part of a view with a heading. */
export function Panel({ title, tools, children, wide = false }: PanelProps) {
  const id = useId();
  return (
    <section class={wide ? "panel wide" : "panel"} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {tools ? <div class="tools">{tools}</div> : null}
      </header>
      {children}
    </section>
  );
}

interface FactProps {
  name: string;
  hint?: string;
  /** It comes after the others: its room is kept. */
  isLate?: boolean;
  children: ComponentChildren;
}

/** One of several figures beside each other: what it is, and how much. */
export function Fact({ name, hint, isLate = false, children }: FactProps) {
  return (
    <div class={isLate ? "fact late" : "fact"}>
      <dt title={hint}>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export const Facts = ({ children }: { children: ComponentChildren }) => <dl class="facts">{children}</dl>;

interface ChoiceProps<T extends string> {
  label: string;
  options: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: T) => void;
}

/** A few choices of which one holds. */
export function Choice<T extends string>({ label, options, value, onChange }: ChoiceProps<T>) {
  return (
    <fieldset class="choice" aria-label={label}>
      {options.map(([each, title]) => (
        <button key={each} type="button" aria-pressed={each === value} onClick={() => onChange(each)}>
          {title}
        </button>
      ))}
    </fieldset>
  );
}

/** While the first answer is awaited. `height`: pixels that it will take, so that nothing jumps when it comes. */
export const Loading = ({ what = "figures", height }: { what?: string; height?: number | undefined }) => (
  <p class="state loading" role="status" style={height === undefined ? undefined : { minHeight: `${height}px` }}>
    Loading {what} …
  </p>
);

/** There is nothing, and what to do about it. */
export const Empty = ({ children }: { children: ComponentChildren }) => <div class="state empty">{children}</div>;

/** It could not be had: why, and how to try again. */
export function Failure({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <div class="state failed" role="alert">
      <strong>{problem.message}</strong>
      {problem.detail ? <p>{problem.detail}</p> : null}
      {isPassing(problem) ? <p class="soft">It is asked for again by itself every few seconds.</p> : null}
      {onRetry ? (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

interface ShownProps<T> {
  from: { data: T | null; problem: Problem | null; isLoading: boolean; reload: () => void };
  what?: string;
  /** Pixels that it takes once it is there. */
  height?: number;
  children: (data: T) => ComponentChildren;
}

/** What was loaded; before that, that it is awaited; else why not. Older data stay, with a word that they are old. */
export function Shown<T>({ from, what, height, children }: ShownProps<T>) {
  if (from.data === null) {
    return from.problem ? (
      <Failure problem={from.problem} onRetry={from.reload} />
    ) : (
      <Loading {...(what ? { what } : {})} height={height} />
    );
  }
  return (
    <>
      {from.problem ? (
        <p class="state stale" role="status">
          These are the last figures that could be had: {from.problem.message}
          {from.problem.detail ? ` (${from.problem.detail})` : ""}.
        </p>
      ) : null}
      {children(from.data)}
    </>
  );
}

/** Links to what is shown here, as files. `to`: makes the address of a format. */
export function Exports({ to, name }: { to: (format: "csv" | "parquet") => string; name: string }) {
  return (
    <span class="exports">
      <a href={to("csv")} download={`${name}.csv`}>
        CSV
      </a>
      <a href={to("parquet")} download={`${name}.parquet`}>
        Parquet
      </a>
    </span>
  );
}

/** A share as a bar with its thresholds; `text` says it. */
export function Bar({
  share,
  low,
  middle,
  text,
}: {
  share: number;
  low: number;
  middle: number;
  text: ComponentChildren;
}) {
  const bounded = Math.max(0, Math.min(1, share));
  const tone = bounded < low ? "gauge low" : bounded < middle ? "gauge middle" : "gauge high";
  return (
    <span class={tone}>
      <span class="track" aria-hidden="true">
        <span class="fill" style={{ width: `${bounded * 100}%` }} />
      </span>
      {text}
    </span>
  );
}
