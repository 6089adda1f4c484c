"""Every way a small world can go, up to so many faults, at any time and in any order.

In: a world of ``tests/cluster_model.py`` and how many faults. Out: how many steps were looked at; the shortest way to a
broken promise, if there is one. Two ways that lead to the same world go on as one.
"""

from collections import deque
from dataclasses import dataclass

from tests.cluster_model import World
from tests.cluster_promises import Broken

Fault = tuple[float, str, int]


@dataclass(frozen=True)
class Found:
    """What an exploration found: ``broken`` with the ``way`` to it, or nothing."""

    steps: int
    broken: str = ""
    way: tuple[Fault, ...] = ()


def explore(world: World, faults: int) -> Found:
    """Look at all ways, the shortest first."""
    todo, seen, steps = deque([(world, faults, ())]), set[object](), 0
    while todo:
        here, left, way = todo.popleft()
        for order in _orders(here):
            for fault in (None, *(here.faults() if left else ())):
                there = here.copied()
                gone = way if fault is None else (*way, (here.now, *fault))
                try:
                    if fault is not None:
                        there.happen(*fault)
                    there.step(order)
                except Broken as exc:
                    return Found(steps, str(exc), gone)
                steps += 1
                key = (there.key(), left - (fault is not None))
                if key not in seen:
                    seen.add(key)
                    todo.append((there, key[1], gone))
    return Found(steps)


def _orders(world: World) -> list[tuple[int, ...]]:
    """Who is served first matters where something is to be had."""
    forth = tuple(range(world.count))
    is_to_be_had = world.count > 1 and (world.holder is None or not world.admitted)
    return [forth, forth[::-1]] if is_to_be_had else [forth]
