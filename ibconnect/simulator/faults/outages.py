"""Faults of the gateway: lost connectivity, restarts, refusals.

In: a gateway and parameters. Out: the state of the gateway, undone after the fault's ``seconds``. Called through
``registry``.
"""

import asyncio

from ibconnect.simulator.faults.fault import FOREIGN_ACCOUNT, Fault, Params, Target, later
from ibconnect.simulator.wire.messages import error


def _tell(target: Target, code: int, text: str) -> None:
    for connection in target.live:
        connection.send((error(-1, code, text),))


_LOST = "Connectivity between IB and Trader Workstation has been lost."


def connectivity(target: Target, fault: Fault, params: Params) -> None:
    """The gateway loses IB and regains it: 1100, later 1101 (account subscriptions are gone) or 1102."""
    target.offline = True
    _tell(target, 1100, _LOST)

    def restore() -> None:
        target.offline = False
        if not params["told"]:
            return
        if params["data_lost"]:
            target.subscriptions.forget_accounts()
            _tell(target, 1101, "Connectivity between IB and Trader Workstation has been restored - data lost.")
        else:
            _tell(target, 1102, "Connectivity between IB and Trader Workstation has been restored - data maintained.")

    later(target, params, restore)


def farm(target: Target, fault: Fault, params: Params) -> None:
    name = params["farm"]
    _tell(target, 2103, f"Market data farm connection is broken:{name}")
    later(target, params, lambda: _tell(target, 2104, f"Market data farm connection is OK:{name}"))


def notice(target: Target, fault: Fault, params: Params) -> None:
    _tell(target, int(params["code"]), str(params["text"]))


async def _closed(target: Target, seconds: float) -> None:
    await target.stop_listening()
    await asyncio.sleep(seconds)
    await target.listen()


def refuse(target: Target, fault: Fault, params: Params) -> None:
    target.spawn(_closed(target, float(params["seconds"])))


def restart(target: Target, fault: Fault, params: Params) -> None:
    for connection in target.open_connections:
        connection.close()
    refuse(target, fault, params)


def competing_login(target: Target, fault: Fault, params: Params) -> None:
    _tell(target, 1100, _LOST)
    restart(target, fault, params)


def id_in_use(target: Target, fault: Fault, params: Params) -> None:
    target.refused_logins = int(params["count"])


def held(target: Target, fault: Fault, params: Params) -> None:
    target.subscriptions.outside_holder = (int(params["client"]), str(params["account"]))

    def release() -> None:
        target.subscriptions.outside_holder = None

    later(target, params, release)


FAULTS = (
    Fault(
        "connectivity",
        "1100, and after so many seconds 1101 (data_lost: account subscriptions are gone) or 1102 (or no word)",
        connectivity,
        {"seconds": 5.0, "data_lost": False, "told": True},
    ),
    Fault(
        "farm-flap",
        "2103, and 2104 after so many seconds; says nothing of accounts",
        farm,
        {"seconds": 1.0, "farm": "usfarm"},
    ),
    Fault("notice", "any message 4 without a request", notice, {"code": 2137, "text": "A notice."}),
    Fault("restart", "the nightly restart: all closed, nothing listens for so many seconds", restart, {"seconds": 5.0}),
    Fault("refuse", "nothing listens for so many seconds; connections stay", refuse, {"seconds": 5.0}),
    Fault("client-id-in-use", "refuse the next logins with 326", id_in_use, {"count": 1}),
    Fault(
        "competing-login",
        "the user logged in elsewhere: 1100, closed, nothing listens for so many seconds",
        competing_login,
        {"seconds": 5.0},
    ),
    Fault(
        "subscription-held",
        "another client holds the account subscription: 2101 for any other account",
        held,
        {"seconds": 0.0, "client": 99, "account": FOREIGN_ACCOUNT},
    ),
)
