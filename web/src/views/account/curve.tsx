/** The account's curve: its value, its time-weighted return, or how far it is below its highest; flows are marked. */

import { useMemo } from "preact/hooks";
import type { Days, Performance } from "../../api/performance";
import { Choice, Empty, Exports, Panel, Shown } from "../../components/basics";
import { Chart, type Curve, type Mark } from "../../components/chart";
import { RangePicker } from "../../components/range";
import type { Loaded } from "../../data";
import { float, sign } from "../../figures";
import { money, signed } from "../../format";
import { ofDays, ofMoments } from "../../ranges";
import { change, href } from "../../route";
import { type Asked, of, RANGES } from "./asking";
import { columns, type HistoryAnswer, travelTo, useHistory } from "./history";

type Shows = "value" | "return" | "drawdown";
const SHOWS: readonly (readonly [Shows, string])[] = [
  ["value", "Value"],
  ["return", "Return"],
  ["drawdown", "Drawdown"],
];
const MEANS: Readonly<Record<Shows, string>> = {
  value: "What the account was worth: deposits and withdrawals are part of it, and are marked.",
  return:
    "Time-weighted return since the span began: each day's return, linked. Deposits and withdrawals do not count.",
  drawdown: "How far the time-weighted return is below its highest before: 0 is a new high.",
};
/** Pixels of the curve with the line below it. */
const HEIGHT = 302;
/** Statements and recorder end a day as New York does. */
const CLOSE_S = 21 * 3600;
/** The least share of the value that is marked as a flow where flows are estimated. */
const LEAST = 0.002;

const seconds = (day: string): number => Date.parse(day) / 1000;
const amount = (value: number): string =>
  value.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const share = (value: number): string =>
  `${value.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 })}%`;
const shortShare = (value: number): string => `${value.toLocaleString(undefined, { maximumFractionDigits: 2 })}%`;

/** Deposits and withdrawals; what is only estimated says so. */
function marksOf(days: Days, currency: string | null, shift: number): Mark[] {
  const marks: Mark[] = [];
  days.Flow.forEach((flow, row) => {
    const day = days.Day[row];
    if (flow === null || day === undefined || sign(flow) === 0) return;
    const isEstimated = days.Method[row] === "estimated" || days.Source[row] === "running";
    // What the day's profit leaves over is also interest, fees and dividends.
    if (isEstimated && Math.abs(Number(flow)) < Math.abs(Number(days.Value[row])) * LEAST) return;
    const way = sign(flow) > 0 ? "in" : "out";
    const text = `${signed(flow, money(flow))} ${currency ?? ""}`;
    marks.push({
      at: seconds(day) + shift,
      label: isEstimated ? `estimated flow ${text}` : `${way === "in" ? "paid in" : "paid out"} ${text}`,
      tone: isEstimated ? "note" : way,
    });
  });
  return marks;
}

function dailyCurve(days: Days, shows: Shows): Curve {
  if (shows === "value")
    return { label: "Net asset value", values: days.Value.map(float), write: amount, isArea: true };
  if (shows === "return") {
    const values = days.Index.map((each) => (each === null ? null : (Number(each) - 1) * 100));
    return { label: "Time-weighted return", values, write: share };
  }
  const values = days.Drawdown.map((each) => (each === null ? null : Number(each) * 100));
  return { label: "Drawdown", values, write: share, tone: "negative", isArea: true };
}

interface DailyProps {
  found: Performance;
  shows: Shows;
  code: string;
}

/** A click on a day shows the whole page as it was at its end. */
const travel = (at: number): void => change({ at: new Date(at * 1000).toISOString().replace(/\.\d+Z/, "Z") });

function Daily({ found, shows, code }: DailyProps) {
  const [times, curves, marks] = useMemo<[number[], Curve[], Mark[]]>(
    () => [found.Series.Day.map(seconds), [dailyCurve(found.Series, shows)], marksOf(found.Series, found.Currency, 0)],
    [found, shows],
  );
  if (times.length === 0) return <Nothing />;
  return (
    <Chart
      label={`${MEANS[shows]} ${code}, per day, ${found.Series.Day[0]} to ${found.Series.Day.at(-1)}`}
      times={times}
      curves={curves}
      marks={marks}
      isDaily
      onPick={(at) => travel(at + CLOSE_S + 3 * 3600 - 1)}
      {...(shows === "value" ? {} : { axis: shortShare })}
    />
  );
}

