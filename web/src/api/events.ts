/**
 * Events of the recorder: those that are there, and those that come, one by one.
 *
 * The stream is read with `fetch`, as an `EventSource` hides why it was refused and knows no event by a name that it
 * was not told before.
 */

import { ask } from "./client";
import { parseExact } from "./json";

/** An event as stored: `Message` of a gateway, or `Facts` of what ibconnect did. Numbers are text. */
export interface Recorded {
  Position: string;
  Session: string;
  Version: string;
  Timestamp: string;
  Type: string;
  Message?: string[];
  /** Base64: a frame that is no text. */
  Payload?: string;
  Frames?: string;
  Facts?: Record<string, unknown>;
}

/** The events of an answer in lines of JSON. */
export const parseLines = (text: string): Recorded[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => parseExact(line) as Recorded);

/** The data of one block of a stream; undefined: it is a comment, or says how to reconnect. */
export function dataOf(block: string): string | undefined {
  const lines = block.split("\n").filter((line) => line.startsWith("data:"));
  return lines.length === 0 ? undefined : lines.map((line) => line.slice(5).trimStart()).join("\n");
}

/**
 * What is recorded from now on, or after the position `last`, until the connection ends. `onOpen`: it stands.
 *
 * Throws `Problem` where it is refused or not reached, an AbortError where `signal` says so.
 */
export async function* follow(
  url: string,
  { last, signal, onOpen }: { last: string | null; signal: AbortSignal; onOpen: () => void },
): AsyncGenerator<Recorded> {
  const headers = { Accept: "text/event-stream", ...(last === null ? {} : { "Last-Event-ID": last }) };
  const response = await ask(url, { headers, signal, cache: "no-store" });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  onOpen();
  let rest = "";
  while (reader !== undefined) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value.replaceAll("\r", "")).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = dataOf(block);
      if (data !== undefined) yield parseExact(data) as Recorded;
    }
  }
}
