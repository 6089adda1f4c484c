/** A figure of a report that leads to the gateway's messages which it was made of, where one may see them. */

import type { ComponentChildren } from "preact";
import { href } from "../route";
import { may } from "../session";

interface TracedProps {
  code: string;
  /** Of the report; null: there is none. */
  time: string | null | undefined;
  /** Of a value of the report. */
  tag?: string;
  segment?: string;
  currency?: string;
  /** Of a position instead, and which figure of it. */
  contract?: string;
  figure?: string;
  children: ComponentChildren;
}

export function Traced({ code, time, children, ...asked }: TracedProps) {
  if (!time || !may("events")) return <>{children}</>;
  return (
    <a class="traced" href={href("sources", [code], { time, ...asked, currency: asked.currency ?? null })}>
      {children}
    </a>
  );
}
