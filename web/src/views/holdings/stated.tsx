/** What statements say that an account held at the end of a day of which there is no report. */

import { address, part } from "../../api/client";
import { Empty, Exports, Figure, Panel, Shown, Time } from "../../components/basics";
import { type Column, Table } from "../../components/table";
import { useGet } from "../../data";
import { multiply } from "../../figures";
import { href } from "../../route";
import { nameOf } from "./types";

/** A row of `…/open-positions`. */
interface Row {
  Day: string;
  IbContractId: string | null;
  Symbol: string | null;
  Description: string | null;
  SecurityType: string | null;
  UnderlyingSymbol: string | null;
  Right: string | null;
  Expiry: string | null;
  Strike: string | null;
  Level: string | null;
  Opened: string | null;
  Position: string | null;
  MarkPrice: string | null;
  PositionValue: string | null;
  Cost: string | null;
  UnrealizedPNL: string | null;
  PercentOfNAV: string | null;
  CurrencyCode: string | null;
  FxRateToBase: string | null;
}

const inBase = (row: Row): string | null =>
  row.PositionValue !== null && row.FxRateToBase !== null ? multiply(row.PositionValue, row.FxRateToBase) : null;

const columnsOf = (account: string): Column<Row>[] => [
  {
    name: "name",
    title: "Position",
    by: (row) => row.Symbol,
    cell: (row) =>
      row.IbContractId ? (
        <a href={href("position", [account, row.IbContractId])}>
          {nameOf({ ...row, Symbol: row.UnderlyingSymbol && row.Strike ? row.UnderlyingSymbol : row.Symbol })}
        </a>
      ) : (
        row.Symbol
      ),
  },
  { name: "class", title: "Class", isWide: true, by: (row) => row.SecurityType, cell: (row) => row.SecurityType },
  {
    name: "size",
    title: "Size",
    isFigure: true,
    by: (row) => row.Position,
    cell: (row) => <Figure of={row.Position} as="digits" />,
  },
  {
    name: "price",
    title: "Mark price",
    isFigure: true,
    by: (row) => row.MarkPrice,
    cell: (row) => <Figure of={row.MarkPrice} most={8} unit={row.CurrencyCode} />,
  },
  {
    name: "value",
    title: "Value",
    isFigure: true,
    by: (row) => row.PositionValue,
    cell: (row) => <Figure of={row.PositionValue} unit={row.CurrencyCode} />,
  },
  {
    name: "base",
    title: "Value, base",
    isFigure: true,
    by: inBase,
    cell: (row) => <Figure of={inBase(row)} note={`${row.PositionValue} × ${row.FxRateToBase}`} />,
    hint: "In the account's base currency, by the statement's rate",
  },
  {
    name: "unrealised",
    title: "Unrealised",
    isFigure: true,
    isWide: true,
    by: (row) => row.UnrealizedPNL,
    cell: (row) => <Figure of={row.UnrealizedPNL} change unit={row.CurrencyCode} />,
  },
  {
    name: "share",
    title: "% of value",
    isFigure: true,
    isWide: true,
    by: (row) => row.PercentOfNAV,
    cell: (row) => <Figure of={row.PercentOfNAV} as="digits" />,
    hint: "As the statement says it",
  },
];

/** A week covers weekends and holidays. */
const WEEK_DAYS = 7;

export function Stated({ account, at }: { account: string; at: string | undefined }) {
  // The same address with every drawing: one with the clock's time in it would be asked for without an end.
  const from = at ? new Date(Date.parse(at) - WEEK_DAYS * 86_400_000).toISOString() : `-${WEEK_DAYS}d`;
  const path = `v1/accounts/${part(account)}/open-positions`;
  const loaded = useGet<Row[]>(address(path, { from, to: at ?? "now", limit: "10000" }));
  return (
    <Shown from={loaded} what="what statements say">
      {(all) => {
        const day = all
          .map((row) => row.Day)
          .sort()
          .at(-1);
        if (day === undefined)
          return (
            <Empty>
              Of this time nobody has recorded what {account} held: there is no report, and no statement that says so.{" "}
              <a href={href("activity", [], { account, kind: "statements" })}>Statements that are recorded</a>
            </Empty>
          );
        const rows = all.filter((row) => row.Day === day);
        return (
          <Panel
            title="Positions, as the statement says"
            wide
            tools={
              <Exports
                to={(format) => address(path, { from: day, to: day, limit: "10000", format })}
                name={`${account}-${day}`}
              />
            }
          >
            <p class="soft">
              There was no report yet. This is what the statement of <Time at={day} /> says of the end of that day.
            </p>
            <Table
              label="Positions"
              columns={columnsOf(account)}
              rows={rows}
              keyOf={(row) => `${row.IbContractId} ${row.Symbol} ${row.Level} ${row.Opened}`}
            />
          </Panel>
        );
      }}
    </Shown>
  );
}
