/** What is happening now: gateways, refreshes, the service and its parts, and the events as they come. */

import { Gateways } from "./recorder/gateways";
import { Instances, Queries, Service } from "./recorder/service";
import { Stream } from "./recorder/stream";
import type { ViewProps } from "./registry";

export default function Recorder({ route }: ViewProps) {
  return (
    <>
      <div class="title">
        <h1>Recorder</h1>
        {route.query.at ? (
          <span class="soft">The recorder is always shown as it is now, whatever moment is set.</span>
        ) : null}
      </div>
      <Gateways />
      <div class="grid">
        <Service />
        <div class="side">
          <Instances />
          <Queries />
        </div>
      </div>
      <Stream route={route} />
    </>
  );
}
