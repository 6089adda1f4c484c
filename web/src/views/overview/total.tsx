/** What all accounts are worth together: the total, what it has changed by, and its curve. */

import { useMemo } from "preact/hooks";
import { address } from "../../api/client";
import type { Performance } from "../../api/performance";
import { Empty, Exports, Fact, Facts, Figure, Panel, Shown } from "../../components/basics";
import { Chart, type Curve } from "../../components/chart";
import { RangePicker } from "../../components/range";
import { useGet } from "../../data";
import { isFigure } from "../../figures";
import { date, moment } from "../../format";
import { dayOf, ofDays, type RangeName, spanOf } from "../../ranges";
import { type Overview, PERIODS, type Period, type Total, words } from "./asking";
import { LastDay } from "./last-day";
import { Part } from "./part";
import { EVERY_S, type Values } from "./sparks";

const RANGES: readonly RangeName[] = ["1m", "3m", "ytd", "1y", "all"];
const NAMES: Readonly<Record<Period, string>> = {
  SinceClose: "Today",
  MonthToDate: "This month",
  YearToDate: "This year",
};

/** A change, and its return, or what share of the value before it is. */
function Change({ total, period, all }: { total: Total; period: Period; all: Overview }) {
  const change = total[`Change${period}`];
  const why = (figure: string) => {
    const reason = total.Excluded.find((each) => each.Figure === figure)?.Why ?? total.Why[figure] ?? all.Why[figure];
    return reason && words(reason);
  };
  return (
    <Fact name={NAMES[period]} hint={`Since ${moment(all.Closes[period])}; deposits and withdrawals are part of it`}>
      <Figure of={change} change unit={total.Currency} why={why(`Change${period}`)} />{" "}
      <span class="share">
        <Part
          gain={total[`Return${period}`]}
          now={total.NetLiquidation}
          change={change}
          why={why(`Return${period}`)}
          until={total.FlowsUntil}
        />
      </span>
    </Fact>
  );
}

export function Head({ all, group }: { all: Overview; group: string | undefined }) {
  const { Total: total } = all;
  const left = total.Excluded.filter((each) => each.Figure === "NetLiquidation");
  return (
    <>
      <div class="head">
        <span class="total">
          <Figure
            of={total.NetLiquidation}
            unit={total.Currency}
            why={all.Currency === null ? words("several-currencies") : "no account counts"}
          />
        </span>
        <Facts>
          {PERIODS.map((period) => (
            <Change key={period} total={total} period={period} all={all} />
          ))}
          <LastDay
            until={total.FlowsUntil}
            isTold={!isFigure(total.ReturnSinceClose)}
            of={address("v1/performance", {
              currency: total.Currency,
              group,
              from: total.FlowsUntil,
              to: total.FlowsUntil,
              step: "1y",
            })}
          />
          <Fact name="Cash">
            <Figure of={total.Cash} unit={total.Currency} />
          </Fact>
          <Fact name="Leverage" hint="Gross position value over net liquidation">
            <Figure of={total.Leverage} as="digits" most={2} />
          </Fact>
        </Facts>
      </div>
      {left.map((each) => (
        <p key={each.Why} class={each.Why === "not-listed" ? "soft" : "state stale"}>
          Not in the total, since {words(each.Why)}: {named(each.AccountCodes)}.
        </p>
      ))}
    </>
  );
}

const NAMED = 8;
const named = (codes: readonly string[]): string =>
  codes.length > NAMED
    ? `${codes.slice(0, NAMED).join(", ")} and ${codes.length - NAMED} more accounts`
    : codes.join(", ");

/** Pixels of the curve, and of the line below it. */
const [HEIGHT, CAPTION] = [240, 22];

const amount = (value: number): string => value.toLocaleString(undefined, { maximumFractionDigits: 0 });

/** More values than this, of accounts by steps, are refused: then the steps are longer. */
const MOST = 500_000;
const WEEKDAYS = 5 / 7;
const DAY_MS = 86_400_000;

function stepFor(accounts: number, from: string, to: string): string {
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
  return accounts * days * WEEKDAYS < MOST ? "1d" : (accounts * days) / 7 < MOST ? "1w" : "1mo";
}

/** The curve of the total; `currency` null: there is none. */
export function TotalCurve({ query, currency, accounts }: CurveProps) {
  const { at, group } = query;
  const span = spanOf(query, at, "1y", RANGES);
  const every = at ? 0 : EVERY_S;
  const returns = useGet<Performance>(
    currency === null ? null : address("v1/performance", { step: "1y", currency, group, ...ofDays(span, at) }),
    { every },
  );
  // Of all that is known the first day has to be asked for.
  const from = span.from ?? returns.data?.Since ?? null;
  const today = dayOf(at ? new Date(at) : new Date());
  const curve = (first: string | null, format?: string): string =>
    address("v1/values", {
      total: "only",
      currency,
      group,
      ...ofDays({ ...span, from: first }, at),
      step: stepFor(accounts, first ?? today, span.to ?? today),
      format,
    });
  const values = useGet<Values>(currency === null || from === null ? null : curve(from), { exact: false, every });
  return (
    <Panel
      title="Value over time"
      tools={
        <>
          <RangePicker span={span} names={RANGES} at={at} />
          {values.data ? <Exports name="value" to={(format) => curve(values.data?.Days[0] ?? null, format)} /> : null}
        </>
      }
    >
      {currency === null ? (
        <Empty>Choose a currency: the accounts have several.</Empty>
      ) : from === null && returns.data !== null ? (
        <Nothing />
      ) : (
        <Shown from={from === null ? { ...returns, data: null } : values} what="the curve" height={HEIGHT + CAPTION}>
          {(found) => <Drawn found={found as Values} />}
        </Shown>
      )}
      {returns.data ? <Sentence found={returns.data} /> : null}
    </Panel>
  );
}

interface CurveProps {
  query: Readonly<Record<string, string>>;
  currency: string | null;
  accounts: number;
}

const Nothing = () => (
  <Empty>No day with a value is known in this span. The first one comes when a day has ended.</Empty>
);

function Drawn({ found }: { found: Values }) {
  const [times, curves] = useMemo<[number[], Curve[]]>(() => {
    const curve: Curve = { label: "Value", values: found.Total.Values, write: amount, isArea: true };
    return [found.Days.map((day) => Date.parse(day) / 1000), [curve]];
  }, [found]);
  const [first] = found.Days;
  if (first === undefined || found.Total.Values.every((each) => each === null)) return <Nothing />;
  return (
    <Chart
      label={`What the accounts were worth together, in ${found.Total.Currency ?? "their currency"}, from ${date(first)}`}
      times={times}
      curves={curves}
      isDaily
      height={HEIGHT}
    />
  );
}

function Sentence({ found }: { found: Performance }) {
  if (found.TimeWeightedReturn === null || !found.Since || !found.Until) return null;
  return (
    <p class="soft">
      Time-weighted return <Figure of={found.TimeWeightedReturn} as="percent" change />, gain{" "}
      <Figure of={found.Gain} change unit={found.Currency} />, deposits less withdrawals{" "}
      <Figure of={found.Flows} change unit={found.Currency} />, from {date(found.Since)} to {date(found.Until)}.
    </p>
  );
}
