"""What the codes of the Flex Web Service mean: whether to ask again, or what somebody has to do.

In: a code and IBKR's words with it. Out: the error to raise. Called by the client. Source: IBKR's guide, "Flex Web
Service Version 3 error codes".
"""

from enum import Enum, auto

from ibconnect.errors import FlexError, FlexNothing, FlexRefused, FlexUnavailable

_MOST_WORDS = 300


class Means(Enum):
    """What an answer without a statement comes to."""

    LATER = auto()
    """The same request may be answered in a moment."""
    ANEW = auto()
    """The reference has gone: the statement has to be asked for from the beginning."""
    PACED = auto()
    """Too many requests: a longer wait."""
    NOTHING = auto()
    """There is no statement of these days."""
    REFUSED = auto()
    """Somebody has to do something."""


_PORTAL = "in Client Portal, Performance & Reports, Flex Queries"

# Code → what it comes to, and what is wrong or to be done, in words.
MEANINGS: dict[str, tuple[Means, str]] = {
    "1001": (Means.LATER, "IBKR could not make the statement just now"),
    "1003": (Means.NOTHING, "IBKR has no statement of these days"),
    "1004": (Means.LATER, "the statement is not complete yet"),
    "1005": (Means.LATER, "the settlement data of the statement are not there yet"),
    "1006": (Means.LATER, "the FIFO profit and loss of the statement is not there yet"),
    "1007": (Means.LATER, "the mark-to-market profit and loss of the statement is not there yet"),
    "1008": (Means.LATER, "the profit and loss of the statement is not there yet"),
    "1009": (Means.LATER, "IBKR is under heavy load"),
    "1010": (Means.REFUSED, f"the query is of the former kind: make it anew as an Activity Flex Query {_PORTAL}"),
    "1011": (Means.REFUSED, f"the Flex Web Service is not active: switch it on {_PORTAL}, Flex Web Service"),
    "1012": (Means.REFUSED, f"the token has expired: make a new one {_PORTAL}, Flex Web Service, and set FLEX_TOKEN"),
    "1013": (
        Means.REFUSED,
        f"the token may not be used from this address: add it, or take the limit off, {_PORTAL}, Flex Web Service",
    ),
    "1014": (Means.REFUSED, f"IBKR does not know the query: compare FLEX_QUERIES with the Query IDs {_PORTAL}"),
    "1015": (Means.REFUSED, f"IBKR does not know the token: compare FLEX_TOKEN with the one {_PORTAL}"),
    "1016": (Means.REFUSED, f"an account of the query is not valid: choose its accounts anew {_PORTAL}"),
    "1017": (Means.ANEW, "IBKR does not know the reference of the statement any more"),
    "1018": (Means.PACED, "too many requests with this token: another program may use it, too"),
    "1019": (Means.LATER, "IBKR is still making the statement"),
    "1020": (Means.REFUSED, "IBKR calls the request malformed: check FLEX_TOKEN, FLEX_QUERIES and the days"),
    "1021": (Means.LATER, "the statement could not be handed out just now"),
}


def error_of(code: str, said: str) -> FlexError:
    """What an answer with this code amounts to. What nobody knows may pass, and is shown as IBKR says it.

    :param said: IBKR's words, made fit to be shown
    """
    means, words = MEANINGS.get(code, (Means.LATER, "IBKR answers with a code that is not known here"))
    quoted = f", “{said}”" if said else ""
    why = f"{words} (IBKR says {code or 'no code'}{quoted})"
    if means is Means.REFUSED:
        return FlexRefused(why, code)
    if means is Means.NOTHING:
        return FlexNothing(why, code)
    return FlexUnavailable(why, code, is_paced=means is Means.PACED, is_anew=means is Means.ANEW)


def fit_to_show(text: str, secret: str) -> str:
    """Somebody's words in one line, of bounded length, without the secret."""
    plain = text.replace(secret, "(hidden)") if secret else text
    printable = "".join(each if each.isprintable() else " " for each in plain)
    return " ".join(printable.split())[:_MOST_WORDS]


def brief_of(code: str) -> str:
    """What a code means, fit for anybody to read; without one nothing is said of what was answered."""
    if not code:
        return "the service cannot be reached, or what it answers cannot be used"
    return f"{MEANINGS[code][1]} ({code})" if code in MEANINGS else "IBKR answers with a code that is not known here"
