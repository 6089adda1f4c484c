/** One execution, order or statement: all that is known of it, and where one goes from it. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { address, getText, part } from "../../api/client";
import { Empty, Fact, Facts, Figure, Panel, Time } from "../../components/basics";
import { type Column, Table } from "../../components/table";
import { useGet } from "../../data";
import { isFigure, subtract } from "../../figures";
import { change, href } from "../../route";
import { may } from "../../session";
import { nameOf } from "../holdings/types";
import { figure, proceeds, StatusBadge, Witnesses, words } from "./columns";
import type { Execution, Order, OrderState, Statement } from "./types";

const Close = () => (
  <button type="button" onClick={() => change({ row: null })}>
    Close
  </button>
);

interface Line {
  Position: number;
  Timestamp: string;
  Type: string;
  Message?: string[];
}

/** The event at a position, as the API writes it; null: the token may not see it. */
async function eventAt(account: string, position: string, signal: AbortSignal): Promise<Line | null> {
  const asked = { account, after: subtract(position, "1"), limit: "1" };
  const [line = ""] = (await getText(address("v1/events", asked), signal)).split("\n");
  const event = line === "" ? null : (JSON.parse(line) as Line);
  return event !== null && String(event.Position) === position ? event : null;
}

/** The gateway's messages that tell of an execution and of its commission. */
function useMessages(of: Execution): { lines: Line[]; why: string | null } {
  const [lines, setLines] = useState<Line[]>([]);
  const [why, setWhy] = useState<string | null>(null);
  const positions = may("events") ? [of.Position, of.CommissionPosition].filter(isFigure) : [];
  useEffect(() => {
    setLines([]);
    setWhy(null);
    const control = new AbortController();
    Promise.all(positions.map((each) => eventAt(of.AccountCode, each, control.signal))).then(
      (all) => setLines(all.filter((each) => each !== null)),
      (error: unknown) => control.signal.aborted || setWhy(String(error)),
    );
    return () => control.abort();
  }, [positions.join()]);
  return { lines, why };
}

/** The link to the statement of a row; its document is known by an id, which the list of statements has. */
function StatementLink({ of }: { of: Execution }) {
  const day = (of.Time ?? of.Received).slice(0, 10);
  const around = { from: shifted(day, -7), to: shifted(day, 7) };
  const url =
    of.Statement === null ? null : address("v1/statements", { account: of.AccountCode, ...around, limit: "10000" });
  const statements = useGet<Statement[]>(url);
  if (of.Statement === null) return <span class="soft">no statement has it yet</span>;
  const found = statements.data?.find((each) => each.Statement === of.Statement);
  if (found === undefined) return <>number {of.Statement}</>;
  return (
    <a href={href("sources", [of.AccountCode], { statement: found.Id })}>
      number {of.Statement}
      {found.To ? ", " : ""}
      {found.To ? <Time at={found.To} /> : null}
    </a>
  );
}

const shifted = (day: string, days: number): string =>
  new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);

/** What the two witnesses say otherwise, side by side. */
function Differences({ of }: { of: Execution }) {
  if (of.Differences === null) return null;
  const rows = Object.entries(of.Differences).map(([name, stated]) => ({ name, stated: String(stated) }));
  const own = of as unknown as Record<string, unknown>;
  const columns: Column<{ name: string; stated: string }>[] = [
    words("name", "Figure", (row) => row.name),
    words("gateway", "The gateway says", (row) => String(own[row.name] ?? "–")),
    words("statement", "The statement says", (row) => row.stated),
  ];
  return (
    <>
      <h3>Where the two witnesses differ</h3>
      <Table label="Differences" columns={columns} rows={rows} keyOf={(row) => row.name} />
    </>
  );
}

