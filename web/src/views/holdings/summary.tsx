/** The head of the positions: what they come to, how it is spread, and what was closed today. */

import { Empty, Fact, Facts, Figure, Panel } from "../../components/basics";
import { Shares } from "../../components/shares";
import { type Column, Table } from "../../components/table";
import { isFigure, ratio } from "../../figures";
import { href } from "../../route";
import type { Holdings } from "./loading";
import { type By, exposure, grouped, groupOf, type Holding, isClosed, summed } from "./sums";

export const BY_TITLES: Record<By, string> = {
  none: "No groups",
  class: "Class",
  currency: "Currency",
  underlying: "Underlying",
  account: "Account",
};

export function Summary({ found, holdings }: { found: Holdings; holdings: readonly Holding[] }) {
  const { currency, netLiquidation, daily } = found;
  const { long, short, gross } = exposure(holdings);
  return (
    <section class="panel" aria-label="In short">
      <Facts>
        <Fact name="Net liquidation" hint="What all would be worth, cash and positions together">
          <Figure of={netLiquidation} unit={currency} />
        </Fact>
        <Fact name="Long" hint="Positions that are held, without currency pairs; futures by what they stand for">
          <Figure of={long} unit={currency} />
        </Fact>
        <Fact name="Short" hint="Positions that are owed, without currency pairs">
          <Figure of={short} unit={currency} />
        </Fact>
        <Fact name="Gross / net liquidation" hint="Long and short together, as a share of the net liquidation value">
          <Figure of={netLiquidation === null ? null : ratio(gross, netLiquidation, 8)} as="percent" most={1} />
        </Fact>
        <Fact name="Day" hint="Profit or loss of the day, as IB says it of the account">
          <Figure of={daily} change unit={currency} why="not sampled, or no rate" />
        </Fact>
        <Fact name="Unrealised" hint="Profit or loss of what is held: the sum over the positions">
          <Figure of={summed(holdings.map((each) => each.unrealised))} change unit={currency} />
        </Fact>
        <Fact name="Realised" hint="Profit or loss of what was closed since IB's day began: the sum over the positions">
          <Figure of={summed(holdings.map((each) => each.realised))} change unit={currency} />
        </Fact>
      </Facts>
    </section>
  );
}

export function Allocation({
  holdings,
  found,
  by,
  titles,
}: {
  holdings: readonly Holding[];
  found: Holdings;
  by: By;
  titles: ReadonlyMap<string, string>;
}) {
  const { netLiquidation, currency } = found;
  const held = holdings.filter((each) => each.of.SecurityType !== "CASH" && !isClosed(each));
  const pairs = holdings.length - holdings.filter((each) => each.of.SecurityType !== "CASH").length;
  const groups = grouped(held, by, netLiquidation, titles);
  const [first, rest] = [groups.slice(0, 12), groups.slice(12)];
  const others = groupOf(
    "others",
    `${rest.length} others`,
    rest.flatMap((each) => each.holdings),
    netLiquidation,
  );
  const heads = [...first.map((each) => each.head), ...(rest.length > 0 ? [others] : [])];
  return (
    <Panel title={`Allocation by ${BY_TITLES[by].toLowerCase()}`}>
      {heads.length === 0 ? (
        <Empty>Only cash.</Empty>
      ) : (
        <Shares
          label={BY_TITLES[by]}
          unit={currency}
          whole="the net liquidation value"
          rows={heads.map((each) => ({ key: each.key, name: each.name, value: each.value, share: each.weight }))}
        />
      )}
      <p class="soft">
        {held.some((each) => each.of.SecurityType === "FUT") ? "Futures count by what they stand for. " : ""}
        {pairs > 0 ? "Currency pairs are left out: their money is in the cash." : ""}
      </p>
    </Panel>
  );
}

const closedColumns = (isOfAll: boolean, currency: string, hasDaily: boolean): Column<Holding>[] => [
  {
    name: "name",
    title: "Position",
    by: (each) => each.name,
    cell: (each) => <a href={href("position", [each.of.AccountCode, each.of.IbContractId])}>{each.name}</a>,
  },
  ...(isOfAll
    ? [
        {
          name: "account",
          title: "Account",
          by: (each: Holding) => each.of.AccountCode,
          cell: (each: Holding) => each.of.AccountCode,
        },
      ]
    : []),
  {
    name: "price",
    title: "Price",
    isFigure: true,
    isWide: true,
    by: (each) => each.of.MarketPrice,
    cell: (each) => <Figure of={each.of.MarketPrice} most={8} unit={each.of.CurrencyCode} />,
  },
  {
    name: "realised",
    title: `Realised, ${currency}`,
    isFigure: true,
    by: (each) => each.realised,
    cell: (each) => <Figure of={each.realised} change />,
  },
  ...(hasDaily
    ? [
        {
          name: "daily",
          title: "Day",
          isFigure: true,
          isWide: true,
          by: (each: Holding) => each.daily,
          cell: (each: Holding) => <Figure of={each.daily} change />,
          hint: "As IB says it; IB does not name its currency",
        },
      ]
    : []),
];

/** What a report still has for its realised profit: positions of which nothing is held any more. */
export function Closed({
  holdings,
  isOfAll,
  currency,
}: {
  holdings: readonly Holding[];
  isOfAll: boolean;
  currency: string;
}) {
  if (holdings.length === 0) return null;
  const columns = closedColumns(
    isOfAll,
    currency,
    holdings.some((each) => isFigure(each.daily)),
  );
  return (
    <Panel title="Closed today" wide>
      <Table
        label="Closed today"
        columns={columns}
        rows={holdings}
        keyOf={(each) => each.key}
        initial={{ name: "realised", down: true }}
        foot={
          <tr>
            {columns.map((each, index) => (
              <td key={each.name} class={[each.isFigure ? "right" : "", each.isWide ? "roomy" : ""].join(" ")}>
                {index === 0 ? (
                  `${holdings.length} closed`
                ) : each.name === "realised" ? (
                  <Figure of={summed(holdings.map((one) => one.realised))} change />
                ) : null}
              </td>
            ))}
          </tr>
        }
      />
    </Panel>
  );
}
