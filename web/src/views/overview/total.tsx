/** What all accounts are worth together: the total, what it has changed by, and its curve. */

import { useMemo } from "preact/hooks";
import { address } from "../../api/client";
import type { Performance } from "../../api/performance";
import { Empty, Fact, Facts, Figure, Panel, Shown } from "../../components/basics";
import { Chart, type Curve } from "../../components/chart";
import { RangePicker } from "../../components/range";
import { useGet } from "../../data";
import { float, isFigure, ratio, subtract } from "../../figures";
import { date, moment } from "../../format";
import { ofDays, type RangeName, spanOf } from "../../ranges";
import { type Overview, PERIODS, type Period, type Total, words } from "./asking";

const RANGES: readonly RangeName[] = ["1m", "3m", "ytd", "1y", "all"];
const NAMES: Readonly<Record<Period, string>> = {
  SinceClose: "Today",
  MonthToDate: "This month",
  YearToDate: "This year",
};

/** A change, and what share of the value before it is. */
function Change({ total, period, all }: { total: Total; period: Period; all: Overview }) {
  const [change, now] = [total[`Change${period}`], total.NetLiquidation];
  const why = total.Excluded.find((each) => each.Figure === `Change${period}`)?.Why ?? all.Why[`Change${period}`];
  const share = isFigure(change) && isFigure(now) ? ratio(change, subtract(now, change), 8) : null;
  const close = all.Closes[period];
  return (
    <Fact name={NAMES[period]} hint={`Since ${moment(close)}; deposits and withdrawals are part of it`}>
      <Figure of={change} change unit={total.Currency} why={why && words(why)} />{" "}
      {share ? (
        <span class="share">
          <Figure of={share} as="percent" change />
        </span>
      ) : null}
    </Fact>
  );
}

export function Head({ all }: { all: Overview }) {
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
          {total.ReturnYearToDate ? (
            <Fact name="Return this year" hint="Time-weighted: deposits and withdrawals do not count">
              <Figure of={total.ReturnYearToDate} as="percent" change />
            </Fact>
          ) : null}
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

const amount = (value: number): string => value.toLocaleString(undefined, { maximumFractionDigits: 0 });

/** The curve of the total; `currency` null: there is none. */
export function TotalCurve({ query, currency }: { query: Readonly<Record<string, string>>; currency: string | null }) {
  const span = spanOf(query, query.at, "1y", RANGES);
  const url =
    currency === null
      ? null
      : address("v1/performance", { series: "days", currency, group: query.group, ...ofDays(span, query.at) });
  const loaded = useGet<Performance>(url, { every: query.at ? 0 : 300 });
  return (
    <Panel title="Value over time" tools={<RangePicker span={span} names={RANGES} at={query.at} />}>
      {currency === null ? (
        <Empty>Choose a currency: the accounts have several.</Empty>
      ) : (
        <Shown from={loaded} what="the curve">
          {(found) => <Drawn found={found} />}
        </Shown>
      )}
    </Panel>
  );
}

function Drawn({ found }: { found: Performance }) {
  const { Day: days, Value: values } = found.Series;
  const [times, curves] = useMemo(() => {
    const curve: Curve = { label: "Value", values: values.map(float), write: amount, isArea: true };
    return [days.map((day) => Date.parse(day) / 1000), [curve]];
  }, [days, values]);
  const first = days[0];
  if (first === undefined)
    return <Empty>No day with a value is known in this span. The first one comes when a day has ended.</Empty>;
  return (
    <>
      <Chart
        label={`What the accounts were worth together, in ${found.Currency ?? "their currency"}, per day from ${date(first)}`}
        times={times}
        curves={curves}
        isDaily
        height={240}
      />
      <p class="soft">
        {found.TimeWeightedReturn !== null && found.Since && found.Until ? (
          <>
            Time-weighted return <Figure of={found.TimeWeightedReturn} as="percent" change />, gain{" "}
            <Figure of={found.Gain} change unit={found.Currency} />, deposits less withdrawals{" "}
            <Figure of={found.Flows} change unit={found.Currency} />, from {date(found.Since)} to {date(found.Until)}.
          </>
        ) : (
          "Days on which not every account has a value are left out."
        )}
      </p>
    </>
  );
}
