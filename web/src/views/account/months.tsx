/** The returns of all months: a row for each year, with the year's own. */

import type { OfPeriod, Performance } from "../../api/performance";
import { Empty, Exports, Figure, Panel } from "../../components/basics";
import { LOCALE } from "../../format";
import { type Asked, of } from "./asking";

const MONTHS = Array.from({ length: 12 }, (_, month) =>
  new Date(Date.UTC(2024, month, 1)).toLocaleDateString(LOCALE, { month: "short", timeZone: "UTC" }),
);
const NO_RETURN = "a day of it has no return";

function Cell({ of }: { of: OfPeriod | undefined }) {
  if (of === undefined) return <span class="hidden">no figures</span>;
  return <Figure of={of.Return} as="percent" most={1} why={NO_RETURN} />;
}

/** How strong a cell is tinted: the sign is there as well, so nothing is told by colour alone. */
function tint(of: OfPeriod | undefined): string {
  if (of?.Return == null) return "right";
  const share = Number(of.Return);
  const step = Math.abs(share) >= 0.05 ? 3 : Math.abs(share) >= 0.02 ? 2 : Math.abs(share) >= 0.005 ? 1 : 0;
  return step === 0 ? "right" : `right ${share > 0 ? "up" : "down"}${step}`;
}

export function Months({ found, asked }: { found: Performance; asked: Asked }) {
  const byPeriod = new Map([...found.Months, ...found.Years].map((each) => [each.Period, each]));
  const years = found.Years.map((each) => each.Period).reverse();
  return (
    <Panel
      title="Monthly returns"
      wide
      tools={
        <>
          <span class="soft">time-weighted, since anything is known</span>
          <Exports
            name={`${asked.code}-months`}
            to={(format) => of(asked.code, "performance", { step: "1mo", to: asked.at, format })}
          />
        </>
      }
    >
      {years.length === 0 ? (
        <Empty>No month has a return yet.</Empty>
      ) : (
        <section class="table" aria-label="Table of months" tabIndex={0}>
          <table class="months">
            <thead>
              <tr>
                <th scope="col">Year</th>
                {MONTHS.map((each) => (
                  <th key={each} scope="col" class="right">
                    {each}
                  </th>
                ))}
                <th scope="col" class="right">
                  Year
                </th>
              </tr>
            </thead>
            <tbody>
              {years.map((year) => (
                <tr key={year}>
                  <th scope="row">{year}</th>
                  {MONTHS.map((each, number) => {
                    const period = byPeriod.get(`${year}-${String(number + 1).padStart(2, "0")}`);
                    return (
                      <td key={each} class={tint(period)}>
                        <Cell of={period} />
                      </td>
                    );
                  })}
                  <td class="right whole">
                    <Cell of={byPeriod.get(year)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Panel>
  );
}
