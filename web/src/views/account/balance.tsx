/** All figures of the account as a whole, each with what it means and a way to the messages that it was made of. */

import type { Exact } from "../../api/json";
import type { components } from "../../api/schema";
import { Empty, Exports, Figure, Panel } from "../../components/basics";
import { type Column, Table } from "../../components/table";
import { Traced } from "../../components/traced";
import { useGet } from "../../data";
import { isFigure } from "../../figures";
import { href } from "../../route";
import { may } from "../../session";
import { type Asked, of } from "./asking";
import { amountOf, type Report } from "./report";

type Tag = Exact<components["schemas"]["Tag"]>;

/** Of the ledger, all currencies together. */
const OF_LEDGER = "TotalCashBalance";

interface Line {
  tag: string;
  value: string | null;
  unit: string | null;
  about: Tag | undefined;
}

/** `NetLiquidation` as words: `Net liquidation`; abbreviations stay. */
const spoken = (tag: string): string =>
  tag
    .replace(/Maint(?=Margin)/, "Maintenance")
    .replace(/Init(?=Margin)/, "Initial")
    .replace(/Req$/, "Requirement")
    .replace(/([a-z])([A-Z])/g, (_, before: string, after: string) => `${before} ${after.toLowerCase()}`);

function columnsOf(report: Report): Column<Line>[] {
  return [
    {
      name: "tag",
      title: "Figure",
      by: (line) => line.tag,
      cell: (line) => <span title={`IB calls it ${line.tag}`}>{spoken(line.tag)}</span>,
    },
    {
      name: "value",
      title: "Value",
      isFigure: true,
      by: (line) => line.value,
      cell: ({ tag, value, unit }) => (
        <Traced
          code={report.AccountCode}
          time={report.Timestamp}
          tag={tag}
          {...(tag === OF_LEDGER ? { currency: "BASE" } : {})}
        >
          {isFigure(value) ? (
            <Figure of={value} as={unit === null ? "digits" : "money"} most={unit === null ? 12 : 4} unit={unit} />
          ) : (
            (value ?? <Figure of={null} why="IB did not send it" />)
          )}
        </Traced>
      ),
    },
    {
      name: "meaning",
      title: "What it means",
      isWide: true,
      cell: ({ about }) => <span class="soft meaning">{about?.Meaning}</span>,
    },
  ];
}

export function Balance({ report, asked }: { report: Report; asked: Asked }) {
  const { data } = useGet<{ Tags: Tag[] }>(of(asked.code, "tags", {}));
  const lines: Line[] = Object.keys(report.Balance).map((tag) => {
    const { unit, digits: value } = amountOf(report, tag);
    const level = tag === OF_LEDGER ? "ledger" : "account";
    return { tag, value, unit, about: data?.Tags.find((each) => each.Tag === tag && each.Level === level) };
  });
  // As many as one request for a history may ask for.
  const figures = lines.filter((line) => line.unit !== null || line.tag === "Cushion").map((line) => line.tag);
  return (
    <Panel
      title="Balance"
      wide
      tools={
        <>
          {may("events") ? (
            <a href={href("sources", [asked.code], { time: report.Timestamp })}>All messages of this snapshot</a>
          ) : null}
          <Exports
            name={`${asked.code}-balance`}
            to={(format) =>
              of(asked.code, "history", {
                tag: figures.join(","),
                from: report.Timestamp,
                to: report.Timestamp,
                ready: "any",
                format,
              })
            }
          />
        </>
      }
    >
      {lines.length === 0 ? (
        <Empty>IB sent no figures in this snapshot.</Empty>
      ) : (
        <Table label="Figures of the balance" columns={columnsOf(report)} rows={lines} keyOf={(line) => line.tag} />
      )}
      {may("events") ? (
        <p class="soft">Each figure leads to the gateway’s messages that it was made of, as they were sent.</p>
      ) : null}
    </Panel>
  );
}
