/** A position over time: its value, price, size, or profit, of every report or of steps. */

import { useMemo } from "preact/hooks";
import { address, part } from "../../api/client";
import { Choice, Empty, Exports, Failure, Loading, Panel } from "../../components/basics";
import { Chart, type Curve, type Mark } from "../../components/chart";
import { useGet } from "../../data";
import { change } from "../../route";
import type { Execution } from "../activity/types";

/** A point of the history; floats, which a curve may use. */
interface Point {
  Timestamp: string;
  Position: number | null;
  MarketPrice: number | null;
  MarketValue: number | null;
  AverageCost: number | null;
  UnrealizedPNL: number | null;
  RealizedPNL: number | null;
  Why?: Record<string, string>;
}

interface History {
  Currency: string | null;
  Points: Point[];
}

const SHOWN = [
  ["value", "Value"],
  ["price", "Price"],
  ["size", "Size"],
  ["profit", "Profit"],
] as const;
type Shown = (typeof SHOWN)[number][0];

/** Days of each span, and the steps in which it is asked for: a curve has no more points than the screen. */
const SPANS = [
  ["1D", 1, undefined],
  ["1W", 7, "10m"],
  ["1M", 31, "1h"],
  ["3M", 92, "4h"],
  ["1Y", 366, "1d"],
  ["All", null, "1d"],
] as const;

const isSteady = (value: number | null): value is number => value !== null;

function write(value: number): string {
  return value.toLocaleString(undefined, { maximumFractionDigits: Math.abs(value) < 10 ? 4 : 2 });
}

const curve = (
  label: string,
  points: readonly Point[],
  of: (point: Point) => number | null,
  more: Partial<Curve> = {},
): Curve => ({
  label,
  values: points.map(of),
  write,
  ...more,
});

function curvesOf(shown: Shown, points: readonly Point[], multiplier: number): Curve[] {
  if (shown === "size") return [curve("Size", points, (point) => point.Position, { isArea: true })];
  if (shown === "profit")
    return [
      curve("Unrealised", points, (point) => point.UnrealizedPNL),
      curve("Realised, of the day", points, (point) => point.RealizedPNL, { tone: "second" }),
    ];
  if (shown === "value") return [curve("Value", points, (point) => point.MarketValue, { isArea: true })];
  const cost = (point: Point) =>
    point.AverageCost === null || !point.Position ? null : point.AverageCost / multiplier;
  return [
    curve("Price", points, (point) => point.MarketPrice),
    curve("Average cost", points, cost, { tone: "second" }),
  ];
}

function marksOf(executions: readonly Execution[]): Mark[] {
  return executions.flatMap((of): Mark[] => {
    if (of.Time === null) return [];
    const isBought = of.Side === "BOT";
    const label = `${isBought ? "bought" : "sold"} ${of.Shares} at ${of.Price}`;
    return [{ at: Date.parse(of.Time) / 1000, label, tone: isBought ? "in" : "out" }];
  });
}

const NONE: readonly Execution[] = [];

interface CurveProps {
  account: string;
  contract: string;
  query: Record<string, string>;
  multiplier: number;
  /** Null: not loaded yet. */
  executions: readonly Execution[] | null;
}

export function History({ account, contract, query, multiplier, executions }: CurveProps) {
  const { at } = query;
  const shown = SHOWN.find(([each]) => each === query.curve)?.[0] ?? "value";
  const [span, days, step] = SPANS.find(([each]) => each === query.span) ?? SPANS[2];
  const end = at ? Date.parse(at) : null;
  const from = days === null ? undefined : end === null ? `-${days}d` : new Date(end - days * 86_400_000).toISOString();
  const path = `v1/accounts/${part(account)}/positions/${part(contract)}/history`;
  const asked = { from, to: at, step };
  const history = useGet<History>(address(path, { ...asked, why: "true" }), { exact: false });
  const tools = (
    <>
      <Choice label="Shown" options={SHOWN} value={shown} onChange={(value) => change({ curve: value })} />
      <Choice
        label="Span"
        options={SPANS.map(([each]) => [each, each] as const)}
        value={span}
        onChange={(value) => change({ span: value })}
      />
      <Exports to={(format) => address(path, { ...asked, format })} name={`${account}-${contract}-history`} />
    </>
  );
  return (
    <Panel title="Over time" wide tools={tools}>
      {history.data === null ? (
        history.problem === null ? (
          <Loading what="the curve" />
        ) : history.problem.code === "unknown-position" ? (
          <Empty>No report has this position: only statements tell of it.</Empty>
        ) : (
          <Failure problem={history.problem} onRetry={history.reload} />
        )
      ) : (
        <Drawn history={history.data} shown={shown} multiplier={multiplier} executions={executions ?? NONE} />
      )}
    </Panel>
  );
}

interface DrawnProps {
  history: History;
  shown: Shown;
  multiplier: number;
  executions: readonly Execution[];
}

function Drawn({ history, shown, multiplier, executions }: DrawnProps) {
  // A step without a report says nothing; one in which it was not held is a gap of the curve.
  const points = useMemo(() => history.Points.filter((point) => point.Why?.Position !== "no-report"), [history]);
  const times = useMemo(() => points.map((point) => Date.parse(point.Timestamp) / 1000), [points]);
  const curves = useMemo(() => curvesOf(shown, points, multiplier), [shown, points, multiplier]);
  const marks = useMemo(() => marksOf(executions), [executions]);
  if (!curves.some((each) => each.values.some(isSteady)))
    return <Empty>It was not held in this span, or no report is of it: choose a longer one.</Empty>;
  return (
    <>
      <Chart
        label={`${SHOWN.find(([each]) => each === shown)?.[1]} of the position over time`}
        times={times}
        curves={curves}
        marks={marks}
      />
      <p class="soft">
        {shown === "size" ? "" : `In ${history.Currency ?? "the contract's currency"}. `}▲ bought, ▼ sold.
      </p>
    </>
  );
}
