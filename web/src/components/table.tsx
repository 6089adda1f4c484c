/**
 * Rows under a heading: sorted by a click, drawn only as far as they are seen, so that ten thousand scroll smoothly.
 */

import { Component, type ComponentChildren, type RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { compare, isFigure } from "../figures";
import { LOCALE } from "../format";

export interface Column<Row> {
  name: string;
  title: string;
  cell: (row: Row) => ComponentChildren;
  /** What it is sorted by: a figure as text is sorted as a number. Without it nobody can sort by it. */
  by?: (row: Row) => string | null | undefined;
  /** Figures stand to the right. */
  isFigure?: boolean;
  /** Left out where there is little room. */
  isWide?: boolean;
  hint?: string;
}

export interface Sorting {
  name: string;
  down: boolean;
}

interface TableProps<Row> {
  /** What the rows are, for who cannot see them. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** The first column is the row's name. */
  initial?: Sorting;
  /** Where the sorting is kept elsewhere, say in the address. */
  sorting?: Sorting | undefined;
  onSort?: (sorting: Sorting) => void;
  foot?: ComponentChildren;
  /** Puts the rows under the headings of their groups, once they are sorted. */
  arrange?: (sorted: readonly Row[]) => readonly Row[];
  /** Rows of a class of their own. */
  tone?: (row: Row) => string | undefined;
}

const ROW_PX = 34;
const WINDOWED = 120;
const BEYOND = 12;
const STEP = 4;
const collator = new Intl.Collator(LOCALE, { numeric: true });

function order(a: string | null | undefined, b: string | null | undefined): number {
  if (a == null || b == null) return 0;
  return isFigure(a) && isFigure(b) ? compare(a, b) : collator.compare(a, b);
}

function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sorting: Sorting | undefined,
): readonly Row[] {
  const by = columns.find((each) => each.name === sorting?.name)?.by;
  if (by === undefined || sorting === undefined) return rows;
  const keyed = rows.map((row) => [by(row), row] as const);
  // What has no value comes last, whichever way.
  keyed.sort(([a], [b]) => (a == null ? 1 : 0) - (b == null ? 1 : 0) || (sorting.down ? order(b, a) : order(a, b)));
  return keyed.map(([, row]) => row);
}

function useIsPrinting(): boolean {
  const [is, set] = useState(false);
  useEffect(() => {
    const [before, after] = [() => set(true), () => set(false)];
    addEventListener("beforeprint", before);
    addEventListener("afterprint", after);
    return () => {
      removeEventListener("beforeprint", before);
      removeEventListener("afterprint", after);
    };
  }, []);
  return is;
}

export function Table<Row>({
  label,
  columns,
  rows,
  keyOf,
  initial,
  sorting,
  onSort,
  foot,
  arrange,
  tone,
}: TableProps<Row>) {
  const [own, setOwn] = useState<Sorting | undefined>(initial);
  const now = sorting ?? own;
  const all = useMemo(() => {
    const ordered = sorted(rows, columns, now);
    return arrange === undefined ? ordered : arrange(ordered);
  }, [rows, columns, now?.name, now?.down, arrange]);
  const box = useRef<HTMLElement>(null);
  const [top, setTop] = useState(0);
  const isPrinting = useIsPrinting();
  const isWindowed = all.length > WINDOWED && !isPrinting;
  const height = box.current?.clientHeight || 640;
  const first = isWindowed ? Math.max(0, top - BEYOND) : 0;
  const last = isWindowed ? Math.min(all.length, top + Math.ceil(height / ROW_PX) + BEYOND) : all.length;
  useCut(box, all.length);
  const sort = (column: Column<Row>) => {
    const next = { name: column.name, down: now?.name === column.name ? !now.down : column.isFigure === true };
    setOwn(next);
    onSort?.(next);
  };
  return (
    <section
      class={isWindowed ? "table windowed" : "table"}
      ref={box}
      aria-label={`${label}: table`}
      tabIndex={0}
      onScroll={isWindowed ? (event) => setTop(topOf(event.currentTarget)) : undefined}
    >
      <table aria-label={label} aria-rowcount={all.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <th
                key={column.name}
                scope="col"
                class={classOf(column)}
                title={column.hint}
                aria-sort={now?.name === column.name ? (now.down ? "descending" : "ascending") : undefined}
              >
                {column.by ? (
                  <button type="button" onClick={() => sort(column)}>
                    {column.title}
                    <span class="arrow" aria-hidden="true">
                      {now?.name === column.name ? (now.down ? "↓" : "↑") : ""}
                    </span>
                  </button>
                ) : (
                  column.title
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 ? <Space rows={first} columns={columns.length} /> : null}
          {all.slice(first, last).map((row, index) => (
            <Line key={keyOf(row)} row={row} columns={columns} index={first + index + 2} tone={tone?.(row)} />
          ))}
          {last < all.length ? <Space rows={all.length - last} columns={columns.length} /> : null}
        </tbody>
        {foot ? <tfoot>{foot}</tfoot> : null}
      </table>
    </section>
  );
}

/** Tells the style sheet on which sides there is more of the table than is seen. */
function useCut(box: RefObject<HTMLElement | null>, rows: number): void {
  useEffect(() => {
    const at = box.current;
    if (at === null) return;
    const tell = () => {
      const hidden = at.scrollWidth - at.clientWidth;
      const sides = [at.scrollLeft > 1 ? "left" : "", at.scrollLeft < hidden - 1 ? "right" : ""].filter(Boolean);
      if (hidden > 1) at.dataset.cut = sides.join(" ");
      else delete at.dataset.cut;
    };
    const watcher = new ResizeObserver(tell);
    watcher.observe(at);
    if (at.firstElementChild !== null) watcher.observe(at.firstElementChild);
    at.addEventListener("scroll", tell, { passive: true });
    return () => {
      watcher.disconnect();
      at.removeEventListener("scroll", tell);
    };
  }, [rows]);
}

/** The first row that is seen, in steps: not every pixel that is scrolled is worth drawing rows for. */
const topOf = (box: HTMLElement): number => Math.floor(box.scrollTop / ROW_PX / STEP) * STEP;

interface LineProps<Row> {
  row: Row;
  columns: readonly Column<Row>[];
  index: number;
  tone: string | undefined;
}

/** A row, drawn again only where it is another: most of those that are seen stay while one scrolls. */
class Line<Row> extends Component<LineProps<Row>> {
  override shouldComponentUpdate({ row, columns, index, tone }: LineProps<Row>): boolean {
    const now = this.props;
    return row !== now.row || columns !== now.columns || index !== now.index || tone !== now.tone;
  }

  override render({ row, columns, index, tone }: LineProps<Row>) {
    return (
      <tr aria-rowindex={index} class={tone}>
        {columns.map((column, number) =>
          number === 0 ? (
            <th key={column.name} scope="row" class={classOf(column)}>
              {column.cell(row)}
            </th>
          ) : (
            <td key={column.name} class={classOf(column)}>
              {column.cell(row)}
            </td>
          ),
        )}
      </tr>
    );
  }
}

const classOf = <Row,>(column: Column<Row>): string =>
  [column.isFigure ? "right" : "", column.isWide ? "roomy" : ""].filter(Boolean).join(" ");

const Space = ({ rows, columns }: { rows: number; columns: number }) => (
  <tr aria-hidden="true">
    <td class="space" colSpan={columns} style={{ height: `${rows * ROW_PX}px` }} />
  </tr>
);
