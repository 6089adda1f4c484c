/** Options by the day on which they expire: what is near, and what is held of each strike. */

import { Figure, Panel } from "../../components/basics";
import { type Column, Table } from "../../components/table";
import { compare } from "../../figures";
import { date } from "../../format";
import { href } from "../../route";
import { type Group, groupOf, type Holding } from "./sums";
import { dayOf, isOption, rightOf, strikeOf } from "./types";

interface Line {
  key: string;
  head: { group: Group; days: number; calls: number; puts: number } | null;
  holding: Holding | null;
}

/** Days of the calendar from a moment to a day. */
export function daysTo(day: string, at: string | undefined): number {
  const today = (at ?? new Date().toISOString()).slice(0, 10);
  return Math.round((Date.parse(day) - Date.parse(today)) / 86_400_000);
}

export const inDays = (days: number): string =>
  days === 0 ? "today" : days === 1 ? "tomorrow" : days < 0 ? `${-days} days ago` : `in ${days} days`;

function order(a: Holding, b: Holding): number {
  const [x, y] = [a.of, b.of];
  return (
    (x.Symbol < y.Symbol ? -1 : x.Symbol > y.Symbol ? 1 : 0) ||
    compare(x.Strike ?? "0", y.Strike ?? "0") ||
    (x.Right ?? "").localeCompare(y.Right ?? "")
  );
}

function linesOf(holdings: readonly Holding[], at: string | undefined, net: string | null): Line[] {
  const days = new Map<string, Holding[]>();
  for (const each of holdings) {
    const day = dayOf(each.of.Expiry) ?? "";
    days.set(day, [...(days.get(day) ?? []), each]);
  }
  return [...days]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([day, of]): Line[] => {
      const calls = of.filter((each) => rightOf(each.of.Right) === "call").length;
      const group = groupOf(day, date(day), of, net);
      const head = { group, days: daysTo(day, at), calls, puts: of.length - calls };
      return [
        { key: day, head, holding: null },
        ...of.sort(order).map((holding): Line => ({ key: holding.key, head: null, holding })),
      ];
    });
}

const counted = (size: number, what: string): string => `${size} ${what}${size === 1 ? "" : "s"}`;

const columnsOf = (isOfAll: boolean, currency: string): Column<Line>[] => [
  {
    name: "name",
    title: "Expiry, underlying",
    cell: ({ head, holding }) =>
      head ? (
        <>
          {head.group.name} <span class={head.days <= 7 ? "chip soon" : "chip"}>{inDays(head.days)}</span>{" "}
          <small class="soft">
            {counted(head.calls, "call")}, {counted(head.puts, "put")}
          </small>
        </>
      ) : holding ? (
        <a href={href("position", [holding.of.AccountCode, holding.of.IbContractId])}>
          {holding.of.Symbol.split(" ")[0]}
        </a>
      ) : null,
  },
  { name: "right", title: "Right", cell: ({ holding }) => (holding ? rightOf(holding.of.Right) : null) },
  {
    name: "strike",
    title: "Strike",
    isFigure: true,
    cell: ({ holding }) =>
      holding ? <Figure of={strikeOf(holding.of.Strike)} as="digits" most={4} unit={holding.of.CurrencyCode} /> : null,
  },
  ...(isOfAll
    ? [
        {
          name: "account",
          title: "Account",
          isWide: true,
          cell: ({ holding }: Line) => holding?.of.AccountCode ?? null,
        },
      ]
    : []),
  {
    name: "size",
    title: "Size",
    isFigure: true,
    cell: ({ holding }) => (holding ? <Figure of={holding.of.Position} as="digits" /> : null),
  },
  {
    name: "multiplier",
    title: "Multiplier",
    isFigure: true,
    isWide: true,
    cell: ({ holding }) => (holding ? <Figure of={holding.of.Multiplier} as="digits" /> : null),
  },
  {
    name: "price",
    title: "Price",
    isFigure: true,
    isWide: true,
    cell: ({ holding }) => (holding ? <Figure of={holding.of.MarketPrice} most={6} /> : null),
  },
  {
    name: "value",
    title: `Value, ${currency}`,
    isFigure: true,
    cell: ({ head, holding }) => <Figure of={head ? head.group.value : holding?.value} />,
  },
  {
    name: "unrealised",
    title: "Unrealised",
    isFigure: true,
    isWide: true,
    cell: ({ head, holding }) => <Figure of={head ? head.group.unrealised : holding?.unrealised} change />,
  },
];

interface OptionsProps {
  holdings: readonly Holding[];
  at: string | undefined;
  isOfAll: boolean;
  currency: string;
  netLiquidation: string | null;
}

export function Options({ holdings, at, isOfAll, currency, netLiquidation }: OptionsProps) {
  const held = holdings.filter((each) => isOption(each.of));
  if (held.length === 0) return null;
  return (
    <Panel title="Options by expiry" wide>
      <Table
        label="Options by expiry"
        columns={columnsOf(isOfAll, currency)}
        rows={linesOf(held, at, netLiquidation)}
        keyOf={(line) => line.key}
        tone={(line) => (line.head ? "grouping" : undefined)}
      />
    </Panel>
  );
}
