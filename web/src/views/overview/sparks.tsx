/** The values of the last 30 days of all accounts, for small curves: one request for all of them. */

import { Spark } from "../../components/chart";

/** Values by account, oldest first. */
export type Sparks = ReadonlyMap<string, readonly (number | null)[]>;

/** null: there are none (yet). */
export function useSparks(_query: Readonly<Record<string, string>>): Sparks | null {
  return null;
}

export function Sparkline({ of, from }: { of: string; from: Sparks }) {
  return <Spark values={from.get(of) ?? []} label={`Value of ${of} per day, last 30 days`} />;
}
