/**
 * Curves over time (uPlot). Floats are good enough here: nobody reads the last digit of a line.
 *
 * Drag to zoom, double click for all of it; with the keyboard the arrows move from point to point and + and - zoom.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { LOCALE, moment } from "../format";

export interface Curve {
  label: string;
  values: (number | null)[];
  /** How a value is written under the curve. */
  write: (value: number) => string;
  tone?: "main" | "second" | "negative";
  /** Filled down to the axis. */
  isArea?: boolean;
}

export interface Mark {
  /** Seconds since 1970. */
  at: number;
  label: string;
  tone: "in" | "out" | "note";
}

interface ChartProps {
  /** What it shows, in a sentence, for who cannot see it. */
  label: string;
  /** Seconds since 1970, ascending. */
  times: number[];
  curves: Curve[];
  marks?: Mark[];
  height?: number;
  /** A point was chosen, by a click or Enter: seconds since 1970. */
  onPick?: (at: number) => void;
  /** Times are days of the calendar, in UTC. */
  isDaily?: boolean;
  axis?: (value: number) => string;
}

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const TONES = { main: "accent", second: "second", negative: "negative" } as const;
const paper = matchMedia("print");
const media = matchMedia("(prefers-color-scheme: dark)");
const schemeNow = (): string => `${media.matches}${document.documentElement.dataset.theme ?? ""}`;

function useScheme(): string {
  const [scheme, set] = useState(schemeNow);
  useEffect(() => {
    const changed = () => set(schemeNow());
    const watcher = new MutationObserver(changed);
    watcher.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    media.addEventListener("change", changed);
    changed();
    return () => {
      watcher.disconnect();
      media.removeEventListener("change", changed);
    };
  }, []);
  return scheme;
}

