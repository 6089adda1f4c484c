/** How the account did over the span: returns, each with what it means, risk, best and worst. */

import type { Extreme, Performance } from "../../api/performance";
import { Empty, Fact, Facts, Figure, Missing, Panel } from "../../components/basics";
import { date } from "../../format";
import { Gaps } from "./gaps";

const NO_RETURN = "a day of the span has no return: see the remarks below";

const span = (found: Performance): string =>
  found.Since && found.Until ? `${date(found.Since)} to ${date(found.Until)}` : "";

function MoneyWeighted({ found }: { found: Performance }) {
  const rate = found.MoneyWeightedReturn;
  if (rate === null) return <Missing why={NO_RETURN} />;
  if (rate.Period === null)
    return (
      <Missing why={rate.Solutions === "several" ? "several rates solve it, so none is given" : "no rate solves it"} />
    );
  return (
    <>
      <Figure of={rate.Period} as="percent" change />{" "}
      {rate.Annual === null || found.AnnualizedReturn === null ? null : (
        <span class="share">
          <Figure of={rate.Annual} as="percent" /> a year
        </span>
      )}
    </>
  );
}

function Best({ of, isMonth = false }: { of: Extreme | null; isMonth?: boolean }) {
  if (of === null) return <Missing why="not known" />;
  return (
    <>
      <Figure of={of.Return} as="percent" change /> <span class="share">{isMonth ? month(of.Day) : date(of.Day)}</span>
    </>
  );
}

const month = (day: string): string =>
  new Date(`${day}T00:00:00Z`).toLocaleDateString(undefined, { month: "short", year: "numeric", timeZone: "UTC" });

export function Returns({ found }: { found: Performance }) {
  if (found.Since === null)
    return (
      <Panel title="Returns">
        <Empty>
          No day of this span has a return yet. Returns are of days that are over: the first comes with the first daily
          statement, or when the recorder has seen two ends of days.
        </Empty>
        <Gaps found={found} />
      </Panel>
    );
  const unit = found.Currency;
  return (
    <Panel title="Returns" tools={<span class="soft">{span(found)}</span>}>
      <Facts>
        <Fact name="Time-weighted return" hint="TWR: each day's return, linked; deposits and withdrawals do not count">
          <strong>
            <Figure of={found.TimeWeightedReturn} as="percent" change why={NO_RETURN} />
          </strong>{" "}
          {found.AnnualizedReturn === null ? null : (
            <span class="share">
              <Figure of={found.AnnualizedReturn} as="percent" /> a year
            </span>
          )}
        </Fact>
        <Fact
          name="Money-weighted return"
          hint="MWR, XIRR: the rate that your money earned, each deposit from the day when it was made"
        >
          <strong>
            <MoneyWeighted found={found} />
          </strong>
        </Fact>
        <Fact name="Gain" hint="The change of value that is neither deposit nor withdrawal; net of fees and taxes">
          <Figure of={found.Gain} change unit={unit} />
        </Fact>
        <Fact name="Paid in">
          <Figure of={found.Inflows} unit={unit} />
        </Fact>
        <Fact name="Paid out">
          <Figure of={found.Outflows} unit={unit} />
        </Fact>
        <Fact name="Value at the start">
          <Figure of={found.StartValue} unit={unit} />
        </Fact>
        <Fact name="Value at the end">
          <Figure of={found.EndValue} unit={unit} />
        </Fact>
      </Facts>
      <p class="soft">
        <strong>Time-weighted</strong> says how the investments did, whatever came in or went out: compare it with a
        fund or an index. <strong>Money-weighted</strong> says how your money did: it is better where more was invested
        before good days.
      </p>
      <Gaps found={found} />
    </Panel>
  );
}

export function Risk({ found }: { found: Performance }) {
  if (found.Since === null) return null;
  const drawdown = found.MaximumDrawdown;
  return (
    <Panel title="Risk, best and worst" tools={<span class="soft">{span(found)}</span>}>
      <Facts>
        <Fact name="Volatility" hint="Standard deviation of daily returns, as of a year: how much it goes up and down">
          <Figure of={found.Volatility} as="percent" why="it takes two daily returns" />
        </Fact>
        <Fact name="Sharpe ratio" hint="Return above the risk-free rate (0 here), a year, for each unit of volatility">
          <Figure of={found.SharpeRatio} as="digits" most={2} why="it takes a volatility" />
        </Fact>
        <Fact name="Sortino ratio" hint="The same by falls alone">
          <Figure of={found.SortinoRatio} as="digits" most={2} why="it takes a day that fell" />
        </Fact>
        <Fact name="Maximum drawdown" hint="The deepest fall of the time-weighted return from its highest before">
          {drawdown === null ? (
            <Missing why="it never fell" />
          ) : (
            <>
              <Figure of={drawdown.Depth} as="percent" />{" "}
              <span class="share">
                {date(drawdown.Peak)} to {date(drawdown.Trough)},{" "}
                {drawdown.Recovered ? `recovered ${date(drawdown.Recovered)}` : "not recovered yet"}
              </span>
            </>
          )}
        </Fact>
        <Fact name="Best day">
          <Best of={found.BestDay} />
        </Fact>
        <Fact name="Worst day">
          <Best of={found.WorstDay} />
        </Fact>
        <Fact name="Best month">
          <Best of={found.BestMonth} isMonth />
        </Fact>
        <Fact name="Worst month">
          <Best of={found.WorstMonth} isMonth />
        </Fact>
      </Facts>
    </Panel>
  );
}
