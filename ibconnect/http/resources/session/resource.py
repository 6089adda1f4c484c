"""The routes of sign-in, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path
from typing import Any

from ibconnect.http.openapi.shared import SERVICE
from ibconnect.http.resources.session.handlers import NO_TOKENS, SIGN_IN, SIGN_OUT, sign_in, sign_out, who
from ibconnect.http.server.limits import SIGN_IN_BYTES
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.tokens import Right

_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_SESSION: dict[str, Any] = {
    "type": "object",
    "description": "Who asks, and what for",
    "required": ["Name", "Rights", "Accounts", "Until", "Expires", "Kind"],
    "properties": {
        "Name": {"type": ["string", "null"], "description": "What the log calls the token; null: there are none"},
        "Rights": {"type": "array", "items": {"type": "string", "enum": [*Right]}, "description": "What it may do"},
        "Accounts": {
            "type": ["array", "null"],
            "items": {"type": "string"},
            "description": "The accounts that it may see; null: all",
        },
        "Until": {**_MOMENT, "description": "When the token ends; null: it does not"},
        "Expires": {**_MOMENT, "description": "When the session ends unless it is used before; null: it is none"},
        "Kind": {
            "type": "string",
            "enum": ["anonymous", "token", "session"],
            "description": "By what the request was admitted: by nothing, since no tokens are set; a token; a cookie",
        },
    },
}
_SIGN_IN: dict[str, Any] = {
    "type": "object",
    "required": ["Token"],
    "properties": {
        "Token": {"type": "string", "minLength": 1, "maxLength": SIGN_IN_BYTES // 4, "description": "The token itself"}
    },
    "example": {"Token": "kV3r9XmT-nB7qWc2LpZ8sHd4"},
}

WHO = Route(
    path="/v1/session",
    name="getSession",
    handler=who,
    tag=SERVICE,
    right=None,
    needs_token=True,
    summary="Who asks",
    description="What the token, or the session of the page, may see and do. 401 without either, where tokens are set.",
    answers={200: Answer("Who asks", {JSON: "Session"})},
)
START = Route(
    path="/v1/session",
    name="signIn",
    handler=sign_in,
    tag=SERVICE,
    right=None,
    summary="Sign in on the page",
    description=(
        "A session that may see and do what its token may, and ends with it: a cookie `ibconnect_session` that scripts "
        "cannot read, which browsers send to this server alone and forget when they end. It ends after `WEB_SESSION` "
        "seconds without use, after a week at the latest. Only the page of this server may ask. Wrong tokens count as "
        "they do elsewhere."
    ),
    answers={201: Answer("Signed in", {JSON: "Session"}, ("Set-Cookie",))},
    problems=(
        Code.INVALID_PARAMETER,
        Code.TOKEN_REFUSED,
        Code.ORIGIN_REFUSED,
        NO_TOKENS,
        Code.TOO_MANY_TRIES,
        Code.TOO_MANY_OF_TOKEN,
        Code.DATABASE_UNAVAILABLE,
        Code.NOT_READY,
        Code.QUERY_TIMEOUT,
    ),
    body=SIGN_IN,
)
END = Route(
    path="/v1/session/end",
    name="signOut",
    handler=sign_out,
    tag=SERVICE,
    right=None,
    summary="Sign out on the page",
    description="The session ends at once, and wherever else it was seen within about two seconds.",
    answers={204: Answer("Signed out", headers=("Set-Cookie",))},
    problems=(Code.ORIGIN_REFUSED, Code.DATABASE_UNAVAILABLE, Code.NOT_READY, Code.QUERY_TIMEOUT),
    body=SIGN_OUT,
)

RESOURCE = Resource(
    (WHO,),
    {"Session": _SESSION, "SignIn": _SIGN_IN, "SignOut": {"description": "Nothing of it is read"}},
    Path(__file__).with_name("examples.json"),
    posts=(START, END),
    is_of_page=True,
)
