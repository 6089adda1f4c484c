/** What is shown of a kind: days, symbol, status, type. All of it is in the address. */

import { change } from "../../route";
import { type Kind, type Query, STATUSES, TYPES } from "./kinds";

const today = (): Date => new Date();
const iso = (at: Date): string =>
  `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;

/** Spans that are often wanted, from the moment that is shown. */
function spans(at: string | undefined): [string, string | null][] {
  const now = at ? new Date(at) : today();
  const [year, month, day] = [now.getFullYear(), now.getMonth(), now.getDate()];
  return [
    ["Today", iso(now)],
    ["7 days", iso(new Date(year, month, day - 6))],
    ["Month", iso(new Date(year, month, 1))],
    ["Year", iso(new Date(year, 0, 1))],
    ["All", null],
  ];
}

export function Filters({ kind, query }: { kind: Kind; query: Query }) {
  const day = (name: "from" | "to", title: string) => (
    <label class="field">
      <span>{title}</span>
      <input
        type="date"
        value={query[name] ?? ""}
        onChange={(event) => change({ [name]: event.currentTarget.value })}
      />
    </label>
  );
  return (
    <div class="filters">
      {day("from", "From")}
      {day("to", "To")}
      <fieldset class="choice" aria-label="Span">
        {spans(query.at).map(([title, from]) => (
          <button
            key={title}
            type="button"
            aria-pressed={(query.from ?? null) === from && !query.to}
            onClick={() => change({ from, to: null })}
          >
            {title}
          </button>
        ))}
      </fieldset>
      {kind.filters.includes("symbol") ? (
        <label class="field">
          <span>Symbol</span>
          <input
            type="search"
            size={10}
            value={query.symbol ?? ""}
            onChange={(event) => change({ symbol: event.currentTarget.value.trim() })}
          />
        </label>
      ) : null}
      {kind.filters.includes("status") ? (
        <label class="field">
          <span>Status</span>
          <select value={query.status ?? ""} onChange={(event) => change({ status: event.currentTarget.value })}>
            {STATUSES.map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      {kind.filters.includes("type") ? (
        <label class="field">
          <span>Type</span>
          <select value={query.type ?? ""} onChange={(event) => change({ type: event.currentTarget.value })}>
            <option value="">Any type</option>
            {TYPES.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
      ) : null}
    </div>
  );
}