const Nothing = () => (
  <Empty>
    Nothing is known of this span. Choose another one; statements of IBKR tell of the time before the recorder.
  </Empty>
);

/** Reports as they came, after the days before the first of them, which statements tell. */
function Reports({ found, days, code }: { found: HistoryAnswer; days: Performance | null; code: string }) {
  const [times, curves] = useMemo<[number[], Curve[]]>(() => {
    const history = columns(found.Points, ["NetLiquidation"]);
    const first = history.times[0] ?? Number.POSITIVE_INFINITY;
    const before = days?.Series.Day.map((day, row) => [seconds(day) + CLOSE_S, days.Series.Value[row]] as const) ?? [];
    const earlier = before.filter(([at]) => at < first);
    const values = [...earlier.map(([, value]) => float(value)), ...(history.values[0] ?? [])];
    const curve: Curve = { label: "Net liquidation", values, write: amount, isArea: true };
    return [[...earlier.map(([at]) => at), ...history.times], [curve]];
  }, [found, days]);
  const marks = useMemo(() => (days === null ? [] : marksOf(days.Series, days.Currency, CLOSE_S)), [days]);
  if (times.length === 0) return <Nothing />;
  return (
    <Chart
      label={`Net liquidation of ${code} by its snapshots, ${times.length} points`}
      times={times}
      curves={curves}
      marks={marks}
      onPick={(at) => void travelTo(code, found, at)}
    />
  );
}

export function CurvePanel({ asked, performance }: { asked: Asked; performance: Loaded<Performance> }) {
  const { code, query, at, span } = asked;
  const shows = SHOWS.find(([each]) => each === query.show)?.[0] ?? "value";
  const isFine = query.points ? query.points === "snapshots" : ["1d", "1w", "1m"].includes(span.name ?? "");
  const isByReport = shows === "value" && isFine;
  const history = useHistory(asked, ["NetLiquidation"], isByReport);
  return (
    <Panel
      title="Curve"
      wide
      tools={
        <>
          <Choice<Shows> label="What is drawn" options={SHOWS} value={shows} onChange={(show) => change({ show })} />
          {shows === "value" ? (
            <Choice
              label="Points"
              options={[
                ["days", "Days"],
                ["snapshots", "Snapshots"],
              ]}
              value={isFine ? "snapshots" : "days"}
              onChange={(points) => change({ points })}
            />
          ) : null}
          <RangePicker span={span} names={RANGES} at={at} />
        </>
      }
    >
      {isByReport ? (
        <Shown from={history} what="the snapshots" height={HEIGHT}>
          {(found) => (
            <>
              <Reports found={found} days={performance.data} code={code} />
              {history.next ? (
                <p class="state stale">These are the first 100,000 points of the span: choose a shorter one.</p>
              ) : null}
            </>
          )}
        </Shown>
      ) : (
        <Shown from={performance} what="the curve" height={HEIGHT}>
          {(found) => <Daily found={found} shows={shows} code={code} />}
        </Shown>
      )}
      <p class="soft under">
        <span>
          {MEANS[shows]} Drag to zoom, double click for all of it; a click shows the page as it was then.{" "}
          {span.from ? (
            <a href={href("compare", [code], { from: span.from, to: span.to ?? at ?? "now" })}>
              What changed in this span
            </a>
          ) : null}
        </span>
        <Exports
          name={`${code}-${isByReport ? "history" : "performance"}`}
          to={(format) =>
            isByReport
              ? of(code, "history", { tag: "NetLiquidation", ...ofMoments(span, at), format })
              : of(code, "performance", { series: "days", ...ofDays(span, at), format })
          }
        />
      </p>
    </Panel>
  );
}
