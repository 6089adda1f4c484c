/** What became of the positions and of the cash between two moments. */

import { Empty, Figure } from "../../components/basics";
import { type Column, type Sorting, Table } from "../../components/table";
import { absolute } from "../../figures";
import { change, href, type Route } from "../../route";
import type { CashRow, Change, PositionRow } from "./data";

const CHANGES: Record<Change, string> = { opened: "opened", closed: "closed", changed: "changed", same: "price only" };

/** Two figures of one thing: first, and second. */
function Both({
  from,
  to,
  as = "money",
  most,
}: {
  from: string | null;
  to: string | null;
  as?: "money" | "digits";
  most?: number;
}) {
  const shown = most === undefined ? {} : { most };
  if (from === to) return <Figure of={to} as={as} {...shown} />;
  return (
    <span class="both">
      <span class="then">
        <Figure of={from} as={as} {...shown} why="none at the first moment" />
      </span>
      <span aria-hidden="true">→</span>
      <span class="hidden">first, and second</span>
      <Figure of={to} as={as} {...shown} why="none at the second moment" />
    </span>
  );
}

const columns = (code: string, base: string | null): readonly Column<PositionRow>[] => [
  {
    name: "name",
    title: "Position",
    cell: (row) => (
      <a href={href("position", [code, row.contract])} title={row.title}>
        {row.name}
      </a>
    ),
    by: (row) => row.name,
  },
  {
    name: "change",
    title: "What",
    cell: (row) => <span class={`change ${row.change}`}>{CHANGES[row.change]}</span>,
    by: (row) => row.change,
  },
  {
    name: "size",
    title: "Size",
    cell: (row) => <Both from={row.size.from} to={row.size.to} as="digits" />,
    by: (row) => row.size.to ?? row.size.from,
    isFigure: true,
    isWide: true,
  },
  {
    name: "price",
    title: "Price",
    cell: (row) => <Both from={row.price.from} to={row.price.to} as="digits" most={4} />,
    isFigure: true,
    isWide: true,
    hint: "In the contract's currency",
  },
  {
    name: "value",
    title: `Value in ${base ?? "the base currency"}`,
    cell: (row) => <Both from={row.value.from} to={row.value.to} />,
    by: (row) => row.value.to ?? row.value.from,
    isFigure: true,
  },
  {
    name: "difference",
    title: "Difference",
    cell: (row) => <Figure of={row.difference} change why={row.why} />,
    by: (row) => (row.difference === null ? null : absolute(row.difference)),
    isFigure: true,
    hint: "Of the value, in the base currency: what was bought and sold is part of it. Sorted by size, whichever sign",
  },
];

export function Positions({
  code,
  base,
  rows,
  route,
}: {
  code: string;
  base: string | null;
  rows: readonly PositionRow[];
  route: Route;
}) {
  const [name = "difference", way = "down"] = (route.query.sort ?? "").split(".").filter(Boolean);
  const shown = rows.filter((row) => !route.query.show || row.change === route.query.show);
  const sort = (sorting: Sorting) => change({ sort: `${sorting.name}.${sorting.down ? "down" : "up"}` });
  if (rows.length === 0) return <Empty>There was no position at either moment.</Empty>;
  if (shown.length === 0)
    return <Empty>No position was {CHANGES[route.query.show as Change] ?? route.query.show}.</Empty>;
  return (
    <Table
      label="Positions at both moments"
      columns={columns(code, base)}
      rows={shown}
      keyOf={(row) => row.key}
      sorting={{ name, down: way === "down" }}
      onSort={sort}
    />
  );
}

const CASH: readonly Column<CashRow>[] = [
  { name: "currency", title: "Currency", cell: (row) => row.currency, by: (row) => row.currency },
  { name: "from", title: "First", cell: (row) => <Figure of={row.from} />, by: (row) => row.from, isFigure: true },
  { name: "to", title: "Second", cell: (row) => <Figure of={row.to} />, by: (row) => row.to, isFigure: true },
  {
    name: "difference",
    title: "Difference",
    cell: (row) => <Figure of={row.difference} change />,
    by: (row) => row.difference,
    isFigure: true,
  },
];

export const Cash = ({ rows }: { rows: readonly CashRow[] }) =>
  rows.length === 0 ? (
    <Empty>There was no cash at either moment.</Empty>
  ) : (
    <Table label="Cash per currency at both moments" columns={CASH} rows={rows} keyOf={(row) => row.currency} />
  );
