/** Where a figure comes from: the gateway's messages that it was made of; also one event, or one Flex statement. */

import { useEffect, useState } from "preact/hooks";
import { address, part } from "../api/client";
import { Empty, Failure, Loading } from "../components/basics";
import { useGet } from "../data";
import { href, type Route } from "../route";
import { may } from "../session";
import { momentOf } from "../snapshots";
import type { ViewProps } from "./registry";
import { Choose } from "./sources/choose";
import { EventView } from "./sources/event";
import { FigureView } from "./sources/figure";
import { StatementView } from "./sources/statement";

/** The report that is meant: as the address says, else the one that the other views show of the moment. */
function OfReport({ code, route, moment }: { code: string; route: Route; moment: string | undefined }) {
  const { time, at, tag, contract, all } = route.query;
  const shown = useGet<{ Timestamp: string }>(
    time ? null : address(`v1/accounts/${part(code)}/as-of/${part(at ?? "now")}`),
  );
  const meant = time ?? shown.data?.Timestamp;
  if (meant === undefined) {
    if (shown.problem?.code === "unknown-snapshot") return <Empty>There is no report of {code} by this moment.</Empty>;
    if (shown.problem) return <Failure problem={shown.problem} onRetry={shown.reload} />;
    return <Loading what="the report" />;
  }
  if (tag || contract || all) return <FigureView code={code} time={meant} route={route} moment={moment} />;
  return (
    <>
      <Choose code={code} time={meant} route={route} />
      <p>
        <a href={href("sources", [code], { time: meant, all: "yes" })}>All messages of this report, in their order</a>
      </p>
    </>
  );
}

function Body({ route, moment }: ViewProps & { moment: string | undefined }) {
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
  if (code) return <OfReport code={code} route={route} moment={moment} />;
  return <Empty>Choose an account in the field at the top, then a figure.</Empty>;
}

/** The moment at which the other views show the report that the address names; undefined: it is not known yet. */
function useMoment({ args: [code], query: { time, at } }: Route): string | undefined {
  const [known, set] = useState<{ of: string; moment: string }>();
  const of = `${code}/${time}`;
  useEffect(() => {
    if (code === undefined || !time || !may("events")) return;
    let isOurs = true;
    momentOf(code, time).then(
      (moment) => isOurs && set({ of, moment }),
      // The links then lead to the moment that is shown.
      () => undefined,
    );
    return () => {
      isOurs = false;
    };
  }, [of]);
  return known?.of === of ? known.moment : at;
}

export default function SourcesView({ route }: ViewProps) {
  const [code] = route.args;
  const moment = useMoment(route);
  return (
    <>
      <div class="title">
        <h1>{route.query.event ? "An event" : route.query.statement ? "A statement" : "Where a figure comes from"}</h1>
        {code ? <a href={href("account", [code], { at: moment })}>{code}</a> : null}
      </div>
      <Body route={route} moment={moment} />
    </>
  );
}
