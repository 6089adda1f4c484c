/**
 * JSON whose numbers stay text: every digit that the server sent, none added.
 *
 * A number is turned into a string of its source before the browser parses it, so no float is ever made. That works in
 * every browser; `JSON.parse` tells a reviver the source of a number in newer ones only, and takes longer.
 */

// A string is matched first, so what looks like a number in it stays as it is.
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** What the server's `number` is on the page: its text. */
export type Exact<T> = T extends number
  ? string
  : T extends string | boolean | null | undefined
    ? T
    : T extends readonly (infer Each)[]
      ? Exact<Each>[]
      : T extends object
        ? { [Key in keyof T]: Exact<T[Key]> }
        : T;

/** Parse JSON, each number as the text that it was written in. Throws SyntaxError where it is no JSON. */
export function parseExact(text: string): unknown {
  return JSON.parse(text.replace(TOKEN, (token) => (token.startsWith('"') ? token : `"${token}"`)));
}
