"""The codes of a report's remarks, and what each means: for the OpenAPI document and the docs.

The projections write them; a test holds that the two lists are the same.
"""

REMARKS: dict[str, str] = {
    "not-ready": "not-ready: IB's server was resetting (AccountReady=false); Ready is false.",
    "interrupted": "interrupted: the gateway lost IB, or gave the feed to another program; Ready is false.",
    "incomplete": "incomplete: something that belongs to it did not come; Ready is false.",
    "unset-prices": "unset-prices: no open position has a price; Ready is false.",
    "unset-figure": "unset-figure: IB gave no price, value or cost of an open position.",
    "unreadable-figure": "unreadable-figure: a figure that is no number is null.",
    "set-aside": "set-aside: a message that no table can hold was left out.",
    "no-end": "no-end: IB did not say that this was all, and nothing more came.",
    "late": "late: also holds what came when the download had ended.",
    "empty": "empty: IB answered that there is nothing.",
    "not-owner": "not-owner: the account belongs to another gateway; asked for by `gateway` alone.",
}
