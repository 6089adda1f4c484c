"""The family codes of a login's accounts: which accounts belong together, as IB sees it."""

from collections.abc import Iterable
from types import MappingProxyType

from ibconnect.gateway.collectors.due import DAILY, At
from ibconnect.gateway.collectors.question import Question
from ibconnect.gateway.collectors.scheduled import Scheduled
from ibconnect.gateway.connection import Connection

FAMILY_CODES = 78


class Families(Scheduled):
    """Asked at connection and daily; one message is the whole answer."""

    name = "families"
    due = (At.CONNECTION, DAILY)
    messages = MappingProxyType({FAMILY_CODES: 2})

    def questions(self, connection: Connection) -> Iterable[Question]:
        """reqFamilyCodes, for all accounts at once."""
        yield Question(lambda transport, _: transport.reqFamilyCodes(), end=FAMILY_CODES)
