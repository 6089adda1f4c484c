"""The control port: one JSON object per line in, one per line out, over TCP on loopback.

In: ``{"do": "drop", "skip": 3}`` (a fault by name, with its parameters) or an action of the table below. Out:
``{"ok": true, …}``, or ``{"ok": false, "error": "…"}``. Called by ``ibconnect simulate --control-port`` and by tests.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import TracebackType
from typing import Any, Self

from ibconnect.errors import SimulatorError
from ibconnect.simulator.faults.registry import FAULTS
from ibconnect.simulator.flex.actions import FLEX_ACTIONS
from ibconnect.simulator.flex.service import FlexService
from ibconnect.simulator.scenario import payments
from ibconnect.simulator.scenario.exhibits import books
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.scenario.world import World
from ibconnect.simulator.server import Gateway

Request = Mapping[str, Any]
_MAX_BEATS = 1_000_000
_MAX_SKIP = 1_000_000_000
_MAX_AMOUNT = 10**12


@dataclass(frozen=True, slots=True)
class Action:
    """Something besides faults that the control port does."""

    help: str
    act: Callable[[Gateway, Request], Mapping[str, Any]]


def _status(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    connections = [
        {
            "number": c.number,
            "client": c.client_id,
            "version": c.version,
            "sent": c.sent_count,
            "account": gateway.subscriptions.holders.get(c),
            "subscriptions": sorted({kind for kind, _ in c.feeds}),
        }
        for c in gateway.open_connections
    ]
    return {"beat": gateway.beat, "accounts": list(gateway.source.codes()), "connections": connections}


def _advance(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    beats = request.get("seconds", 1)
    if not isinstance(beats, int) or not 0 <= beats <= _MAX_BEATS:
        raise SimulatorError(f"seconds: a whole number up to {_MAX_BEATS}")
    gateway.advance(beats)
    return {"beat": gateway.beat}


def _skip(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    seconds = request.get("seconds", 1)
    if not isinstance(seconds, int) or not 0 < seconds <= _MAX_SKIP:
        raise SimulatorError(f"seconds: a whole number up to {_MAX_SKIP}")
    _world(gateway).skip(seconds)
    gateway.publish()
    return {}


def _clear(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    gateway.clear_faults()
    return {}


def _world(gateway: Gateway) -> World:
    if not isinstance(gateway.source, Scenario):
        raise SimulatorError("only a scenario's accounts can act; this gateway plays captures")
    return gateway.source.world


def _text(request: Request, key: str) -> str:
    value = request.get(key)
    if not isinstance(value, str) or not value:
        raise SimulatorError(f"{key}: text is needed")
    return value


def _trade(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    world = _world(gateway)
    world.trade_something(world.account(_text(request, "account")))
    gateway.publish()
    return {}


def _close_position(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    con_id = request.get("con_id")
    if not isinstance(con_id, int):
        raise SimulatorError("con_id: a number is needed")
    _world(gateway).close_position(_text(request, "account"), con_id)
    gateway.publish()
    return {}


def _amount(request: Request, key: str = "amount") -> Decimal:
    try:
        amount = Decimal(_text(request, key))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) > _MAX_AMOUNT:
        raise SimulatorError(f"{key}: a decimal number up to {_MAX_AMOUNT} as text is needed")
    return amount


def _deposit(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    amount = _amount(request)
    _world(gateway).deposit(_text(request, "account"), amount, _text(request, "currency"))
    gateway.publish()
    return {}


def _pay(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    world = _world(gateway)
    account, kind, currency = (_text(request, key) for key in ("account", "kind", "currency"))
    payments.pay(world, payments.Payment(world.now, account, kind, currency, _amount(request)))
    gateway.publish()
    return {}


def _transfer(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    source, target, currency = (_text(request, key) for key in ("account", "target", "currency"))
    payments.give(_world(gateway), source, target, _amount(request), currency)
    gateway.publish()
    return {}


def _transfer_position(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    con_id = request.get("con_id")
    if not isinstance(con_id, int):
        raise SimulatorError("con_id: a number is needed")
    source, target = _text(request, "account"), _text(request, "target")
    payments.hand_over(_world(gateway), source, target, con_id, _amount(request, "quantity"))
    gateway.publish()
    return {}


def _open_account(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    world = _world(gateway)
    account = world.open_account(world.plan.positions)
    gateway.publish()
    return {"account": account.code}


def _close_account(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    _world(gateway).close_account(_text(request, "account"))
    gateway.publish()
    return {}


def _set_alias(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    world = _world(gateway)
    world.firm.rename(world.account(_text(request, "account")).code, _text(request, "alias"))
    return {}


def _set_group(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    world, accounts = _world(gateway), request.get("accounts")
    if not isinstance(accounts, list) or not all(isinstance(code, str) for code in accounts):
        raise SimulatorError("accounts: a list of account codes is needed")
    method = request.get("method", "Equal")
    if not isinstance(method, str):
        raise SimulatorError("method: text is needed")
    world.firm.regroup(_text(request, "group"), [world.account(code).code for code in accounts], method)
    return {}


def _remove_group(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    world = _world(gateway)
    world.firm.dissolve(_text(request, "group"), [account.code for account in world.clients()])
    return {}


def _rename_contract(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    world, con_id = _world(gateway), request.get("con_id")
    if not isinstance(con_id, int) or con_id not in world.instruments:
        raise SimulatorError("con_id: the id of a contract is needed")
    world.long_names[con_id] = _text(request, "name")
    return {}


def _books(gateway: Gateway, request: Request) -> Mapping[str, Any]:
    return books(_world(gateway))


ACTIONS: Mapping[str, Action] = {
    "status": Action("connections, subscriptions, accounts, simulated seconds passed", _status),
    "advance": Action("let `seconds` of simulated time pass now", _advance),
    "skip": Action("let `seconds` of simulated time pass in which nothing happens", _skip),
    "clear": Action("forget every fault that is armed or lasts", _clear),
    "trade": Action("let `account` open, change or close a position", _trade),
    "close-position": Action("let `account` close its position in `con_id`", _close_position),
    "deposit": Action('pay `amount` (text, e.g. "-250.00") of `currency` into `account`', _deposit),
    "pay": Action("pay `amount` of `currency` into `account` as IBKR's `kind`: Dividends, Other Fees, …", _pay),
    "transfer": Action("let `amount` of `currency` go from `account` to `target`", _transfer),
    "transfer-position": Action("let `quantity` of `con_id` go from `account` to `target`", _transfer_position),
    "open-account": Action("open an account; answers with its code", _open_account),
    "close-account": Action("close `account`", _close_account),
    "set-alias": Action("call `account` by the name `alias`", _set_alias),
    "set-group": Action("let the advisor's `group` have `accounts` (a list), allocated by `method`", _set_group),
    "remove-group": Action("take the advisor's `group` away", _remove_group),
    "rename-contract": Action("give the contract `con_id` the long name `name`", _rename_contract),
    "books": Action("all orders, fills and profits, as the market's own books have them", _books),
}


def perform(gateway: Gateway, line: str, flex: FlexService | None = None) -> Mapping[str, Any]:
    """Do what one line says and return the result; errors are part of it. ``flex``: the service beside the gateway."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as exc:
        return {"ok": False, "error": f"not JSON: {exc}"}
    try:
        if not isinstance(request, dict) or not isinstance(request.get("do"), str):
            raise SimulatorError('a JSON object with "do" is needed')
        name = request.pop("do")
        if name in ACTIONS:
            return {"ok": True, **ACTIONS[name].act(gateway, request)}
        if name in FLEX_ACTIONS:
            if flex is None:
                raise SimulatorError(f"{name}: there is no Flex service beside this gateway")
            return {"ok": True, **FLEX_ACTIONS[name].act(flex, request)}
        if name not in FAULTS:
            raise SimulatorError(f"{name!r} is neither an action ({', '.join(ACTIONS)}) nor a fault")
        gateway.inject(name, **request)
    except (SimulatorError, ValueError, OverflowError) as exc:
        # A fault that acts at once may find that a number or a text of its parameters makes no sense.
        return {"ok": False, "error": str(exc)}
    return {"ok": True}


class ControlPort:
    """A control port of a gateway and a Flex service beside it; an asynchronous context manager. ``port`` 0 = any."""

    def __init__(self, gateway: Gateway, port: int = 0, flex: FlexService | None = None) -> None:
        self.gateway = gateway
        self.flex = flex
        self.port = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        except OSError as exc:
            raise SimulatorError(f"cannot listen on control port {self.port}: {exc.strerror}") from exc
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                result = perform(self.gateway, line.decode("utf-8", "replace"), self.flex)
                writer.write(json.dumps(result).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            # A caller that went away, or a line beyond the reader's limit: only this caller is affected.
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
