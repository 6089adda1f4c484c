/** The columns of each kind of what happened. The first one is the time, so that rows are told apart. */

import type { ComponentChildren } from "preact";
import { Figure, Missing, Time } from "../../components/basics";
import type { Column } from "../../components/table";
import { multiply } from "../../figures";
import { href } from "../../route";
import { type Named, nameOf } from "../holdings/types";
import type { Accrual, CashFlow, CorporateAction, Execution, OptionEvent, Order, Statement, Transfer } from "./types";

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

const account = <Row extends { AccountCode: string | null }>(): Column<Row> =>
  words(
    "account",
    "Account",
    (row) => row.AccountCode,
    (row) => (row.AccountCode ? <a href={href("positions", [row.AccountCode])}>{row.AccountCode}</a> : <Missing />),
    { isWide: true },
  );

interface Contract extends Named {
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

const day = <Row extends { Day: string; Time?: string | null }>(): Column<Row> =>
  words(
    "day",
    "Day",
    (row) => row.Time ?? row.Day,
    (row) => <Time at={row.Day} />,
  );

const contract = <Row extends Contract>(): Column<Row> =>
  words(
    "symbol",
    "Contract",
    (row) => row.Symbol,
    (row) => <ContractLink of={row} />,
  );

const statement = <Row extends { AccountCode: string; Day: string; Statement: string | null }>(): Column<Row> =>
  words(
    "statement",
    "Statement",
    (row) => row.Statement,
    (row) =>
      row.Statement === null ? null : (
        <a
          href={href("activity", [], {
            account: row.AccountCode,
            kind: "statements",
            from: row.Day,
            to: row.Day,
            row: row.Statement,
          })}
        >
          {row.Statement}
        </a>
      ),
    { isWide: true, hint: "The statement that says so, by its number" },
  );

export const flowColumns = (isOfAll: boolean): Column<CashFlow>[] => [
  day(),
  ...(isOfAll ? [account<CashFlow>()] : []),
  words(
    "type",
    "Type",
    (row) => row.Type,
    (row) => (
      <>
        {row.Type}{" "}
        {row.External ? (
          <span class="chip" title="A flow into the account or out of it: no profit or loss">
            flow
          </span>
        ) : null}
      </>
    ),
  ),
  figure(
    "amount",
    "Amount",
    (row) => row.Amount,
    (row) => <Figure of={row.Amount} change unit={row.CurrencyCode} />,
  ),
  contract(),
  words(
    "description",
    "Description",
    (row) => row.Description,
    (row) => row.Description ?? (row.Counterparty ? `with ${row.Counterparty}` : null),
    { isWide: true },
  ),
  figure(
    "base",
    "In base",
    (row) => row.AmountInBase,
    (row) => (
      <Figure
        of={row.AmountInBase}
        change
        note={row.FxRateToBase ? `× ${row.FxRateToBase}` : undefined}
        why="the statement says no rate"
      />
    ),
    { hint: "In the account's base currency, by the statement's rate", isWide: true },
  ),
  statement(),
];

export const transferColumns = (): Column<Transfer>[] => [
  day(),
  words(
    "type",
    "Type",
    (row) => row.Type,
    (row) => `${row.Type ?? ""} ${(row.Direction ?? "").toLowerCase()}`,
  ),
  words("with", "With", (row) => row.Counterparty),
  contract(),
  figure(
    "quantity",
    "Size",
    (row) => row.Quantity,
    (row) => <Figure of={row.Quantity} as="digits" />,
  ),
  figure(
    "amount",
    "Position's value",
    (row) => row.Amount,
    (row) => <Figure of={row.Amount} unit={row.CurrencyCode} />,
  ),
  figure(
    "cash",
    "Cash",
    (row) => row.Cash,
    (row) => <Figure of={row.Cash} change unit={row.CurrencyCode} />,
  ),
  statement(),
];

export const actionColumns = (): Column<CorporateAction>[] => [
  day(),
  words(
    "type",
    "Type",
    (row) => row.Type,
    (row) => row.Type,
    { hint: "IBKR's code: FS forward split, RS reverse split, TC merger, SO spin-off, IC change of the identifier" },
  ),
  contract(),
  words(
    "what",
    "What",
    (row) => row.ActionDescription,
    (row) => row.ActionDescription,
  ),
  figure(
    "quantity",
    "Size",
    (row) => row.Quantity,
    (row) => <Figure of={row.Quantity} as="digits" />,
  ),
  figure(
    "proceeds",
    "Proceeds",
    (row) => row.Proceeds,
    (row) => <Figure of={row.Proceeds} unit={row.CurrencyCode} />,
  ),
  figure(
    "realised",
    "Realised",
    (row) => row.RealizedPNL,
    (row) => <Figure of={row.RealizedPNL} change />,
    { isWide: true },
  ),
  statement(),
];

export const optionColumns = (): Column<OptionEvent>[] => [
  day(),
  words(
    "type",
    "Event",
    (row) => row.Type,
    (row) => row.Type,
  ),
  words(
    "symbol",
    "Contract",
    (row) => row.Symbol,
    (row) => <ContractLink of={{ ...row, Symbol: row.UnderlyingSymbol ?? row.Symbol }} />,
  ),
  figure(
    "quantity",
    "Size",
    (row) => row.Quantity,
    (row) => <Figure of={row.Quantity} as="digits" />,
  ),
  figure(
    "proceeds",
    "Proceeds",
    (row) => row.Proceeds,
    (row) => <Figure of={row.Proceeds} unit={row.CurrencyCode} />,
  ),
  figure(
    "realised",
    "Realised",
    (row) => row.RealizedPNL,
    (row) => <Figure of={row.RealizedPNL} change unit={row.CurrencyCode} />,
  ),
  statement(),
];

export const accrualColumns = (): Column<Accrual>[] => [
  day(),
  words(
    "kind",
    "Kind",
    (row) => row.Kind,
    (row) => row.Kind,
  ),
  contract(),
  words(
    "ex",
    "Ex day",
    (row) => row.ExDay,
    (row) => (row.ExDay ? <Time at={row.ExDay} /> : null),
    { isWide: true, hint: "Who holds it before this day gets the dividend" },
  ),
  words(
    "pay",
    "Pay day",
    (row) => row.PayDay,
    (row) => (row.PayDay ? <Time at={row.PayDay} /> : null),
  ),
  figure(
    "quantity",
    "Size",
    (row) => row.Quantity,
    (row) => (row.Quantity ? <Figure of={row.Quantity} as="digits" /> : null),
    { isWide: true },
  ),
  figure(
    "gross",
    "Gross",
    (row) => row.GrossAmount,
    (row) => <Figure of={row.GrossAmount} />,
    { isWide: true },
  ),
  figure(
    "tax",
    "Tax",
    (row) => row.Tax,
    (row) => <Figure of={row.Tax} />,
    { isWide: true },
  ),
  figure(
    "net",
    "Net",
    (row) => row.NetAmount ?? row.Ending,
    (row) => <Figure of={row.NetAmount ?? row.Ending} change unit={row.CurrencyCode} />,
  ),
  words(
    "code",
    "Code",
    (row) => row.Code,
    (row) => row.Code,
    { isWide: true, hint: "Po: posted, it is due from now on; Re: reversed, it was paid" },
  ),
  statement(),
];

export const statementColumns = (isOfAll: boolean, open: (of: Statement) => string): Column<Statement>[] => [
  words(
    "number",
    "Number",
    (row) => row.Statement,
    (row) => <a href={open(row)}>{row.Statement}</a>,
  ),
  ...(isOfAll ? [account<Statement>()] : []),
  words(
    "from",
    "From",
    (row) => row.From,
    (row) => <Time at={row.From} />,
  ),
  words(
    "to",
    "To",
    (row) => row.To,
    (row) => <Time at={row.To} />,
  ),
  words(
    "query",
    "Query",
    (row) => row.Query,
    (row) => row.Query,
    { isWide: true },
  ),
  words(
    "generated",
    "Generated",
    (row) => row.Generated,
    (row) => <Time at={row.Generated} />,
    { isWide: true, hint: "When IBKR made it" },
  ),
  words(
    "received",
    "Recorded",
    (row) => row.Received,
    (row) => <Time at={row.Received} />,
  ),
  figure(
    "elements",
    "Rows",
    (row) => row.Elements,
    (row) => <Figure of={row.Elements} as="digits" />,
    { isWide: true },
  ),
  figure(
    "unread",
    "Not read",
    (row) => row.Unread,
    (row) => <Figure of={row.Unread} as="digits" />,
    { isWide: true, hint: "Rows of sections that no table is made of; they stay in the document" },
  ),
  figure(
    "oddities",
    "Odd values",
    (row) => row.Oddities,
    (row) => <Figure of={row.Oddities} as="digits" />,
    { isWide: true, hint: "Values that could not be understood; they stay in the document" },
  ),
];
