/** Exact sums of the rows that are shown, per currency: nothing is converted, so nothing is guessed. */

import { Figure } from "../../components/basics";
import { type Column, Table } from "../../components/table";
import { add, isFigure } from "../../figures";

export interface Totals<Row> {
  /** Rows are summed where these are the same; the last one is the currency. */
  by: readonly (readonly [string, (row: Row) => string | null | undefined])[];
  /** Money, but where it says "digits". */
  sums: readonly (readonly [string, (row: Row) => string | null | undefined, "digits"?])[];
  /** Rows that would count twice. */
  isLeftOut?: (row: Row) => boolean;
}

interface Total {
  key: string;
  names: string[];
  count: number;
  sums: (string | null)[];
}

export function totalsOf<Row>(rows: readonly Row[], { by, sums, isLeftOut }: Totals<Row>): Total[] {
  const all = new Map<string, Total>();
  for (const row of rows) {
    if (isLeftOut?.(row)) continue;
    const names = by.map(([, of]) => of(row) ?? "–");
    const key = JSON.stringify(names);
    const total = all.get(key) ?? { key, names, count: 0, sums: sums.map(() => null) };
    total.count += 1;
    sums.forEach(([, of], index) => {
      const value = of(row);
      if (isFigure(value)) total.sums[index] = add(total.sums[index] ?? "0", value);
    });
    all.set(key, total);
  }
  return [...all.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

export function TotalsTable<Row>({
  of,
  rows,
  totals,
}: {
  /** What they are totals of. */
  of: string;
  rows: readonly Row[];
  totals: Totals<Row>;
}) {
  const columns: Column<Total>[] = [
    ...totals.by.map(([title], index) => ({
      name: title,
      title,
      by: (row: Total) => row.names[index],
      cell: (row: Total) => row.names[index],
    })),
    {
      name: "count",
      title: "Rows",
      isFigure: true,
      isWide: true,
      by: (row) => String(row.count),
      cell: (row) => <Figure of={String(row.count)} as="digits" />,
    },
    ...totals.sums.map(([title, , as], index) => ({
      name: title,
      title,
      isFigure: true,
      by: (row: Total) => row.sums[index],
      cell: (row: Total) => <Figure of={row.sums[index]} as={as ?? "money"} why="none" />,
    })),
  ];
  return <Table label={`Totals of ${of}`} columns={columns} rows={totalsOf(rows, totals)} keyOf={(row) => row.key} />;
}
