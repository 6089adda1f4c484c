/** Being built. */

import { Empty } from "../components/basics";
import type { ViewProps } from "./registry";

export default function View({ route }: ViewProps) {
  return <Empty>{route.view}</Empty>;
}
