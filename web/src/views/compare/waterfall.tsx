/** From one value to another, part by part: bars of which each begins where the one before ended, and exact figures. */

import { Figure, Missing } from "../../components/basics";
import { add, float, sign } from "../../figures";

export interface Part {
  name: string;
  hint: string;
  /** null: not known, and why. */
  value: string | null;
  why?: string | null | undefined;
}

interface WaterfallProps {
  start: { name: string; value: string };
  end: { name: string; value: string };
  parts: readonly Part[];
  unit: string | null;
}

interface Step {
  from: number;
  to: number;
}

/** Where each bar begins and ends; what is not known moves nothing. */
function stepsOf(start: string, parts: readonly Part[]): Step[] {
  let sum = start;
  return parts.map(({ value }) => {
    const from = float(sum) ?? 0;
    if (value !== null) sum = add(sum, value);
    return { from, to: float(sum) ?? 0 };
  });
}

/** Bars show what differs: the axis begins a little below the least, and not at nothing, where all are far from it. */
function scaleOf(all: readonly number[]): (value: number) => number {
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const room = (most - least || Math.abs(most) || 1) * 0.08;
  const [low, high] = [least - room, most + room];
  return (value) => ((value - low) / (high - low)) * 100;
}

function Bar({ from, to, place, tone }: Step & { place: (value: number) => number; tone: string }) {
  const [left, right] = [place(Math.min(from, to)), place(Math.max(from, to))];
  return (
    <span class="lane" aria-hidden="true">
      <span class={`piece ${tone}`} style={{ left: `${left}%`, width: `${Math.max(0.4, right - left)}%` }} />
    </span>
  );
}

export function Waterfall({ start, end, parts, unit }: WaterfallProps) {
  const steps = stepsOf(start.value, parts);
  const [first, last] = [float(start.value) ?? 0, float(end.value) ?? 0];
  const place = scaleOf([first, last, ...steps.flatMap((each) => [each.from, each.to])]);
  // A mark and no bar: bars from nothing would hide what differs, bars from elsewhere would be of no true length.
  const mark = (value: number) => (
    <span class="lane" aria-hidden="true">
      <span class="piece whole" style={{ left: `${place(value)}%` }} />
    </span>
  );
  return (
    <table class="waterfall">
      <caption class="hidden">Where the difference in value came from</caption>
      <thead class="hidden">
        <tr>
          <th scope="col">Part</th>
          <th scope="col">Amount</th>
          <th scope="col">Drawn</th>
        </tr>
      </thead>
      <tbody>
        <tr class="end">
          <th scope="row">{start.name}</th>
          <td class="right">
            <Figure of={start.value} unit={unit} />
          </td>
          <td>{mark(first)}</td>
        </tr>
        {parts.map((part, index) => {
          const step = steps[index] ?? { from: 0, to: 0 };
          const direction = part.value === null ? 0 : sign(part.value);
          return (
            <tr key={part.name}>
              <th scope="row" title={part.hint}>
                {part.name}
                <span class="soft hint">{part.hint}</span>
              </th>
              <td class="right">
                {part.value === null ? <Missing why={part.why} /> : <Figure of={part.value} change />}
                {part.value === null && part.why ? <span class="soft hint">{part.why}</span> : null}
              </td>
              <td>{direction === 0 ? null : <Bar {...step} place={place} tone={direction > 0 ? "up" : "down"} />}</td>
            </tr>
          );
        })}
        <tr class="end">
          <th scope="row">{end.name}</th>
          <td class="right">
            <Figure of={end.value} unit={unit} />
          </td>
          <td>{mark(last)}</td>
        </tr>
      </tbody>
    </table>
  );
}
