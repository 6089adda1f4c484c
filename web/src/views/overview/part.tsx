/** A change as percent: the time-weighted return where it is known. */

import { Figure } from "../../components/basics";
import { isFigure } from "../../figures";
import { date, percent } from "../../format";
import { shareOf } from "./asking";

interface PartProps {
  /** The time-weighted return. */
  gain: string | null;
  /** The value now, and what it has changed by. */
  now: string | null;
  change: string | null;
  /** Why there is no return. */
  why: string | undefined;
  /** The last day of the return: statements tell flows as far. */
  until: string | null;
}

/** The return, or, where flows are not known yet, the change as a share of the value before, in parentheses. */
export function Part({ gain, now, change, why, until }: PartProps) {
  if (isFigure(gain))
    return (
      <span
        title={`Time-weighted return${until ? ` up to ${date(until)}: as far as statements tell deposits and withdrawals` : ""}`}
      >
        <Figure of={gain} as="percent" change />
      </span>
    );
  const share = shareOf(now, change);
  if (share === null) return null;
  return (
    <span title={`Of the value before, deposits and withdrawals included. No return: ${why ?? "not known"}`}>
      ({percent(share)})
    </span>
  );
}
