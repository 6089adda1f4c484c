"""Messages about contracts into the tables: a row for each thing that IB has said of a contract, the newest marked.

In: messages 10, 18 and notices that refuse to describe a contract. Out: rows in the caller's transaction. Called by the
engine. What comes late, of a session that was closed without it, changes nothing that is newer.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from ibconnect.contracts import contract_of_request
from ibconnect.database.sql import queries
from ibconnect.events.layouts import with_version
from ibconnect.projections.contracts.details import Detail, detail_of
from ibconnect.projections.contracts.layout import BOND, CONTRACT
from ibconnect.projections.engine.heard import Heard
from ibconnect.projections.engine.projection import SetAside, Written
from ibconnect.texts import one_line
from ibconnect.times import from_micros

Q = queries("projections/contracts/load")

NO_DEFINITION = "200"


class ContractsFold:
    """Keeps nothing in memory: messages about contracts are few."""

    def load(self, connection: Connection[Any]) -> None:
        """Nothing."""

    def write(self, connection: Connection[Any], work: Sequence[Heard]) -> Written:
        """Write the rows; what is counted are things said anew.

        :raises psycopg.Error: Postgres refuses a row, or is away
        """
        made, refused = 0, list[SetAside]()
        for heard in work:
            if heard.fields[0] not in (CONTRACT, BOND):
                _refuse(connection, heard)
                continue
            try:
                detail = detail_of(heard.fields, heard.peer.server_version)
            except (ValueError, LookupError) as exc:
                refused.append(heard.set_aside(exc))
            else:
                made += _describe(connection, heard, detail)
        return Written(made, refused)


def _describe(connection: Connection[Any], heard: Heard, detail: Detail) -> bool:
    """Write what is said of a contract; whether that is new."""
    said = {"contract": detail.contract_id, "at": from_micros(heard.at)}
    newest = connection.execute(Q["newest"], said).fetchone()
    if newest is not None:
        position, digest, confirmed = newest
        if confirmed > said["at"]:
            return False
        if digest == detail.digest:
            hours = {name: detail.cells[name] for name in ("trading_hours", "liquid_hours")}
            connection.execute(Q["confirm"], {**said, **hours, "position": position})
            return False
        connection.execute(Q["replace"], {**said, "position": position})
    whole = {
        **detail.cells,
        **said,
        "position": heard.event.position,
        "digest": detail.digest,
        "gateway": heard.peer.gateway,
    }
    connection.execute(Q["add"], whole)
    return True


def _refuse(connection: Connection[Any], heard: Heard) -> None:
    """Note that IB knows no contract of an id, if that is what a notice says."""
    number, code, text = with_version(heard.fields)[2:5]
    contract = contract_of_request(number)
    if code == NO_DEFINITION and contract is not None:
        said = {"contract": contract, "at": from_micros(heard.at), "detail": one_line(text)}
        connection.execute(Q["refuse"], {**said, "position": heard.event.position, "gateway": heard.peer.gateway})
