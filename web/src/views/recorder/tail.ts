/** The newest events, kept up to date: read from the last half minute on, followed, and taken up again where they broke. */

import { useEffect, useRef, useState } from "preact/hooks";
import { address, getText, type Parameters, Problem } from "../../api/client";
import { follow, parseLines, type Recorded } from "../../api/events";
import { expired } from "../../session";

export const MOST = 300;
const BEFORE = "-30s";
const DRAWN_EVERY_MS = 200;
const AGAIN_S = 1;
/** A wait does not help against these. */
const FINAL = [400, 401, 403, 404];

export interface Tail {
  /** Newest first, at most so many. */
  events: readonly Recorded[];
  state: "connecting" | "live" | "paused" | "lost";
  problem: Problem | null;
  /** How many were read since it was opened. */
  seen: number;
}

const pause = (seconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** Follow the events that a filter lets through; what comes while it is paused is read when it goes on. */
export function useTail(filter: Parameters, isPaused: boolean): Tail {
  const key = JSON.stringify(filter);
  const [tail, set] = useState<Tail>({ events: [], state: "connecting", problem: null, seen: 0 });
  const last = useRef<{ key: string; position: string | null }>({ key: "", position: null });
  useEffect(() => {
    if (last.current.key !== key) {
      last.current = { key, position: null };
      set({ events: [], state: "connecting", problem: null, seen: 0 });
    }
    if (isPaused) {
      set((now) => ({ ...now, state: "paused" }));
      return;
    }
    const ending = new AbortController();
    const { signal } = ending;
    let waiting: Recorded[] = [];
    const draw = () => {
      if (waiting.length === 0) return;
      const [fresh, count] = [waiting.reverse(), waiting.length];
      waiting = [];
      set((now) => ({ ...now, seen: now.seen + count, events: [...fresh, ...now.events].slice(0, MOST) }));
    };
    const timer = setInterval(draw, DRAWN_EVERY_MS);
    const take = (event: Recorded) => {
      last.current.position = event.Position;
      waiting.push(event);
      // What is not drawn is not kept either, however fast it comes.
      if (waiting.length > 4 * MOST) draw();
    };
    const say = (state: Tail["state"], problem: Problem | null = null) => set((now) => ({ ...now, state, problem }));
    const once = async () => {
      if (last.current.position === null) {
        const limits = { ...filter, from: BEFORE, limit: String(MOST) };
        for (const event of parseLines(await getText(address("v1/events", limits), signal))) take(event);
      }
      const from = last.current.position;
      const url = address("v1/events", filter);
      for await (const event of follow(url, { last: from, signal, onOpen: () => say("live") })) take(event);
    };
    const work = async () => {
      while (!signal.aborted) {
        let wait = AGAIN_S;
        try {
          await once();
          if (!signal.aborted) say("lost");
        } catch (error) {
          if (signal.aborted) return;
          const problem = error instanceof Problem ? error : new Problem(0, "", "The stream broke", String(error));
          say("lost", problem);
          if (problem.status === 401) expired();
          if (FINAL.includes(problem.status)) return;
          wait = problem.retryAfter ?? 2 * AGAIN_S;
        }
        await pause(wait, signal);
      }
    };
    set((now) => ({ ...now, state: "connecting" }));
    void work();
    return () => {
      clearInterval(timer);
      draw();
      ending.abort();
    };
  }, [key, isPaused]);
  return tail;
}
