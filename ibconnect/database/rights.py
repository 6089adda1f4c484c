"""The rights of the roles of ``deploy/postgres/roles.sql`` on what the migrations make: ``sql/database/grants.sql``.

In: the URL. Out: the rights, all or none. Called by ``ibconnect migrate`` when the schema is up to date. Where one role
owns everything there is nothing to give, and who is not ibconnect_owner has nothing to give.
"""

from ibconnect.database.pools import SERVERS_OWN, connect, explained
from ibconnect.database.sql import queries

_OWNERSHIP = queries("database/ownership")
_Q = queries("database/grants")
_OWNER = "ibconnect_owner"


def give_rights(url: str) -> bool:
    """Let each role do its part, if the roles are made for this database and this is ibconnect_owner; whether it is.

    :raises DatabaseUnavailable: Postgres cannot be reached, or cannot be written to now
    :raises DatabaseError: Postgres refused a statement
    """
    with (
        connect(url, name="rights", search_path=SERVERS_OWN) as connection,
        explained("the rights of the roles cannot be given"),
    ):
        us, wanted = connection.execute(_OWNERSHIP["owner_of_events"]).fetchone() or ("", "")
        if not us == wanted == _OWNER:
            return False
        with connection.transaction():
            connection.execute(_Q["grants"])
        return True
