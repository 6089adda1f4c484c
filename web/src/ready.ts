/** Whether the service answers, and what is amiss, in its own words. Needs no token. */

import { useEffect, useState } from "preact/hooks";
import { address, Problem } from "./api/client";

export interface Readiness {
  Ready: boolean;
  Reasons: string[];
}

/** Not ready is an answer too: 503 with the same body. Throws `Problem` where the server is not reached. */
export async function readiness(signal: AbortSignal): Promise<Readiness> {
  let response: Response;
  try {
    response = await fetch(address("readyz"), { signal, cache: "no-store" });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Problem(0, "unreachable", "The server does not answer", "Is the service running, and is it reached?");
  }
  const body = (await response.json().catch(() => null)) as Readiness | null;
  if (body?.Reasons === undefined) throw new Problem(response.status, "", `Status ${response.status}`, "");
  return body;
}

/** Asked every so many seconds while the page is looked at; `work` is not to change. */
export function useAgain<T>(work: (signal: AbortSignal) => Promise<T>, every: number, isOn = true) {
  const [state, set] = useState<{ data: T | null; problem: Problem | null }>({ data: null, problem: null });
  useEffect(() => {
    if (!isOn) return;
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const again = async () => {
      try {
        if (!document.hidden) set({ data: await work(ending.signal), problem: null });
      } catch (error) {
        if (ending.signal.aborted) return;
        const problem = error instanceof Problem ? error : new Problem(0, "", String(error), "");
        set((now) => ({ ...now, problem }));
      }
      if (!ending.signal.aborted) timer = setTimeout(() => void again(), every * 1000);
    };
    void again();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [every, isOn]);
  return state;
}