function Messages({ of }: { of: Execution }) {
  const { lines, why } = useMessages(of);
  if (of.Position === null) return null;
  if (!may("events")) return <p class="soft">To see the gateway's messages takes a token with the right “events”.</p>;
  return (
    <>
      <h3>The gateway's messages, as sent</h3>
      {why !== null ? <p class="state">{why}</p> : null}
      {lines.map((line) => (
        <p key={line.Position} class="wire">
          <a href={href("sources", [of.AccountCode], { event: String(line.Position) })}>Event {line.Position}</a>{" "}
          <code>{line.Message?.join(" · ")}</code>
        </p>
      ))}
    </>
  );
}

export function ExecutionDetail({ of }: { of: Execution }) {
  const order =
    of.PermId === null ? null : href("activity", [], { account: of.AccountCode, kind: "orders", row: of.PermId });
  return (
    <Panel title={`${of.Side === "BOT" ? "Bought" : "Sold"} ${nameOf(of)}`} wide tools={<Close />}>
      <Facts>
        <Fact name="Time">
          <Time at={of.Time} seconds />
        </Fact>
        <Fact name="Account">{of.AccountCode}</Fact>
        <Fact name="Size">
          <Figure of={of.Shares} as="digits" />
        </Fact>
        <Fact name="Price">
          <Figure of={of.Price} most={8} unit={of.CurrencyCode} />
        </Fact>
        <Fact name="Amount" hint="Size times price, times the multiplier; with a minus: paid">
          <Figure of={proceeds(of)} unit={of.CurrencyCode} />
        </Fact>
        <Fact name="Commission">
          <Figure of={of.Commission} most={6} unit={of.CommissionCurrency} why="not reported yet" />
        </Fact>
        <Fact name="Realised">
          <Figure of={of.RealizedPNL} change unit={of.CommissionCurrency} why="a position was opened" />
        </Fact>
        <Fact name="Exchange">{of.Exchange ?? "–"}</Fact>
        <Fact name="Execution">{of.ExecutionId ?? "–"}</Fact>
        <Fact name="Witnesses">
          <Witnesses of={of} />
        </Fact>
        <Fact name="Order">{order ? <a href={order}>{of.PermId}</a> : "not told"}</Fact>
        <Fact name="Position">
          {of.IbContractId ? <a href={href("position", [of.AccountCode, of.IbContractId])}>{nameOf(of)}</a> : "–"}
        </Fact>
        <Fact name="Statement">
          <StatementLink of={of} />
        </Fact>
        {of.Corrects.length > 0 ? <Fact name="Corrects">{of.Corrects.join(", ")}</Fact> : null}
        {of.Remarks.length > 0 ? <Fact name="Remarks">{of.Remarks.join(", ")}</Fact> : null}
      </Facts>
      <Differences of={of} />
      <Messages of={of} />
    </Panel>
  );
}

const stateColumns: Column<OrderState>[] = [
  words(
    "seen",
    "First seen",
    (row) => row.FirstSeen,
    (row) => <Time at={row.FirstSeen} seconds />,
  ),
  words(
    "last",
    "Last seen",
    (row) => row.LastSeen,
    (row) => <Time at={row.LastSeen} seconds />,
    { isWide: true },
  ),
  words("status", "Status", (row) => row.Status),
  figure(
    "filled",
    "Filled",
    (row) => row.Filled,
    (row) => <Figure of={row.Filled} as="digits" />,
  ),
  figure(
    "remaining",
    "Remaining",
    (row) => row.Remaining,
    (row) => <Figure of={row.Remaining} as="digits" />,
  ),
  figure(
    "average",
    "Average price",
    (row) => row.AvgFillPrice,
    (row) => <Figure of={row.AvgFillPrice} most={8} />,
    { isWide: true },
  ),
  figure(
    "size",
    "Size",
    (row) => row.TotalQuantity,
    (row) => <Figure of={row.TotalQuantity} as="digits" />,
    { isWide: true },
  ),
  words(
    "held",
    "Why held",
    (row) => row.WhyHeld,
    (row) => row.WhyHeld,
    { isWide: true },
  ),
];

