"""The eventsourcing library's Postgres datastore, opened from a URL.

The library takes host, port, user and password only, which would lose ``sslmode``, several hosts or
``target_session_attrs`` of a ``DB_URL``; so the pool is built here. Importing ``eventsourcing.postgres`` sets
psycopg's loggers to ERROR; they get their level back.
"""

import logging

from eventsourcing.postgres import ConnectionPool, PostgresDatastore
from psycopg.rows import DictRow, dict_row

from ibconnect.database import discreet
from ibconnect.database.pools import parameters

for _name in ("psycopg", "psycopg.pool"):
    logging.getLogger(_name).setLevel(logging.NOTSET)


class Datastore(PostgresDatastore):
    """A ``PostgresDatastore`` for any libpq URL; at most two connections, opened when first used."""

    def __init__(self, url: str, *, name: str = "events") -> None:
        super().__init__("", "", "", "", "")
        self.url = url
        self.pool = ConnectionPool(
            connection_class=discreet.Connection[DictRow],
            kwargs={**parameters(url, name=name, search_path="public"), "row_factory": dict_row},
            min_size=0,
            max_size=2,
            num_workers=1,
            open=False,
            configure=self.after_connect_func(),
            check=ConnectionPool.check_connection,
            timeout=5.0,
            max_idle=60.0,
            reconnect_timeout=0.0,
        )

    def register_type_adapters(self) -> None:
        """None: composite types are for the library's own inserts, and asking for them needs Postgres at once."""
