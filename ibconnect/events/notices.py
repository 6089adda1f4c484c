"""What IB's notices (message 4) mean for account data.

In: a notice's code. Out: whether the gateway lost IB, has it again, or gave the feed away; the label under which it is
counted. One place for the gateway room, which acts on it, and for the projections, which judge a download by it.
Source: IB's documentation, "System message codes", "Warning message codes", "Error codes".
"""

# Connectivity between the gateway and IB: lost; restored, with data lost or maintained. Values are old meanwhile.
LOST = frozenset({"1100", "2110"})
RESTORED = frozenset({"1101", "1102"})
# "New account data requested from TWS. API client has been unsubscribed from account data."
UNSUBSCRIBED = "2100"
# "Unable to subscribe to account as the following clients are subscribed to a different account."
SUBSCRIBED_ELSEWHERE = "2101"
# Farms of market data, history and contract data: broken, OK, inactive, connecting. They flap daily.
FARMS = frozenset({"2103", "2104", "2105", "2106", "2107", "2108", "2119", "2157", "2158"})
FARMS_OK = frozenset({"2104", "2106", "2158"})
# Said of orders and of market data although no request is named; they refuse nothing.
_WARNINGS = frozenset({"105", "110", "165", "399", "404", "434", "492"})

# Codes that are counted by themselves: those above, and what people look for in a figure of them (requests, orders and
# logins that are refused, another session in the way, the port of the gateway that resets).
LABELS = (
    LOST
    | RESTORED
    | FARMS
    | _WARNINGS
    | {UNSUBSCRIBED, SUBSCRIBED_ELSEWHERE}
    | frozenset(
        {"100", "101", "102", "103", "104", "162", "200", "201", "202", "300", "309", "320", "321", "322", "326"}
    )
    | frozenset(
        {"354", "366", "420", "501", "502", "503", "504", "505", "507", "1300", "2102", "2109", "2137", "10089"}
    )
    | frozenset({"10090", "10167", "10168", "10182", "10197", "10225"})
)
OTHER = "other"


def label(code: str) -> str:
    """The label under which a notice is counted: a gateway may send any number of codes."""
    return code if code in LABELS else OTHER


def interrupts(code: str) -> bool:
    """Whether a download in which this notice comes is cut short: the feed was lost, or given to another."""
    return code in LOST or code == UNSUBSCRIBED


def is_refusal(code: str) -> bool:
    """Whether the notice refuses a request: an error of the numbers below 1000, or 2101."""
    is_error = code.isdigit() and len(code) <= 3 and code not in _WARNINGS
    return is_error or code == SUBSCRIBED_ELSEWHERE
