"""Messages of one server version, as a connection of another one must see them.

In: wire fields as recorded, and the versions of recording and client. Out: wire fields. Called by ``replay``. A message
whose layout never changed, or that does not have the layout of the recorded version, goes out as it was recorded.
"""

from collections.abc import Mapping

from ibconnect.simulator.wire.details import BOND_DETAILS, CONTRACT_DETAILS
from ibconnect.simulator.wire.frames import Fields
from ibconnect.simulator.wire.layout import Layout, LayoutError
from ibconnect.simulator.wire.layouts import COMPLETED_ORDER, EXECUTION, OPEN_ORDER

LAYOUTS: Mapping[str, Layout] = {
    layout.id: layout for layout in (EXECUTION, OPEN_ORDER, COMPLETED_ORDER, CONTRACT_DETAILS, BOND_DETAILS)
}
"""The messages whose layout differs between server versions 157 and 200, apart from message 4."""


def convert(fields: Fields, was: int, version: int) -> Fields:
    """The same message in the layout of ``version``; fields that the recorded version did not have are empty."""
    layout = LAYOUTS.get(fields[0]) if fields else None
    if layout is None or was == version:
        return fields
    try:
        return layout.encode(version, layout.decode(was, fields))
    except LayoutError:
        return fields
