/** The two moments that are compared: a field for each, and presets. They are in the address as `from` and `to`. */

import { local, written } from "../../components/moment";
import { ZONE } from "../../format";
import { change, type Route } from "../../route";
import { instant } from "../../snapshots";

const DAY_MS = 86_400_000;

export interface Span {
  from: string;
  /** null: now. */
  to: string | null;
}

/** The first instant of the month or the year that a moment lies in, by the viewer's calendar. */
function beginning(of: Date, isYear: boolean): Date {
  const day = local(of);
  return instant(isYear ? `${day.slice(0, 4)}-01-01` : `${day.slice(0, 7)}-01`, "00:00", ZONE);
}

/** What a preset's name stands for, counted from the later moment. */
const PRESETS: readonly (readonly [string, (to: Date) => Date])[] = [
  ["Since yesterday", (to) => new Date(to.getTime() - DAY_MS)],
  ["A week", (to) => new Date(to.getTime() - 7 * DAY_MS)],
  ["This month", (to) => beginning(to, false)],
  ["A month", (to) => new Date(to.getTime() - 30 * DAY_MS)],
  ["This year", (to) => beginning(to, true)],
  ["A year", (to) => new Date(to.getTime() - 365 * DAY_MS)],
];

/** A moment as an instant; null: it is written otherwise, say `-30d`, which the server understands. */
const instantOf = (text: string): Date | null => (Number.isNaN(Date.parse(text)) ? null : new Date(text));

/** The span that the address asks for: since yesterday, and up to the moment that the page shows, unless it says more. */
export function spanOf({ query }: Route): Span {
  const asked = query.to ?? query.at ?? null;
  const to = asked === "now" ? null : asked;
  // To the hour, so that the answer that was had is not asked for again with every drawing.
  const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
  const end = (to === null ? null : instantOf(to)) ?? new Date(hour);
  return { from: query.from ?? written(new Date(end.getTime() - DAY_MS)), to };
}

function Field({ label, name, at }: { label: string; name: "from" | "to"; at: string | null }) {
  const known = at === null ? null : instantOf(at);
  return (
    <label>
      {label}
      <input
        key={at ?? "now"}
        name={name}
        type="datetime-local"
        max={local(new Date())}
        required={name === "from"}
        defaultValue={known === null ? "" : local(known)}
      />
    </label>
  );
}

export function Moments({ span }: { span: Span }) {
  const submit = (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const moment = (name: string): string | null => {
      const value = String(form.get(name) ?? "");
      return value === "" ? null : written(new Date(value));
    };
    change({ from: moment("from"), to: moment("to") });
  };
  const end = (span.to === null ? null : instantOf(span.to)) ?? new Date();
  return (
    <form class="moments" onSubmit={submit}>
      <Field label="From" name="from" at={span.from} />
      <Field label="To (empty: now)" name="to" at={span.to} />
      <button type="submit" class="primary">
        Compare
      </button>
      <span class="presets">
        {PRESETS.map(([title, from]) => (
          <button key={title} type="button" onClick={() => change({ from: written(from(end)), to: span.to })}>
            {title}
          </button>
        ))}
      </span>
    </form>
  );
}
