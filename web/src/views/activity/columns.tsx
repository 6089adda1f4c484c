/** The columns of executions and orders, and what all columns are made of. The first one is the time. */

import type { ComponentChildren } from "preact";
import { Figure, Missing, Time } from "../../components/basics";
import type { Column } from "../../components/table";
import { multiply } from "../../figures";
import { href } from "../../route";
import { type Named, nameOf } from "../holdings/types";
import type { Execution, Order } from "./types";

interface More {
  hint?: string;
  isWide?: boolean;
}

/** A column of figures. */
export const figure = <Row,>(
  name: string,
  title: string,
  of: (row: Row) => string | null | undefined,
  cell: (row: Row) => ComponentChildren = (row) => <Figure of={of(row)} />,
  more: More = {},
): Column<Row> => ({ name, title, by: of, cell, isFigure: true, ...more });

/** A column of words. */
export const words = <Row,>(
  name: string,
  title: string,
  of: (row: Row) => string | null | undefined,
  cell: (row: Row) => ComponentChildren = (row) => of(row) ?? null,
  more: More = {},
): Column<Row> => ({ name, title, by: of, cell, ...more });

/** Whose a row is. */
export const account = <Row extends { AccountCode: string | null }>(): Column<Row> =>
  words(
    "account",
    "Account",
    (row) => row.AccountCode,
    (row) => (row.AccountCode ? <a href={href("positions", [row.AccountCode])}>{row.AccountCode}</a> : <Missing />),
    { isWide: true },
  );

export interface Contract extends Named {
  AccountCode: string | null;
  IbContractId: string | null;
}

/** The contract of a row; a link to the position in it. */
export function ContractLink({ of }: { of: Contract }) {
  const name = nameOf(of);
  if (of.AccountCode === null || of.IbContractId === null || name === "?") return <>{name === "?" ? null : name}</>;
  return <a href={href("position", [of.AccountCode, of.IbContractId])}>{name}</a>;
}

/** What an execution came to, in its currency, without commission: negative where it was paid. */
export function proceeds(of: Execution): string | null {
  if (of.Shares === null || of.Price === null) return null;
  const value = multiply(multiply(of.Shares, of.Price), of.Multiplier ?? "1");
  return of.Side === "BOT" ? `-${value}`.replace("--", "") : value;
}

const SIDES: Record<string, string> = { BOT: "Bought", SLD: "Sold" };
const WITNESSES: Record<string, [string, string]> = {
  gateway: ["gateway", "The gateway told of it; no statement has it yet"],
  statement: ["statement", "A statement has it; no gateway told of it"],
  both: ["both", "The gateway told of it, and a statement has it: two witnesses"],
};

/** Who tells of an execution, and whether they differ. */
export function Witnesses({ of }: { of: Execution }) {
  const [name, hint] = WITNESSES[of.Source] ?? [of.Source, ""];
  return (
    <>
      <span class="chip" title={hint}>
        {name}
      </span>{" "}
      {of.Differences ? (
        <span class="chip bad" title={JSON.stringify(of.Differences)}>
          they differ
        </span>
      ) : null}
    </>
  );
}

export const executionKey = (of: Execution): string =>
  of.ExecutionId ?? `${of.Statement}/${of.Time}/${of.IbContractId}/${of.Side}/${of.Shares}/${of.Price}`;

