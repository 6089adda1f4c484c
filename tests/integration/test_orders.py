"""Orders out of recorded messages: which order each message means, every state once, and what is not known."""

from ibconnect.database.pools import connect
from ibconnect.projections.engine.rebuild import rebuild
from ibconnect.projections.orders.projection import ORDERS
from tests.orders import COMPLETED_END, OPEN_END, completed_order, open_order, order_status, project, read_tables, rows
from tests.projecting import Stream, record

STATES = """
    SELECT status, filled::text, remaining::text, avg_fill_price::text
    FROM order_state
    ORDER BY placed_order_id, ordinal
"""


def said(url: str, *messages: list[str], stream: Stream | None = None, version: str = "178") -> Stream:
    """Record these messages of one session, apply them, and hold that a rebuild gives the same rows."""
    stream = stream or Stream(server_version=version)
    first = len(stream.events)
    for fields in messages:
        stream.message(*fields, timed=True)
    record(url, stream.events if first == 1 else stream.events[first:])
    project(url)
    found = read_tables(url)
    rebuild(url, [ORDERS])
    assert read_tables(url) == found
    return stream


def test_an_order_and_every_state_that_it_was_seen_in(database_url: str) -> None:
    stream = said(
        database_url, open_order(status="PreSubmitted"), order_status("PreSubmitted"), OPEN_END, COMPLETED_END
    )
    for message in (
        order_status("Submitted"),
        order_status("Submitted", "4", "6", "189.4"),
        order_status("Submitted", "4", "6", "189.40"),
    ):
        said(database_url, open_order(), message, OPEN_END, COMPLETED_END, stream=stream)
    said(
        database_url,
        OPEN_END,
        completed_order(filledQuantity="10", totalQuantity="0", completedStatus="Filled Size: 10"),
        COMPLETED_END,
        stream=stream,
    )
    assert rows(database_url, STATES) == [
        ("PreSubmitted", "0", "10", "0"),
        ("Submitted", "0", "10", "0"),
        ("Submitted", "4", "6", "189.4"),
        ("Filled", "10", None, None),
    ]
    ((*found,),) = rows(
        database_url,
        "SELECT account_code, perm_id, client_id, order_id, status, is_open, total_quantity::text, lmt_price::text, "
        "symbol, completed_status, commission FROM v_order",
    )
    assert found == ["DU1", 71, 3, 7, "Filled", False, "10", "189.50", "AAPL", "Filled Size: 10", None]


def test_batches_of_any_size_and_a_rebuild_give_the_same_rows(database_url: str) -> None:
    """With orders that are told by two gateways, joined, gone, back, and with an account that is told late."""
    zero, one, two = (Stream(f"{name}:4002") for name in ("zero", "one", "two"))
    texts = {"orderRef": "a\tb\\n", "warningText": "Zo\\u00eb", "ocaGroup": "\\N", "lmtPrice": "1.0E7"}
    script = [
        *((zero, each) for each in (open_order(permId="90", account="DU9"), order_status(perm="90"))),
        (one, ["15", "1", "DU1,DU2"]),
        *((one, each) for each in (open_order(permId="0"), order_status("PendingSubmit", perm="0"), OPEN_END)),
        (one, order_status(perm="80", order="0", client="0")),
        *((one, each) for each in (open_order(**texts), order_status("Submitted", "2", "8", "189.4"), OPEN_END)),
        *(
            (two, each)
            for each in (open_order(), order_status("Submitted", "2", "8", "189.4"), OPEN_END, COMPLETED_END)
        ),
        *((one, each) for each in (open_order(permId="80", orderId="0", clientId="0", account="DU2"), OPEN_END)),
        *(
            (one, each)
            for each in (open_order(), order_status("Submitted", "2", "8", "189.40"), OPEN_END, COMPLETED_END)
        ),
        *((two, each) for each in (OPEN_END, COMPLETED_END)),
        *(
            (one, each)
            for each in (completed_order(permId="80", account="DU2", status="Cancelled"), OPEN_END, COMPLETED_END)
        ),
        (two, ["5", "x"]),
    ]
    events = [stream.events[0] for stream in (two, one, zero)]
    for stream, fields in script:
        events.append(stream.message(*fields, timed=True))
    record(database_url, events)
    found = []
    for limit in (1, 2, 3, 7, 1000):
        project(database_url, limit)
        found.append(read_tables(database_url))
        with connect(database_url, name="test") as connection:
            connection.execute("DROP SCHEMA orders CASCADE")
    project(database_url)
    rebuild(database_url, [ORDERS])
    found.append(read_tables(database_url))
    assert all(each == found[0] for each in found)
    assert [row[1:4] for row in found[0]["placed_order"]] == [
        ("90", "DU9", "1"),
        ("71", "DU1", "2"),
        ("80", "DU2", "2"),
    ]
    assert rows(database_url, STATES) == [
        ("Submitted", "0", "10", "0"),
        ("PendingSubmit", "0", "10", "0"),
        ("Submitted", "2", "8", "189.4"),
        # Its limit is another one.
        ("Submitted", "2", "8", "189.4"),
        ("Gone", None, None, None),
        ("Submitted", "0", "10", "0"),
        ("Gone", None, None, None),
        ("Cancelled", "0", None, None),
    ]
    names = rows(database_url, "SELECT name, account, placed_order_id FROM order_name ORDER BY 3, 1")
    assert names == [("AAPL", "DU9", 1), ("AAPL", "DU1", 2), ("AAPL", "DU2", 3)]
    assert rows(database_url, "SELECT DISTINCT account FROM order_state WHERE placed_order_id = 3") == [("DU2",)]
    (text,) = rows(
        database_url,
        "SELECT order_ref, oca_group, warning_text, lmt_price::text, inexact::text FROM placed_order WHERE id = 2",
    )
    assert text == (None, None, None, "189.50", None)
    assert len(found[0]["poison_event"]) == 1
