/** The gateways: each with its state, its last refresh, and what is wrong with it in words. */

import { useState } from "preact/hooks";
import { address, get, Problem } from "../../api/client";
import { Empty, Fact, Facts, Panel, Shown, Time } from "../../components/basics";
import { type Loaded, useGet } from "../../data";
import { float } from "../../figures";
import { wait } from "../../format";
import { href } from "../../route";
import { may } from "../../session";
import {
  type Account,
  type Conflict,
  type Gateway,
  isRunning,
  isWell,
  outcomeOf,
  type Refresh,
  type Result,
  refusalOf,
  resultOf,
  stateOf,
  whyOf,
} from "./data";

const EVERY_S = 2;
const SHOWN = 8;

function Progress({ refresh }: { refresh: Refresh }) {
  const [done, total] = [float(refresh.Done) ?? 0, float(refresh.Total) ?? 0];
  const time = refresh.SecondsLeft === null ? "" : wait(refresh.SecondsLeft);
  const left = time === "" ? "" : `, about ${time} left`;
  return (
    <div class="progress">
      <progress value={done} max={total || 1} aria-label="Progress of the refresh" />
      <span>
        {refresh.Done ?? "0"} of {refresh.Total ?? "?"} accounts{left}
      </span>
    </div>
  );
}

function Missing({ missing }: { missing: Refresh["Missing"] }) {
  const all = Object.entries(missing);
  if (all.length === 0) return null;
  return (
    <div class="whys">
      <h4>No figures that can be relied on</h4>
      <ul>
        {all.slice(0, SHOWN).map(([code, why]) => (
          <li key={code}>
            <a href={href("account", [code])}>{code}</a>: {why}
          </li>
        ))}
      </ul>
      {all.length > SHOWN ? <p class="soft">and {all.length - SHOWN} more accounts</p> : null}
    </div>
  );
}

function Conflicts({ all }: { all: readonly Conflict[] }) {
  if (all.length === 0) return null;
  return (
    <div class="whys">
      <h4>Accounts that belong to another gateway</h4>
      <p class="soft">
        This gateway lists them too. What it says of them is recorded, and shown only where one asks for it.
      </p>
      <ul>
        {all.slice(0, SHOWN).map((each) => (
          <li key={each.AccountCode}>
            {each.AccountCode}: of {each.Owners.join(", ")}
            {each.Pinned ? " (as IB_GW says)" : ""}
          </li>
        ))}
      </ul>
      {all.length > SHOWN ? <p class="soft">and {all.length - SHOWN} more</p> : null}
    </div>
  );
}

function LastRefresh({ refresh }: { refresh: Refresh | null }) {
  if (refresh === null) return <p class="soft">It has not been asked for figures yet.</p>;
  if (isRunning(refresh)) return <Progress refresh={refresh} />;
  const whose = refresh.Scope === "all" ? "all accounts" : `${refresh.Total ?? "some"} of its accounts`;
  return (
    <p>
      Last refresh, of {whose}: <strong>{outcomeOf(refresh)}</strong>{" "}
      <Time at={refresh.Ended ?? refresh.Created} as="age" />
      {refresh.Detail ? <span class="soft"> ({refresh.Detail})</span> : null}
    </p>
  );
}

function Card({ gateway }: { gateway: Gateway }) {
  const why = whyOf(gateway);
  return (
    <article class={isWell(gateway) ? "gateway good" : "gateway bad"} aria-label={`Gateway ${gateway.Gateway}`}>
      <h3>
        <span class="dot" aria-hidden="true" />
        {gateway.Gateway} <span class="state-word">{stateOf(gateway)}</span>
      </h3>
      {why ? <p class="why">{why}</p> : null}
      <LastRefresh refresh={gateway.LastRefresh} />
      <Missing missing={gateway.LastRefresh?.Missing ?? {}} />
      <Facts>
        <Fact name={isWell(gateway) ? "Connected" : "In this state"} hint="Since when">
          <Time at={gateway.Since} as="age" />
        </Fact>
        <Fact name="Recorded by" hint="The instance that leads this gateway">
          {gateway.Leader ?? "nobody"}
        </Fact>
        <Fact name="Server version" hint="The version of IB's protocol that the gateway speaks">
          {gateway.ServerVersion ?? "–"}
        </Fact>
        <Fact name="Session" hint="The recorder's stream of events of this connection">
          {gateway.Session ? <code title={gateway.Session}>…{gateway.Session.slice(-8)}</code> : "none"}
        </Fact>
      </Facts>
      {gateway.LastNotice ? (
        <p class="notice">
          <span class="soft">Last notice of IB,</span> <Time at={gateway.LastNotice.At} as="age" />
          <span class="soft">:</span> <code>{gateway.LastNotice.Code}</code> {gateway.LastNotice.Text}
        </p>
      ) : null}
      <Conflicts all={gateway.Conflicts} />
    </article>
  );
}

/** Ask the gateways for newer figures, and say what came. */
function RefreshNow({ reload }: { reload: () => void }) {
  const [isBusy, busy] = useState(false);
  const [result, say] = useState<Result | null>(null);
  const ask = async () => {
    busy(true);
    say(null);
    const gateways = () => get<Gateway[]>(address("v1/gateways")).then((answer) => answer.data);
    try {
      const before = await gateways();
      const answer = await get<Account[]>(address("v1/accounts"), { headers: { "Cache-Control": "max-age=0" } });
      say(resultOf(before, await gateways(), answer.incomplete));
    } catch (error) {
      say(refusalOf(error instanceof Problem ? error : new Problem(0, "", String(error), "")));
    }
    busy(false);
    reload();
  };
  const isAllowed = may("refresh");
  return (
    <div class="refresh-now">
      <p role="status" class={result ? `result ${result.tone}` : "result"}>
        {isBusy ? "Asking the gateways …" : result?.text}
        {result && result.whys.length > 0 ? (
          <span class="reasons">
            {result.whys.map((why) => (
              <span key={why}>{why}</span>
            ))}
          </span>
        ) : null}
        {!isAllowed ? <span class="soft">This token may not ask for a refresh (right “refresh”).</span> : null}
      </p>
      <button type="button" class="primary" disabled={isBusy || !isAllowed} onClick={() => void ask()}>
        {isBusy ? "Refreshing …" : "Refresh now"}
      </button>
    </div>
  );
}

const NoGateway = () => (
  <Empty>
    <strong>No gateway is set up.</strong>
    <p>
      Start IB Gateway or TWS with its API switched on, and tell the service where it listens:{" "}
      <code>IB_GW=127.0.0.1:4002</code>, then <code>ibconnect serve</code>. <code>ibconnect check</code> says what is in
      the way.
    </p>
  </Empty>
);

export function Gateways() {
  const gateways: Loaded<Gateway[]> = useGet<Gateway[]>(address("v1/gateways"), { every: EVERY_S });
  return (
    <Panel title="Gateways" wide tools={<RefreshNow reload={gateways.reload} />}>
      <Shown from={gateways} what="gateways">
        {(all) =>
          all.length === 0 ? (
            <NoGateway />
          ) : (
            <div class="gateways">
              {all.map((gateway) => (
                <Card key={gateway.Gateway} gateway={gateway} />
              ))}
            </div>
          )
        }
      </Shown>
    </Panel>
  );
}
