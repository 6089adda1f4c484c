"""The Postgres driver has no second word beside the errors that it raises."""

import json
import subprocess
import sys

LOST = """
import logging, sys
import psycopg
from ibconnect.observe import configure_logging
configure_logging("json", "info")
for use in (psycopg.Connection.pipeline, psycopg.Connection.transaction):
    with psycopg.connect(sys.argv[1]) as connection, psycopg.connect(sys.argv[1], autocommit=True) as other:
        try:
            with use(connection):
                connection.execute("SELECT 1").fetchone()
                other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
                connection.execute("SELECT 2").fetchone()
        except psycopg.OperationalError as exc:
            logging.getLogger("psycopg").warning("told by who meets it")
"""


def test_what_the_driver_raises_it_does_not_log_as_well(database_url: str) -> None:
    command = [sys.executable, "-c", LOST, database_url]
    logged = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
    assert [json.loads(line)["event"] for line in logged.splitlines()] == ["told by who meets it"] * 2
