/** Where a figure comes from: the gateway's messages that it was made of; also one event, or one Flex statement. */

import { address, part } from "../api/client";
import { Empty, Failure, Loading } from "../components/basics";
import { useGet } from "../data";
import { href, type Route } from "../route";
import { may } from "../session";
import type { ViewProps } from "./registry";
import { Choose } from "./sources/choose";
import { EventView } from "./sources/event";
import { FigureView } from "./sources/figure";
import { StatementView } from "./sources/statement";

/** The report that is meant: as the address says, else the newest by the moment that the page shows. */
function OfReport({ code, route }: { code: string; route: Route }) {
  const { time, at, tag, contract, all } = route.query;
  const newest = useGet<string[]>(
    time ? null : address(`v1/accounts/${part(code)}/snapshots`, { to: at ?? null, limit: "1" }),
  );
  const meant = time ?? newest.data?.[0];
  if (meant === undefined) {
    if (newest.problem) return <Failure problem={newest.problem} onRetry={newest.reload} />;
    if (newest.data !== null) return <Empty>There is no report of {code} by this moment.</Empty>;
    return <Loading what="the report" />;
  }
  if (tag || contract || all) return <FigureView code={code} time={meant} route={route} />;
  return (
    <>
      <Choose code={code} time={meant} route={route} />
      <p>
        <a href={href("sources", [code], { time: meant, all: "yes" })}>All messages of this report, in their order</a>
      </p>
    </>
  );
}

function Body({ route }: ViewProps) {
  const [code] = route.args;
  const { event, statement } = route.query;
  if (statement) return <StatementView id={statement} />;
  if (!may("events"))
    return (
      <Empty>
        <strong>Your token may not see the gateway's messages.</strong>
        <p>
          That takes the right “events”, as a message may say more than a figure. Whoever runs this service can give you
          a token that has it.
        </p>
      </Empty>
    );
  if (event) return <EventView key={event} position={event} />;
  if (code) return <OfReport code={code} route={route} />;
  return <Empty>Choose an account in the field at the top, then a figure.</Empty>;
}

export default function SourcesView({ route }: ViewProps) {
  const [code] = route.args;
  return (
    <>
      <div class="title">
        <h1>{route.query.event ? "An event" : route.query.statement ? "A statement" : "Where a figure comes from"}</h1>
        {code ? <a href={href("account", [code])}>{code}</a> : null}
      </div>
      <Body route={route} />
    </>
  );
}