function drawMarks(plot: uPlot, marks: readonly Mark[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  for (const mark of marks) {
    const x = plot.valToPos(mark.at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.fillStyle = colour(mark.tone === "in" ? "positive" : mark.tone === "out" ? "negative" : "soft");
    const [base, size, way] = [bbox.top + bbox.height, 5 * devicePixelRatio, mark.tone === "out" ? -1 : 1];
    ctx.beginPath();
    ctx.moveTo(x - size, base - (way > 0 ? 0 : 2 * size));
    ctx.lineTo(x + size, base - (way > 0 ? 0 : 2 * size));
    ctx.lineTo(x, base - (way > 0 ? 2 * size : 0));
    ctx.fill();
  }
  ctx.restore();
}

const DAY_S = 86400;
/** One and the same, so that a chart without marks is not drawn anew with each of its points that is looked at. */
const NONE: Mark[] = [];

/** Ticks of time as the viewer's locale writes them: years, months, days or hours, whichever they are apart. */
function timeTicks(ticks: readonly number[], apart: number, isDaily: boolean): string[] {
  const zone = isDaily ? { timeZone: "UTC" } : {};
  const write = (at: number, options: Intl.DateTimeFormatOptions): string =>
    new Date(at * 1000).toLocaleString(LOCALE, { ...options, ...zone });
  const day = (at: number): string => write(at, { day: "numeric", month: "short" });
  return ticks.map((at, number) => {
    const before = ticks[number - 1];
    if (apart >= 360 * DAY_S) return write(at, { year: "numeric" });
    if (apart >= 27 * DAY_S) {
      const year = write(at, { year: "numeric" });
      const isNew = before === undefined || write(before, { year: "numeric" }) !== year;
      return write(at, isNew ? { month: "short", year: "numeric" } : { month: "short" });
    }
    if (apart >= DAY_S || (before !== undefined && day(before) !== day(at))) return day(at);
    return write(at, {
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
      ...(apart < 60 ? { second: "2-digit" } : {}),
    });
  });
}

/** Ticks of amounts, short, with as many digits as tell one from the next. */
function amountTicks(ticks: readonly number[], apart: number): string[] {
  const most = Math.max(...ticks.map(Math.abs));
  const unit = most >= 1e9 ? 1e9 : most >= 1e6 ? 1e6 : most >= 1e3 ? 1e3 : 1;
  const places = [0, 1, 2, 3].find((each) => Number.isInteger(Number(((apart / unit) * 10 ** each).toFixed(6)))) ?? 4;
  return ticks.map((value) => value.toLocaleString(LOCALE, { notation: "compact", maximumFractionDigits: places }));
}

function optionsOf(
  { times, curves, marks = NONE, height = 280, isDaily = false, axis }: ChartProps,
  width: number,
  onCursor: (index: number | null) => void,
): uPlot.Options {
  // Asked for with each drawing: on paper they are others.
  const [text, grid] = [() => colour("soft"), () => colour("line")];
  return {
    width,
    height,
    legend: { show: false },
    cursor: { drag: { x: true, y: false }, points: { size: 7 } },
    scales: { x: { time: true } },
    ...(isDaily ? { tzDate: (at: number) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC") } : {}),
    axes: [
      {
        stroke: text,
        grid: { show: false },
        ticks: { stroke: grid },
        font: "12px system-ui",
        space: 70,
        size: 34,
        values: (_, all, __, ___, apart) => timeTicks(all, apart, isDaily),
      },
      {
        stroke: text,
        grid: { stroke: grid, width: 1 },
        ticks: { show: false },
        size: 64,
        font: "12px system-ui",
        values: (_, all, __, ___, apart) => (axis ? all.map(axis) : amountTicks(all, apart)),
      },
    ],
    series: [
      {},
      ...curves.map(({ tone = "main", isArea = false, label }) => ({
        label,
        stroke: () => colour(TONES[tone]),
        width: 1.5,
        points: { show: times.length < 2 },
        ...(isArea ? { fill: () => `color-mix(in srgb, ${colour(TONES[tone])} 14%, transparent)` } : {}),
      })),
    ],
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      draw: [(plot) => drawMarks(plot, marks)],
    },
  };
}

function zoom(plot: uPlot, factor: number): void {
  const { min, max } = plot.scales.x ?? {};
  if (min == null || max == null) return;
  const [middle, half] = [(min + max) / 2, ((max - min) / 2) * factor];
  plot.setScale("x", { min: middle - half, max: middle + half });
}

const MOST_MARKS = 4;

/** The marks that are nearer to a point than to the points before and after it. */
function nearest(marks: readonly Mark[], times: readonly number[], index: number): Mark[] {
  const [before, at, after] = [times[index - 1], times[index], times[index + 1]];
  if (at === undefined) return [];
  const from = before === undefined ? -Infinity : (before + at) / 2;
  const to = after === undefined ? at + (at - from) : (at + after) / 2;
  return marks.filter((mark) => mark.at > from && mark.at <= to);
}

export function Chart(props: ChartProps) {
  const { label, times, curves, marks = NONE, onPick, isDaily = false } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [index, setIndex] = useState<number | null>(null);
  const scheme = useScheme();
  useEffect(() => {
    const target = box.current;
    if (target === null) return;
    const data = [times, ...curves.map((each) => each.values)] as uPlot.AlignedData;
    const made = new uPlot(optionsOf(props, target.clientWidth || 600, setIndex), data, target);
    plot.current = made;
    const watcher = new ResizeObserver(() => {
      if (target.clientWidth !== made.width) made.setSize({ width: target.clientWidth, height: props.height ?? 280 });
    });
    watcher.observe(target);
    const redraw = () => made.redraw();
    paper.addEventListener("change", redraw);
    return () => {
      paper.removeEventListener("change", redraw);
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [times, curves, marks, scheme, props.height]);
  const shown = index ?? times.length - 1;
  const at = times[shown];
  const move = (to: number) => {
    const made = plot.current;
    const next = Math.max(0, Math.min(times.length - 1, to));
    const [time, value] = [times[next], curves[0]?.values[next] ?? null];
    if (made === null || time === undefined) return;
    made.setCursor({ left: made.valToPos(time, "x"), top: value === null ? 0 : made.valToPos(value, "y") });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      PageUp: -30,
      PageDown: 30,
      Home: -times.length,
      End: times.length,
    };
    const step = steps[event.key];
    if (step !== undefined) move(shown + step);
    else if (event.key === "+" || event.key === "-") plot.current && zoom(plot.current, event.key === "+" ? 0.5 : 2);
    else if (event.key === "Enter" && at !== undefined) onPick?.(at);
    else return;
    event.preventDefault();
  };
  const near = isDaily
    ? marks.filter((mark) => at !== undefined && Math.abs(mark.at - at) < 43200)
    : nearest(marks, times, shown);
  return (
    <figure class="chart">
      <div
        class="plot"
        ref={box}
        role="img"
        aria-label={label}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onClick={() => index !== null && at !== undefined && onPick?.(at)}
      />
      <figcaption aria-live="polite">
        {at === undefined
          ? "nothing to draw"
          : isDaily
            ? new Date(at * 1000).toLocaleDateString(undefined, { dateStyle: "medium", timeZone: "UTC" })
            : moment(new Date(at * 1000).toISOString())}
        {curves.map((curve) => {
          const value = curve.values[shown];
          return (
            <span key={curve.label} class={`key ${curve.tone ?? "main"}`}>
              {curve.label} <strong>{value == null ? "–" : curve.write(value)}</strong>
            </span>
          );
        })}
        {near.slice(0, MOST_MARKS).map((mark, number) => (
          <span key={`${number}${mark.at}${mark.label}`} class={`key ${mark.tone}`}>
            {mark.label}
          </span>
        ))}
        {near.length > MOST_MARKS ? <span>and {near.length - MOST_MARKS} more</span> : null}
      </figcaption>
    </figure>
  );
}

/** A small curve within a line of text; `label` says what it shows. */
export function Spark({ values, label }: { values: readonly (number | null)[]; label: string }) {
  const known = values.filter((each): each is number => each !== null);
  if (known.length < 2) return <span class="spark" />;
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const [width, height, span] = [96, 24, most - least || 1];
  let path = "";
  let isDrawing = false;
  values.forEach((value, number) => {
    if (value !== null)
      path += `${isDrawing ? "L" : "M"}${((number / (values.length - 1)) * width).toFixed(1)} ${(height - 2 - ((value - least) / span) * (height - 4)).toFixed(1)}`;
    isDrawing = value !== null;
  });
  const tone = (known.at(-1) ?? 0) >= (known[0] ?? 0) ? "spark up" : "spark down";
  return (
    <svg class={tone} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label} preserveAspectRatio="none">
      <path d={path} fill="none" vector-effect="non-scaling-stroke" />
    </svg>
  );
}
