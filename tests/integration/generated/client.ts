// The client that openapi-fetch and openapi-typescript make of the API's description: node client.js URL TOKEN.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
const [url = "", token = ""] = process.argv.slice(2);
const api = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });
type Report = components["schemas"]["Report"];

/** What was answered, or an error: the types say that there is nothing else. */
function given<Data, Problem>(answer: { data?: Data; error?: Problem; response: Response }): Data {
  if (answer.data === undefined) throw new Error(`${answer.response.status} ${JSON.stringify(answer.error)}`);
  return answer.data;
}

/** The same, of a route that has tables as well, which are texts. */
function asJson<Data, Problem>(answer: { data?: Data; error?: Problem; response: Response }): Exclude<Data, string> {
  const data = given(answer);
  if (typeof data === "string") throw new Error("a table");
  return data as Exclude<Data, string>;
}

const accounts = asJson(await api.GET("/v1/accounts"));
const AccountCode = accounts[0]!.AccountCode;
const path = { AccountCode };
const latest: Report = given(await api.GET("/v1/accounts/{AccountCode}", { params: { path } }));
const Timestamp = latest.Timestamp;
const asOf: Report = given(
  await api.GET("/v1/accounts/{AccountCode}/as-of/{Timestamp}", { params: { path: { AccountCode, Timestamp: latest.Completed } } }),
);
const report: Report = given(
  await api.GET("/v1/accounts/{AccountCode}/{Timestamp}", { params: { path: { AccountCode, Timestamp } } }),
);
const history = asJson(
  await api.GET("/v1/accounts/{AccountCode}/history", { params: { path, query: { tag: ["NetLiquidation"] } } }),
);
const table: unknown = given(
  await api.GET("/v1/accounts/{AccountCode}/snapshots", {
    params: { path, query: { format: "csv" } },
    parseAs: "text",
  }),
);
const { error } = await api.GET("/v1/accounts/{AccountCode}", { params: { path: { AccountCode: "DU9" } } });
const problem: string | undefined = error?.type;

console.log(
  JSON.stringify({
    accounts: accounts.map((account) => account.AccountCode),
    reports: [latest, asOf, report].map((each) => each.Timestamp),
    netLiquidation: latest.Balance.NetLiquidation,
    positions: latest.Positions.map((position) => position.Symbol),
    values: latest.Values.map((value) => value.Value),
    points: history.Points.length,
    times: String(table).trim().split("\r\n").length - 1,
    problem,
  }),
);
