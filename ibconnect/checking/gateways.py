"""Checks of gateways: whether one answers, of which version it is, and whether it lists accounts."""

import asyncio
from collections.abc import Iterator

from ibconnect.checking.findings import Finding, fail, ok, warn
from ibconnect.config import Config
from ibconnect.errors import GatewayError
from ibconnect.gateway.asking import Greeting, greet
from ibconnect.setting_values import GatewayAddress

_PATIENCE_S = 10.0
_SHOWN = 20
_ADVICE = (
    "start the gateway and log in; in its API settings trust this address and, in TWS or before Gateway 10.41, "
    "tick Enable ActiveX and Socket Clients; compare the port with IB_GW"
)
_READ_ONLY = (
    "either leave them out (COLLECT=-orders), or untick Read-Only API in the gateway's API settings; "
    "balances, positions, executions and profit and loss are answered all the same"
)


def check_gateways(config: Config) -> Iterator[Finding]:
    """Each gateway of ``IB_GW``, all at once."""
    yield from asyncio.run(_all(config))


async def _all(config: Config) -> list[Finding]:
    return await asyncio.gather(*(_one(address, config) for address in config.ib_gw))


async def _one(address: GatewayAddress, config: Config) -> Finding:
    subject = f"gateway {address}"
    try:
        greeting = await greet(address, _PATIENCE_S, asks_for_orders="orders" in config.collect)
    except GatewayError as exc:
        return fail(subject, str(exc), _ADVICE)
    detail = _described(greeting, config)
    if greeting.has_lost_ib:
        return warn(subject, f"{detail}; it says {greeting.notice}", "wait until it has its connection to IB again")
    if not greeting.accounts:
        return fail(subject, f"{detail}, and no account", "log the gateway in")
    if greeting.refuses_orders:
        return warn(
            subject, f"{detail}; it refuses what COLLECT asks of orders ({greeting.refuses_orders})", _READ_ONLY
        )
    return ok(subject, detail)


def _described(greeting: Greeting, config: Config) -> str:
    codes = ", ".join(greeting.accounts[:_SHOWN]) + (" …" if len(greeting.accounts) > _SHOWN else "")
    return (
        f"server version {greeting.server_version}, {len(greeting.accounts)} accounts: {codes} "
        f"(asked as client {greeting.client_id}, not as IB_CID={config.ib_cid}, which the recorder is)"
    )
