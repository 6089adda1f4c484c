/** An event as it was stored: the fields of a message in their order, or what ibconnect noted of itself. */

import type { Recorded } from "../api/events";

const MOST = 4000;
const clipped = (text: string): string =>
  text.length > MOST ? `${text.slice(0, MOST)} … (${text.length} characters)` : text;

const written = (value: unknown): string => clipped(typeof value === "string" ? value : JSON.stringify(value));

/** `marked`: numbers of fields that matter here. */
export function Message({ event, marked = [] }: { event: Recorded; marked?: readonly number[] }) {
  if (event.Message)
    return (
      <ol class="message" start={0} aria-label="Fields, as sent">
        {event.Message.map((field, index) => (
          <li key={index} class={marked.includes(index) ? "marked" : undefined}>
            <span class="place">{index}</span>
            <code>{field === "" ? <span class="soft">empty</span> : clipped(field)}</code>
          </li>
        ))}
      </ol>
    );
  return (
    <dl class="noted">
      {Object.entries(event.Facts ?? { Payload: event.Payload ?? event.Frames ?? "" }).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <code>{written(value)}</code>
          </dd>
        </div>
      ))}
    </dl>
  );
}
