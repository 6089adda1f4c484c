/** A change as percent: the time-weighted return where it is known. */

import { Figure } from "../../components/basics";
import { isFigure } from "../../figures";
import { percent } from "../../format";
import { shareOf } from "./asking";

interface PartProps {
  /** The time-weighted return. */
  gain: string | null;
  /** The value now, and what it has changed by. */
  now: string | null;
  change: string | null;
  /** Why there is no return. */
  why: string | undefined;
}

/** The return, or, where flows are not known yet, the change as a share of the value before, in parentheses. */
export function Part({ gain, now, change, why }: PartProps) {
  if (isFigure(gain))
    return (
      <span title="Time-weighted return">
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
