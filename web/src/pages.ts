/**
 * Rows that come page by page: the first with the view, the others when more are asked for.
 *
 * In: the address of the first page. Out: the rows of all pages so far. The server's `Link` says where the next one is.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { type Answer, get, Problem } from "./api/client";
import { type Loaded, useGet } from "./data";
import { expired } from "./session";

export interface Pages<Row> extends Loaded<Row[]> {
  /** There are rows that are not here yet. */
  hasMore: boolean;
  isGrowing: boolean;
  /** Why no further page could be had. */
  failed: Problem | null;
  more: () => void;
  all: () => void;
}

interface Further<Row> {
  /** The first page that they follow: when it is asked for again, they are no longer its sequel. */
  after: Row[] | null;
  rows: Row[];
  next: string | null;
}

/** The last page's address without its origin: behind a proxy the server may call itself otherwise than we do. */
function local(next: string): string {
  const { pathname, search } = new URL(next, location.href);
  const path = pathname.slice(pathname.lastIndexOf("/v1/") + 1);
  return new URL(path + search, document.baseURI).href;
}

/** Rows at an address, null: nothing is asked yet. */
export function usePages<Row>(url: string | null, { every = 0 }: { every?: number } = {}): Pages<Row> {
  const first = useGet<Row[]>(url, { every });
  const [further, setFurther] = useState<Further<Row>>({ after: null, rows: [], next: null });
  const [isGrowing, setGrowing] = useState(false);
  const [failed, setFailed] = useState<Problem | null>(null);
  const ending = useRef<AbortController | null>(null);
  useEffect(() => {
    setFailed(null);
    setGrowing(false);
    return () => ending.current?.abort();
  }, [first.data]);
  const isSequel = first.data !== null && further.after === first.data;
  const next = isSequel ? further.next : first.next;
  const grow = async (isAll: boolean) => {
    if (next === null || isGrowing) return;
    const control = new AbortController();
    ending.current = control;
    setGrowing(true);
    setFailed(null);
    let [rows, following]: [Row[], string | null] = [isSequel ? further.rows : [], next];
    try {
      do {
        const answer: Answer<Row[]> = await get<Row[]>(local(following), { signal: control.signal });
        rows = [...rows, ...answer.data];
        following = answer.next;
        setFurther({ after: first.data, rows, next: following });
      } while (isAll && following !== null);
    } catch (error) {
      if (control.signal.aborted) return;
      const problem = error instanceof Problem ? error : new Problem(0, "", "The answer cannot be read", String(error));
      if (problem.status === 401) expired();
      setFailed(problem);
    }
    if (!control.signal.aborted) setGrowing(false);
  };
  const known = useRef<{ first: Row[] | null; rows: Row[]; data: Row[] | null }>({ first: null, rows: [], data: null });
  const rows = isSequel ? further.rows : [];
  if (known.current.first !== first.data || known.current.rows.length !== rows.length)
    known.current = { first: first.data, rows, data: first.data === null ? null : [...first.data, ...rows] };
  return {
    ...first,
    data: known.current.data,
    next,
    hasMore: next !== null,
    isGrowing,
    failed,
    more: () => void grow(false),
    all: () => void grow(true),
  };
}
