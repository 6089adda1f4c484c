// Connects the unmodified @stoqey/ib client to a gateway and prints what it was told, as one JSON object.
// Usage: node stoqey.cjs PORT; NODE_PATH names the node_modules directory that holds the client.
const { IBApi, EventName } = require("@stoqey/ib");

const port = Number(process.argv[2]);
const api = new IBApi({ host: "127.0.0.1", port, clientId: 31 });
const seen = { accounts: [], values: [], portfolio: [], positions: [], summary: [], pnl: {}, errors: [] };

function once(event) {
  return new Promise((resolve) => api.once(event, (...args) => resolve(args)));
}

api.on(EventName.error, (error, code, requestId) => {
  if (code < 2100 || code > 2199) seen.errors.push([String(error), code, requestId]);
});
api.on(EventName.updateAccountValue, (key, value, currency, account) => {
  seen.values.push([account, key, currency || "", value]);
});
api.on(EventName.updatePortfolio, (contract, size, price, value, cost, unrealized, realized, account) => {
  seen.portfolio.push([account, contract.conId, contract.secType, size, price, value, cost, unrealized, realized]);
});
api.on(EventName.position, (account, contract, size, cost) => {
  seen.positions.push([account, contract.conId, contract.secType, size, cost]);
});
api.on(EventName.accountSummary, (requestId, account, tag, value, currency) => {
  seen.summary.push([account, tag, currency || "", value]);
});

async function main() {
  const ready = once(EventName.nextValidId);
  const accounts = once(EventName.managedAccounts);
  api.connect();
  await ready;
  seen.accounts = (await accounts)[0].split(",").filter(Boolean);
  for (const account of seen.accounts) {
    const ended = once(EventName.accountDownloadEnd);
    api.reqAccountUpdates(true, account);
    await ended;
  }
  const positions = once(EventName.positionEnd);
  api.reqPositions();
  await positions;
  const summary = once(EventName.accountSummaryEnd);
  api.reqAccountSummary(1, "All", process.argv[3]);
  await summary;
  for (const [index, account] of seen.accounts.entries()) {
    const pnl = once(EventName.pnl);
    api.reqPnL(100 + index, account, "");
    seen.pnl[account] = (await pnl).slice(1, 4);
  }
  api.disconnect();
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
}

setTimeout(() => {
  console.error("no answer within 20 s", JSON.stringify(seen.errors));
  process.exit(1);
}, 20000);
main();
