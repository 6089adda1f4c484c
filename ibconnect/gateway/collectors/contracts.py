"""What IB says of contracts: asked for each one that a message names, once, and again after a month or a change.

In: positions, executions and orders as they come. Out: requests for details by contract id alone (9), one at a time;
the answers (10, 18, 52) are in the recorded events. What any instance has asked before is looked up in the report of
contracts, so that a restart asks for nothing again; what IB does not know (200) counts as answered.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ib_async.contract import Contract

from ibconnect.backoff import Backoff
from ibconnect.contracts import request_of_contract
from ibconnect.gateway.collectors.collector import Collector, Home, Note
from ibconnect.gateway.collectors.question import Answer, Ended, Question, answered
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.transport import Transport

AGAIN_S = 30 * 86_400.0
"""So long after an answer a contract is asked for again, when it is next named."""
# After an answer that is not whole.
FIRST_S, LONGEST_S = 15.0, 3600.0
_DETAILS_END, _NUMBER_AT = 52, 2
_NO_DEFINITION = frozenset({"200"})
# Where the contract's id stands in messages of server versions 157 to 200.
_NAMED_AT: Mapping[int, int] = MappingProxyType({5: 2, 11: 3, 61: 3, 101: 1})
_PORTFOLIO, _MULTI = b"7\0", b"71\0"
# What is known of contracts is looked up again if there are more of them; and so many at once.
_MOST, _MOST_AT_ONCE = 50_000, 1_000
_NO_FIGURE = ("", "0", "1")


class _Known:
    """A contract that was named. ``said``: what message 7 says of it; ``due``: when it is asked for again."""

    __slots__ = ("due", "id", "said")

    def __init__(self, contract: int) -> None:
        self.id = contract
        self.said = b""
        self.due = math.inf


class Contracts(Collector):
    """See the module."""

    name = "contracts"
    messages = MappingProxyType({_DETAILS_END: 3, **dict.fromkeys(_NAMED_AT, 1)})

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self._known: dict[bytes, _Known] = {}
        self._queue: dict[bytes, _Known] = {}
        self._unknown: dict[bytes, _Known] = {}
        self._changed = asyncio.Event()

    async def run(self, connection: Connection, note: Note) -> None:
        """Ask for what is named; see :class:`Collector`."""
        with connection.watching(self._watch), connection.hearing(self._hear):
            backoff = Backoff(FIRST_S, LONGEST_S)
            while not connection.lost.done():
                await self._until_named()
                await connection.freshness.fresh()
                await self._look_up()
                if not self._queue:
                    continue
                key, known = next(iter(self._queue.items()))
                answer = await answered(connection, _question(known.id))
                note(answer)
                self._take(key, known, answer)
                if answer.ended is Ended.WHOLE:
                    backoff.reset()
                elif answer.ended is not Ended.STALE:
                    await asyncio.sleep(backoff.wait())

    async def _until_named(self) -> None:
        while not self._queue and not self._unknown:
            self._changed.clear()
            await self._changed.wait()

    async def _look_up(self) -> None:
        """Ask only for what nobody has asked for in the last month, or what is called otherwise now."""
        while self._unknown:
            some = list(self._unknown.items())[:_MOST_AT_ONCE]
            found = await self.home.coordination.contracts_asked([known.id for _, known in some])
            asked = {contract: (seconds, terms) for contract, seconds, *terms in found}
            for key, known in some:
                self._unknown.pop(key, None)
                seconds, terms = asked.get(known.id, (math.inf, []))
                known.due = _now() + AGAIN_S - seconds
                if known.due <= _now() or _is_otherwise(known.said, terms):
                    self._ask(key, known)

    def _take(self, key: bytes, known: _Known, answer: Answer) -> None:
        """One is answered, or goes to the end of the queue."""
        self._queue.pop(key, None)
        if answer.ended is Ended.WHOLE:
            known.due = _now() + AGAIN_S
        elif answer.ended is not Ended.STALE:
            self._ask(key, known)
        else:
            self._queue = {key: known, **self._queue}

    def _ask(self, key: bytes, known: _Known) -> None:
        known.due = math.inf
        self._queue[key] = known
        self._changed.set()

    def _watch(self, number: int, fields: list[str]) -> None:
        """A message has come that may name a contract."""
        at = _NAMED_AT.get(number)
        if at is not None and at < len(fields):
            self._name(fields[at].encode(errors="replace"), b"")

    def _hear(self, payloads: Sequence[bytes], _read_at: float, _arrived: int) -> None:
        """Account data has come: positions name contracts."""
        for payload in payloads:
            if payload.startswith(_PORTFOLIO):
                # 7, 8, and eleven fields of the contract.
                fields = payload.split(b"\0", 13)
                if len(fields) > 13:
                    self._name(fields[2], b"\0".join(fields[3:13]))
            elif payload.startswith(_MULTI):
                fields = payload.split(b"\0", 5)
                if len(fields) > 5:
                    self._name(fields[4], b"")

    def _name(self, key: bytes, said: bytes) -> None:
        """A contract is named; message 7 says ``said`` of it."""
        known = self._known.get(key)
        if known is None:
            self._meet(key, said)
            return
        is_otherwise = bool(said and known.said and said != known.said)
        known.said = said or known.said
        if (is_otherwise and key not in self._unknown) or known.due <= _now():
            self._ask(key, known)

    def _meet(self, key: bytes, said: bytes) -> None:
        if not key.isdigit() or len(key) > 18 or not int(key):
            return
        if len(self._known) >= _MOST:
            for kept in (self._known, self._queue, self._unknown):
                kept.clear()
        known = self._known[key] = self._unknown[key] = _Known(int(key))
        known.said = said
        self._changed.set()


def _question(contract: int) -> Question:
    def ask(transport: Transport, number: int) -> None:
        # With an exchange, a contract that is listed elsewhere would not be found.
        transport.reqContractDetails(number, Contract(conId=contract, includeExpired=True))

    number = request_of_contract(contract)
    return Question(ask, end=_DETAILS_END, number_at=_NUMBER_AT, number=number, accepted=_NO_DEFINITION)


def _is_otherwise(said: bytes, terms: Sequence[str]) -> bool:
    """Whether message 7 says another symbol or multiplier than IB did when it was asked."""
    if not said or not terms:
        return False
    fields = said.decode(errors="replace").split("\0")
    symbol, multiplier = fields[0], fields[5]
    before, times = terms
    is_renamed = symbol != before != ""
    return is_renamed or (multiplier != times and multiplier not in _NO_FIGURE and times not in _NO_FIGURE)


def _now() -> float:
    return asyncio.get_running_loop().time()
