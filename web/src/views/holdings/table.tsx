/** The table of positions: one a line, or under heads with the sums of their groups. */

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { Figure } from "../../components/basics";
import { type Column, type Sorting, Table } from "../../components/table";
import { Traced } from "../../components/traced";
import { isFigure } from "../../figures";
import { href } from "../../route";
import { type By, type Group, grouped, type Holding } from "./sums";
import { classOf } from "./types";

/** A position, or the head of a group. */
interface Line {
  key: string;
  head: Group | null;
  holding: Holding | null;
}

interface PositionsProps {
  holdings: readonly Holding[];
  by: By;
  /** Heads alone. */
  isSums: boolean;
  isOfAll: boolean;
  currency: string;
  netLiquidation: string | null;
  total: Group;
  titles: ReadonlyMap<string, string>;
  sorting: Sorting | undefined;
  onSort: (sorting: Sorting) => void;
}

/** By which it was reckoned, for the title of a figure in another currency. */
const noteOf = (as: string | null, { of, rate }: Holding): string | undefined =>
  as !== null && rate !== null && rate !== "1" ? `${as} ${of.CurrencyCode} × ${rate}` : undefined;

const column = (
  name: string,
  title: string,
  of: (holding: Holding) => string | null,
  cell: (holding: Holding) => ComponentChildren,
  head: (group: Group) => ComponentChildren,
  more: Partial<Column<Line>> = {},
): Column<Line> => ({
  name,
  title,
  by: (line) => (line.holding ? of(line.holding) : null),
  cell: (line) => (line.head ? head(line.head) : line.holding ? cell(line.holding) : null),
  isFigure: true,
  ...more,
});

/** Without a price there is no value either; with one it is the rate that is missing. */
const whyNoValue = ({ of }: Holding): string =>
  isFigure(of.MarketValue) ? "no rate to this currency" : "the gateway gave no price";

const none = (): null => null;

/** A figure that leads to the messages which it was made of. */
const OfPosition = ({ of, figure, children }: { of: Holding; figure: string; children: ComponentChildren }) => (
  <Traced code={of.of.AccountCode} time={of.of.Timestamp} contract={of.of.IbContractId} figure={figure}>
    {children}
  </Traced>
);

function columnsOf({ currency, isOfAll, holdings }: PositionsProps): Column<Line>[] {
  const hasDaily = holdings.some((each) => isFigure(each.daily));
  return [
    column("name", "Position", (each) => each.name, nameCell, headCell, { isFigure: false }),
    ...(isOfAll
      ? [
          column("account", "Account", (each) => each.of.AccountCode, accountCell, none, {
            isFigure: false,
            isWide: true,
          }),
        ]
      : []),
    column(
      "class",
      "Class",
      (each) => each.of.SecurityType,
      (each) => <span title={classOf(each.of.SecurityType)}>{each.of.SecurityType}</span>,
      none,
      { isFigure: false, isWide: true },
    ),
    column(
      "size",
      "Size",
      (each) => each.of.Position,
      (each) => <Figure of={each.of.Position} as="digits" />,
      none,
      { hint: "How many are held; with a minus: short" },
    ),
    column(
      "price",
      "Price",
      (each) => each.of.MarketPrice,
      (each) => (
        <OfPosition of={each} figure="MarketPrice">
          <Figure of={each.of.MarketPrice} most={8} unit={each.of.CurrencyCode} why="the gateway gave no price" />
        </OfPosition>
      ),
      none,
      { isWide: true, hint: "In the contract's currency" },
    ),
    column(
      "cost",
      "Average cost",
      (each) => each.of.AverageCost,
      (each) => <Figure of={each.of.AverageCost} most={4} />,
      none,
      { isWide: true, hint: "Of one unit, times the multiplier, with commissions, as IB reckons it" },
    ),
    column(
      "local",
      "Value",
      (each) => each.of.MarketValue,
      (each) => <Figure of={each.of.MarketValue} note={each.of.CurrencyCode} why={whyNoValue(each)} />,
      none,
      { isWide: true, hint: "In the contract's currency" },
    ),
    column(
      "value",
      `Value, ${currency}`,
      (each) => each.value,
      (each) => (
        <OfPosition of={each} figure="MarketValueBase">
          <Figure of={each.value} note={noteOf(each.of.MarketValue, each)} why={whyNoValue(each)} />
        </OfPosition>
      ),
      (of) => <Sum of={of.value} group={of} />,
    ),
    column(
      "weight",
      "Weight",
      (each) => each.weight,
      (each) => <Figure of={each.weight} as="percent" why={each.value === null ? whyNoValue(each) : undefined} />,
      (of) => <Figure of={of.weight} as="percent" />,
      { hint: "Value, as a share of the net liquidation value" },
    ),
    column(
      "unrealised",
      "Unrealised",
      (each) => each.unrealised,
      (each) => <Figure of={each.unrealised} change note={noteOf(each.of.UnrealizedPNL, each)} />,
      (of) => <Figure of={of.unrealised} change />,
      { hint: `Profit or loss of what is held, by its average cost, in ${currency}` },
    ),
    column(
      "realised",
      "Realised",
      (each) => each.realised,
      (each) => <Figure of={each.realised} change note={noteOf(each.of.RealizedPNL, each)} />,
      (of) => <Figure of={of.realised} change />,
      { isWide: true, hint: `Profit or loss of what was closed since IB's day began, in ${currency}` },
    ),
    ...(hasDaily
      ? [
          column(
            "daily",
            "Day",
            (each) => each.daily,
            (each) => <Figure of={each.daily} change why="not sampled" />,
            none,
            { isWide: true, hint: "Profit or loss of the day, as IB says it; IB does not name its currency" },
          ),
        ]
      : []),
  ];
}

