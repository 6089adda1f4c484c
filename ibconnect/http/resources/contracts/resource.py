"""The routes of contracts, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path

from ibconnect.http.openapi.schemas import list_of, row_of
from ibconnect.http.openapi.shared import AT, FORMAT, IF_NONE_MATCH, NOT_MODIFIED, REFERENCE, TZ, table
from ibconnect.http.resources.contracts.columns import COLUMNS
from ibconnect.http.resources.contracts.handlers import UNKNOWN_CONTRACT, all_contracts, one_contract
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import ACCOUNTS_NAMED_MAX, POSITIONS_DEFAULT, POSITIONS_MAX
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.tokens import Right

_ID = kinds.integer(1, 2**53 - 1)
_CONTRACT = Parameter("IbContractId", "path", _ID, "IB's id of the contract", 265598, required=True)
_CONTRACTS = Parameter(
    "contract",
    "query",
    _ID,
    "Only these contracts, by IB's ids, repeated or separated by commas",
    [265598],
    repeated=ACCOUNTS_NAMED_MAX,
)
_SYMBOL = Parameter(
    "symbol",
    "query",
    kinds.pattern(r"^[^\u0000-\u001f\u007f-\u009f]{1,64}$", "a symbol: 1 to 64 printable characters"),
    "Only contracts of this symbol, in its own or in capital letters",
    "AAPL",
)
_ISIN = Parameter(
    "isin",
    "query",
    kinds.pattern("^[A-Za-z]{2}[A-Za-z0-9]{9}[0-9]$", "an ISIN such as US0378331005", str.upper),
    "Only contracts with this ISIN",
    "US0378331005",
)
_LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, POSITIONS_MAX),
    "Most contracts on a page",
    POSITIONS_DEFAULT,
    default=POSITIONS_DEFAULT,
)
_CURSOR = Parameter("cursor", "query", kinds.integer(0, 2**63 - 1), "Where the page begins, from an earlier `Link`")
_WHOSE = (
    "IB is asked for each contract once that an account holds, trades or has an order for, and again monthly. A token "
    "that is limited to accounts sees the contracts that these have ever held."
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/contracts",
        name="listContracts",
        handler=all_contracts,
        tag=REFERENCE,
        right=Right.READ,
        summary="Contracts, as IB describes them",
        description=f"By id: what IB says of each, or with `at` what it had said by then. {_WHOSE}",
        parameters=(_SYMBOL, _ISIN, _CONTRACTS, AT, TZ, _LIMIT, _CURSOR, FORMAT, IF_NONE_MATCH),
        answers={200: table("The contracts", "ContractList"), 304: NOT_MODIFIED},
        media=TABLE,
        reports=("contracts", "accounts"),
    ),
    Route(
        path="/v1/contracts/{IbContractId}",
        name="getContract",
        handler=one_contract,
        tag=REFERENCE,
        right=Right.READ,
        summary="A contract, as IB describes it",
        description=(
            "Long name, ISIN and other ids, sector, sizes, hours; `Since` and `Until` say how long that holds, and "
            f"`at` leads to what was said before. {_WHOSE}"
        ),
        parameters=(_CONTRACT, AT, TZ, IF_NONE_MATCH),
        answers={200: Answer("The contract", {JSON: "Contract"}, ("ETag",)), 304: NOT_MODIFIED},
        problems=(UNKNOWN_CONTRACT,),
        reports=("contracts", "accounts"),
    ),
)

RESOURCE = Resource(
    ROUTES,
    {"Contract": row_of("What IB says of a contract", COLUMNS), "ContractList": list_of("By id", "Contract")},
    Path(__file__).with_name("examples.json"),
)
