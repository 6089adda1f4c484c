/** An event in a line of a list, which opens to show it as it was stored. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Recorded } from "../api/events";
import { LOCALE } from "../format";
import { inWords } from "../views/recorder/words";

const clock = new Intl.DateTimeFormat(LOCALE, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

interface EventLineProps {
  event: Recorded;
  /** Beside its type. */
  mark?: ComponentChildren;
  /** What it opens to; made only then. */
  whole: () => ComponentChildren;
  onOpen?: () => void;
}

export function EventLine({ event, mark, whole, onOpen }: EventLineProps) {
  const [isOpen, open] = useState(false);
  const toggled = (is: boolean) => {
    open(is);
    if (is) onOpen?.();
  };
  return (
    <li>
      <details onToggle={(toggle) => toggled(toggle.currentTarget.open)}>
        <summary>
          <time dateTime={event.Timestamp} title={event.Timestamp}>
            {clock.format(new Date(event.Timestamp))}
          </time>
          <span class="type">
            {event.Type}
            {mark}
          </span>
          <span class="words">{inWords(event)}</span>
        </summary>
        {isOpen ? whole() : null}
      </details>
    </li>
  );
}
