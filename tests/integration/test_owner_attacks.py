"""A role with few rights lays traps for one with more: functions that fit better than the server's own.

Whoever may make things in the schema ``public`` waits there for the owner, or a superuser, to call ``format`` or to ask
who has which right. The files and verbs that these run must not find such functions.
"""

import shutil

from ibconnect.database.condition import condition
from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.migrations import available, migrate
from ibconnect.database.pools import connect
from ibconnect.database.rights import give_rights
from tests.integration.test_roles import as_role, execute
from tests.own_postgres import GRANTS, HAND_OVER, ROLES, run_file
from tests.paths import scratch

# The arguments with which files and verbs call them; each is nearer to the call than what the server has.
CALLS = (
    ("format", "text, text", "text"),
    ("format", "text, name", "text"),
    ("format", "text, name, name", "text"),
    ("format", "text, text, name", "text"),
    ("format", "text, name, integer", "text"),
    ("format", "text, name, text", "text"),
    ("format", "text, name, text, text", "text"),
    ("format", "text, name, name, text, text", "text"),
    ("format", "text, regclass", "text"),
    ("format", "text, regclass, text", "text"),
    ("format", "text, regprocedure", "text"),
    ("has_database_privilege", "oid, name, text", "boolean"),
    ("has_schema_privilege", "text, text", "boolean"),
    ("pg_has_role", "text, text, text", "boolean"),
    ("set_config", "text, text, boolean", "text"),
)
TRAP = """
    CREATE FUNCTION public.{name}({arguments}) RETURNS {answer} LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.trap (fell, by_name) VALUES (current_user, '{name}');
        RETURN NULL;
    END $$
"""


def lay(url: str) -> None:
    """Lay all traps in a database; whoever runs into one leaves his name, unless he is who laid it."""
    with connect(url, name="trap", search_path="public") as connection:
        connection.execute("CREATE TABLE public.trap (fell text, by_name text)")
        connection.execute("GRANT INSERT ON public.trap TO PUBLIC")
        for name, arguments, answer in CALLS:
            connection.execute(TRAP.format(name=name, arguments=arguments, answer=answer).encode())


def fallen(url: str) -> set[tuple[object, ...]]:
    with connect(url, name="look", search_path="pg_catalog") as connection:
        return set(connection.execute("SELECT fell, by_name FROM public.trap").fetchall())


def test_a_recorder_gets_no_rights_of_the_owner_or_a_superuser(empty_database_url: str) -> None:
    superuser, owner = empty_database_url, as_role(empty_database_url, "owner")
    run_file(superuser, ROLES)
    lay(as_role(superuser, "recorder"))
    with connect(owner, name="victim", search_path="public") as victim:
        victim.execute("SELECT format('%s', 'a'::text), has_database_privilege(1::oid, 'a'::name, 'CREATE')")
    assert fallen(superuser) == {("ibconnect_owner", "format"), ("ibconnect_owner", "has_database_privilege")}
    execute(superuser, "DELETE FROM public.trap")
    assert migrate(owner) == available()
    assert give_rights(owner)
    assert condition(owner).owner == "ibconnect_owner"
    run_file(owner, GRANTS)
    for file in (ROLES, HAND_OVER):
        run_file(superuser, file)
    assert fallen(superuser) == set()


def test_the_embedded_service_gets_no_rights_of_its_superuser() -> None:
    directory = scratch("ibc-trap-")
    try:
        with EmbeddedPostgres(directory) as server:
            lay(server.url)
            execute(server.superuser_url, "CREATE TABLE public.something (n integer)")
        with EmbeddedPostgres(directory) as server:
            assert fallen(server.superuser_url) == set()
            something = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'something'"
            with connect(server.superuser_url, name="look", search_path="pg_catalog") as connection:
                assert connection.execute(something).fetchall() == [("ibconnect_service",)]
    finally:
        shutil.rmtree(directory, ignore_errors=True)
