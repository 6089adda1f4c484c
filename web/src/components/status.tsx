/**
 * The line at the top of every view: is everything recorded, is it fresh? Red only where something is to be done; what
 * passes by itself is said in words, and is not red.
 */

import { address } from "../api/client";
import { useGet } from "../data";
import { wait } from "../format";
import { readiness, useAgain } from "../ready";
import { href } from "../route";
import { type Account, type Gateway, isRunning, isWell } from "../views/recorder/data";
import { Time } from "./basics";

const EVERY_S = 5;
const SELDOM_S = 20;
/** A gateway restarts every night: an absence as short as that is not the matter of anybody. */
const PATIENCE_MS = 5 * 60_000;
const SHOWN = 3;
const DAY_MS = 86_400_000;

export interface Said {
  text: string;
  /** Somebody has to do something about it. */
  isTodo: boolean;
}

/** When this page first saw a gateway away, that it had seen connected before. */
const away = new Map<string, number | null>();

function isPatient(gateway: Gateway, now: number): boolean {
  const since = away.get(gateway.Gateway);
  if (since != null) return now - since < PATIENCE_MS;
  const ended = gateway.LastRefresh?.Ended;
  return ended != null && now - Date.parse(ended) < PATIENCE_MS;
}

function watch(gateways: readonly Gateway[], now: number): void {
  for (const each of gateways) {
    if (isWell(each)) away.set(each.Gateway, null);
    else if (away.get(each.Gateway) === null) away.set(each.Gateway, now);
  }
}

function ofGateway(gateway: Gateway, now: number): Said {
  const why = gateway.Detail ? ` (${gateway.Detail})` : "";
  const isTodo = !isPatient(gateway, now);
  const what =
    gateway.State === "stale"
      ? "has lost IB: its figures stand still"
      : gateway.State === "unknown"
        ? "is recorded by no instance that runs"
        : "is away";
  return { text: `${gateway.Gateway} ${what}${why}${isTodo ? "" : ": it is tried again by itself"}`, isTodo };
}

const some = (codes: readonly string[]): string =>
  codes.length > SHOWN ? `${codes.slice(0, SHOWN).join(", ")} and ${codes.length - SHOWN} more` : codes.join(", ");

function ofAccounts(gateways: readonly Gateway[], accounts: readonly Account[]): Said[] {
  const missing = new Map(gateways.flatMap((each) => Object.entries(each.LastRefresh?.Missing ?? {})));
  const listed = accounts.filter((each) => each.Listed);
  const found: Said[] = [];
  const unready = listed.filter(
    (each) => each.Latest !== null && each.Ready === false && !missing.has(each.AccountCode),
  );
  const unseen = listed.filter((each) => each.Latest === null && !missing.has(each.AccountCode));
  const [first] = missing;
  if (first !== undefined)
    found.push({
      text: `${some([...missing.keys()])}: the last refresh brought no whole figures (${first[1]})`,
      isTodo: true,
    });
  if (unready.length > 0)
    found.push({
      text: `${some(unready.map((each) => each.AccountCode))}: the newest figures cannot be relied on`,
      isTodo: true,
    });
  const old = listed.filter((each) => each.Latest !== null && Date.now() - Date.parse(each.Latest) > DAY_MS);
  if (old.length > 0 && old.length === listed.length) found.push({ text: "no figures came for a day", isTodo: false });
  else if (old.length > 0)
    found.push({ text: `${some(old.map((each) => each.AccountCode))}: no figures came for a day`, isTodo: false });
  if (unseen.length > 0)
    found.push({
      text: `${some(unseen.map((each) => each.AccountCode))}: the first figures are awaited`,
      isTodo: false,
    });
  return found;
}

/** What is to be said beside that all is well. */
export function remarks(
  gateways: readonly Gateway[],
  accounts: readonly Account[],
  reasons: readonly string[],
): Said[] {
  const now = Date.now();
  watch(gateways, now);
  return [
    ...gateways.filter((each) => !isWell(each)).map((each) => ofGateway(each, now)),
    ...ofAccounts(gateways, accounts),
    ...reasons.map((text) => ({ text, isTodo: true })),
  ].sort((a, b) => Number(b.isTodo) - Number(a.isTodo));
}

function Running({ gateways }: { gateways: readonly Gateway[] }) {
  const running = gateways.map((each) => each.LastRefresh).filter((each) => each !== null && isRunning(each));
  const [first] = running;
  if (first == null || Number(first.Total ?? 0) < 2) return null;
  const left = first.SecondsLeft === null ? "" : wait(first.SecondsLeft);
  return (
    <span>
      refreshing {first.Done ?? "0"} of {first.Total}
      {left === "" ? "" : `, ${left} left`}
    </span>
  );
}

const Line = ({ tone, children }: { tone: "" | "good" | "note" | "bad"; children: preact.ComponentChildren }) => (
  <p class={`status ${tone}`} role="status">
    <span class="dot" aria-hidden="true" />
    {children}
  </p>
);

function Remarks({ all }: { all: readonly Said[] }) {
  return (
    <>
      {all.slice(0, SHOWN).map((each) => (
        <span key={each.text} class={each.isTodo ? "todo" : undefined}>
          {each.text}
        </span>
      ))}
      {all.length > SHOWN ? <a href={href("recorder")}>{all.length - SHOWN} more</a> : null}
    </>
  );
}

export function StatusLine({ isPast }: { isPast: boolean }) {
  const gateways = useGet<Gateway[]>(address("v1/gateways"), { every: EVERY_S });
  const accounts = useGet<Account[]>(address("v1/accounts"), { every: EVERY_S });
  const ready = useAgain(readiness, SELDOM_S);
  const problem = gateways.problem ?? accounts.problem;
  if (problem) {
    const isPassing = problem.code === "rebuilding" || problem.code === "not-ready";
    return (
      <Line tone={isPassing ? "note" : "bad"}>
        <span class={isPassing ? undefined : "todo"}>
          {problem.message}
          {problem.detail ? `: ${problem.detail}` : ""}
        </span>
        {isPassing ? null : <span>It is asked again every few seconds.</span>}
      </Line>
    );
  }
  if (gateways.data === null || accounts.data === null) return <Line tone="">Looking …</Line>;
  if (gateways.data.length === 0 && accounts.data.length === 0)
    return (
      <Line tone="note">
        <a href={href("recorder")}>No gateway is set up: how to begin</a>
      </Line>
    );
  const found = remarks(gateways.data, accounts.data, ready.data?.Reasons ?? []);
  const newest = accounts.data.reduce((most, { Latest }) => (Latest !== null && Latest > most ? Latest : most), "");
  const well = gateways.data.filter(isWell).length;
  const tone = found.some((each) => each.isTodo) ? "bad" : found.length > 0 ? "note" : "good";
  const whole =
    gateways.data.length === 0
      ? "No gateway is recorded now"
      : well === gateways.data.length
        ? "Everything is recorded"
        : `${well} of ${gateways.data.length} gateways recorded`;
  return (
    <Line tone={tone}>
      <a href={href("recorder")}>
        {isPast ? "Now: " : ""}
        {tone === "bad" && well === gateways.data.length ? "Recorded, with something to do" : whole}
      </a>
      <span>
        newest snapshot {newest ? <Time at={newest} as="age" /> : "none yet"} · {accounts.data.length}{" "}
        {accounts.data.length === 1 ? "account" : "accounts"}
      </span>
      <Running gateways={gateways.data} />
      <Remarks all={found} />
    </Line>
  );
}
