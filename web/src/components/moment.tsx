/**
 * Time travel: one control sets the moment that the whole page shows. It is in the address as `at`.
 */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { address, Problem } from "../api/client";
import { useGet } from "../data";
import { moment, ZONE } from "../format";
import { change, type Route } from "../route";
import { useShortcut } from "../shortcuts";
import { after, before, instant } from "../snapshots";

/** A moment as an input of type datetime-local takes it, in the viewer's zone; empty: it is none. */
export function local(at: Date): string {
  if (Number.isNaN(at.getTime())) return "";
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

/** A moment as the address holds it. */
export const written = (at: Date): string => at.toISOString().replace(/\.\d+Z/, "Z");

const DAY_MS = 86_400_000;
const AGO: readonly (readonly [string, number])[] = [
  ["Yesterday", 1],
  ["A week ago", 7],
  ["A month ago", 30],
  ["A year ago", 365],
];
/** When a day closes: what it is called, the time, the zone. */
const CLOSES: readonly (readonly [string, string, string])[] = [
  ["New York, 16:00", "16:00", "America/New_York"],
  ["London, 16:30", "16:30", "Europe/London"],
  ["Frankfurt and Zurich, 17:30", "17:30", "Europe/Zurich"],
  ["Tokyo, 15:30", "15:30", "Asia/Tokyo"],
  ["Hong Kong, 16:00", "16:00", "Asia/Hong_Kong"],
  ["midnight here", "23:59", ZONE],
];
const OF_ACCOUNT = ["account", "positions", "position", "activity", "compare", "sources"];

const travel = (to: string | null): void => change({ at: to });

interface Account {
  AccountCode: string;
  Latest: string | null;
}

/** Whose snapshots one goes by: of the account that is shown, else of the one with the newest. */
function useWhose(route: Route): string | null {
  const accounts = useGet<Account[]>(address("v1/accounts"));
  const shown = OF_ACCOUNT.includes(route.view) ? route.args[0] : undefined;
  if (shown !== undefined) return shown;
  const all = (accounts.data ?? []).filter((each) => each.Latest !== null);
  return (
    all.reduce<Account | null>((most, each) => ((each.Latest ?? "") > (most?.Latest ?? "") ? each : most), null)
      ?.AccountCode ?? null
  );
}

/** Steps to the snapshot before and after; `said`: why there was none. */
export function useSteps(route: Route) {
  const whose = useWhose(route);
  const at = route.query.at ?? null;
  const [said, say] = useState("");
  const isBusy = useRef(false);
  useEffect(() => say(""), [at]);
  const step = async (isBack: boolean) => {
    if (whose === null || isBusy.current || (!isBack && at === null)) return;
    isBusy.current = true;
    say("");
    try {
      const to = isBack ? await before(whose, at) : await after(whose, at ?? "");
      if (to !== null) travel(to);
      else if (isBack) say(`There is no earlier snapshot of ${whose}.`);
      else travel(null);
    } catch (error) {
      say(error instanceof Problem ? error.message : String(error));
    }
    isBusy.current = false;
  };
  return { whose, said, back: () => void step(true), on: () => void step(false) };
}

export type Steps = ReturnType<typeof useSteps>;

/** Both steps as buttons. */
export function StepButtons({ steps, isNow }: { steps: Steps; isNow: boolean }) {
  const whose = steps.whose === null ? "" : ` of ${steps.whose}`;
  return (
    <span class="steps">
      <button type="button" onClick={steps.back} title={`The snapshot before${whose} (key [)`}>
        <span aria-hidden="true">‹</span> Earlier
      </button>
      <button type="button" disabled={isNow} onClick={steps.on} title={`The snapshot after${whose} (key ])`}>
        Later <span aria-hidden="true">›</span>
      </button>
      <span role="status">{steps.said}</span>
    </span>
  );
}

function AtMoment({ at, go }: { at: string | undefined; go: (to: Date) => void }) {
  const submit = (event: Event) => {
    event.preventDefault();
    const value = String(new FormData(event.currentTarget as HTMLFormElement).get("moment") ?? "");
    if (value) go(new Date(value));
  };
  return (
    <form onSubmit={submit}>
      <label>
        Show everything as it was at
        <input
          name="moment"
          type="datetime-local"
          required
          max={local(new Date())}
          defaultValue={local(at ? new Date(at) : new Date())}
        />
      </label>
      <button type="submit">Show</button>
    </form>
  );
}

function AtClose({ at, go }: { at: string | undefined; go: (to: Date) => void }) {
  const submit = (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const [, time, zone] = CLOSES[Number(form.get("close"))] ?? ["", "23:59", ZONE];
    const close = instant(String(form.get("day")), time, zone);
    go(new Date(Math.min(close.getTime(), Date.now())));
  };
  const before = at ? new Date(at) : new Date(Date.now() - DAY_MS);
  return (
    <form onSubmit={submit}>
      <label>
        At a day's close
        <input
          name="day"
          type="date"
          required
          max={local(new Date()).slice(0, 10)}
          defaultValue={local(before).slice(0, 10)}
        />
      </label>
      <label>
        <span class="hidden">Which close</span>
        <select name="close">
          {CLOSES.map(([title], index) => (
            <option key={title} value={index}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Show</button>
    </form>
  );
}

export function MomentPicker({ at, steps }: { at: string | undefined; steps: Steps }) {
  const [isOpen, open] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useShortcut("t", () => open(true));
  useLayoutEffect(() => {
    if (!isOpen) return;
    box.current?.querySelector<HTMLInputElement>(".menu input")?.focus();
    const close = (event: Event) => {
      const isEscape = event instanceof KeyboardEvent && event.key === "Escape";
      const isLeft = !(event instanceof KeyboardEvent) && !box.current?.contains(event.target as Node);
      if (!isEscape && !isLeft) return;
      open(false);
      if (isEscape) button.current?.focus();
    };
    for (const name of ["keydown", "pointerdown", "focusin"]) addEventListener(name, close);
    return () => {
      for (const name of ["keydown", "pointerdown", "focusin"]) removeEventListener(name, close);
    };
  }, [isOpen]);
  const go = (to: Date | null) => {
    travel(to === null ? null : written(to));
    open(false);
    button.current?.focus();
  };
  return (
    <div class={at ? "moment past" : "moment"} ref={box}>
      <button
        ref={button}
        type="button"
        aria-expanded={isOpen}
        aria-haspopup="dialog"
        aria-keyshortcuts="t"
        title="Show the page as it was at another moment (key t)"
        onClick={() => open(!isOpen)}
      >
        <span aria-hidden="true">◷</span> {at ? moment(at) : "Now"}
      </button>
      {isOpen ? (
        <div class="menu" role="dialog" aria-label="Show the page as it was at a moment">
          <AtMoment at={at} go={go} />
          <AtClose at={at} go={go} />
          <div class="buttons">
            {AGO.map(([title, days]) => (
              <button key={title} type="button" onClick={() => go(new Date(Date.now() - days * DAY_MS))}>
                {title}
              </button>
            ))}
          </div>
          <div class="buttons last">
            <StepButtons steps={steps} isNow={!at} />
            <button type="button" class="primary" disabled={!at} onClick={() => go(null)}>
              Back to now
            </button>
          </div>
        </div>
      ) : null}
    </div>
  );
}
