/** The last day of which statements tell: what it gained, and its return. Of the day that runs none is known yet. */

import type { Performance } from "../../api/performance";
import { Fact, Figure } from "../../components/basics";
import { useGet } from "../../data";
import { date } from "../../format";

interface LastDayProps {
  /** null: statements tell of none. */
  until: string | null;
  /** Whether it is told: else the day that is shown has a return of its own. */
  isTold: boolean;
  /** The address of its performance. */
  of: string;
}

export function LastDay({ until, isTold, of }: LastDayProps) {
  const { data } = useGet<Performance>(isTold && until !== null ? of : null);
  if (!isTold || until === null) return null;
  return (
    <Fact
      name={`On ${date(until)}`}
      isLate
      hint="The last day that statements tell of: what was gained, and the time-weighted return; deposits and withdrawals do not count"
    >
      <Figure of={data?.Gain} change unit={data?.Currency} why={data === null ? "it is asked for" : undefined} />{" "}
      <span class="share">
        <Figure of={data?.TimeWeightedReturn} as="percent" change why={data === null ? "it is asked for" : undefined} />
      </span>
    </Fact>
  );
}
