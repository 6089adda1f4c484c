/** Parts of a whole as bars, the longest as wide as there is room; what is short has a minus and a hatched bar. */

import type { ComponentChildren } from "preact";
import { float, sign } from "../figures";
import { Figure } from "./basics";

export interface Share {
  key: string;
  name: ComponentChildren;
  value: string | null;
  /** Of the whole, exact; null: not known. */
  share: string | null;
  hint?: string;
}

export function Shares({
  label,
  rows,
  unit,
  whole,
}: {
  label: string;
  rows: readonly Share[];
  unit: string;
  whole: string;
}) {
  const sizes = rows.map((each) => Math.abs(float(each.value) ?? 0));
  const most = Math.max(...sizes, Number.MIN_VALUE);
  return (
    <section class="table" aria-label={`${label}: shares`} tabIndex={0}>
      <table class="shares">
        <thead>
          <tr>
            <th scope="col">{label}</th>
            <td />
            <th scope="col" class="right" title={`Of ${whole}`}>
              Share
            </th>
            <th scope="col" class="right">
              {unit}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((each, index) => (
            <tr key={each.key}>
              <th scope="row" title={each.hint}>
                {each.name}
              </th>
              <td class="wide-bar" aria-hidden="true">
                <span
                  class={each.value !== null && sign(each.value) < 0 ? "fill short" : "fill long"}
                  style={{ width: `${((sizes[index] ?? 0) / most) * 100}%` }}
                />
              </td>
              <td class="right">
                <Figure of={each.share} as="percent" most={1} />
              </td>
              <td class="right">
                <Figure of={each.value} most={0} note={unit} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
