// Connects the unmodified @stoqey/ib client to a gateway, asks for orders, executions, contracts and an advisor's data,
// and prints what it was told as one JSON object. Usage: node stoqey_market.cjs PORT CONTRACT_ID,…
const { IBApi, EventName } = require("@stoqey/ib");

const api = new IBApi({ host: "127.0.0.1", port: Number(process.argv[2]), clientId: 32 });
const contracts = process.argv[3].split(",").map(Number);
const names = ["fills", "commissions", "orders", "statuses", "completed", "contracts", "advisor"];
const seen = Object.fromEntries(names.map((name) => [name, {}]));
const errors = [];

function once(event) {
  return new Promise((resolve) => api.once(event, (...args) => resolve(args)));
}

api.on(EventName.error, (error, code, requestId) => {
  if (code < 2100 || code > 2199) errors.push([String(error), code, requestId]);
});
api.on(EventName.openOrder, (orderId, contract, order, state) => {
  seen.orders[`${order.clientId}/${orderId}/${order.permId}`] = [
    order.account, contract.conId, order.action, order.totalQuantity, order.orderType, order.lmtPrice, state.status,
    (contract.comboLegs || []).length,
  ];
});
api.on(EventName.orderStatus, (orderId, status, filled, remaining, price, permId, parentId, last, clientId) => {
  seen.statuses[`${clientId}/${orderId}/${permId}`] = [status, filled, remaining, price, last];
});
api.on(EventName.completedOrder, (contract, order, state) => {
  seen.completed[order.permId] = [
    order.account, contract.conId, order.action, order.totalQuantity, order.filledQuantity, state.status,
  ];
});
api.on(EventName.execDetails, (requestId, contract, e) => {
  seen.fills[e.execId] = [
    e.acctNumber, contract.conId, e.side, e.shares, e.price, e.cumQty, e.avgPrice, e.permId, e.orderId, e.clientId,
  ];
});
api.on(EventName.commissionReport, (report) => {
  const realized = report.realizedPNL === undefined || report.realizedPNL > 1e300 ? null : report.realizedPNL;
  seen.commissions[report.execId] = [report.commission, report.currency, realized];
});
function details(requestId, told) {
  const isin = (told.secIdList || []).find((each) => each.tag === "ISIN");
  seen.contracts[told.contract.conId] = [told.contract.symbol, told.longName, isin ? isin.value : ""];
}
api.on(EventName.contractDetails, details);
api.on(EventName.bondContractDetails, details);
api.on(EventName.receiveFA, (kind, xml) => {
  seen.advisor[kind] = [xml];
});

async function asked(event, ask) {
  const ended = once(event);
  ask();
  await ended;
}

async function main() {
  await asked(EventName.nextValidId, () => api.connect());
  await asked(EventName.openOrderEnd, () => api.reqAllOpenOrders());
  await asked(EventName.completedOrdersEnd, () => api.reqCompletedOrders(false));
  await asked(EventName.execDetailsEnd, () => api.reqExecutions(1, {}));
  for (const [index, conId] of contracts.entries()) {
    await asked(EventName.contractDetailsEnd, () => api.reqContractDetails(100 + index, { conId }));
  }
  for (const kind of [1, 3]) await asked(EventName.receiveFA, () => api.requestFA(kind));
  const version = api.serverVersion;
  api.disconnect();
  process.stdout.write(JSON.stringify({ version, seen, errors }), () => process.exit(0));
}

setTimeout(() => {
  console.error("no answer within 20 s", JSON.stringify(errors));
  process.exit(1);
}, 20000);
main();
