/** Two moments of an account: where the difference in value came from, and what became of its positions. */

import { address, part } from "../api/client";
import { Choice, Empty, Fact, Facts, Figure, Panel, Shown, Time } from "../components/basics";
import { useGet } from "../data";
import { ratio } from "../figures";
import { ZONE } from "../format";
import { change, href, type Route } from "../route";
import { type Answer, addsUp, type Comparison, comparisonOf } from "./compare/data";
import { Moments, spanOf } from "./compare/moments";
import { Cash, Positions } from "./compare/positions";
import { Waterfall } from "./compare/waterfall";
import type { ViewProps } from "./registry";

const SHOWN = [
  ["", "All"],
  ["opened", "Opened"],
  ["closed", "Closed"],
  ["changed", "Changed"],
  ["same", "Price only"],
] as const;

function Head({ of }: { of: Comparison }) {
  const share = of.difference && of.from.value ? ratio(of.difference, of.from.value) : null;
  return (
    <Facts>
      <Fact name="At the first moment" hint="Net liquidation of the report as of the first moment">
        <Figure of={of.from.value} unit={of.base} />
        <div class="soft">
          report of <Time at={of.from.time} seconds />
        </div>
      </Fact>
      <Fact name="At the second moment" hint="Net liquidation of the report as of the second moment">
        <Figure of={of.to.value} unit={of.base} />
        <div class="soft">
          report of <Time at={of.to.time} seconds />
        </div>
      </Fact>
      <Fact name="Difference" hint="With deposits and withdrawals: it is no return">
        <Figure of={of.difference} change unit={of.base} why={of.why} />
        {share ? (
          <div>
            <Figure of={share} as="percent" change />
          </div>
        ) : null}
      </Fact>
    </Facts>
  );
}

function Came({ of }: { of: Comparison }) {
  if (of.difference === null || of.from.value === null || of.to.value === null)
    return <Empty>It cannot be said where the difference came from: {of.why ?? "a value is not known"}.</Empty>;
  return (
    <>
      <Waterfall
        start={{ name: "At the first moment", value: of.from.value }}
        end={{ name: "At the second moment", value: of.to.value }}
        parts={of.parts}
        unit={of.base}
      />
      <p class="soft">
        {addsUp(of)
          ? "The parts add up to the difference to the last digit."
          : "The parts that are known do not add up to the difference: it has others that are not known."}
      </p>
    </>
  );
}

function Compared({ code, of, route }: { code: string; of: Comparison; route: Route }) {
  const shown = route.query.show ?? "";
  return (
    <>
      <Panel title="What it was worth" wide>
        <Head of={of} />
      </Panel>
      <Panel title="Where the difference came from" wide>
        <Came of={of} />
      </Panel>
      <Panel
        title="Positions"
        wide
        tools={
          <Choice
            label="Which"
            options={SHOWN}
            value={shown as ""}
            onChange={(show) => change({ show: show || null })}
          />
        }
      >
        <Positions code={code} base={of.base} rows={of.positions} route={route} />
      </Panel>
      <Panel title="Cash per currency" wide>
        <Cash rows={of.cash} />
      </Panel>
    </>
  );
}

function OfAccount({ code, route }: { code: string; route: Route }) {
  const span = spanOf(route);
  const url = address(`v1/accounts/${part(code)}/compare`, { from: span.from, to: span.to ?? "now", tz: ZONE });
  const found = useGet<Answer>(url);
  return (
    <>
      <Panel title="Which moments" wide>
        <Moments span={span} />
      </Panel>
      <Shown from={found} what="both moments">
        {(answer) => <Compared code={code} of={comparisonOf(answer)} route={route} />}
      </Shown>
    </>
  );
}

export default function CompareView({ route }: ViewProps) {
  const [code] = route.args;
  return (
    <>
      <div class="title">
        <h1>Two moments compared</h1>
        {code ? <a href={href("account", [code])}>{code}</a> : null}
      </div>
      {code ? (
        <OfAccount code={code} route={route} />
      ) : (
        <Empty>Choose an account in the field at the top: its moments are compared.</Empty>
      )}
    </>
  );
}
