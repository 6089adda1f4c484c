/**
 * What a view shows: asked for when it is opened, kept for a while, asked for again as often as it says.
 */

import { useEffect, useState } from "preact/hooks";
import { type Answer, get, isPassing, Problem } from "./api/client";
import { expired } from "./session";

/** `data` stays while newer is asked for; `problem`: why there is none, or no newer. */
export interface Loaded<T> {
  data: T | null;
  problem: Problem | null;
  isLoading: boolean;
  next: string | null;
  reload: () => void;
}

const kept = new Map<string, Answer<unknown>>();
const MOST = 60;
/** After how many seconds it is asked again for what failed: at least, and where the server says it takes longer. */
const [RETRY_S, LONGEST_S] = [5, 60];

function keep(key: string, answer: Answer<unknown>): void {
  kept.delete(key);
  kept.set(key, answer);
  const [oldest] = kept.keys();
  if (kept.size > MOST && oldest !== undefined) kept.delete(oldest);
}

/** Forget everything: somebody else has signed in, or nobody. */
export function forget(): void {
  kept.clear();
  for (const also of forgetters) also();
}

const forgetters = new Set<() => void>();

/** What else is to be forgotten then. */
export const whenForgetting = (also: () => void): void => void forgetters.add(also);

/**
 * The answer at an address, null: nothing is asked yet. `every`: seconds after which it is asked for again while the
 * page is looked at. `exact` false: numbers are floats, for charts.
 */
export function useGet<T>(
  url: string | null,
  { every = 0, exact = true }: { every?: number; exact?: boolean } = {},
): Loaded<T> {
  const key = url === null ? null : `${exact}${url}`;
  const [turn, setTurn] = useState(0);
  const [state, set] = useState<{
    key: string | null;
    answer: Answer<unknown> | null;
    problem: Problem | null;
    isLoading: boolean;
  }>({
    key: null,
    answer: null,
    problem: null,
    isLoading: true,
  });
  useEffect(() => {
    if (url === null || key === null) return;
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const known = kept.get(key) ?? null;
    set((now) => ({ key, answer: known ?? (now.key === key ? now.answer : null), problem: null, isLoading: true }));
    const work = async () => {
      let wait = every;
      try {
        const answer = await get<unknown>(url, { exact, signal: ending.signal });
        keep(key, answer);
        set({ key, answer, problem: null, isLoading: false });
      } catch (error) {
        if (ending.signal.aborted) return;
        const problem =
          error instanceof Problem ? error : new Problem(0, "", "The answer cannot be read", String(error));
        if (problem.status === 401) expired();
        set((now) => ({ ...now, key, problem, isLoading: false }));
        // What passes by itself is over soon, also where nothing is asked for twice.
        if (isPassing(problem)) wait = Math.min(Math.max(problem.retryAfter ?? 0, RETRY_S), every || LONGEST_S);
        else if (!kept.has(key)) wait ||= RETRY_S;
      }
      if (wait > 0 && !ending.signal.aborted) timer = setTimeout(again, wait * 1000);
    };
    const again = () => {
      if (document.hidden) timer = setTimeout(again, 1000);
      else void work();
    };
    void work();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [key, turn, every]);
  const isOurs = state.key === key;
  const answer = isOurs ? state.answer : key !== null ? (kept.get(key) ?? null) : null;
  return {
    data: (answer?.data ?? null) as T | null,
    problem: isOurs ? state.problem : null,
    isLoading: isOurs ? state.isLoading : true,
    next: answer?.next ?? null,
    reload: () => setTurn((number) => number + 1),
  };
}
