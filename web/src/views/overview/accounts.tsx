/** The table of all accounts: what each is worth, how it did, how near it is to a margin call. */

import { useMemo } from "preact/hooks";
import { Bar, Figure, Missing, Time } from "../../components/basics";
import { type Column, type Sorting, Table } from "../../components/table";
import { Traced } from "../../components/traced";
import { float, isFigure, multiply, ratio, sum } from "../../figures";
import { moment, percent } from "../../format";
import { change, href } from "../../route";
import { type Overview, PERIODS, type Period, type Row, whyNot, words } from "./asking";
import { Part } from "./part";
import { Sparkline, type Sparks } from "./sparks";

/** Below the first IB may soon liquidate, below the second one should look. */
export const LOW = 0.05;
export const MIDDLE = 0.15;

const NAMES: Readonly<Record<Period, string>> = { SinceClose: "Day", MonthToDate: "Month", YearToDate: "Year" };

/** Amounts of different currencies are sorted by what they are in that of the total. */
function inTotal(row: Row, amount: string | null): string | null {
  const { NetLiquidation: own, NetLiquidationIn: theirs } = row;
  if (!isFigure(amount) || !isFigure(own) || !isFigure(theirs)) return null;
  const rate = ratio(theirs, own, 12);
  return rate === null ? null : multiply(amount, rate);
}

function Cushion({ of, why }: { of: string | null; why: string | undefined }) {
  if (!isFigure(of)) return <Missing why={why} />;
  return <Bar share={float(of) ?? 0} low={LOW} middle={MIDDLE} text={<span title={of}>{percent(of, 1)}</span>} />;
}

/** In the account's own currency, and below it in that of the total where it is another one. */
function Worth({ row, all }: { row: Row; all: Overview }) {
  const own = (
    <Traced code={row.AccountCode} time={row.Latest} tag="NetLiquidation">
      <Figure of={row.NetLiquidation} unit={row.BaseCurrency} why={whyNot(row, "NetLiquidation", all)} />
    </Traced>
  );
  if (all.Currency === null || row.BaseCurrency === null || row.BaseCurrency === all.Currency) return own;
  return (
    <span class="stack">
      {own}
      <small>
        <Figure of={row.NetLiquidationIn} unit={all.Currency} why={whyNot(row, "NetLiquidationIn", all)} />
      </small>
    </span>
  );
}

function changes(all: Overview): Column<Row>[] {
  return PERIODS.map((period) => ({
    name: `Change${period}`,
    title: NAMES[period],
    hint: `Change since ${moment(all.Closes[period])} in the base currency, deposits and withdrawals included; below it the time-weighted return`,
    isFigure: true,
    by: (row) => inTotal(row, row[`Change${period}`]),
    cell: (row) => (
      <span class="stack">
        <Figure of={row[`Change${period}`]} change why={whyNot(row, `Change${period}`, all)} />
        <small>
          <Part
            gain={row[`Return${period}`]}
            now={row.NetLiquidation}
            change={row[`Change${period}`]}
            why={whyNot(row, `Return${period}`, all)}
            until={row.FlowsUntil}
          />
        </small>
      </span>
    ),
  }));
}

