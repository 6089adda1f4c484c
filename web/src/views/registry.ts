/**
 * Every view: its name in the address, its title, and the module that draws it, which is loaded when it is opened.
 */

import type { ComponentType } from "preact";
import type { Route } from "../route";

export interface ViewProps {
  route: Route;
}

export interface View {
  name: string;
  title: string;
  load: () => Promise<{ default: ComponentType<ViewProps> }>;
  /** In the bar at the top; the others are led to by links. */
  isInBar?: boolean;
  /** The right that it takes. */
  right?: string;
}

export const VIEWS: readonly View[] = [
  { name: "overview", title: "Overview", load: () => import("./overview"), isInBar: true },
  { name: "account", title: "Account", load: () => import("./account") },
  { name: "positions", title: "Positions", load: () => import("./positions"), isInBar: true },
  { name: "position", title: "Position", load: () => import("./position") },
  { name: "activity", title: "Activity", load: () => import("./activity"), isInBar: true },
  { name: "compare", title: "Compare", load: () => import("./compare") },
  { name: "sources", title: "Where a figure comes from", load: () => import("./sources") },
  { name: "recorder", title: "Recorder", load: () => import("./recorder"), isInBar: true },
];
