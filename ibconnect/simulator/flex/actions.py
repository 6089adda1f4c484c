"""What may be done to a Flex service at run time, as the control port does it.

In: a service, and the members of a command. Out: what happened, as JSON has it. Called by ``control``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from ibconnect.errors import SimulatorError
from ibconnect.simulator.flex.books import ScenarioBooks
from ibconnect.simulator.flex.service import FlexService

Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FlexAction:
    """Something that the control port does to a Flex service."""

    help: str
    act: Callable[[FlexService, Request], Mapping[str, Any]]


def _fault(flex: FlexService, request: Request) -> Mapping[str, Any]:
    params = {key: value for key, value in request.items() if key != "fault"}
    flex.inject(str(request.get("fault", "")), **params)
    return {}


def _clear(flex: FlexService, request: Request) -> Mapping[str, Any]:
    flex.clear_faults()
    return {}


def _asked(flex: FlexService, request: Request) -> Mapping[str, Any]:
    return {"url": flex.url, "asked": [{"path": each.path, "code": each.code} for each in flex.asked]}


def _mistake(flex: FlexService, request: Request) -> Mapping[str, Any]:
    books = _books(flex)
    try:
        amount = Decimal(str(request.get("amount", "")))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise SimulatorError("amount: a decimal number as text is needed")
    books.mistake(_account(books, request), _day(request), amount)
    return {}


def _correct(flex: FlexService, request: Request) -> Mapping[str, Any]:
    books = _books(flex)
    books.correct(_account(books, request), _day(request))
    return {}


def _books(flex: FlexService) -> ScenarioBooks:
    if not isinstance(flex.source, ScenarioBooks):
        raise SimulatorError("only the statements of a scenario can be corrected")
    return flex.source


def _account(books: ScenarioBooks, request: Request) -> str:
    account = request.get("account")
    if account not in books.accounts():
        raise SimulatorError(f"account: one of {', '.join(books.accounts())}")
    return str(account)


def _day(request: Request) -> date:
    try:
        return date.fromisoformat(str(request.get("day")))
    except ValueError:
        raise SimulatorError("day: a day such as 2026-01-02 is needed") from None


FLEX_ACTIONS: Mapping[str, FlexAction] = {
    "flex-fault": FlexAction("let the Flex service's `fault` happen, with its parameters", _fault),
    "flex-clear": FlexAction("forget every fault of the Flex service", _clear),
    "flex-asked": FlexAction("every request that the Flex service had, with the code of its answer", _asked),
    "flex-mistake": FlexAction(
        "let `account`'s statement of `day` say `amount` too much of accrued dividends", _mistake
    ),
    "flex-correct": FlexAction("let it say what is right again, generated later", _correct),
}
