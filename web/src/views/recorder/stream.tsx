/** What is recorded, as it comes: the newest events, by type and account; each opens as it was stored. */

import { memo } from "preact/compat";
import { useCallback, useState } from "preact/hooks";
import { address } from "../../api/client";
import type { Recorded } from "../../api/events";
import { Empty, Failure, Panel } from "../../components/basics";
import { EventLine } from "../../components/event-line";
import { Message } from "../../components/message";
import { useGet } from "../../data";
import { change, href, type Route } from "../../route";
import { may } from "../../session";
import type { Account } from "./data";
import { MOST, type Tail, useTail } from "./tail";
import { KINDS } from "./words";

const Line = memo(function Line({ event, onOpen }: { event: Recorded; onOpen: () => void }) {
  return (
    <EventLine
      event={event}
      onOpen={onOpen}
      whole={() => (
        <>
          <Message event={event} />
          <p>
            <a href={href("sources", [], { event: event.Position })}>Event {event.Position}: where it is recorded</a>
          </p>
        </>
      )}
    />
  );
});

const STATES: Record<Tail["state"], string> = {
  connecting: "Connecting …",
  live: "Live",
  paused: "Paused: what comes meanwhile is read when it goes on",
  lost: "The stream broke: it is taken up again where it ended",
};

function Filters({ route }: { route: Route }) {
  const accounts = useGet<Account[]>(address("v1/accounts"));
  const { type = "", account = "" } = route.query;
  const isOwn = !KINDS.some(([types]) => types === type);
  return (
    <>
      <label class="inline">
        Account
        <select
          aria-label="Account"
          value={account}
          onChange={(event) => change({ account: event.currentTarget.value || null })}
        >
          <option value="">all</option>
          {(accounts.data ?? []).map((each) => (
            <option key={each.AccountCode} value={each.AccountCode}>
              {each.AccountCode}
            </option>
          ))}
        </select>
      </label>
      <label class="inline">
        Kind
        <select
          aria-label="Kind"
          value={type}
          onChange={(event) => change({ type: event.currentTarget.value || null })}
        >
          {KINDS.map(([types, title]) => (
            <option key={title} value={types}>
              {title}
            </option>
          ))}
          {isOwn ? <option value={type}>{type}</option> : null}
        </select>
      </label>
    </>
  );
}

function Events({ route }: { route: Route }) {
  const [isPaused, pause] = useState(false);
  // A message that is read must not be pushed out by those that come.
  const stop = useCallback(() => pause(true), []);
  const { type, account } = route.query;
  const tail = useTail({ type, account }, isPaused);
  return (
    <Panel
      title="Events, as they come"
      wide
      tools={
        <>
          <Filters route={route} />
          <button type="button" aria-pressed={isPaused} onClick={() => pause(!isPaused)}>
            {isPaused ? "Go on" : "Pause"}
          </button>
        </>
      }
    >
      <p class={`stream-state ${tail.state}`} role="status">
        <span class="dot" aria-hidden="true" />
        {STATES[tail.state]}
        <span class="soft">
          {tail.events.length > 0 ? `newest first, ${tail.events.length} of at most ${MOST} kept` : ""}
        </span>
      </p>
      {tail.problem ? <Failure problem={tail.problem} /> : null}
      {tail.events.length === 0 ? (
        tail.state === "live" ? (
          <Empty>Nothing came within the last half minute. New events appear here by themselves.</Empty>
        ) : null
      ) : (
        <ol class="events" aria-label="Events, newest first">
          {tail.events.map((event) => (
            <Line key={event.Position} event={event} onOpen={stop} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

export function Stream({ route }: { route: Route }) {
  if (may("events")) return <Events route={route} />;
  return (
    <Panel title="Events, as they come" wide>
      <Empty>This token may not see the gateway's messages (right “events”).</Empty>
    </Panel>
  );
}
