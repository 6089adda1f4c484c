/** One event, with everything that says where it is recorded, and how one can look for oneself. */

import type { ComponentChildren } from "preact";
import { address, getText } from "../../api/client";
import { parseLines, type Recorded } from "../../api/events";
import { Empty, Fact, Facts, Failure, Loading, Panel } from "../../components/basics";
import { Copyable } from "../../components/copyable";
import { Message } from "../../components/message";
import { add, compare, isFigure, subtract } from "../../figures";
import { moment, utc } from "../../format";
import { useAgain } from "../../ready";
import { href } from "../../route";
import { statementFor } from "./data";

const ONCE_S = 1e6;

export const eventAddress = (position: string): string =>
  address("v1/events", { after: subtract(position, "1"), limit: "1" });

/** When it arrived, with all digits in UTC, as recorded. */
const Arrived = ({ at }: { at: string }) => (
  <time dateTime={at} title={moment(at, true)}>
    {utc(at)}
  </time>
);

export function Record({ event, children }: { event: Recorded & { Sha256?: string }; children?: ComponentChildren }) {
  return (
    <Facts>
      <Fact name="Arrived" hint="When the recorder read it from the gateway's connection">
        <Arrived at={event.Timestamp} />
      </Fact>
      <Fact name="Position" hint="Its place among all events; it grows with every event and is never used again">
        <a href={href("sources", [], { event: event.Position })}>{event.Position}</a>
      </Fact>
      <Fact name="Session and version" hint="The connection to the gateway, and the how manieth event of it">
        <code title={event.Session}>…{event.Session.slice(-12)}</code> {event.Version}
      </Fact>
      {event.Sha256 ? (
        <Fact name="SHA-256 of what is stored" hint="Whoever changes a byte of it gets another one">
          <code>{event.Sha256}</code>
        </Fact>
      ) : null}
      {children}
    </Facts>
  );
}

/** How to look for oneself, beside this page. */
export function Check({ position, sha }: { position: string; sha?: string }) {
  return (
    <details class="check">
      <summary>Check it yourself</summary>
      <p>By the API, with a token that has the right “events”:</p>
      <Copyable label="the request" text={`curl -H "Authorization: Bearer $TOKEN" '${eventAddress(position)}'`} />
      <p>
        In Postgres,{" "}
        {sha ? "where the hash of the stored bytes must be the one above" : "with the hash of the stored bytes"}:
      </p>
      <Copyable label="the statement" text={statementFor(position)} />
      <p class="soft">
        A trigger of the table refuses to change or remove events, also for its owner. What is not claimed: nobody else
        has signed these bytes, and who owns the database server could replace it as a whole. A copy of the hash kept
        elsewhere tells.
      </p>
    </details>
  );
}

export function EventView({ position }: { position: string }) {
  const isSound = isFigure(position) && /^\d+$/.test(position);
  const found = useAgain(async (signal) => parseLines(await getText(eventAddress(position), signal)), ONCE_S, isSound);
  const [event] = found.data ?? [];
  if (!isSound) return <Empty>“{position}” is no position of an event.</Empty>;
  if (found.problem) return <Failure problem={found.problem} />;
  if (found.data === null) return <Loading what="the event" />;
  const isThere = event !== undefined && compare(event.Position, position) === 0;
  return (
    <Panel
      title={isThere ? event.Type : "No such event"}
      wide
      tools={
        <>
          {compare(position, "1") > 0 ? (
            <a href={href("sources", [], { event: subtract(position, "1") })}>‹ the one before</a>
          ) : null}
          <a href={href("sources", [], { event: add(position, "1") })}>the one after ›</a>
        </>
      }
    >
      {isThere ? (
        <>
          <Message event={event} />
          <Record event={event} />
          <Check position={position} />
        </>
      ) : (
        <Empty>
          There is no event at position {position}, or your token may not see it.
          {event ? (
            <>
              {" "}
              The next one that it sees is <a href={href("sources", [], { event: event.Position })}>{event.Position}</a>
              .
            </>
          ) : null}
        </Empty>
      )}
    </Panel>
  );
}
