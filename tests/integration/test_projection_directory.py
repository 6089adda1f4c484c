"""What an advisor's directory says, as rows: since when, and until when."""

from typing import Any
from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.database.pools import connect
from ibconnect.projections.directory.projection import DIRECTORY
from ibconnect.projections.engine.rebuild import rebuild
from ibconnect.times import from_micros
from tests.conftest import create_database, drop_database
from tests.directory import aliases, families, groups
from tests.projecting import START, Stream, project_report, record, rows_of_report


def query(url: str, text: str) -> list[tuple[Any, ...]]:
    with connect(url, name="test", search_path="public") as connection:
        return connection.execute(text.encode()).fetchall()


ENTRIES = """
    SELECT kind, coalesce(group_name, ''), coalesce(account_code, ''), coalesce(value, ''), gateway, since, until
    FROM v_account_directory_entry
    ORDER BY 1, 2, 3, 4, 5, since, until
"""


def test_an_alias_changes_and_the_former_one_is_kept(database_url: str) -> None:
    stream = Stream()
    stream.message(*aliases(DU1="Smith", DU2="Keller & <Sons>"), timed=True)
    first = from_micros(stream.at)
    stream.message(*groups(Everyone=("DU1", "DU2"), First=("DU1",)), timed=True)
    stream.message(*families(DU1="F1"), timed=True)
    stream.at += 1_000_000
    stream.message(*aliases(DU1="Smith Trust", DU2="Keller & <Sons>"), timed=True)
    second = from_micros(stream.at)
    stream.message(*groups(Everyone=("DU2",)), timed=True)
    third = from_micros(stream.at)
    stream.message("16", "1", "1", "no XML", timed=True)
    stream.message("16", "1", "3", "<!DOCTYPE x><ListOfAccountAliases/>", timed=True)
    record(database_url, stream.events)
    assert len(project_report(database_url, DIRECTORY).set_aside) == 2
    assert query(
        database_url, "SELECT account_code, alias, family_code, groups FROM v_account_directory ORDER BY 1"
    ) == [
        ("DU1", "Smith Trust", "F1", []),
        ("DU2", "Keller & <Sons>", None, ["Everyone"]),
    ]
    history = query(
        database_url,
        "SELECT value, since, until FROM v_account_directory_entry "
        "WHERE account_code = 'DU1' AND kind = 'alias' ORDER BY since",
    )
    assert history == [("Smith", first, second), ("Smith Trust", second, None)]
    ended = query(
        database_url, "SELECT group_name, until FROM v_account_directory_entry WHERE kind = 'group' ORDER BY 1"
    )
    assert ended == [("Everyone", None), ("First", third)]


CODES = ("DU1", "DU2", "DU3")
SAID = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.one_of(
            st.dictionaries(st.sampled_from(CODES), st.sampled_from(["A", "B"])).map(lambda told: ("aliases", told)),
            st.dictionaries(st.sampled_from(CODES), st.sampled_from(["F1", "F2"])).map(lambda told: ("families", told)),
            st.dictionaries(st.sampled_from(["G", "H"]), st.lists(st.sampled_from(CODES), unique=True)).map(
                lambda told: ("groups", told)
            ),
            st.just(("reconnect", {})),
        ),
        st.integers(0, 3),
    ),
    max_size=15,
)
MESSAGES = {"aliases": aliases, "families": families, "groups": groups}


@settings(max_examples=8)
@given(said=SAID, limit=st.integers(1, 20))
def test_whatever_is_said_by_two_gateways(
    server_url: str, template: str, said: list[tuple[int, tuple[str, Any], int]], limit: int
) -> None:
    url = create_database(server_url, "directory_said", template)
    try:
        streams = [Stream(f"g{number}:1") for number in range(2)]
        events = [stream.events[0] for stream in streams]
        holding: dict[tuple[str, ...], tuple[str, Any]] = {}
        expected: list[tuple[Any, ...]] = []
        for number, (what, told), later in said:
            stream = streams[number]
            before, gateway = len(stream.events), stream.gateway
            stream.at = max(stream.at, START) + later
            if what == "reconnect":
                stream.own("sc", reason="lost")
                events += stream.events[before:]
                streams[number] = Stream(gateway, stream.at)
                events += streams[number].events
                continue
            stream.message(*MESSAGES[what](**told), timed=True)
            events += stream.events[before:]
            now = dict(entries_of(what, told, gateway))
            for key in [key for key in holding if key[0] in KINDS[what] and key[3] == gateway]:
                if now.get(key) != holding[key][0]:
                    value, since = holding.pop(key)
                    expected.append((*key[:3], value, gateway, since, from_micros(stream.at)))
            for key, value in now.items():
                holding.setdefault(key, (value, from_micros(stream.at)))
        expected += [(*key[:3], value, key[3], since, None) for key, (value, since) in holding.items()]
        record(url, events)
        assert project_report(url, DIRECTORY, limit).set_aside == []
        assert sorted(query(url, ENTRIES), key=repr) == sorted(expected, key=repr)
        live = rows_of_report(url, "directory")
        rebuild(url, [DIRECTORY])
        assert rows_of_report(url, "directory") == live
    finally:
        drop_database(server_url, "directory_said")


KINDS = {"aliases": ("alias",), "families": ("family",), "groups": ("group", "member")}


def entries_of(what: str, told: dict[str, Any], gateway: str) -> list[tuple[tuple[str, ...], str]]:
    """What holds after a message: kind, group, account and gateway, and what is said."""
    if what == "groups":
        members = [(("member", name, code, gateway), "") for name, codes in told.items() for code in codes]
        return [*((("group", name, "", gateway), "NetLiq") for name in told), *members]
    return [((KINDS[what][0], "", code, gateway), value) for code, value in told.items()]


def test_names_are_escaped_as_they_are_sent() -> None:
    assert escape("<&>") in aliases(DU1="<&>")[3]
