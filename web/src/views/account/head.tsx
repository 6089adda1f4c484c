/** Whose account it is, what it is worth, what that has changed by, and what else there is of it. */

import { Fact, Facts, Figure, Time } from "../../components/basics";
import { Traced } from "../../components/traced";
import { moment } from "../../format";
import { href } from "../../route";
import { type Overview, PERIODS, type Period, type Row, whyNot } from "../overview/asking";
import { LastDay } from "../overview/last-day";
import { Part } from "../overview/part";
import { type Asked, of } from "./asking";
import { CushionBar } from "./margin";
import { amountOf, type Report } from "./report";

export const TABS = [
  ["performance", "Performance"],
  ["margin", "Margin"],
  ["balance", "Balance"],
] as const;
export type Tab = (typeof TABS)[number][0];

const NAMES: Readonly<Record<Period, string>> = {
  SinceClose: "Today",
  MonthToDate: "This month",
  YearToDate: "This year",
};

export function Title({ code, row }: { code: string; row: Row | undefined }) {
  return (
    <div class="title">
      <h1>{code}</h1>
      {row?.Alias ? <span class="alias">{row.Alias}</span> : null}
      <span class="soft">
        {[row?.AccountType?.toLowerCase(), row?.BaseCurrency, ...(row?.Groups ?? [])].filter(Boolean).join(" · ")}
      </span>
    </div>
  );
}

/** The parts of the view, and the other views of the account. */
export function Ways({ asked, tab }: { asked: Asked; tab: Tab }) {
  const { code, query } = asked;
  const spans = { range: query.range, from: query.from, to: query.to };
  return (
    <nav class="tabs" aria-label={`Parts of ${code}`}>
      {TABS.map(([name, title]) => (
        <a
          key={name}
          href={href("account", [code], { ...spans, tab: name === "performance" ? null : name })}
          aria-current={name === tab ? "page" : undefined}
        >
          {title}
        </a>
      ))}
      <a href={href("positions", [code])}>Positions</a>
      <a href={href("activity", [], { account: code })}>Activity</a>
      <a href={href("compare", [code], asked.span.from ? { from: asked.span.from } : {})}>Compare</a>
    </nav>
  );
}

function Change({ row, period, all }: { row: Row; period: Period; all: Overview }) {
  const change = row[`Change${period}`];
  return (
    <Fact
      name={NAMES[period]}
      hint={`Change since ${moment(all.Closes[period])}; deposits and withdrawals are part of it`}
    >
      <Figure of={change} change unit={row.BaseCurrency} why={whyNot(row, `Change${period}`, all)} />{" "}
      <span class="share">
        <Part
          gain={row[`Return${period}`]}
          now={row.NetLiquidation}
          change={change}
          why={whyNot(row, `Return${period}`, all)}
          until={row.FlowsUntil}
        />
      </span>
    </Fact>
  );
}

interface HeadProps {
  report: Report;
  at: string | undefined;
  all: Overview | null;
}

export function Head({ report, all, at }: HeadProps) {
  const { AccountCode: code, Timestamp: time, Balance: balance } = report;
  const row = all?.Accounts.find((each) => each.AccountCode === code);
  const { digits, unit } = amountOf(report, "NetLiquidation");
  return (
    <>
      <div class="head">
        <span class="total">
          <Traced code={code} time={time} tag="NetLiquidation">
            <Figure of={digits} unit={unit} why="IB did not send it" />
          </Traced>
        </span>
        <Facts>
          {row && all ? PERIODS.map((each) => <Change key={each} row={row} period={each} all={all} />) : null}
          {row ? (
            <LastDay
              until={row.FlowsUntil}
              isTold={row.ReturnSinceClose === null}
              of={of(code, "performance", { from: row.FlowsUntil, to: row.FlowsUntil })}
            />
          ) : null}
          {row && all?.Currency && all.Currency !== row.BaseCurrency ? (
            <Fact name={`In ${all.Currency}`} hint="By the rates of the accounts' own ledgers">
              <Figure of={row.NetLiquidationIn} unit={all.Currency} why={whyNot(row, "NetLiquidationIn", all)} />
            </Fact>
          ) : null}
          <Fact name="Cushion" hint="Excess liquidity as a share of net liquidation: at zero IB may liquidate">
            <CushionBar of={balance.Cushion} code={code} time={time} />
          </Fact>
          <Fact name="Snapshot" hint="When these figures came from the gateway">
            <Time at={time} as="age" then={at} />
          </Fact>
        </Facts>
      </div>
      {report.Ready ? null : (
        <p class="state stale">
          These figures cannot be relied on: {report.Remarks.map((each) => each.Detail ?? each.Code).join("; ")}.
        </p>
      )}
    </>
  );
}
