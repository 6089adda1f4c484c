/** Two moments of an account: where the difference in value came from, and what became of its positions. */

import { address, part } from "../api/client";
import { Choice, Empty, Exports, Fact, Facts, Figure, Panel, Shown, Time } from "../components/basics";
import { useGet } from "../data";
import { ratio } from "../figures";
import { ZONE } from "../format";
import { change, href, type Route } from "../route";
import { addUp, type Comparison, type Difference, partsOf, type Row, whyOf } from "./compare/data";
import { Moments, type Span, spanOf } from "./compare/moments";
import { Cash, Positions } from "./compare/positions";
import { Waterfall } from "./compare/waterfall";
import type { ViewProps } from "./registry";

const SHOWN = [
  ["", "All"],
  ["opened", "Opened"],
  ["closed", "Closed"],
  ["resized", "Resized"],
  ["revalued", "Revalued"],
] as const;

function Head({ of, difference, span }: { of: Comparison; difference: Difference; span: Span }) {
  const share = ratio(difference.Value, difference.ValueBefore);
  return (
    <Facts>
      <Fact name="At the first moment" hint="Net liquidation of the report that was complete then">
        <Figure of={difference.ValueBefore} unit={of.BaseCurrency} />
        <div class="soft">
          report of{" "}
          <a href={href("account", [of.AccountCode], { at: span.from })}>
            <Time at={of.From} seconds />
          </a>
        </div>
      </Fact>
      <Fact name="At the second moment" hint="Net liquidation of the report that was complete then">
        <Figure of={difference.ValueAfter} unit={of.BaseCurrency} />
        <div class="soft">
          report of{" "}
          <a href={href("account", [of.AccountCode], { at: span.to })}>
            <Time at={of.To} seconds />
          </a>
        </div>
      </Fact>
      <Fact name="Difference" hint="With what was paid in and out: it is no return">
        <Figure of={difference.Value} change unit={of.BaseCurrency} />
        {share ? (
          <div>
            <Figure of={share} as="percent" change />
          </div>
        ) : null}
      </Fact>
    </Facts>
  );
}

/** What of the money that was earned and charged was of which kind. */
function ByType({ difference, unit }: { difference: Difference; unit: string | null }) {
  if (difference.CashByType.length === 0) return null;
  return (
    <>
      <h3>Earned and charged, by kind</h3>
      <Facts>
        {difference.CashByType.map(({ Type: kind, Amount: amount }) => (
          <Fact key={kind} name={kind ?? "of no kind"}>
            <Figure of={amount} change unit={unit} />
          </Fact>
        ))}
      </Facts>
    </>
  );
}

function Came({ of, difference }: { of: Comparison; difference: Difference }) {
  return (
    <>
      <Waterfall
        start={{ name: "At the first moment", value: difference.ValueBefore }}
        end={{ name: "At the second moment", value: difference.ValueAfter }}
        parts={partsOf(difference)}
        unit={of.BaseCurrency}
      />
      <p class="soft">
        {addUp(difference)
          ? "The parts add up to the difference to the last digit."
          : "The parts do not add up: this is a fault of the server."}
        {difference.Unsplit === "0"
          ? ""
          : ` ${difference.Unsplit} positions or currencies could not be split: they are in the rest.`}
      </p>
      <ByType difference={difference} unit={of.BaseCurrency} />
    </>
  );
}

function Compared({ of, route, span }: { of: Comparison; route: Route; span: Span }) {
  const { AccountCode: code, BaseCurrency: base, Difference: difference } = of;
  const rows = (kind: Row["Kind"]) => of.Changes.filter((row) => row.Kind === kind);
  if (difference === null)
    return <Empty>These moments cannot be compared: {whyOf(of.Why) ?? "the reason is not known"}.</Empty>;
  return (
    <>
      {of.Ready === false ? (
        <p class="state stale">One of the two reports cannot be relied on: figures of it may be missing or wrong.</p>
      ) : null}
      <Panel title="What it was worth" wide>
        <Head of={of} difference={difference} span={span} />
      </Panel>
      <Panel title="Where the difference came from" wide>
        <Came of={of} difference={difference} />
      </Panel>
      <Panel
        title="Positions"
        wide
        tools={
          <Choice
            label="Which"
            options={SHOWN}
            value={(route.query.show ?? "") as ""}
            onChange={(show) => change({ show: show || null })}
          />
        }
      >
        <Positions code={code} base={base} rows={rows("position")} route={route} />
      </Panel>
      <Panel title="Cash" wide>
        <Cash base={base} rows={rows("cash")} />
      </Panel>
    </>
  );
}

function OfAccount({ code, route }: { code: string; route: Route }) {
  const span = spanOf(route);
  const asked = { from: span.from, to: span.to, tz: ZONE };
  const path = `v1/accounts/${part(code)}/compare`;
  const found = useGet<Comparison>(address(path, asked));
  return (
    <>
      <Panel
        title="Which moments"
        wide
        tools={<Exports to={(format) => address(path, { ...asked, format })} name={`${code}-compare`} />}
      >
        <Moments span={span} />
      </Panel>
      <Shown from={found} what="both moments">
        {(comparison) => <Compared of={comparison} route={route} span={span} />}
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
