/** The figures of a report, to choose one whose messages are wanted. */

import { address, part } from "../../api/client";
import { Figure, Panel, Shown } from "../../components/basics";
import { type Column, Table } from "../../components/table";
import { useGet } from "../../data";
import { isFigure } from "../../figures";
import { change, href, type Route } from "../../route";
import type { Position, Report, Value } from "./data";

interface Row {
  key: string;
  name: string;
  detail: string;
  value: string;
  unit: string | null;
  href: string;
}

const rowOfValue =
  (code: string, time: string) =>
  (
    { Tag: tag, Segment: segment, Currency: currency, Value: value, ModelCode: model = null }: Value,
    index: number,
  ): Row => ({
    key: `v${index}`,
    name: tag,
    detail: [segment ? `segment ${segment}` : "", model ? `model ${model}` : ""].filter(Boolean).join(", "),
    value,
    unit: currency,
    href: href("sources", [code], { time, tag, segment, currency, model }),
  });

const rowOfPosition =
  (code: string, time: string) =>
  (position: Position, index: number): Row => ({
    key: `p${index}`,
    name: position.LocalSymbol || position.Symbol,
    detail: `position, ${position.SecurityType}`,
    value: position.MarketValue ?? "",
    unit: position.CurrencyCode,
    href: href("sources", [code], { time, contract: position.IbContractId }),
  });

const COLUMNS: readonly Column<Row>[] = [
  { name: "name", title: "Figure", cell: (row) => <a href={row.href}>{row.name}</a>, by: (row) => row.name },
  {
    name: "detail",
    title: "Of",
    cell: (row) => <span class="soft">{row.detail}</span>,
    by: (row) => row.detail,
  },
  {
    name: "value",
    title: "In the report",
    cell: (row) => (isFigure(row.value) ? <Figure of={row.value} as="digits" unit={row.unit} /> : row.value),
    by: (row) => row.value,
    isFigure: true,
  },
];

export function Choose({ code, time, route }: { code: string; time: string; route: Route }) {
  const report = useGet<Report>(address(`v1/accounts/${part(code)}/${part(time)}`));
  const wanted = (route.query.find ?? "").toLowerCase();
  return (
    <Panel
      title="Choose a figure of this report"
      wide
      tools={
        <label class="inline">
          Find
          <input
            type="search"
            value={route.query.find ?? ""}
            onInput={(event) => change({ find: event.currentTarget.value || null })}
          />
        </label>
      }
    >
      <Shown from={report} what="the report">
        {({ Values: values, Positions: positions }) => (
          <Table
            label="Figures of the report"
            columns={COLUMNS}
            rows={[...positions.map(rowOfPosition(code, time)), ...values.map(rowOfValue(code, time))].filter((row) =>
              `${row.name} ${row.detail} ${row.unit}`.toLowerCase().includes(wanted),
            )}
            keyOf={(row) => row.key}
          />
        )}
      </Shown>
    </Panel>
  );
}
