"""Flex statements made by hand, imported and read back, for the tests of their tables."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID
from xml.sax.saxutils import quoteattr

from ibconnect.database.pools import connect
from ibconnect.events.documents import piece_of
from ibconnect.projections.statements.projection import STATEMENTS
from ibconnect.statements.recording import Origin, Recorded, record
from tests.projecting import project_report

ACCOUNT = "U1234567"


def element(name: str, inside: str = "", /, **attributes: object) -> str:
    """An element with these attributes; a name that Python has for itself ends in ``_``."""
    written = "".join(f" {key.rstrip('_')}={quoteattr(str(text))}" for key, text in attributes.items())
    return f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>"


def section(name: str, *elements: str) -> str:
    """A section with elements, or an empty one."""
    return f"<{name}>{''.join(elements)}</{name}>"


def statement(
    *sections: str,
    account: str = ACCOUNT,
    days: tuple[str, str] | str = "20260105",
    generated: str = "20260106;010203",
    **more: str,
) -> str:
    """A FlexStatement. ``days``: its first and last day, or its only one."""
    first, last = (days, days) if isinstance(days, str) else days
    given = {"accountId": account, "fromDate": first, "toDate": last, "whenGenerated": generated, **more}
    return element("FlexStatement", "".join(sections) or " ", **given)


def document(*statements: str, query: str = "Daily") -> bytes:
    """A whole document."""
    inside = element("FlexStatements", "".join(statements) or " ", count=len(statements))
    return element("FlexQueryResponse", inside, queryName=query, type="AF").encode()


def take(url: str, *documents: bytes, name: str = "test.xml") -> list[Recorded]:
    """Import documents in this order."""
    return [record(url, [each], Origin(source="file", name=name)) for each in documents]


def imported(url: str, *documents: bytes, limit: int = 20_000) -> list[Any]:
    """Import documents and make their tables; what was set aside."""
    take(url, *documents)
    return list(project_report(url, STATEMENTS, limit).set_aside)


def rows(url: str, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """What a query finds in the tables."""
    with connect(url, name="test", search_path="statements") as connection:
        return connection.execute(query, parameters).fetchall()  # type: ignore[arg-type]


def texts(url: str, table: str, *columns: str, only_current: bool = True) -> list[tuple[Any, ...]]:
    """Columns of a table as texts, in order."""
    wanted = ", ".join(f"{column}::text" for column in columns)
    where = "WHERE current" if only_current else ""
    return rows(url, f"SELECT {wanted} FROM {table} {where} ORDER BY day, account, statement, line, {wanted}")


def cash(kind: str, amount: str, **more: object) -> str:
    """A cash transaction."""
    given = {"currency": "USD", "fxRateToBase": "1", "reportDate": "20260105", **more}
    return element("CashTransaction", type=kind, amount=amount, **given)


def nav(total: str, day: str = "20260105", **more: object) -> str:
    """A day of the summary of equity."""
    return element("EquitySummaryByReportDateInBase", reportDate=day, total=total, **more)


def navs(*days: str) -> str:
    """The section of the summary of equity."""
    return section("EquitySummaryInBase", *days)


def flows(*transactions: str) -> str:
    """The section of cash transactions."""
    return section("CashTransactions", *transactions)


def transfer(**given: object) -> str:
    """A transfer in the section of such."""
    return element("Transfer", **given)


def every(elements: Iterable[str]) -> str:
    """All of them."""
    return "".join(elements)


def statement_of(account: str, day: str = "20260102", body: str = "", generated: str = "20260103;010203") -> str:
    """One ``FlexStatement``."""
    return (
        f'<FlexStatement accountId="{account}" fromDate="{day}" toDate="{day}" period="" whenGenerated="{generated}">'
        f'<ChangeInNAV accountId="{account}" startingValue="100" endingValue="101" twr="1.000000000" />{body}'
        "</FlexStatement>"
    )


def document_of(*statements: str, query: str = "Daily") -> bytes:
    """A whole document."""
    return (
        f'<FlexQueryResponse queryName="{query}" type="AF">\n<FlexStatements count="{len(statements)}">\n'
        + "\n".join(statements)
        + "\n</FlexStatements>\n</FlexQueryResponse>\n"
    ).encode()


def trades(count: int, price: str = "1.5") -> str:
    """A section of so many trades."""
    rows = (
        f'<Trade accountId="U1" tradeID="{number}" symbol="ABC" quantity="{number + 1}" tradePrice="{price}" '
        f'ibExecID="0000e215.{number:08x}.01.01" dateTime="20260102;093000" levelOfDetail="EXECUTION" />'
        for number in range(count)
    )
    return f"<Trades>{''.join(rows)}</Trades>"


def stored_documents(url: str) -> dict[UUID, bytes]:
    """The documents that the events hold, by their streams; every stream of one must be whole."""
    query = "SELECT originator_id, originator_version, topic, state FROM stored_events ORDER BY notification_id"
    parts: dict[UUID, list[bytes]] = {}
    topics: dict[UUID, list[str]] = {}
    with connect(url, name="test") as connection:
        for stream, version, topic, state in connection.execute(query):
            if topic in ("sb", "sp", "se"):
                topics.setdefault(stream, []).append(topic)
                assert version == len(topics[stream])
                if topic == "sp":
                    parts.setdefault(stream, []).append(piece_of(state))
    for found in topics.values():
        assert found[0] == "sb"
        assert found[-1] == "se"
        assert set(found[1:-1]) == {"sp"}
    return {stream: b"".join(parts[stream]) for stream in topics}


def assert_recorded_once(url: str, documents: Iterable[bytes]) -> None:
    """Each of these is recorded once, byte for byte, nothing else is, and the list of documents says so."""
    found = stored_documents(url)
    assert sorted(found.values()) == sorted(set(documents))
    query = """
        SELECT statement.stream, statement.size, statement.parts, stored_events.topic, stored_events.originator_version
        FROM coordination.statement
        INNER JOIN stored_events ON notification_id = position AND originator_id = stream
    """
    with connect(url, name="test") as connection:
        listed = list(connection.execute(query))
    assert {row[0] for row in listed} == set(found)
    for stream, size, parts, topic, version in listed:
        assert (size, topic, version) == (len(found[stream]), "se", parts + 2)
