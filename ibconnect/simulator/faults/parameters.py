"""A fault by its name, with parameters as the command line, the control port and programs give them.

In: a gateway, a name, values. Out: what lets the fault begin. Called by ``server``.
"""

from collections.abc import Callable
from typing import Any

from ibconnect.errors import SimulatorError
from ibconnect.simulator.faults.fault import Params, Target
from ibconnect.simulator.faults.registry import FAULTS


def prepare(target: Target, name: str, given: Params) -> Callable[[], None]:
    """A fault that begins when the result is called. Raises :class:`SimulatorError` for what is not known."""
    fault = FAULTS.get(name)
    if fault is None:
        raise SimulatorError(f"no fault {name!r}: one of {', '.join(FAULTS)}")
    unknown = set(given) - set(fault.params)
    if unknown:
        raise SimulatorError(
            f"fault {name}: no parameter {', '.join(sorted(unknown))}; it has {', '.join(fault.params) or 'none'}"
        )
    params = {key: _typed(name, key, d, given.get(key, d)) for key, d in fault.params.items()}
    return lambda: fault.begin(target, fault, params)


def _typed(name: str, key: str, default: Any, value: Any) -> Any:
    """A parameter as the type of its default; text (from the command line) is read."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true", "yes")
    try:
        return type(default)(value)
    except (TypeError, ValueError, OverflowError):
        raise SimulatorError(f"fault {name}: {key}={value!r} is not a {type(default).__name__}") from None
