/** Rows of one kind, page by page, with exact totals and files of them. */

import type { ComponentChildren } from "preact";
import { Empty, Exports, Panel, Shown } from "../../components/basics";
import { type Column, Table } from "../../components/table";
import { type Pages, usePages } from "../../pages";
import { change } from "../../route";
import { addressOf, isOfSymbol, type Kind, type Query } from "./kinds";
import { type Totals, TotalsTable } from "./totals";

interface RowsProps<Row> {
  kind: Kind;
  query: Query;
  columns: readonly Column<Row>[];
  keyOf: (row: Row) => string;
  totals?: Totals<Row>;
  /** Above the table: what was opened of it, what is not known. */
  children?: (rows: readonly Row[]) => ComponentChildren;
}

/** What comes behind the rows: how many there are, and more of them. */
export function More<Row>({ pages, shown }: { pages: Pages<Row>; shown: number }) {
  return (
    <p class="more">
      <span class="soft" role="status">
        {shown} {shown === 1 ? "row" : "rows"}
        {pages.hasMore ? ", and there are more" : ""}
        {pages.failed ? `. ${pages.failed.message}: ask again` : ""}
      </span>
      {pages.hasMore ? (
        <>
          <button type="button" onClick={pages.more} disabled={pages.isGrowing}>
            {pages.isGrowing ? "Loading …" : "More"}
          </button>
          <button type="button" onClick={pages.all} disabled={pages.isGrowing}>
            All
          </button>
        </>
      ) : null}
    </p>
  );
}

const isNarrowed = (query: Query): boolean => ["from", "to", "symbol", "type", "status"].some((name) => query[name]);

/** Nothing is there: because of what was chosen, or because nobody has told of any. */
export function None({ kind, query }: { kind: Kind; query: Query }) {
  if (isNarrowed(query))
    return (
      <Empty>
        Nothing like that {query.at ? "was known then" : "is recorded"}.{" "}
        <button type="button" onClick={() => change({ from: null, to: null, symbol: null, type: null, status: null })}>
          Show all
        </button>
      </Empty>
    );
  const isStated = !["executions", "orders"].includes(kind.name);
  return (
    <Empty>
      {query.at ? "There was none by then." : "There is none yet."}{" "}
      {isStated
        ? "Only Flex statements tell of these: have them fetched (FLEX_TOKEN, FLEX_QUERIES) or import files (ibconnect statements import)."
        : "A gateway tells of its own day; earlier ones come with Flex statements."}
    </Empty>
  );
}

export function Rows<Row extends { AccountCode: string | null }>({
  kind,
  query,
  columns,
  keyOf,
  totals,
  children,
}: RowsProps<Row>) {
  const pages = usePages<Row>(addressOf(kind, query));
  const to = (format: "csv" | "parquet") => addressOf(kind, query, format) ?? "";
  const name = [query.account ?? "all", kind.name, query.from, query.to].filter(Boolean).join("-");
  return (
    <Shown from={pages} what={kind.title.toLowerCase()}>
      {(all) => {
        const { symbol } = query;
        const rows = symbol && !kind.isSymbolAsked ? all.filter((row) => isOfSymbol(row as never, symbol)) : all;
        return (
          <>
            {children?.(rows)}
            <Panel title={kind.title} wide tools={<Exports to={to} name={name} />}>
              <p class="soft">{kind.hint}</p>
              {rows.length === 0 ? (
                <None kind={kind} query={query} />
              ) : (
                <Table
                  label={kind.title}
                  columns={columns}
                  rows={rows}
                  keyOf={(row) => `${row.AccountCode} ${keyOf(row)}`}
                  tone={(row) => (query.row !== undefined && keyOf(row) === query.row ? "opened" : undefined)}
                />
              )}
              <More pages={pages} shown={rows.length} />
            </Panel>
            {totals && rows.length > 0 ? (
              <Panel title={pages.hasMore ? "Totals of the rows above" : "Totals"} wide>
                <TotalsTable of={kind.title.toLowerCase()} rows={rows} totals={totals} />
              </Panel>
            ) : null}
          </>
        );
      }}
    </Shown>
  );
}
