/** A figure of a report that leads to the gateway's messages which it was made of, where one may see them. */

import type { ComponentChildren } from "preact";
import { href } from "../route";
import { may } from "../session";

interface TracedProps {
  code: string;
  /** Of the report; null: there is none. */
  time: string | null | undefined;
  tag: string;
  segment?: string;
  currency?: string;
  children: ComponentChildren;
}

export function Traced({ code, time, tag, segment, currency, children }: TracedProps) {
  if (!time || !may("events")) return <>{children}</>;
  return (
    <a class="traced" href={href("sources", [code], { time, tag, segment, currency: currency ?? null })}>
      {children}
    </a>
  );
}
