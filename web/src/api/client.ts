/**
 * Asks the API of the server that the page came from.
 *
 * In: a path and its parameters. Out: the parsed answer, or a `Problem` (RFC 9457). All addresses are relative to the
 * page, so that it works below any path of a reverse proxy.
 */

import { parseExact } from "./json";

export type Parameters = Record<string, string | readonly string[] | undefined | null>;

/** What the server says of a request that it does not answer; `status` 0: it was not reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    title: string,
    readonly detail: string,
    readonly retryAfter: number | null = null,
  ) {
    super(title);
  }
}

/** What passes by itself: the server is away, is busy, or has its tables made anew. */
export const isPassing = ({ status }: Problem): boolean => status === 0 || status === 429 || status >= 500;

/** An answer; `incomplete`: why it is not as fresh as was asked for; `next`: the address of its next page. */
export interface Answer<T> {
  data: T;
  incomplete: string[];
  next: string | null;
}

const BASE = new URL(".", document.baseURI);

/** The address of a resource, e.g. `address("v1/overview", {currency: "EUR"})`. */
export function address(path: string, parameters: Parameters = {}): string {
  const url = new URL(path.replace(/^\//, ""), BASE);
  for (const [name, value] of Object.entries(parameters)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null && each !== "") url.searchParams.append(name, each);
    }
  }
  return url.href;
}

/** A part of a path: an account's code may hold slashes and blanks. */
export const part = (text: string): string => encodeURIComponent(text);

async function problemOf(response: Response): Promise<Problem> {
  const after = Number(response.headers.get("Retry-After"));
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { type?: string; title?: string; detail?: string };
    const code = (body.type ?? "").split(":").pop() ?? "";
    return new Problem(response.status, code, body.title ?? response.statusText, body.detail ?? "", after || null);
  } catch {
    return new Problem(response.status, "", response.statusText || `Status ${response.status}`, "", after || null);
  }
}

/** An answer as it comes, for who reads it bit by bit. Throws as `get`. */
export async function ask(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(
      0,
      "unreachable",
      "The server does not answer",
      "Is the service running, and is this machine connected to it?",
    );
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

function nextOf(response: Response): string | null {
  return /<([^>]+)>;\s*rel="?next/.exec(response.headers.get("Link") ?? "")?.[1] ?? null;
}

function incompleteOf(response: Response): string[] {
  return (response.headers.get("Refresh-Incomplete") ?? "").split(/,\s*(?=[^;,]+;)/).filter((each) => each !== "");
}

/**
 * Get JSON whose numbers are text (`exact`, the default), or floats, which only charts may use.
 *
 * Throws `Problem`, or an AbortError where `signal` says so.
 */
export async function get<T>(
  url: string,
  {
    exact = true,
    signal,
    headers = {},
  }: { exact?: boolean; signal?: AbortSignal; headers?: Record<string, string> } = {},
): Promise<Answer<T>> {
  const response = await ask(url, {
    headers: { Accept: "application/json", ...headers },
    ...(signal ? { signal } : {}),
  });
  const text = await response.text();
  const data = (exact ? parseExact(text) : JSON.parse(text)) as T;
  return { data, incomplete: incompleteOf(response), next: nextOf(response) };
}

/** Get text, e.g. lines of events. Throws as `get`. */
export async function getText(url: string, signal?: AbortSignal): Promise<string> {
  return (await ask(url, signal ? { signal } : {})).text();
}

/** Send JSON; the parsed answer, undefined where it has no body. Throws `Problem`. */
export async function post<T>(path: string, body: unknown): Promise<T | undefined> {
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await ask(address(path), init);
  const text = await response.text();
  return text === "" ? undefined : (parseExact(text) as T);
}
