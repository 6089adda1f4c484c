"""What an answer is in: media type and content coding, as the request prefers; the headers that all answers have."""

import re
from functools import lru_cache

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
NDJSON = "application/x-ndjson"
EVENT_STREAM = "text/event-stream"

FORMATS = {"json": JSON, "csv": CSV, "arrow": ARROW, "parquet": PARQUET}
"""What a table can be had in, by the word for it in a URL."""

# Answers hold account data: no sniffing, no framing, no referrer, no use by other origins unless CORS says so.
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "ibconnect",
}

# What an answer may depend on; two tokens see different accounts under one URL.
COMMON = {**SECURITY, "Vary": "Accept, Accept-Encoding, Authorization, Cookie, Origin"}

ENCODINGS = ("br", "zstd", "gzip")

_SECONDS = re.compile(r'"?(\d{1,4000})"?', re.ASCII)
_SECONDS_MAX = 2**31
_QVALUE = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?", re.ASCII)


@lru_cache(maxsize=1024)
def best_encoding(accept_encoding: str) -> str:
    """The content coding to use (RFC 9110, 12.5.3): ``br``, ``zstd``, ``gzip`` or ``identity``."""
    weights = _weights(accept_encoding)
    default = weights.get("*", 0.0)
    identity = weights.get("identity", min(default, 0.001) if "*" in weights else 0.001)
    offers = [(weights.get(name, default), -rank, name) for rank, name in enumerate(ENCODINGS)]
    weight, _, name = max(offers)
    return name if weight > 0 and weight >= identity else "identity"


@lru_cache(maxsize=1024)
def best_media(accept: str, offers: tuple[str, ...], wanted: str | None = None) -> str | None:
    """Which of ``offers`` the header ``Accept`` prefers (RFC 9110, 12.5.1); None if it refuses all.

    :param wanted: the one to take where the header leaves a choice, as ``*/*`` does
    """
    weights = _weights(accept) or {"*/*": 1.0}
    ranked = [(_media_weight(offer, weights), offer == wanted, -rank, offer) for rank, offer in enumerate(offers)]
    weight, _, _, offer = max(ranked)
    return offer if weight > 0 else None


def _media_weight(offer: str, weights: dict[str, float]) -> float:
    kind = offer.partition("/")[0]
    for pattern in (offer, f"{kind}/*", "*/*"):
        if pattern in weights:
            return weights[pattern]
    return 0.0


def _weights(header: str) -> dict[str, float]:
    """The members of a header such as ``a;q=0.5, b``; a member whose weight is not a number counts as refused."""
    weights: dict[str, float] = {}
    for member in header.lower().split(","):
        name, *parameters = (part.strip() for part in member.split(";"))
        if name:
            weights[name] = _weight(parameters)
    return weights


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            return float(parameter[2:]) if _QVALUE.fullmatch(parameter[2:]) else 0.0
    return 1.0


@lru_cache(maxsize=1024)
def max_age(cache_control: str) -> int | None:
    """How old (seconds) what is stored may be (RFC 9111, 5.2.1); None: the request does not say, or any age will do."""
    directives = [part.partition("=")[::2] for part in _directives(cache_control)]
    names = {name for name, _ in directives}
    if "only-if-cached" in names:
        return None
    if "no-cache" in names:
        return 0
    ages = _seconds_of("max-age", directives)
    if ("max-stale", "") in directives or not ages:
        return None
    return min(ages) + min(_seconds_of("max-stale", directives), default=0)


def _seconds_of(wanted: str, directives: list[tuple[str, str]]) -> list[int]:
    """What a directive says, as often as it stands there; what is no number of seconds says nothing."""
    texts = [_SECONDS.fullmatch(text) for name, text in directives if name == wanted]
    return [min(int(match[1]), _SECONDS_MAX) for match in texts if match]


def prefers_fresh(prefer: str) -> bool:
    """Whether a request's ``Prefer`` (RFC 7240) asks for a refresh rather than for what there is."""
    return "respond-async" in {part.split(";")[0].strip() for part in prefer.lower().split(",")}


def _directives(header: str) -> list[str]:
    return [part.strip() for part in header.lower().split(",")]
