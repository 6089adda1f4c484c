"""What requests for positions and changes may say.

In: nothing. Out: parameters. Read by the routes of both.
"""

from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.limits import ACCOUNTS_NAMED_MAX, POSITIONS_DEFAULT, POSITIONS_MAX
from ibconnect.http.server.parameters import Parameter

ACCOUNTS = Parameter(
    "account",
    "query",
    kinds.ACCOUNT,
    "Only these accounts, repeated or separated by commas. Default: all that the token may see",
    ["DU1000001"],
    repeated=ACCOUNTS_NAMED_MAX,
)
SYMBOL = Parameter(
    "symbol",
    "query",
    kinds.pattern(r"^[^\u0000-\u001f\u007f-\u009f]{1,64}$", "a symbol: 1 to 64 printable characters"),
    "Only contracts of this symbol, or the one whose local symbol it is; in its own or in capital letters",
    "AAPL",
)
CONTRACT = Parameter("contract", "query", kinds.integer(0, 2**53 - 1), "Only the contract with this id of IB's", 265598)
LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, POSITIONS_MAX),
    "Most rows on a page",
    POSITIONS_DEFAULT,
    default=POSITIONS_DEFAULT,
)
ENOUGH = Parameter(
    "limit",
    "query",
    kinds.integer(1, POSITIONS_MAX),
    "How many rows are enough for a page, which ends with a whole report",
    POSITIONS_DEFAULT,
    default=POSITIONS_DEFAULT,
)
