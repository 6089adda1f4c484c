"""Flex statements for tests: small documents of any accounts and days, and what is recorded of them."""

from collections.abc import Iterable
from uuid import UUID

from ibconnect.database.pools import connect
from ibconnect.events.documents import piece_of


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
