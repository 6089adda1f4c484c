/** What became of the positions and of the cash between two moments. */

import { Empty, Figure } from "../../components/basics";
import { type Column, type Sorting, Table } from "../../components/table";
import { absolute, sum } from "../../figures";
import { change, href, type Route } from "../../route";
import { type Change, type Row, whyOf } from "./data";

export const CHANGES: Record<Change, string> = {
  opened: "opened",
  closed: "closed",
  resized: "resized",
  revalued: "revalued",
  unknown: "not known",
};

type Written = "money" | "digits";

/** Two figures of one thing: at the first moment, and at the second. */
function Both({ of: [from, to], as, most }: { of: [Figured, Figured]; as: Written; most?: number }) {
  const shown = { as, ...(most === undefined ? {} : { most }) };
  if (from === to) return <Figure of={to} {...shown} />;
  return (
    <span class="both">
      <span class="then">
        <Figure of={from} {...shown} why="none at the first moment" />
      </span>
      <span aria-hidden="true">→</span>
      <span class="hidden">and at the second moment</span>
      <Figure of={to} {...shown} why="none at the second moment" />
    </span>
  );
}

type Figured = string | null | undefined;

const amount = (
  name: "DifferenceBase" | "BySize" | "ByPrice" | "ByCurrency",
  title: string,
  hint: string,
): Column<Row> => ({
  name,
  title,
  cell: (row) => <Figure of={row[name]} change why={whyOf(row.Why)} />,
  by: (row) => (row[name] == null ? null : absolute(row[name])),
  isFigure: true,
  isWide: name !== "DifferenceBase",
  hint: `${hint}, in the base currency. Sorted by size, whichever sign`,
});

const SPLIT = [
  amount("BySize", "By size", "Because there is more or less of it"),
  amount("ByPrice", "By price", "Because the price is another"),
  amount("ByCurrency", "By rate", "Because the exchange rate is another"),
  amount("DifferenceBase", "Difference", "Of the value: the sum of the three before"),
];

const sizes = (as: Written): Column<Row> => ({
  name: "size",
  title: as === "digits" ? "Size" : "Amount",
  cell: (row) => <Both of={[row.Before, row.After]} as={as} />,
  by: (row) => row.After ?? row.Before,
  isFigure: true,
  isWide: as === "digits",
});

const values = (base: string | null): Column<Row> => ({
  name: "value",
  title: `Value in ${base ?? "base currency"}`,
  cell: (row) => <Both of={[row.MarketValueBaseBefore, row.MarketValueBaseAfter]} as="money" />,
  by: (row) => row.MarketValueBaseAfter ?? row.MarketValueBaseBefore,
  isFigure: true,
  isWide: true,
});

const What: Column<Row> = {
  name: "change",
  title: "What",
  cell: (row) => <span class={`change ${row.Change}`}>{CHANGES[row.Change] ?? row.Change}</span>,
  by: (row) => row.Change,
};

const ofPositions = (code: string, base: string | null): readonly Column<Row>[] => [
  {
    name: "name",
    title: "Position",
    cell: (row) => (
      <a
        href={href("position", [code, row.IbContractId ?? ""])}
        title={`${row.Symbol}, ${row.SecurityType}, in ${row.Currency}, contract ${row.IbContractId}`}
      >
        {row.LocalSymbol || row.Symbol}
        {row.ModelCode ? ` (${row.ModelCode})` : ""}
      </a>
    ),
    by: (row) => row.LocalSymbol || row.Symbol,
  },
  What,
  sizes("digits"),
  {
    name: "price",
    title: "Price",
    cell: (row) => <Both of={[row.MarketPriceBefore, row.MarketPriceAfter]} as="digits" most={4} />,
    isFigure: true,
    isWide: true,
    hint: "In the contract's currency",
  },
  values(base),
  ...SPLIT,
];

const ofCash = (base: string | null): readonly Column<Row>[] => [
  { name: "currency", title: "Currency", cell: (row) => row.Currency, by: (row) => row.Currency },
  sizes("money"),
  {
    name: "own",
    title: "Difference in it",
    cell: (row) => <Figure of={row.Difference} change />,
    isFigure: true,
    isWide: true,
  },
  values(base),
  ...SPLIT.filter((each) => each.name !== "ByPrice"),
];

/** What the rows add up to, where each has it. */
function Sums({ rows, columns }: { rows: readonly Row[]; columns: readonly Column<Row>[] }) {
  const total = (name: string) => {
    const known = rows.map((row) => row[name as keyof Row]).filter((each) => each != null);
    return known.length === rows.length ? sum(known) : null;
  };
  return (
    <tr>
      {columns.map((column, index) =>
        index === 0 ? (
          <th key={column.name} scope="row">
            Together
          </th>
        ) : (
          <td key={column.name} class={[column.isFigure ? "right" : "", column.isWide ? "roomy" : ""].join(" ")}>
            {SPLIT.some((each) => each.name === column.name) ? (
              <Figure of={total(column.name)} change why="one of them is not known" />
            ) : null}
          </td>
        ),
      )}
    </tr>
  );
}

interface RowsProps {
  code: string;
  base: string | null;
  rows: readonly Row[];
  route: Route;
}

export function Positions({ code, base, rows, route }: RowsProps) {
  const [name = "DifferenceBase", way = "down"] = (route.query.sort ?? "").split(".").filter(Boolean);
  const shown = rows.filter((row) => !route.query.show || row.Change === route.query.show);
  const sort = (sorting: Sorting) => change({ sort: `${sorting.name}.${sorting.down ? "down" : "up"}` });
  if (rows.length === 0) return <Empty>No position is another one than it was.</Empty>;
  if (shown.length === 0)
    return <Empty>No position was {CHANGES[route.query.show as Change] ?? route.query.show}.</Empty>;
  const columns = ofPositions(code, base);
  return (
    <Table
      label="Positions at both moments"
      columns={columns}
      rows={shown}
      keyOf={(row) => `${row.IbContractId} ${row.ModelCode ?? ""}`}
      sorting={{ name, down: way === "down" }}
      onSort={sort}
      foot={<Sums rows={shown} columns={columns} />}
    />
  );
}

export function Cash({ base, rows }: { base: string | null; rows: readonly Row[] }) {
  if (rows.length === 0) return <Empty>No cash is another than it was.</Empty>;
  const columns = ofCash(base);
  return (
    <Table
      label="Cash at both moments"
      columns={columns}
      rows={rows}
      keyOf={(row) => `${row.Currency} ${row.ModelCode ?? ""}`}
      foot={<Sums rows={rows} columns={columns} />}
    />
  );
}
