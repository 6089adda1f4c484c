"""When messages arrived is found alike one by one and many at once, wherever a range of positions begins and ends."""

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibconnect.database.pools import connect
from ibconnect.events.codec import time_in
from ibconnect.projections.engine import arrivals
from ibconnect.projections.engine.projection import Projection, Stateless
from ibconnect.projections.engine.reading import read_events

LIKE = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# A session, whether the message carries its time, and whether the report is made of it.
EVENT = st.tuples(st.integers(1, 3), st.booleans(), st.booleans())


@pytest.mark.parametrize("few", [0, 3, 1000])
@given(events=st.lists(EVENT, max_size=40), cut=st.integers(0, 40))
@LIKE
def test_a_message_has_the_time_of_the_newest_before_it_in_its_session(
    database_url: str, monkeypatch: pytest.MonkeyPatch, few: int, events: list[tuple[int, bool, bool]], cut: int
) -> None:
    monkeypatch.setattr(arrivals, "_FEW", few)
    report = Projection(name="accounts", topics=(), message_ids=("11",), reader=Stateless, fold=None)  # type: ignore[arg-type]
    versions: dict[int, int] = {}
    times: dict[int, int] = {}
    wanted = []
    with connect(database_url, name="test") as connection:
        connection.execute("BEGIN")
        begin = connection.execute("SELECT coalesce(max(notification_id), 0) FROM stored_events").fetchone()
        assert begin is not None
        for number, (session, is_timed, is_wanted) in enumerate(events, 1):
            versions[session] = version = versions.get(session, 0) + 1
            if is_timed or version == 1:
                times[session] = number
            said = f'"{11 if is_wanted else 12}"'
            state = f"[{number},{said}]" if is_timed or version == 1 else f"[{said}]"
            connection.execute(
                "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, %s, 'm', %s)",
                (UUID(int=session), version, state.encode()),
            )
            if is_wanted and number > cut:
                wanted.append((session, version, times[session]))
        rows = connection.execute("SELECT notification_id FROM stored_events ORDER BY 1").fetchall()
        ids = [row[0] for row in rows if row[0] > begin[0]]
        after = ids[cut - 1] if 0 < cut <= len(ids) else (begin[0] if cut == 0 else ids[-1] if ids else begin[0])
        found = read_events(connection, [report], after, ids[-1] if ids else begin[0])
        assert [(event.session.int, event.version, time_in(event.timed_state or b"")) for event in found] == wanted
        connection.execute("ROLLBACK")
