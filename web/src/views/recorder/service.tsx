/** The service: whether it answers, what is amiss in words, its tables and its spool; its instances and Flex queries. */

import { address, getText } from "../../api/client";
import { Empty, Fact, Facts, Failure, Figure, Loading, Missing, Panel, Shown, Time } from "../../components/basics";
import { type Column, Table } from "../../components/table";
import { useGet } from "../../data";
import { float, isFigure, sum } from "../../figures";
import { type Readiness, readiness, useAgain } from "../../ready";
import { isLimited, may } from "../../session";
import type { Instance, Query } from "./data";

const EVERY_S = 3;
const SLOWLY_S = 10;
const REBUILT = /has done ([\d,]+) of ([\d,]+) events/;

/** The series of the metrics: `name` and `name{labels}` to the value's text. */
export function parseMetrics(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const space = line.lastIndexOf(" ");
    if (!line.startsWith("#") && space > 0) found.set(line.slice(0, space), line.slice(space + 1));
  }
  return found;
}

/** The sum over a metric's series; null: it has none that is a number. */
export function total(metrics: ReadonlyMap<string, string>, name: string, label = ""): string | null {
  const values = [...metrics]
    .filter(([key]) => (key === name || key.startsWith(`${name}{`)) && key.includes(label))
    .map(([, value]) => value)
    .filter(isFigure);
  return values.length === 0 ? null : sum(values);
}

/** Tables that are being made pass by themselves. */
function toneOf({ Ready: isReady, Reasons: reasons }: Readiness): string {
  if (reasons.length === 0) return "good";
  return !isReady && reasons.every((each) => /rebuild|being created|not there yet/.test(each)) ? "note" : "bad";
}

function Reason({ text }: { text: string }) {
  const [, done = "", total = ""] = REBUILT.exec(text) ?? [];
  const [now, all] = [Number(done.replaceAll(",", "")), Number(total.replaceAll(",", ""))];
  return (
    <li>
      {text}
      {all > 0 ? <progress value={now} max={all} aria-label="Progress of the rebuild" /> : null}
    </li>
  );
}

