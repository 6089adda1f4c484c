"""Every fault by name: one table for the command line, the control port and the docs.

In: nothing. Out: :data:`FAULTS`. Each group of faults is a module of this package and a line here. Read by
``parameters``, the command line, the control port, and the tests that hold the docs to it.

Faults of single messages act on every open connection, or, if there is none, on the next one; ``every`` arms all later
ones too. ``skip`` lets so many messages pass first, ``count`` is how many are hit.
"""

from collections.abc import Mapping

from ibconnect.simulator.faults import connections, messages, outages
from ibconnect.simulator.faults.fault import Fault

GROUPS: tuple[tuple[Fault, ...], ...] = (
    connections.FAULTS,
    messages.FAULTS,
    outages.FAULTS,
)

FAULTS: Mapping[str, Fault] = {fault.name: fault for group in GROUPS for fault in group}
"""Name → fault."""