function columnsOf(all: Overview, sparks: Sparks | null): Column<Row>[] {
  return [
    {
      name: "AccountCode",
      title: "Account",
      by: (row) => row.AccountCode,
      cell: (row) => (
        <span class="stack">
          <a href={href("account", [row.AccountCode])}>{row.AccountCode}</a>
          <small class="alias" title={row.Alias ?? undefined}>
            {row.Alias}
          </small>
        </span>
      ),
    },
    {
      name: "NetLiquidation",
      title: "Net liquidation",
      hint: "What the account would be worth if everything were sold now, in its base currency; below it in that of the total, by the rates of the accounts' own ledgers",
      isFigure: true,
      by: (row) => row.NetLiquidationIn ?? row.NetLiquidation,
      cell: (row) => <Worth row={row} all={all} />,
    },
    ...changes(all),
    {
      name: "Cushion",
      title: "Cushion",
      hint: "Excess liquidity as a share of net liquidation: at zero IB may liquidate",
      by: (row) => row.Cushion,
      cell: (row) => <Cushion of={row.Cushion} why={whyNot(row, "Cushion", all)} />,
    },
    {
      name: "Cash",
      title: "Cash",
      hint: "In the base currency; below zero: borrowed",
      isFigure: true,
      by: (row) => inTotal(row, row.Cash),
      cell: (row) => <Figure of={row.Cash} why={whyNot(row, "Cash", all)} />,
    },
    {
      name: "Leverage",
      title: "Leverage",
      hint: "Gross position value over net liquidation",
      isFigure: true,
      by: (row) => row.Leverage,
      cell: (row) => <Figure of={row.Leverage} as="digits" most={2} why={whyNot(row, "Leverage", all)} />,
    },
    {
      name: "Spark",
      title: "30 days",
      hint: "Its value per day, in its base currency",
      cell: (row) => <Sparkline of={row.AccountCode} from={sparks} />,
    },
    {
      name: "Latest",
      title: "Age",
      hint: "How old the snapshot is that is shown, at the moment that is shown",
      isFigure: true,
      by: (row) => row.Latest,
      cell: (row) =>
        row.Ready === false ? (
          <span class="unready" title={words("not-ready")}>
            <Time at={row.Latest} as="age" then={all.At ?? undefined} /> not ready
          </span>
        ) : (
          <span class="figure">
            <Time at={row.Latest} as="age" then={all.At ?? undefined} />
          </span>
        ),
    },
  ];
}

/** Whether a text is found in what an account is called. */
export function isFound(row: Row, text: string): boolean {
  const wanted = text.trim().toLocaleLowerCase();
  const all = [row.AccountCode, row.Alias, row.AccountType, row.BaseCurrency, ...row.Groups, ...row.Gateways];
  return wanted === "" || all.some((each) => each?.toLocaleLowerCase().includes(wanted));
}

function Foot({ all, rows, columns }: { all: Overview; rows: readonly Row[]; columns: readonly Column<Row>[] }) {
  const isWhole = rows.length === all.Accounts.length;
  const figures = (name: keyof Row) => rows.map((row) => row[name]).filter(isFigure);
  const cell = (name: string) => {
    if (name === "AccountCode")
      return isWhole ? `${rows.length} accounts` : `${rows.length} of ${all.Accounts.length} accounts`;
    if (name === "NetLiquidation")
      return <Figure of={isWhole ? all.Total.NetLiquidation : sum(figures("NetLiquidationIn"))} unit={all.Currency} />;
    if (!isWhole) return null;
    if (name === "Cash") return <Figure of={all.Total.Cash} unit={all.Currency} />;
    if (name === "Leverage") return <Figure of={all.Total.Leverage} as="digits" most={2} />;
    const period = PERIODS.find((each) => name === `Change${each}`);
    if (period === undefined) return null;
    const why = all.Total.Excluded.find((each) => each.Figure === name)?.Why;
    return <Figure of={all.Total[`Change${period}`]} change why={why && words(why)} />;
  };
  return (
    <tr>
      {columns.map((column, number) =>
        number === 0 ? (
          <th key={column.name} scope="row">
            {cell(column.name)}
          </th>
        ) : (
          <td key={column.name} class={column.isFigure ? "right" : ""}>
            {cell(column.name)}
          </td>
        ),
      )}
    </tr>
  );
}

/** `sort=Cushion`, or `-Cushion`: the largest first. */
function sortingOf(text: string | undefined): Sorting | undefined {
  return text ? { name: text.replace(/^-/, ""), down: text.startsWith("-") } : undefined;
}

interface AccountsProps {
  all: Overview;
  rows: readonly Row[];
  sort: string | undefined;
  sparks: Sparks | null;
}

export function Accounts({ all, rows, sort, sparks }: AccountsProps) {
  const columns = useMemo(() => columnsOf(all, sparks), [all, sparks]);
  return (
    <Table
      label="Table of accounts"
      columns={columns}
      rows={rows}
      keyOf={(row) => row.AccountCode}
      sorting={sortingOf(sort) ?? { name: "AccountCode", down: false }}
      onSort={({ name, down }) => change({ sort: `${down ? "-" : ""}${name}` })}
      foot={<Foot all={all} rows={rows} columns={columns} />}
      tone={(row) => (row.Why.length > 0 && row.Latest === null ? "soft" : undefined)}
    />
  );
}
