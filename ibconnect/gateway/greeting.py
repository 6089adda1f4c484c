"""What listens at an address, judged by its first bytes: an IB Gateway, something else, or one that is not ready yet.

In: what has come of a greeting so far. Out: what is wrong with it, in words for a person. Called by the transport.
"""

from ibconnect.texts import one_line

# Bytes that a gateway may send before its server version, and before its login is over: a list of accounts, notices.
_GREETING_BYTES, _LOGIN_BYTES = 64 << 10, 4 << 20
_LONGEST_VERSION = 9
_STRANGERS = {
    b"HTTP": "an HTTP server",
    b"SSH-": "an SSH server",
    b"\x16\x03": "a TLS server",
    b"\x15\x03": "a TLS server",
}


def too_much(size: int, *, has_version: bool) -> str:
    """Why so many bytes before the login is over are no greeting of an IB Gateway; empty if they may be one."""
    if size <= (_LOGIN_BYTES if has_version else _GREETING_BYTES):
        return ""
    due = "its login was over" if has_version else "it said its server version"
    return f"it sent {size} bytes before {due}: no IB Gateway does (we closed the connection)"


def stranger(start: bytes, claimed: int, *, has_version: bool) -> str:
    """Why what has come cannot be the IB API: its first frame claims to have ``claimed`` bytes."""
    for beginning, who in _STRANGERS.items():
        if not has_version and start.startswith(beginning):
            return f"{who} answers there, no IB Gateway: check the port"
    return f"what it sends is not the IB API (a frame claims {claimed} bytes): we closed the connection"


def is_too_new(version: str, highest: int) -> bool:
    """Whether a gateway insists on a server version that was not offered to it."""
    return _is_version(version) and int(version) > highest


def too_new(version: str, highest: int) -> str:
    """Why that is no good, and what is."""
    return (
        f"it insists on server version {version}, of which we understand nothing: its messages are not all text,"
        f" as they are up to {highest}, which we asked for"
    )


def _is_version(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_VERSION


def wrong_version(version: str, lowest: int) -> str:
    """Why a server version, if it is not too new, cannot be talked to; empty if it can."""
    if not _is_version(version):
        return f"it calls its server version {one_line(version, 40)!r}, which is no number"
    if int(version) < lowest:
        return f"its server version {version} is older than {lowest}, upgrade the gateway"
    return ""


def silence(sent: int, waiting: int, *, has_version: bool, has_accounts: bool) -> str:
    """What a gateway did not do that accepts a connection and then says too little.

    :param sent: the bytes that it has sent; ``waiting``: how many of them, at the end, are no whole message
    """
    if waiting:
        return f"sent {sent} bytes, the last {waiting} of them no whole message,"
    if not has_version:
        return "accepts connections, but did not answer the API handshake (starting, or hung?)"
    if has_accounts:
        return "listed its accounts, but did not say its next request id"
    return "answered the API handshake, but did not list an account (is it logged in?)"
