/** The values of the last 30 days of all accounts, for small curves: one request for all of them. */

import { useMemo } from "preact/hooks";
import { address } from "../../api/client";
import type { components } from "../../api/schema";
import { Spark } from "../../components/chart";
import { useGet } from "../../data";
import { ZONE } from "../../format";
import { dayOf, daysBefore } from "../../ranges";

/** Values by account, oldest first; each in its base currency. */
export type Sparks = ReadonlyMap<string, readonly (number | null)[]>;

/** What all accounts were worth by steps; numbers are floats, for curves. */
export type Values = components["schemas"]["Values"];

const DAYS = 30;
export const EVERY_S = 300;

/** null: they are not there yet. */
export function useSparks({ at, group }: Readonly<Record<string, string>>): Sparks | null {
  const span = at ? { from: daysBefore(dayOf(new Date(at)), DAYS), to: at, tz: ZONE } : { from: `-${DAYS}d`, tz: ZONE };
  const { data } = useGet<Values>(address("v1/values", { ...span, group }), { exact: false, every: at ? 0 : EVERY_S });
  return useMemo(
    () => (data === null ? null : new Map(data.Accounts.map((each) => [each.AccountCode, each.Values]))),
    [data],
  );
}

export function Sparkline({ of, from }: { of: string; from: Sparks | null }) {
  return <Spark values={from?.get(of) ?? []} label={`Value of ${of} per day, last ${DAYS} days`} />;
}
