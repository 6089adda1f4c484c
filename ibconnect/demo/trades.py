"""The trades of a day of the history as a gateway tells of them: executions, commissions, orders that are done.

In: what happened to accounts. Out: wire messages. Called by ``sessions``. What comes of an option that ends is no
execution, in statements alone.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from typing import NamedTuple

from ibconnect.simulator.flex.happenings import Deal, Happening
from ibconnect.simulator.scenario.blotter import FILLED, Commission, Fill, Order, State
from ibconnect.simulator.scenario.days import Days
from ibconnect.simulator.scenario.printing import commission_row, completed_order_row, execution_row
from ibconnect.simulator.wire.frames import Fields
from ibconnect.simulator.wire.messages import HIGHEST_VERSION


class Told(NamedTuple):
    """A deal and whose it is."""

    account: str
    deal: Deal


def of_day(happened: Mapping[str, Sequence[Happening]]) -> list[Told]:
    """What was traded, in the order of its time."""
    found = [
        Told(code, each)
        for code, some in happened.items()
        for each in some
        if isinstance(each, Deal) and each.kind == "ExchTrade"
    ]
    return sorted(found, key=lambda told: (told.deal.at, told.deal.number))


def rows(told: Told, request: int, days: Days) -> Sequence[Fields]:
    """The execution and its commission (messages 11 and 59)."""
    deal = told.deal
    commission = Commission(deal.fee, deal.instrument.currency, deal.realized)
    fill = Fill(
        exec_id=deal.exec_id,
        perm_id=deal.order_id,
        order_id=0,
        client_id=0,
        account=told.account,
        instrument=deal.instrument,
        at=deal.at.astimezone(UTC),
        exchange=deal.instrument.exchange,
        side="BOT" if deal.quantity > 0 else "SLD",
        shares=abs(deal.quantity),
        price=deal.price,
        cumulative=abs(deal.quantity),
        average_price=deal.price,
    )
    version = HIGHEST_VERSION
    return execution_row(fill, request, version, days), commission_row(deal.exec_id, commission, version)


def order_row(told: Told, days: Days) -> Fields:
    """The order that was filled by it (message 101)."""
    deal = told.deal
    size, at = abs(deal.quantity), deal.at.astimezone(UTC)
    order = Order(
        perm_id=deal.order_id,
        order_id=0,
        client_id=0,
        account=told.account,
        instrument=deal.instrument,
        action="BUY" if deal.quantity > 0 else "SELL",
        quantity=size,
        order_type=deal.order_type,
        states=(State(FILLED, at, size, Decimal(0), deal.price, deal.price),),
        limit=deal.price,
    )
    return completed_order_row(order, HIGHEST_VERSION, days)
