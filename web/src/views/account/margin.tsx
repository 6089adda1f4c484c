/** How far the account is from a margin call: cushion, excess liquidity, what changes next, and the curve. */

import { useMemo } from "preact/hooks";
import { Bar, Choice, Empty, Fact, Facts, Figure, Missing, Panel, Shown, Time } from "../../components/basics";
import { Chart, type Curve } from "../../components/chart";
import { RangePicker } from "../../components/range";
import { Traced } from "../../components/traced";
import { compare, float, isFigure, ratio, sign } from "../../figures";
import { digits, money, percent } from "../../format";
import { change } from "../../route";
import { LOW, MIDDLE } from "../overview/accounts";
import { type Asked, RANGES } from "./asking";
import { columns, type HistoryAnswer, travelTo, useHistory } from "./history";
import { amountOf, type Report } from "./report";

/** How near it is, in words. */
function Words({ report }: { report: Report }) {
  const [excess, net, gross] = ["ExcessLiquidity", "NetLiquidation", "GrossPositionValue"].map((tag) =>
    amountOf(report, tag),
  );
  if (!isFigure(excess?.digits)) return <p class="soft">IB sent no excess liquidity in this snapshot.</p>;
  const text = `${money(excess.digits)} ${excess.unit ?? ""}`;
  if (sign(excess.digits) <= 0)
    return (
      <p class="state failed">
        <strong>At or below the limit.</strong> Excess liquidity is {text}: IB may liquidate positions at any time. Pay
        in, or close positions.
      </p>
    );
  const share = isFigure(net?.digits) && sign(net.digits) > 0 ? ratio(excess.digits, net.digits, 6) : null;
  const fall = isFigure(gross?.digits) && sign(gross.digits) > 0 ? ratio(excess.digits, gross.digits, 6) : null;
  const isLow = share !== null && compare(share, String(LOW)) < 0;
  const isMiddle = share !== null && compare(share, String(MIDDLE)) < 0;
  return (
    <p class={isLow ? "state failed" : isMiddle ? "state stale" : "state"}>
      <strong>
        {isLow ? "A margin call is near." : isMiddle ? "Not far from a margin call." : "Far from a margin call."}
      </strong>{" "}
      The account may lose {text}
      {share === null ? "" : `, ${percent(share, 1)} of what it is worth,`} before IB may liquidate, as long as margin
      requirements stay as they are.
      {fall !== null && compare(fall, "1") < 0
        ? ` That is a fall of all positions together by about ${percent(fall, compare(fall, "0.1") < 0 ? 1 : 0)}, short ones left aside.`
        : ""}
    </p>
  );
}

function NextChange({ report }: { report: Report }) {
  const at = report.Balance.LookAheadNextChange;
  if (!isFigure(at) || sign(at) <= 0) return <p class="soft">No change of margins is due.</p>;
  const { digits: then, unit } = amountOf(report, "LookAheadExcessLiquidity");
  return (
    <p>
      Margins change at <Time at={new Date(Number(at) * 1000).toISOString()} />
      {isFigure(then) ? (
        <>
          : excess liquidity is then <Figure of={then} unit={unit} />
        </>
      ) : null}
      .
    </p>
  );
}

const KINDS = [
  ["", "Now", "What holds at this moment"],
  ["LookAhead", "After the next change", "As it will be when margins change next, say at the close"],
  ["Full", "Overnight", "Without discounts or intraday credits"],
] as const;
const MATRIX = [
  ["ExcessLiquidity", "Excess liquidity", "What may be lost before IB may liquidate: equity less maintenance margin"],
  ["MaintMarginReq", "Maintenance margin", "Needed to keep what is held"],
  ["InitMarginReq", "Initial margin", "Needed to open what is held"],
  ["AvailableFunds", "Available funds", "Free for new positions: equity less initial margin"],
] as const;

