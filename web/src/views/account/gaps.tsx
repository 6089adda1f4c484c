/** What is to be said of the days that returns are made of, in words. */

import type { Gap, Performance } from "../../api/performance";
import { date } from "../../format";

const WORDS: Readonly<Record<Gap["Code"], string>> = {
  missing: "no value is known: one return goes over all of these days",
  "no-rate": "no rate to this currency is known: the day has no value",
  incomplete: "not every account has a value: the return goes over the day",
  "source-change": "from here on values come from another source",
  estimated: "no statement yet: flows are estimated from the day's profit",
  "unknown-flows": "deposits and withdrawals are not known: the day has no return",
  "flows-differ": "the flows that are listed do not add up to what the statement says",
  "flow-not-in-base": "a flow without a rate to the base currency: the day has no return",
  "moved-flow": "a flow of a day without a value counts on the next day that has one",
  "other-convention": "nothing was invested when the flow came: it is taken at the other end of the day",
  empty: "the account is worth nothing",
  "below-zero": "the value is below zero: no period with this day has a return",
  opened: "the value rises from nothing",
  closed: "all is taken out",
  "account-begins": "an account joins",
  "account-ends": "an account leaves",
  cut: "days at the end of the span that have no return are left out",
  "in-transit": "what is transferred is on its way",
  "differs-from-statement": "the statement prints another return than these days give",
};
const SHOWN = 5;

const days = ({ From, To }: Gap): string => (From === To ? date(From) : `${date(From)} to ${date(To)}`);

export function Gaps({ found }: { found: Performance }) {
  if (found.Gaps.length === 0) return null;
  const codes = [...new Set(found.Gaps.map((each) => each.Code))];
  return (
    <details class="gaps">
      <summary>
        {found.GapsInAll === "1" ? "One remark" : `${found.GapsInAll} remarks`} on these days: what is not known, or was
        estimated
      </summary>
      <ul>
        {codes.map((code) => {
          const all = found.Gaps.filter((each) => each.Code === code);
          return (
            <li key={code}>
              {WORDS[code] ?? code}:{" "}
              {all
                .slice(0, SHOWN)
                .map((each) => `${days(each)}${each.Detail ? ` (${each.Detail})` : ""}`)
                .join("; ")}
              {all.length > SHOWN ? `; and ${all.length - SHOWN} more` : ""}
            </li>
          );
        })}
      </ul>
    </details>
  );
}
