"""The codes of the Flex Web Service, with IBKR's words.

In: nothing. Out: :data:`CODES`, and the answers that are no statement. Called by the service.
"""

from collections.abc import Mapping
from datetime import datetime
from xml.sax.saxutils import escape

CODES: Mapping[int, str] = {
    1001: "Statement could not be generated at this time. Please try again shortly.",
    1003: "Statement is not available.",
    1004: "Statement is incomplete at this time. Please try again shortly.",
    1005: "Settlement data is not ready at this time. Please try again shortly.",
    1006: "FIFO P/L data is not ready at this time. Please try again shortly.",
    1007: "MTM P/L data is not ready at this time. Please try again shortly.",
    1008: "MTM and FIFO P/L data is not ready at this time. Please try again shortly.",
    1009: "The server is under heavy load. Statement could not be generated at this time. Please try again shortly.",
    1010: "Legacy Flex Queries are no longer supported. Please convert over to Activity Flex.",
    1011: "Service account is inactive.",
    1012: "Token has expired.",
    1013: "IP restriction.",
    1014: "Query is invalid.",
    1015: "Token is invalid.",
    1016: "Account in invalid.",
    1017: "Reference code is invalid.",
    1018: "Too many requests have been made from this token. Please try again shortly.",
    1019: "Statement generation in progress. Please try again shortly.",
    1020: "Invalid request or unable to validate request.",
    1021: "Statement could not be retrieved at this time. Please try again shortly.",
}
IN_PROGRESS = 1019


def refusal(code: int, now: datetime) -> str:
    """The answer that says no; the one that says not yet is a warning."""
    words = CODES.get(code, "An error that nobody has heard of.")
    status = "Warn" if code == IN_PROGRESS else "Fail"
    return _response(
        now, f"<Status>{status}</Status>", f"<ErrorCode>{code}</ErrorCode>", f"<ErrorMessage>{words}</ErrorMessage>"
    )


def accepted(reference: str, url: str, now: datetime) -> str:
    """The answer that a statement is being made, and where it will be."""
    return _response(
        now,
        "<Status>Success</Status>",
        f"<ReferenceCode>{reference}</ReferenceCode>",
        f"<Url>{escape(url)}</Url>",
    )


def _response(now: datetime, *lines: str) -> str:
    moment = f"{now:%d %B, %Y %I:%M %p %Z}".strip()
    return "\n".join((f"<FlexStatementResponse timestamp='{moment}'>", *lines, "</FlexStatementResponse>")) + "\n"