/** The states of an order, of the row where it is here, else asked for by its id. */
export function OrderDetail({ account, permId, of }: { account: string; permId: string; of: Order | undefined }) {
  const isAsked = of === undefined && /^\d+$/.test(permId) && account !== "";
  const asked = useGet<OrderState[]>(
    isAsked ? address(`v1/accounts/${part(account)}/orders/states`, { permid: permId }) : null,
  );
  const states = of?.States ?? (asked.data === null ? null : [...asked.data].reverse());
  const event = of?.Position ?? states?.at(-1)?.Position;
  return (
    <Panel
      title={of ? `Order: ${(of.Action ?? "").toLowerCase()} ${nameOf(of)}` : `Order ${permId}`}
      wide
      tools={<Close />}
    >
      {of ? (
        <Facts>
          <Fact name="Status">
            <StatusBadge of={of} />
          </Fact>
          <Fact name="Account">{of.AccountCode ?? "–"}</Fact>
          <Fact name="Size">
            <Figure of={of.TotalQuantity} as="digits" />
          </Fact>
          <Fact name="Type">
            {of.OrderType} {of.Tif}
          </Fact>
          <Fact name="Average price" hint="Of what was filled">
            <Figure of={of.AvgFillPrice} most={8} unit={of.CurrencyCode} why="not told" />
          </Fact>
          <Fact name="IB's id" hint="PermId">
            {of.PermId ?? "not given yet"}
          </Fact>
          {of.OrderRef ? <Fact name="Reference">{of.OrderRef}</Fact> : null}
          {of.RejectReason ? <Fact name="Refused">{of.RejectReason}</Fact> : null}
          {of.CompletedStatus ? <Fact name="Ended">{of.CompletedStatus}</Fact> : null}
          {of.IbContractId && of.AccountCode ? (
            <Fact name="Position">
              <a href={href("position", [of.AccountCode, of.IbContractId])}>{nameOf(of)}</a>
            </Fact>
          ) : null}
        </Facts>
      ) : null}
      <h3>States that it was seen in</h3>
      {states === null ? (
        <Empty>Loading …</Empty>
      ) : states.length === 0 ? (
        <Empty>No state of this order is recorded: nothing was connected while it lived.</Empty>
      ) : (
        <Table label="States" columns={stateColumns} rows={states} keyOf={(row) => row.Ordinal} />
      )}
      {event ? (
        <p>
          <a href={href("sources", account === "" ? [] : [account], { event })}>
            The gateway's message of its last state
          </a>
        </p>
      ) : null}
    </Panel>
  );
}

const fact = (name: string, value: ComponentChildren, hint?: string) => (
  <Fact key={name} name={name} {...(hint ? { hint } : {})}>
    {value}
  </Fact>
);

export function StatementDetail({ of }: { of: Statement }) {
  return (
    <Panel title={`Statement ${of.Statement}`} wide tools={<Close />}>
      <Facts>
        {fact("Account", of.AccountCode)}
        {fact("From", <Time at={of.From} />)}
        {fact("To", <Time at={of.To} />)}
        {fact("Query", of.Query ?? "–")}
        {fact("Base currency", of.BaseCurrency ?? "–")}
        {fact("Generated", <Time at={of.Generated} seconds />)}
        {fact("Recorded", <Time at={of.Received} seconds />)}
        {fact("From where", `${of.Source ?? ""} ${of.Name ?? ""}`)}
        {fact("Rows", <Figure of={of.Elements} as="digits" />)}
        {fact("Document", <Figure of={of.Bytes} as="digits" unit="bytes" />, "Of all statements in it")}
        {fact("SHA-256", <code class="wire">{of.Sha256}</code>)}
      </Facts>
      <p>
        <a href={href("sources", [of.AccountCode], { statement: of.Id })}>What is recorded of it</a>
        {may("events") ? (
          <>
            {" "}
            ·{" "}
            <a href={address(`v1/statements/${part(of.Id)}/document`)} download={`${of.Id}.xml`}>
              The document, byte for byte
            </a>
          </>
        ) : null}
      </p>
    </Panel>
  );
}
