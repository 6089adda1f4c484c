/** What a new user sees before the first account is known: what is missing, and what to do. */

import { address } from "../../api/client";
import { Panel } from "../../components/basics";
import { useGet } from "../../data";
import type { Gateway } from "../recorder/data";

export function Begin() {
  const { data: gateways } = useGet<Gateway[]>(address("v1/gateways"), { every: 3 });
  const connected = gateways?.find((each) => each.Connected);
  const away = gateways?.filter((each) => !each.Connected) ?? [];
  return (
    <Panel title={connected ? "The first snapshot is on its way" : "Nothing is recorded yet"}>
      {connected ? (
        <p>
          {connected.Gateway} is connected. Its accounts are asked for at once; the first figures are here within a
          minute, and this page shows them by itself.
        </p>
      ) : (
        <>
          {away.map((each) => (
            <p key={each.Gateway} class="state stale">
              {each.Gateway}: {each.Detail ?? each.State}
            </p>
          ))}
          <ol class="how">
            <li>
              Start IB Gateway or TWS and log in. It opens its port only then, and asks for two-factor login about once
              a week.
            </li>
            <li>
              In its settings, under <em>API → Settings</em> (Gateway: <em>Configure → Settings</em>, TWS:{" "}
              <em>Edit → Global Configuration</em>), tick <strong>Read-Only API</strong>; before 10.41 also{" "}
              <strong>Enable ActiveX and Socket Clients</strong>. From another machine, add it to the{" "}
              <strong>Trusted IPs</strong>.
            </li>
            <li>
              Set <code>IB_GW</code> to its address and start the service:{" "}
              <code>IB_GW=127.0.0.1:4002 ibconnect serve</code>. Ports: 4001 live Gateway, 4002 paper; TWS 7496 and
              7497; in the container 4003 and 4004.
            </li>
            <li>
              Years before today: <code>ibconnect statements import</code> records Flex statements of IBKR.
            </li>
          </ol>
          <p class="soft">
            <code>ibconnect check</code> says for each part what is wrong and what to do. This page looks again by
            itself.
          </p>
        </>
      )}
    </Panel>
  );
}
