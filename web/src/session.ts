/**
 * Who looks at the page: nobody yet, anybody (no tokens are set), or the holder of a token, signed in by a cookie.
 */

import { useEffect, useState } from "preact/hooks";
import { address, get, Problem, post } from "./api/client";

export interface Session {
  Name: string;
  Rights: string[];
  Accounts: string[] | null;
  Until: string | null;
  Expires: string | null;
  Kind: "anonymous" | "token" | "session";
}

export type Who =
  | { state: "asking" }
  | { state: "out"; why: string }
  | { state: "in"; session: Session }
  | { state: "failed"; problem: Problem };

let who: Who = { state: "asking" };
const listeners = new Set<() => void>();

function become(now: Who): void {
  who = now;
  for (const listener of listeners) listener();
}

/** Ask the server who we are. */
export async function look(): Promise<void> {
  try {
    become({ state: "in", session: (await get<Session>(address("v1/session"))).data });
  } catch (error) {
    const problem = error instanceof Problem ? error : new Problem(0, "", String(error), "");
    become(problem.status === 401 ? { state: "out", why: "" } : { state: "failed", problem });
  }
}

/** Sign in with a token; throws `Problem`. */
export async function signIn(token: string): Promise<void> {
  await post("v1/session", { Token: token });
  await look();
}

/** End the session at the server; throws `Problem` where it goes on, as the server was not reached. */
export async function signOut(): Promise<void> {
  try {
    await post("v1/session/end", {});
  } catch (error) {
    // It was over already.
    if (!(error instanceof Problem) || error.status !== 401) throw error;
  }
  become({ state: "out", why: "You are signed out." });
}

/** An answer was 401: the session is over, or was ended elsewhere. */
export function expired(): void {
  if (who.state === "in") become({ state: "out", why: "The session has ended. Sign in again." });
}

export function useWho(): Who {
  const [, turn] = useState(0);
  useEffect(() => {
    const listener = () => turn((number) => number + 1);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return who;
}

/** Whether the holder of the session may do something. */
export const may = (right: string): boolean => who.state === "in" && who.session.Rights.includes(right);

/** Whether the holder sees some accounts only. */
export const isLimited = (): boolean => who.state === "in" && who.session.Accounts !== null;
