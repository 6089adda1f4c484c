/** A figure of a report, and the messages that it was made of; the one that holds says the report's very text. */

import { address, part } from "../../api/client";
import { Empty, Figure, Panel, Shown, Time } from "../../components/basics";
import { EventLine } from "../../components/event-line";
import { Message } from "../../components/message";
import { useGet } from "../../data";
import { isFigure } from "../../figures";
import { change, href, type Route } from "../../route";
import { nameOf, placesOf, QUERY, type Source, type Sources, type Tags } from "./data";
import { Check, Record } from "./event";

const PAGE = "100";

function Card({ source, from }: { source: Source; from: Sources }) {
  return (
    <article class={source.Holds ? "source holds" : "source"} aria-label={`Event ${source.Position}`}>
      <h3>
        {source.Type}
        {source.Holds ? (
          <span class="holding">this one stands in the report</span>
        ) : (
          <span class="holding off">came before</span>
        )}
      </h3>
      <Message event={source} marked={placesOf(source, from.Figure)} />
      <Record event={source} />
      <Check position={source.Position} sha={source.Sha256} />
    </article>
  );
}

/** Of one figure what holds comes first; of a whole report all come as they were stored. */
const inOrder = ({ Figure: figure, Sources: all }: Sources): Source[] =>
  figure === null ? all : [...all.filter((each) => each.Holds), ...all.filter((each) => !each.Holds)];

/** Of a whole report a line each, of one figure a card each. */
function All({ from }: { from: Sources }) {
  if (from.Figure !== null)
    return (
      <div class="sources">
        {inOrder(from).map((source) => (
          <Card key={source.Position} source={source} from={from} />
        ))}
      </div>
    );
  return (
    <ol class="events whole" aria-label="Messages in the order of the store">
      {from.Sources.map((source) => (
        <EventLine
          key={source.Position}
          event={source}
          mark={
            source.Holds ? (
              <span class="mark-holds" title="This one stands in the report">
                ✓<span class="hidden"> this one stands in the report</span>
              </span>
            ) : null
          }
          whole={() => <Card source={source} from={from} />}
        />
      ))}
    </ol>
  );
}

function Value({ from }: { from: Sources }) {
  const value = from.Figure?.Value;
  if (from.Figure === null) return null;
  if (value == null) return <p class="soft">The report has no single text for this: see the messages.</p>;
  return <p class="total">{isFigure(value) ? <Figure of={value} as="digits" unit={from.Figure.Currency} /> : value}</p>;
}

function Said({ from }: { from: Sources }) {
  const holding = from.Sources.filter((each) => each.Holds).length;
  if (from.Figure?.Formula)
    return (
      <p>
        IB did not send this figure: it is worked out as <strong>{from.Figure.Formula}</strong>, of{" "}
        {holding === 1 ? "the message" : `the ${holding} messages`} below, exactly, with every digit.
      </p>
    );
  return (
    <p>
      {from.Figure === null
        ? "Everything that the gateway sent for this report, in the order in which it was stored."
        : "Digit by digit what the gateway sent. Where it sent the figure several times in one download, the last holds."}
    </p>
  );
}

interface FigureViewProps {
  code: string;
  time: string;
  route: Route;
  /** At which the other views show the report; undefined: now. */
  moment: string | undefined;
}

export function FigureView({ code, time, route, moment }: FigureViewProps) {
  const asked = Object.fromEntries(QUERY.map((name) => [name, route.query[name]]));
  const base = `v1/accounts/${part(code)}/sources/${part(time)}`;
  const isOne = Boolean(asked.tag || asked.contract);
  const cursor = route.query.cursor;
  const found = useGet<Sources>(address(base, { ...asked, limit: PAGE, cursor }));
  const tags = useGet<Tags>(asked.tag ? address(`v1/accounts/${part(code)}/tags`) : null);
  const meaning = tags.data?.Tags.find((each) => each.Tag === asked.tag)?.Meaning;
  const next = found.next === null ? null : new URL(found.next, document.baseURI).searchParams.get("cursor");
  return (
    <Panel
      title={found.data ? nameOf(found.data.Figure) : (asked.tag ?? asked.figure ?? "The figure")}
      wide
      tools={isOne ? <a href={href("sources", [code], { time })}>All figures of this report</a> : null}
    >
      <Shown from={found} what="the messages">
        {(from) => (
          <>
            <Value from={from} />
            {meaning ? <p class="soft">{meaning}</p> : null}
            <p>
              In the report of <a href={href("account", [from.AccountCode], { at: moment })}>{from.AccountCode}</a> of{" "}
              <Time at={from.Timestamp} seconds />, from the gateway {from.Gateway}
              {from.Source === "multi" ? ", by requests that give no market prices" : ""}.
            </p>
            <Said from={from} />
            {from.Sources.length === 0 ? (
              <Empty>Nothing that the gateway sent for this report says this figure.</Empty>
            ) : (
              <All from={from} />
            )}
            {cursor ? (
              <button type="button" onClick={() => change({ cursor: null })}>
                From the first message
              </button>
            ) : null}{" "}
            {next ? (
              <button type="button" onClick={() => change({ cursor: next })}>
                The next messages
              </button>
            ) : null}
          </>
        )}
      </Shown>
    </Panel>
  );
}
