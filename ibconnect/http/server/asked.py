"""Who asked, and for what, in words that a log may hold.

In: a request. Out: the address of the client, the name of its token, the path; texts in which nothing can break a line
or a field. Called by the access log, and wherever a request that went wrong is logged.
"""

from functools import cache, lru_cache

from aiohttp import web

from ibconnect.http.server.auth import Guard

_LONGEST = 1000


def about(guard: Guard, request: web.BaseRequest) -> dict[str, str]:
    """The facts of a line about a request that went wrong."""
    name = token_name(guard, request)
    facts = {"client": request.remote or "-", "method": shown(request.method), "path": target_of(request)}
    return facts if name == "-" else {**facts, "token": name}


def token_name(guard: Guard, request: web.BaseRequest) -> str:
    """The name of the token that a request was admitted by, or else eight digits of its SHA-256; ``-`` without one."""
    known = guard.known(request) if isinstance(request, web.Request) else None
    return "-" if known is None else known.name


def target_of(request: web.BaseRequest) -> str:
    """What was asked for: the path as it came, and of the query what this server knows. Others may hold secrets."""
    return _target(request.raw_path)


@lru_cache(maxsize=4096)
def _target(target: str) -> str:
    path, _, query = target.partition("?")
    if not query:
        return shown(path)
    pairs = (shown(pair) if pair.partition("=")[0] in _known() else "..." for pair in query.split("&"))
    return f"{shown(path)}?{'&'.join(pairs)}"


@cache
def _known() -> frozenset[str]:
    from ibconnect.http.routes import ROUTES

    return frozenset(each.name for route in ROUTES for each in route.parameters if each.place == "query")


@lru_cache(maxsize=4096)
def shown(text: str) -> str:
    """Text of a client that can break no line and no field: escaped, and cut if it is long."""
    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    if cut.isascii() and cut.isprintable() and '"' not in cut and "\\" not in cut:
        return cut
    return "".join(each if _is_plain(each) else _escaped(each) for each in cut)


def _is_plain(character: str) -> bool:
    return " " <= character <= "~" and character not in '"\\'


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))
