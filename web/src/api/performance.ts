/** Returns as the API gives them by days (`series=days`, `docs/performance-figures.md`): numbers are text. */

import type { Exact } from "./json";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Extreme = NonNullable<Exact<Schemas["Performance"]>["BestDay"]>;
export type OfPeriod = Exact<Schemas["PerformanceOfPeriod"]>;
export type Gap = Exact<Schemas["PerformanceGap"]>;
/** A curve: columns of one length, oldest first. */
export type Days = Exact<Schemas["PerformanceDays"]>;
export type Performance = Omit<Exact<Schemas["Performance"]>, "Series"> & { Series: Days };
