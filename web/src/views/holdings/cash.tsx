/** Cash: of one account by currency, as the ledger of its report has it; of all accounts by account. */

import { address, part } from "../../api/client";
import { Empty, Exports, Figure, Panel } from "../../components/basics";
import { type Column, Table } from "../../components/table";
import { Traced } from "../../components/traced";
import { compare, isFigure, multiply, ratio } from "../../figures";
import { href } from "../../route";
import { converted, type Rates, summed } from "./sums";
import type { Overview, OverviewRow, Report } from "./types";

interface Ledger {
  currency: string;
  figures: Record<string, string>;
  base: string | null;
}

/** Rows of the ledger, `BASE` (all together) apart. */
export function ledgersOf(report: Report): { rows: Ledger[]; total: Ledger | null } {
  const all = new Map<string, Record<string, string>>();
  for (const { Tag, Segment, Currency, Value, ModelCode } of report.Values) {
    if (Currency === null || Segment !== null || ModelCode) continue;
    const row = all.get(Currency) ?? {};
    row[Tag] = Value;
    all.set(Currency, row);
  }
  const ledgers = [...all]
    .filter(([, figures]) => figures.ExchangeRate !== undefined)
    .map(([currency, figures]): Ledger => {
      const { TotalCashBalance: cash, ExchangeRate: rate } = figures;
      return { currency, figures, base: isFigure(cash) && isFigure(rate) ? multiply(cash, rate) : null };
    });
  return {
    rows: ledgers.filter((each) => each.currency !== "BASE"),
    total: ledgers.find((each) => each.currency === "BASE") ?? null,
  };
}

const ledgerColumns = (report: Report, base: string, net: string | null): Column<Ledger>[] => [
  { name: "currency", title: "Currency", cell: (row) => row.currency, by: (row) => row.currency },
  {
    name: "cash",
    title: "Cash",
    isFigure: true,
    by: (row) => row.figures.TotalCashBalance,
    cell: (row) => (
      <Traced code={report.AccountCode} time={report.Timestamp} tag="TotalCashBalance" currency={row.currency}>
        <Figure of={row.figures.TotalCashBalance} />
      </Traced>
    ),
    hint: "TotalCashBalance: futures' profit and loss of the day included",
  },
  {
    name: "base",
    title: `Cash, ${base}`,
    isFigure: true,
    by: (row) => row.base,
    cell: (row) => (
      <Figure of={row.base} note={`${row.figures.TotalCashBalance} ${row.currency} × ${row.figures.ExchangeRate}`} />
    ),
  },
  {
    name: "share",
    title: "Weight",
    isFigure: true,
    by: (row) => row.base,
    cell: (row) => <Figure of={net !== null && row.base !== null ? ratio(row.base, net, 8) : null} as="percent" />,
    hint: "As a share of the net liquidation value",
  },
  {
    name: "rate",
    title: "Rate",
    isFigure: true,
    isWide: true,
    by: (row) => row.figures.ExchangeRate,
    cell: (row) => <Figure of={row.figures.ExchangeRate} as="digits" />,
    hint: `What one unit is worth in ${base}`,
  },
  {
    name: "accrued",
    title: "Interest",
    isFigure: true,
    isWide: true,
    by: (row) => row.figures.AccruedCash,
    cell: (row) => <Figure of={row.figures.AccruedCash} />,
    hint: "AccruedCash: interest that is due and not yet booked",
  },
  {
    name: "dividends",
    title: "Dividends",
    isFigure: true,
    isWide: true,
    by: (row) => row.figures.NetDividend,
    cell: (row) => <Figure of={row.figures.NetDividend} />,
    hint: "NetDividend: dividends that are due and not yet booked",
  },
];

export function CashOfAccount({ report, base }: { report: Report; base: string }) {
  const { rows, total } = ledgersOf(report);
  const net = total?.figures.NetLiquidationByCurrency ?? null;
  const span = { from: report.Timestamp, to: report.Timestamp };
  const to = (format: "csv" | "parquet") =>
    address(`v1/accounts/${part(report.AccountCode)}/ledger`, { ...span, ready: "any", format });
  const columns = ledgerColumns(report, base, net);
  return (
    <Panel title="Cash by currency" tools={<Exports to={to} name={`${report.AccountCode}-cash`} />}>
      {rows.length === 0 ? (
        <Empty>The report has no ledger.</Empty>
      ) : (
        <Table
          label="Cash by currency"
          columns={columns}
          rows={rows.sort((a, b) => compare(b.base ?? "0", a.base ?? "0"))}
          keyOf={(row) => row.currency}
          foot={
            total ? (
              <tr>
                <td>All</td>
                <td />
                <td class="right">
                  <Figure of={total.figures.TotalCashBalance} note="as IB adds it up" />
                </td>
                <td class="right">
                  <Figure of={net ? ratio(total.figures.TotalCashBalance ?? "0", net, 8) : null} as="percent" />
                </td>
                <td class="roomy" />
                <td class="right roomy">
                  <Figure of={total.figures.AccruedCash} />
                </td>
                <td class="right roomy">
                  <Figure of={total.figures.NetDividend} />
                </td>
              </tr>
            ) : null
          }
        />
      )}
    </Panel>
  );
}

export function CashOfAll({ overview, rates, currency }: { overview: Overview; rates: Rates; currency: string }) {
  const inShown = (row: OverviewRow) => converted(row.Cash, rates.get(row.BaseCurrency ?? ""));
  const columns: Column<OverviewRow>[] = [
    {
      name: "account",
      title: "Account",
      by: (row) => row.AccountCode,
      cell: (row) => (
        <a href={href("positions", [row.AccountCode])} title={row.Alias ?? undefined}>
          {row.AccountCode}
        </a>
      ),
    },
    { name: "own", title: "Cash", isFigure: true, cell: (row) => <Figure of={row.Cash} unit={row.BaseCurrency} /> },
    {
      name: "shown",
      title: `Cash, ${currency}`,
      isFigure: true,
      by: inShown,
      cell: (row) => <Figure of={inShown(row)} />,
    },
  ];
  return (
    <Panel title="Cash by account">
      <Table
        label="Cash by account"
        columns={columns}
        rows={overview.Accounts}
        keyOf={(row) => row.AccountCode}
        foot={
          <tr>
            <td>{overview.Accounts.length} accounts</td>
            <td />
            <td class="right">
              <Figure of={summed(overview.Accounts.map(inShown))} />
            </td>
          </tr>
        }
      />
      <p class="soft">By currency: choose an account.</p>
    </Panel>
  );
}