function Matrix({ report }: { report: Report }) {
  return (
    <section class="table" aria-label="Margin figures" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Figure</th>
            {KINDS.map(([kind, title, hint]) => (
              <th key={kind} scope="col" class="right" title={hint}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {MATRIX.map(([tag, title, hint]) => (
            <tr key={tag}>
              <th scope="row" title={hint}>
                {title}
              </th>
              {KINDS.map(([kind]) => {
                const { digits: text, unit } = amountOf(report, `${kind}${tag}`);
                return (
                  <td key={kind} class="right">
                    <Traced code={report.AccountCode} time={report.Timestamp} tag={`${kind}${tag}`}>
                      <Figure of={text} unit={unit} why="IB did not send it" />
                    </Traced>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function CushionBar({ of, code, time }: { of: string | null | undefined; code: string; time: string }) {
  if (!isFigure(of)) return <Missing why="IB did not send it" />;
  return (
    <Traced code={code} time={time} tag="Cushion">
      <Bar share={float(of) ?? 0} low={LOW} middle={MIDDLE} text={<span title={of}>{percent(of, 1)}</span>} />
    </Traced>
  );
}

export function MarginNow({ report }: { report: Report }) {
  const { AccountCode: code, Timestamp: time } = report;
  const figure = (tag: string) => {
    const { digits: text, unit } = amountOf(report, tag);
    return (
      <Traced code={code} time={time} tag={tag}>
        <Figure of={text} unit={unit} why="IB did not send it" />
      </Traced>
    );
  };
  const [gross, net] = [amountOf(report, "GrossPositionValue").digits, amountOf(report, "NetLiquidation").digits];
  const leverage = isFigure(gross) && isFigure(net) && sign(net) > 0 ? ratio(gross, net, 4) : null;
  return (
    <Panel title="Margin" wide>
      <Words report={report} />
      <Facts>
        <Fact
          name="Cushion"
          hint={`Excess liquidity as a share of net liquidation. Below ${percent(String(MIDDLE), 0)} look, below ${percent(String(LOW), 0)} act; at zero IB may liquidate`}
        >
          <CushionBar of={report.Balance.Cushion} code={code} time={time} />
        </Fact>
        <Fact name="Buying power" hint="What securities may be bought for without new money: a limit, no asset">
          {figure("BuyingPower")}
        </Fact>
        <Fact name="Equity with loan value" hint="What margin is measured against">
          {figure("EquityWithLoanValue")}
        </Fact>
        <Fact name="Leverage" hint="Gross position value over net liquidation">
          {leverage === null ? (
            <Missing why="not known" />
          ) : (
            <span title={leverage}>{digits(leverage, { most: 2 })}</span>
          )}
        </Fact>
      </Facts>
      <Matrix report={report} />
      <NextChange report={report} />
    </Panel>
  );
}

type Which = "cushion" | "excess";

function Drawn({ found, which, code }: { found: HistoryAnswer; which: Which; code: string }) {
  const [times, curves] = useMemo<[number[], Curve[]]>(() => {
    const { times, values } = columns(found.Points, ["Cushion", "ExcessLiquidity"]);
    const shares = (values[0] ?? []).map((each) => (each === null ? null : each * 100));
    const curve: Curve =
      which === "cushion"
        ? { label: "Cushion", values: shares, write: share, isArea: true }
        : { label: `Excess liquidity`, values: values[1] ?? [], write: amount, isArea: true };
    return [times, [curve]];
  }, [found, which]);
  if (times.length === 0)
    return <Empty>No snapshot of this span has a cushion. It is known since the recorder runs.</Empty>;
  return (
    <Chart
      label={`${which === "cushion" ? "Cushion in percent" : "Excess liquidity"} of ${code} over time`}
      times={times}
      curves={curves}
      height={220}
      {...(which === "cushion" ? { axis: share } : {})}
      onPick={(at) => void travelTo(code, found, at)}
    />
  );
}

const share = (value: number): string => `${value.toLocaleString(undefined, { maximumFractionDigits: 1 })}%`;
const amount = (value: number): string => value.toLocaleString(undefined, { maximumFractionDigits: 2 });

export function MarginCurve({ asked }: { asked: Asked }) {
  const which: Which = asked.query.margin === "excess" ? "excess" : "cushion";
  const history = useHistory(asked, ["Cushion", "ExcessLiquidity"], true);
  return (
    <Panel
      title="Margin over time"
      wide
      tools={
        <>
          <Choice<Which>
            label="What is drawn"
            options={[
              ["cushion", "Cushion"],
              ["excess", "Excess liquidity"],
            ]}
            value={which}
            onChange={(margin) => change({ margin })}
          />
          <RangePicker span={asked.span} names={RANGES} at={asked.at} />
        </>
      }
    >
      <Shown from={history} what="the curve" height={242}>
        {(found) => <Drawn found={found} which={which} code={asked.code} />}
      </Shown>
    </Panel>
  );
}
