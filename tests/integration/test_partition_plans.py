"""Every query that reads events goes by an index of each partition, and by as few partitions as it can."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries, sql_root
from ibconnect.projections.upkeep import ensure
from tests.conftest import create_database, drop_database
from tests.partitions import in_month, name_of, this_month

# Where the type of a parameter does not follow from the query, psycopg says it.
TYPES = {
    "sessions": "uuid[]",
    "session": "uuid",
    "stream": "uuid",
    "continuation": "uuid",
    "after": "bigint",
    "upto": "bigint",
    "before": "bigint",
    "end": "bigint",
    "topics": "text[]",
    "topic": "text",
    "state": "bytea",
}
_PARAMETER = re.compile(r"%\((\w+)\)s(::[\w]+(?:\[\])?)?")
SESSIONS, EACH = 20, 300


def of_events() -> Iterator[tuple[str, str]]:
    """The named queries that read events; but what views say, and what reads tables of a rebuild."""
    reads_events = re.compile(r"\b(FROM|JOIN) (public\.)?stored_events\b")
    for path in sorted(sql_root().rglob("*.sql")):
        name = path.relative_to(sql_root()).with_suffix("").as_posix()
        if "migrations/" in name or name.endswith("/views") or "-- name:" not in path.read_text(encoding="utf-8"):
            continue
        for key, text in queries(name).items():
            code = re.sub(r"^--.*$", "", text, flags=re.MULTILINE).strip()
            if (
                code.startswith(("SELECT", "WITH"))
                and reads_events.search(code)
                and not re.search(r"_next\.|\{\w*\}", code)
            ):
                yield f"{name}.{key}", code


@pytest.fixture(scope="module")
def months(server_url: str, template: str) -> Iterator[Connection[Any]]:
    """A database with events in each of its partitions, as many as a scan is worth avoiding for."""
    url = create_database(server_url, "months", template)
    ensure(url)
    with connect(url, name="test") as connection:
        for later in (*range(-2, 4), 900):
            for number in range(SESSIONS):
                connection.execute(
                    "INSERT INTO stored_events (originator_version, originator_id, topic, state)"
                    " SELECT n, %s, CASE n WHEN 1 THEN 'so' ELSE 'v' END,"
                    " convert_to(CASE n WHEN 1 THEN '{\"t\":1}' ELSE '[\"a\"]' END, 'UTF8')"
                    " FROM generate_series(1, %s) AS n",
                    (in_month(this_month(later), number), EACH),
                )
        # As autovacuum does, which never looks at the table that they are partitions of.
        for (name,) in connection.execute("SELECT name FROM coordination.partitions()").fetchall():
            connection.execute(SQL("VACUUM ANALYZE {}").format(Identifier("public", name)))
        yield connection
    drop_database(server_url, "months")


def nodes(plan: dict[str, Any], below: tuple[str, ...] = ()) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    yield plan, below
    for each in plan.get("Plans", ()):
        yield from nodes(each, (*below, plan["Node Type"]))


def in_full(plan: dict[str, Any]) -> list[str]:
    """The partitions that a plan reads from one end to the other."""
    return [
        f"{node['Node Type']} on {node['Relation Name']}"
        for node, above in nodes(plan)
        if str(node.get("Relation Name", "")).startswith("stored_events_")
        and (node["Node Type"] == "Seq Scan" or not ({"Index Cond", "Recheck Cond"} & node.keys() or "Limit" in above))
    ]


def plan_of(connection: Connection[Any], code: str) -> dict[str, Any]:
    """The plan for any values of the parameters."""
    numbers: dict[str, int] = {}

    def placed(found: re.Match[str]) -> str:
        number = numbers.setdefault(found[1], len(numbers) + 1)
        cast = found[2] or (f"::{TYPES[found[1]]}" if found[1] in TYPES else "")
        return f"${number}{cast}"

    text = _PARAMETER.sub(placed, code.rstrip("; \n")).replace("%%", "%")
    ((plan,),) = connection.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {text}".encode()).fetchall()
    found: dict[str, Any] = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return found


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in of_events()])
def test_no_partition_is_read_in_full(months: Connection[Any], code: str) -> None:
    plan = plan_of(months, code)
    assert in_full(plan) == []
    assert [node for node, _ in nodes(plan) if str(node.get("Relation Name", "")).startswith("stored_events_")]


@pytest.mark.parametrize(
    "code",
    [
        "SELECT * FROM v_event ORDER BY position DESC LIMIT 10",
        "SELECT * FROM v_event WHERE position > %(after)s AND position < %(before)s",
        "SELECT * FROM v_event WHERE session = %(session)s",
        "SELECT max(notification_id) FROM stored_events",
        "SELECT * FROM stored_events WHERE notification_id > %(after)s ORDER BY notification_id LIMIT 10",
        "SELECT * FROM stored_events WHERE originator_id = %(session)s ORDER BY originator_version",
    ],
)
def test_people_and_the_library_read_by_the_indexes_too(months: Connection[Any], code: str) -> None:
    assert in_full(plan_of(months, code)) == []


def test_the_test_finds_what_reads_all(months: Connection[Any]) -> None:
    assert in_full(plan_of(months, "SELECT count(*) FROM stored_events"))
    assert in_full(plan_of(months, "SELECT * FROM stored_events ORDER BY notification_id"))
    assert in_full(plan_of(months, "SELECT * FROM stored_events WHERE topic = %(topic)s LIMIT 1"))


def test_a_session_is_read_in_its_partition_alone(months: Connection[Any]) -> None:
    stream = in_month(this_month(1), 1)
    query = "EXPLAIN (FORMAT JSON) SELECT * FROM stored_events WHERE originator_id = %s AND originator_version > 5"
    ((plan,),) = months.execute(query, (stream,)).fetchall()
    assert [node["Relation Name"] for node, _ in nodes(plan[0]["Plan"]) if "Relation Name" in node] == [
        name_of(this_month(1))
    ]