function nameCell({ of, name }: Holding): ComponentChildren {
  const about = of.LongName && of.LongName !== name ? of.LongName : null;
  return (
    <span class="name">
      <a href={href("position", [of.AccountCode, of.IbContractId])}>{name}</a>
      {of.ModelCode ? <span class="chip">model {of.ModelCode}</span> : null}
      {of.Ready ? null : (
        <span class="chip" title="The report cannot be relied on">
          not ready
        </span>
      )}
      {about ? <small class="soft roomy">{about}</small> : null}
    </span>
  );
}

const headCell = (of: Group): ComponentChildren => (
  <>
    {of.name} <small class="soft">{of.size}</small>
  </>
);

const accountCell = ({ of }: Holding): ComponentChildren => (
  <a href={href("positions", [of.AccountCode])}>{of.AccountCode}</a>
);

const Sum = ({ of, group }: { of: string | null; group: Group }) => (
  <Figure of={of} note={group.without > 0 ? `without ${group.without} that have no value` : undefined} />
);

const toneOf = (line: Line): string | undefined => (line.head ? "grouping" : undefined);

export function Positions(props: PositionsProps) {
  const { holdings, by, isSums, netLiquidation, titles, total } = props;
  const lines = useMemo(() => holdings.map((holding): Line => ({ key: holding.key, head: null, holding })), [holdings]);
  const arrange = useMemo(() => {
    if (by === "none") return undefined;
    return (sorted: readonly Line[]): readonly Line[] => {
      const of = sorted.flatMap((line) => (line.holding ? [line.holding] : []));
      return grouped(of, by, netLiquidation, titles).flatMap(({ head, holdings: own }): Line[] => [
        { key: `head ${head.key}`, head, holding: null },
        ...(isSums ? [] : own.map((holding): Line => ({ key: holding.key, head: null, holding }))),
      ]);
    };
  }, [by, isSums, netLiquidation, titles]);
  const columns = columnsOf(props);
  return (
    <Table
      label="Positions"
      columns={columns}
      rows={lines}
      keyOf={(line) => line.key}
      sorting={props.sorting}
      onSort={props.onSort}
      tone={toneOf}
      {...(arrange ? { arrange } : {})}
      foot={
        <tr>
          {columns.map((each, index) => (
            <td key={each.name} class={[each.isFigure ? "right" : "", each.isWide ? "roomy" : ""].join(" ")}>
              {index === 0 ? `${total.size} held` : each.cell({ key: "", head: total, holding: null })}
            </td>
          ))}
        </tr>
      }
    />
  );
}