/** `open`: the address of an execution's details. */
export function executionColumns(isOfAll: boolean, open: (of: Execution) => string): Column<Execution>[] {
  return [
    words(
      "time",
      "Time",
      (row) => row.Time ?? row.Received,
      (row) => <a href={open(row)}>{row.Time ? <Time at={row.Time} seconds /> : (row.TimeAsSent ?? "not known")}</a>,
    ),
    ...(isOfAll ? [account<Execution>()] : []),
    words(
      "symbol",
      "Contract",
      (row) => nameOf(row),
      (row) => <ContractLink of={row} />,
    ),
    words(
      "side",
      "Side",
      (row) => row.Side,
      (row) => SIDES[row.Side ?? ""] ?? row.Side,
    ),
    figure(
      "shares",
      "Size",
      (row) => row.Shares,
      (row) => <Figure of={row.Shares} as="digits" />,
    ),
    figure(
      "price",
      "Price",
      (row) => row.Price,
      (row) => <Figure of={row.Price} most={8} unit={row.CurrencyCode} />,
    ),
    figure("value", "Amount", proceeds, (row) => <Figure of={proceeds(row)} note={row.CurrencyCode ?? undefined} />, {
      hint: "Size times price, times the multiplier; with a minus: paid. Without commission",
      isWide: true,
    }),
    figure(
      "commission",
      "Commission",
      (row) => row.Commission,
      (row) => <Figure of={row.Commission} most={4} why="not reported yet" />,
      { isWide: true },
    ),
    figure(
      "realised",
      "Realised",
      (row) => row.RealizedPNL,
      (row) => <Figure of={row.RealizedPNL} change why="a position was opened, or it is not reported yet" />,
      { isWide: true, hint: "Profit or loss by what was closed, in the currency of the commission" },
    ),
    words(
      "source",
      "Witnesses",
      (row) => `${row.Source}${row.Differences ? " differ" : ""}`,
      (row) => <Witnesses of={row} />,
      { isWide: true, hint: "Who tells of it: the gateway, a statement, or both" },
    ),
  ];
}

export const orderKey = (of: Order): string => of.PermId ?? `${of.ClientId}-${of.OrderId}`;

const toneOfStatus = (of: Order): string =>
  of.IsOpen ? "chip soon" : ["Inactive", "Gone"].includes(of.Status ?? "") ? "chip bad" : "chip";

export const StatusBadge = ({ of }: { of: Order }) => (
  <span class={toneOfStatus(of)} title={of.RejectReason ?? of.WarningText ?? of.CompletedStatus ?? undefined}>
    {of.Status}
  </span>
);

const limitOf = (of: Order): string | null => (of.LmtPrice !== null && /[1-9]/.test(of.LmtPrice) ? of.LmtPrice : null);

export function orderColumns(isOfAll: boolean, open: (of: Order) => string): Column<Order>[] {
  return [
    words(
      "seen",
      "First seen",
      (row) => row.FirstSeen,
      (row) => (
        <a href={open(row)}>
          <Time at={row.FirstSeen} seconds />
        </a>
      ),
    ),
    ...(isOfAll ? [account<Order>()] : []),
    words(
      "symbol",
      "Contract",
      (row) => nameOf(row),
      (row) => <ContractLink of={row} />,
    ),
    words(
      "action",
      "Side",
      (row) => row.Action,
      (row) => (row.Action === "BUY" ? "Buy" : row.Action === "SELL" ? "Sell" : row.Action),
    ),
    figure(
      "quantity",
      "Size",
      (row) => row.TotalQuantity,
      (row) => <Figure of={row.TotalQuantity} as="digits" />,
    ),
    words(
      "type",
      "Type",
      (row) => row.OrderType,
      (row) => `${row.OrderType ?? ""} ${row.Tif ?? ""}`,
      { isWide: true },
    ),
    figure(
      "limit",
      "Limit",
      limitOf,
      (row) => (limitOf(row) === null ? null : <Figure of={limitOf(row)} most={8} unit={row.CurrencyCode} />),
      { isWide: true },
    ),
    words(
      "status",
      "Status",
      (row) => row.Status,
      (row) => <StatusBadge of={row} />,
    ),
    figure(
      "filled",
      "Filled",
      (row) => row.Filled,
      (row) => <Figure of={row.Filled} as="digits" />,
      { isWide: true },
    ),
    figure(
      "states",
      "States",
      (row) => row.StateCount,
      (row) => <Figure of={row.StateCount} as="digits" />,
      { isWide: true, hint: "In how many states it was seen" },
    ),
  ];
}
