"""Who asked, and for what, in words that a log may hold.

In: a request. Out: the address of the client, the name of its token, the path; texts in which nothing can break a line
or a field. Called by the access log, and wherever a request that went wrong is logged.
"""

from functools import lru_cache

from aiohttp import web

from ibconnect.http.server.auth import Guard

_LONGEST = 1000


def token_name(guard: Guard, request: web.BaseRequest) -> str:
    """The name of the token that a request was admitted by, or else eight digits of its SHA-256; ``-`` without one."""
    known = guard.known(request) if guard.tokens is not None and isinstance(request, web.Request) else None
    return "-" if known is None else known.name


class Asked:
    """Describes requests.

    :param guard: who knows the names of tokens
    :param shown_names: the parameters of a query that are shown with their values. Others may hold secrets
    """

    def __init__(self, guard: Guard, shown_names: frozenset[str]) -> None:
        self._guard = guard
        self._shown_names = shown_names
        self._target = lru_cache(maxsize=4096)(self._target_of)

    def about(self, request: web.BaseRequest) -> dict[str, str]:
        """The facts of a line about a request that went wrong."""
        name = self.token(request)
        facts = {"client": request.remote or "-", "method": shown(request.method), "path": self.target(request)}
        return facts if name == "-" else {**facts, "token": name}

    def token(self, request: web.BaseRequest) -> str:
        """The name of its token."""
        return token_name(self._guard, request)

    def target(self, request: web.BaseRequest) -> str:
        """What was asked for: the path as it came, and of the query what this server knows."""
        return self._target(request.raw_path)

    def _target_of(self, target: str) -> str:
        path, _, query = target.partition("?")
        if not query:
            return shown(path)
        pairs = (shown(pair) if pair.partition("=")[0] in self._shown_names else "..." for pair in query.split("&"))
        return f"{shown(path)}?{'&'.join(pairs)}"


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
