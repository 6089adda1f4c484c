/** What an event says, in a line; and the kinds of events, by what somebody looks for. */

import type { Recorded } from "../../api/events";

const CLIPPED = 260;

/** Presets of the filter: what it is called, and the types. */
export const KINDS: readonly (readonly [string, string])[] = [
  ["", "Everything"],
  ["GatewayNotice", "Notices of IB"],
  [
    "SessionOpened,SessionClosed,RefreshStarted,RefreshEnded,AccountSubscribed,AccountConcluded,AccountsListed,RecordingInterrupted,DecodeFailed",
    "Sessions and refreshes",
  ],
  ["AccountValueUpdated", "Values of accounts"],
  ["PortfolioUpdated", "Positions"],
  ["MessageReceived", "Orders, executions and other messages"],
  ["StatementBegan,StatementEnded", "Flex statements"],
];

const clipped = (text: string): string => (text.length > CLIPPED ? `${text.slice(0, CLIPPED)} …` : text);

function written(value: unknown): string {
  if (Array.isArray(value)) return value.length > 6 ? `${value.length} of them` : value.map(written).join(", ");
  if (typeof value === "object" && value !== null)
    return Object.entries(value)
      .map(([name, each]) => `${name} ${written(each)}`.trim())
      .join(", ");
  return String(value);
}

/** What messages are called that have no event of their own, by the number that begins them. */
const NAMES: Record<string, string> = {
  "3": "order status",
  "5": "open order",
  "9": "next order id",
  "10": "contract",
  "11": "execution",
  "16": "advisor's groups",
  "18": "bond",
  "49": "IB's clock",
  "52": "end of contracts",
  "53": "end of open orders",
  "55": "end of executions",
  "59": "commission",
  "61": "position",
  "62": "end of positions",
  "63": "account summary",
  "64": "end of the summary",
  "71": "position",
  "72": "end of positions",
  "73": "account value",
  "74": "end of account values",
  "78": "family codes",
  "94": "profit and loss",
  "95": "profit and loss of a position",
  "101": "completed order",
  "102": "end of completed orders",
};

/** The wire's fields of the messages that are most often seen, by name; an empty name is left out of the line. */
function ofMessage(type: string, fields: readonly string[]): string {
  if (type === "AccountValueUpdated") {
    const [, , tag = "", value = "", currency = "", account = ""] = fields;
    return [account, tag, value, currency].filter(Boolean).join(" ");
  }
  if (type === "PortfolioUpdated" && fields.length >= 20) {
    const [symbol, kind, local, size, price, value] = [3, 4, 11, 13, 14, 15].map((index) => fields[index] ?? "");
    return `${fields.at(-1)} ${local || symbol} (${kind}) ${size} at ${price}, worth ${value} ${fields[10]}`;
  }
  if (type === "GatewayNotice") {
    const [, , code = "", text = ""] = fields;
    return `${code} ${text}`;
  }
  if (type === "AccountTimeUpdated") return `figures as of ${fields[2] ?? ""}, as the gateway's clock shows`;
  if (type === "AccountDownloadEnded") return `${fields[2] ?? ""} is complete`;
  const [number = "", ...rest] = fields.filter((field) => field !== "");
  const name = NAMES[number];
  return name === undefined ? [number, ...rest].join(" ") : [name, rest.join(" ")].filter(Boolean).join(": ");
}

/** An event in a line. */
export function inWords(event: Recorded): string {
  if (event.Message) return clipped(ofMessage(event.Type, event.Message));
  if (event.Facts) {
    const facts = Object.entries(event.Facts).filter(([name]) => name !== "t" && name !== "zstd");
    return clipped(facts.map(([name, value]) => `${name.replaceAll("_", " ")}: ${written(value)}`).join(" · "));
  }
  return event.Payload || event.Frames ? "a frame that is no text" : "";
}
