/** Chooses the span of time that curves are drawn over; it is in the address as `range`, or as `from` and `to`. */

import { dayOf, type RangeName, type Span, TITLES } from "../ranges";
import { change } from "../route";
import { Choice } from "./basics";

interface RangeProps {
  span: Span;
  names: readonly RangeName[];
  /** The last day that can be chosen: that of the moment which the page shows. */
  at: string | undefined;
}

export function RangePicker({ span, names, at }: RangeProps) {
  const last = dayOf(at ? new Date(at) : new Date());
  const set = (which: "from" | "to", value: string) => {
    change({ range: null, from: span.from, to: span.to, [which]: value || null });
  };
  return (
    <>
      <Choice<RangeName | "">
        label="Range"
        options={names.map((each) => [each, TITLES[each]] as const)}
        value={span.name ?? ""}
        onChange={(range) => change({ range, from: null, to: null })}
      />
      <span class="dates">
        <input
          type="date"
          aria-label="From"
          max={span.to ?? last}
          value={span.from ?? ""}
          onChange={(event) => set("from", event.currentTarget.value)}
        />
        <span aria-hidden="true">–</span>
        <input
          type="date"
          aria-label="To"
          {...(span.from ? { min: span.from } : {})}
          max={last}
          value={span.to ?? last}
          onChange={(event) => set("to", event.currentTarget.value)}
        />
      </span>
    </>
  );
}