function bytes(text: string | null): string {
  const value = float(text);
  if (value === null || Number.isNaN(value)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${(value / 1000 ** step).toLocaleString(undefined, { maximumFractionDigits: 1 })} ${units[step]}`;
}

const Count = ({ of }: { of: string | null }) => <Figure of={of} as="digits" most={0} />;

function Measured({ metrics }: { metrics: ReadonlyMap<string, string> }) {
  const value = (name: string, label?: string) => total(metrics, `ibconnect_${name}`, label);
  return (
    <Facts>
      <Fact name="Events recorded" hint="Since this process was started">
        <Count of={value("events_recorded_total")} />
      </Fact>
      <Fact name="Waiting in the spool" hint="Recorded on disk, and not yet in Postgres">
        {bytes(value("spool_bytes"))} <span class="soft">of {bytes(value("spool_max_bytes"))}</span>
      </Fact>
      <Fact name="Tables behind by" hint="Events that are stored and not yet in the tables that the page reads">
        <Count of={value("projection_lag_events")} /> <span class="soft">events</span>
      </Fact>
      <Fact name="Set aside" hint="Events that no table can hold: they are kept, and left out of the tables">
        <Count of={value("projection_poison_events")} />
      </Fact>
      <Fact name="Refused by Postgres" hint="Kept as files in the spool">
        <Count of={value("events_refused_total")} />
      </Fact>
      <Fact name="Messages lost" hint="Those that came while the spool was full">
        <Count of={value("messages_lost_total")} />
      </Fact>
      <Fact name="Snapshots" hint="Reports made since this process was started">
        <Count of={value("snapshots_total")} />
      </Fact>
      <Fact name="Connections" hint="To the gateways, since this process was started">
        <Count of={value("gateway_connects_total")} />
      </Fact>
    </Facts>
  );
}

const metricsNow = async (signal: AbortSignal) => parseMetrics(await getText(address("metrics"), signal));

export function Service() {
  const ready = useAgain(readiness, EVERY_S);
  const metrics = useAgain(metricsNow, EVERY_S, may("metrics"));
  return (
    <Panel title="Service">
      {ready.problem ? <Failure problem={ready.problem} /> : null}
      {ready.data === null && ready.problem === null ? <Loading what="its state" /> : null}
      {ready.data && !ready.problem ? (
        <div class={`verdict ${toneOf(ready.data)}`} role="status">
          <p>
            <span class="dot" aria-hidden="true" />
            {ready.data.Reasons.length === 0
              ? "Everything runs, and all tables are up to date."
              : ready.data.Ready
                ? "It answers, and something is amiss:"
                : "It cannot answer everything now; recording goes on:"}
          </p>
          <ul>
            {ready.data.Reasons.map((text) => (
              <Reason key={text} text={text} />
            ))}
          </ul>
        </div>
      ) : null}
      {metrics.data ? <Measured metrics={metrics.data} /> : null}
      {may("metrics") ? null : <p class="soft">Its measurements take the right “metrics”.</p>}
    </Panel>
  );
}

const INSTANCES: readonly Column<Instance>[] = [
  { name: "instance", title: "Instance", cell: (row) => row.Instance, by: (row) => row.Instance },
  {
    name: "alive",
    title: "State",
    cell: (row) => (row.Alive ? "runs" : <strong class="negative-text">silent</strong>),
    by: (row) => String(row.Alive),
    hint: "Whether it has said within 15 seconds that it is there",
  },
  { name: "roles", title: "Does", cell: (row) => (row.Roles ?? ["record", "project", "api"]).join(", ") },
  {
    name: "version",
    title: "Version",
    cell: (row) => row.Version ?? <Missing why="an earlier version" />,
    isWide: true,
  },
  { name: "since", title: "Since", cell: (row) => <Time at={row.Since} as="age" />, by: (row) => row.Since },
];

export function Instances() {
  const instances = useGet<Instance[]>(address("v1/instances"), { every: SLOWLY_S });
  return (
    <Panel title="Instances">
      <Shown from={instances} what="instances">
        {(all) =>
          all.length === 0 ? (
            <Empty>
              {isLimited()
                ? "Your token is limited to accounts, and sees no instances."
                : "No instance of ibconnect was alive within the last day."}
            </Empty>
          ) : (
            <Table label="Instances of ibconnect" columns={INSTANCES} rows={all} keyOf={(row) => row.Instance} />
          )
        }
      </Shown>
    </Panel>
  );
}

function Tried({ query }: { query: Query }) {
  if (query.Error === null && query.Failures === "0")
    return query.LastSuccess === null ? <span class="soft">not yet fetched</span> : <>fetched</>;
  return (
    <>
      <strong class="negative-text">
        failed {query.Failures} {query.Failures === "1" ? "time" : "times"}
      </strong>{" "}
      {query.FailingSince ? (
        <>
          since <Time at={query.FailingSince} />
        </>
      ) : null}
      <br />
      {query.Code ? <code>{query.Code}</code> : null} {query.Error}
    </>
  );
}

const QUERIES: readonly Column<Query>[] = [
  {
    name: "name",
    title: "Query",
    cell: (row) => <span title={`Id ${row.Query}`}>{row.Name}</span>,
    by: (row) => row.Name,
  },
  { name: "state", title: "State", cell: (row) => <Tried query={row} /> },
  {
    name: "upto",
    title: "Covers days to",
    cell: (row) => <Time at={row.UpTo} />,
    by: (row) => row.UpTo,
    hint: "Deposits, withdrawals and closing values are known up to this day",
  },
  { name: "got", title: "Last", cell: (row) => <Time at={row.LastSuccess} as="age" />, by: (row) => row.LastSuccess },
  { name: "due", title: "Next", cell: (row) => <Time at={row.NextDue} as="age" />, by: (row) => row.NextDue },
];

export function Queries() {
  const queries = useGet<Query[]>(address("v1/statements/queries"), { every: SLOWLY_S });
  return (
    <Panel title="Flex statements">
      <Shown from={queries} what="queries">
        {(all) =>
          all.length === 0 ? (
            <Empty>
              {isLimited() ? (
                "Your token is limited to accounts, and sees no queries: one may hold any account."
              ) : (
                <>
                  No Flex query is fetched by schedule. Statements tell deposits, withdrawals and the years before: set{" "}
                  <code>FLEX_TOKEN</code> and <code>FLEX_QUERIES</code>, or import files by{" "}
                  <code>ibconnect statements import</code>.
                </>
              )}
            </Empty>
          ) : (
            <Table label="Flex queries" columns={QUERIES} rows={all} keyOf={(row) => row.Query} />
          )
        }
      </Shown>
    </Panel>
  );
}
