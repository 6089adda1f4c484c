/** The columns of what statements tell: flows, transfers, corporate actions, option events, accruals, and statements. */

import { Figure, Time } from "../../components/basics";
import type { Column } from "../../components/table";
import { href } from "../../route";
import { account, type Contract, ContractLink, figure, words } from "./columns";
import type { Accrual, CashFlow, CorporateAction, OptionEvent, Statement, Transfer } from "./types";

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
