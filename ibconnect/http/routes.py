"""The table of routes."""

from ibconnect.http import accounts
from ibconnect.http.calls import Answer, Route
from ibconnect.http.limits import SNAPSHOTS_MAX
from ibconnect.http.parameters import ACCOUNT, CURSOR, MOMENT, TIME, Parameter, integer

A = Parameter("AccountCode", "path", ACCOUNT, "IB's code of the account", "DU1000001", required=True)
T = Parameter("Timestamp", "path", TIME, "time", required=True)
ROUTES = (
    Route("/v1/accounts", "listAccounts", accounts.list_accounts, "accounts", "", "", {200: Answer("")}),
    Route("/v1/accounts/{AccountCode}", "latest", accounts.latest_report, "accounts", "", "", {303: Answer("")}, (A,)),
    Route(
        "/v1/accounts/{AccountCode}/snapshots",
        "snapshots",
        accounts.list_snapshots,
        "accounts",
        "",
        "",
        {200: Answer("")},
        (
            A,
            Parameter("from", "query", MOMENT, ""),
            Parameter("to", "query", MOMENT, ""),
            Parameter("limit", "query", integer(1, SNAPSHOTS_MAX), ""),
            Parameter("cursor", "query", CURSOR, ""),
        ),
    ),
    Route(
        "/v1/accounts/{AccountCode}/as-of/{Timestamp}",
        "asof",
        accounts.report_as_of,
        "accounts",
        "",
        "",
        {303: Answer("")},
        (A, T),
    ),
    Route(
        "/v1/accounts/{AccountCode}/{Timestamp}",
        "report",
        accounts.report,
        "accounts",
        "",
        "",
        {200: Answer("")},
        (A, T),
    ),
)
