"""Faults of whole connections and of the gateway: silence, lost connectivity, restarts, refusals.

In: a gateway and parameters. Out: the state of the gateway, undone after the fault's ``seconds``.
"""

import asyncio

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.faults.fault import Fault, Params, Target, arm, later
from ibconnect.simulator.wire.messages import error


def silence(target: Target, fault: Fault, params: Params) -> None:
    def act(connection: Connection) -> None:
        connection.hush(True)
        later(target, params, lambda: connection.hush(False))

    arm(target, params, act)


def slow(target: Target, fault: Fault, params: Params) -> None:
    def quicken(connection: Connection) -> None:
        connection.slow_interval = 0.0

    def act(connection: Connection) -> None:
        connection.slow_interval = float(params["interval"])
        later(target, params, lambda: quicken(connection))

    arm(target, params, act)


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
            target.desk.forget_accounts()
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
    target.desk.outside_holder = (int(params["client"]), str(params["account"]))

    def release() -> None:
        target.desk.outside_holder = None

    later(target, params, release)
