/**
 * Time travel: one control sets the moment that the whole page shows. It is in the address as `at`.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { moment } from "../format";
import { change } from "../route";

/** A moment as an input of type datetime-local takes it, in the viewer's zone. */
export function local(at: Date): string {
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

const AGO: readonly (readonly [string, number])[] = [
  ["Yesterday", 1],
  ["A week ago", 7],
  ["A month ago", 30],
  ["A year ago", 365],
];

const travel = (to: Date | null): void => change({ at: to === null ? null : to.toISOString().replace(/\.\d+Z/, "Z") });

export function MomentPicker({ at }: { at: string | undefined }) {
  const [isOpen, open] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const close = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !box.current?.contains(event.target as Node))
        open(false);
    };
    addEventListener("keydown", close);
    addEventListener("pointerdown", close);
    return () => {
      removeEventListener("keydown", close);
      removeEventListener("pointerdown", close);
    };
  }, [isOpen]);
  const go = (to: Date | null) => {
    travel(to);
    open(false);
  };
  return (
    <div class={at ? "moment past" : "moment"} ref={box}>
      <button type="button" aria-expanded={isOpen} onClick={() => open(!isOpen)}>
        <span aria-hidden="true">◷</span> {at ? moment(at) : "Now"}
      </button>
      {isOpen ? (
        <div class="menu" role="dialog" aria-label="Show the page as it was at a moment">
          <label>
            Show everything as it was at
            <input
              type="datetime-local"
              max={local(new Date())}
              value={local(at ? new Date(at) : new Date())}
              onChange={(event) => event.currentTarget.value && travel(new Date(event.currentTarget.value))}
            />
          </label>
          <div class="buttons">
            {AGO.map(([title, days]) => (
              <button key={title} type="button" onClick={() => go(new Date(Date.now() - days * 86_400_000))}>
                {title}
              </button>
            ))}
            <button type="button" class="primary" onClick={() => go(null)}>
              Now
            </button>
          </div>
        </div>
      ) : null}
    </div>
  );
}
