"""The client that openapi-python-client makes of the API's description, used: ``python client.py URL TOKEN``."""

import json
import sys

from ibconnect_client import AuthenticatedClient
from ibconnect_client.api.accounts import get_latest_report, get_report, get_report_as_of, list_accounts, list_snapshots
from ibconnect_client.api.history import get_history
from ibconnect_client.models import Problem, Report

url, token = sys.argv[1:]
with AuthenticatedClient(base_url=url, token=token, follow_redirects=True) as client:
    accounts = list_accounts.sync(client=client)
    code = accounts[0].account_code
    latest = get_latest_report.sync(code, client=client)
    as_of = get_report_as_of.sync(code, latest.completed, client=client)
    report = get_report.sync(code, latest.timestamp, client=client)
    history = get_history.sync(code, client=client, tag=["NetLiquidation"])
    times = list_snapshots.sync(code, client=client)
    problem = get_latest_report.sync("DU9", client=client)

assert all(isinstance(each, Report) for each in (latest, as_of, report))
assert isinstance(problem, Problem)
print(
    json.dumps(
        {
            "accounts": [account.account_code for account in accounts],
            "reports": [each.to_dict()["Timestamp"] for each in (latest, as_of, report)],
            "netLiquidation": latest.balance.net_liquidation,
            "positions": [position.symbol for position in latest.positions],
            "values": [value.value for value in latest.values],
            "points": len(history.points),
            "times": len(times),
            "problem": problem.type_,
        }
    )
)
