/** What the recorder says of itself, as the API writes it; numbers are text. */

import type { Problem } from "../../api/client";

export interface Refresh {
  Created: string;
  Started: string | null;
  Ended: string | null;
  Outcome: string | null;
  Trigger: string | null;
  /** Why, for each account of which it brought no figures that can be relied on. */
  Missing: Record<string, string>;
  Scope: string;
  Done: string | null;
  Total: string | null;
  Detail: string | null;
  SecondsLeft: string | null;
}

export interface Conflict {
  AccountCode: string;
  Owners: string[];
  Pinned: boolean;
}

export interface Gateway {
  Gateway: string;
  Connected: boolean;
  State: string;
  Detail: string | null;
  Since: string | null;
  Session: string | null;
  ServerVersion: string | null;
  Leader: string | null;
  Heartbeat: string | null;
  LastRefresh: Refresh | null;
  LastNotice: { Code: string; Text: string; At: string } | null;
  Conflicts: Conflict[];
}

export interface Account {
  AccountCode: string;
  Latest: string | null;
  Listed: boolean;
  Ready: boolean | null;
}

export interface Instance {
  Instance: string;
  Version: string | null;
  Address: string | null;
  Gateways: string[];
  Records: string[];
  Since: string | null;
  Heartbeat: string | null;
  Alive: boolean;
  Roles: string[] | null;
}

export interface Query {
  Query: string;
  Name: string;
  LastTried: string | null;
  LastSuccess: string | null;
  UpTo: string | null;
  Failures: string;
  FailingSince: string | null;
  Code: string | null;
  Error: string | null;
  NextDue: string;
}

const STATES: Record<string, string> = {
  connected: "Recording",
  recording: "Recording",
  connecting: "Connecting",
  waiting: "Waiting",
  stale: "IB is lost",
  unavailable: "Not reached",
  disconnected: "Connection lost",
  unknown: "Nobody reports",
};
const MEANINGS: Record<string, string> = {
  stale: "The gateway runs, but has lost its connection to IB: its figures stand still.",
  unknown:
    "No instance of ibconnect has reported on this gateway within 15 seconds. Is the service that records it running?",
  connecting: "It is tried again until it answers.",
  waiting: "It is not recorded until what is in the way is gone.",
};

export const isWell = (gateway: Gateway): boolean => gateway.Connected && gateway.State !== "stale";
export const stateOf = (gateway: Gateway): string => STATES[gateway.State] ?? gateway.State;
/** Why it is as it is, in a sentence; null: nothing is to be said. */
export function whyOf(gateway: Gateway): string | null {
  const text = gateway.Detail ?? (isWell(gateway) ? null : (MEANINGS[gateway.State] ?? null));
  return text === null ? null : `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
}

export const isRunning = (refresh: Refresh): boolean => refresh.Started !== null && refresh.Ended === null;

const OUTCOMES: Record<string, string> = {
  complete: "complete",
  partial: "some accounts are missing",
  failed: "failed",
  aborted: "was broken off",
};
export const outcomeOf = (refresh: Refresh): string =>
  refresh.Outcome === null
    ? isRunning(refresh)
      ? "running"
      : "has not begun"
    : (OUTCOMES[refresh.Outcome] ?? refresh.Outcome);

/** What a refresh on demand came to. `tone`: whether something is to be done. */
export interface Result {
  tone: "good" | "note" | "bad";
  text: string;
  whys: string[];
}

const created = (gateways: readonly Gateway[]): string =>
  gateways.map((each) => `${each.Gateway} ${each.LastRefresh?.Created}`).join();

/** By what the gateways had refreshed before and have now, and what the answer says is not fresh. */
export function resultOf(before: readonly Gateway[], after: readonly Gateway[], incomplete: readonly string[]): Result {
  if (incomplete.length > 0)
    return {
      tone: "bad",
      text: "Not everything could be refreshed. What is recorded is shown:",
      whys: [...incomplete],
    };
  if (created(before) === created(after))
    return {
      tone: "note",
      text: "Too soon: the gateways were asked a few seconds ago and are not asked again yet. The figures are those.",
      whys: [],
    };
  return { tone: "good", text: "Fresh figures of all accounts are recorded.", whys: [] };
}

export function refusalOf(problem: Problem): Result {
  if (problem.code === "refresh-timeout")
    return { tone: "note", text: "It takes longer, and goes on: its progress is below.", whys: [] };
  return { tone: "bad", text: problem.message, whys: problem.detail ? [problem.detail] : [] };
}
