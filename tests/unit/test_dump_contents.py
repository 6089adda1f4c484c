"""What is in a dump is told apart: the events, the snapshot tables and their views, and what people have added."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.database.contents import Contents, contents_of

VIEWS = ["v_contract", "v_event"]
HEAD = ";\n; Archive created at 2026-11-26 17:16:12 UTC\n;     Format: CUSTOM\n"
EVENTS = [
    "6; 2615 16517 SCHEMA - coordination ibconnect_owner",
    "256; 1255 16560 FUNCTION coordination is_alive(text) ibconnect_owner",
    "255; 1255 16515 FUNCTION public refuse_change_of_events() ibconnect_owner",
    "223; 1259 16501 TABLE public stored_events ibconnect_owner",
    "222; 1259 16500 SEQUENCE public stored_events_notification_id_seq ibconnect_owner",
    "2861; 0 0 SEQUENCE OWNED BY public stored_events_notification_id_seq ibconnect_owner",
    "2550; 2604 16504 DEFAULT public stored_events notification_id ibconnect_owner",
    "2819; 0 16501 TABLE DATA public stored_events ibconnect_owner",
    "2897; 0 0 SEQUENCE SET public stored_events_notification_id_seq ibconnect_owner",
    "2564; 2606 16513 CONSTRAINT public stored_events stored_events_pkey ibconnect_owner",
    "2562; 1259 16514 INDEX public stored_events_notification_id_idx ibconnect_owner",
    "2663; 2620 16516 TRIGGER public stored_events events_are_immutable ibconnect_owner",
    "221; 1259 16489 TABLE public schema_migration joe",
    "2891; 0 0 COMMENT public COLUMN stored_events.state ibconnect_owner",
]
TABLES = [
    "7; 2615 16562 SCHEMA - accounts ibconnect_recorder",
    "231; 1259 16598 TABLE accounts account ibconnect_recorder",
    # Of an earlier version.
    "12; 2615 16562 SCHEMA - snapshots ibconnect_recorder",
    "232; 1259 16598 TABLE snapshots account ibconnect_recorder",
    "252; 1259 16982 VIEW public v_contract ibconnect_recorder",
    "2887; 0 0 COMMENT public VIEW v_contract ibconnect_recorder",
    "2889; 0 0 COMMENT public COLUMN v_contract.symbol ibconnect_recorder",
    "2890; 0 0 COMMENT accounts COLUMN account.code ibconnect_recorder",
    "2642; 2606 16729 FK CONSTRAINT accounts refresh refresh_session_id_fkey ibconnect_recorder",
]
OTHERS = [
    "2852; 0 0 ACL - SCHEMA coordination ibconnect_owner",
    "2860; 0 0 ACL public TABLE stored_events ibconnect_owner",
    "2888; 0 0 ACL public TABLE v_contract ibconnect_recorder",
    "2181; 826 16486 DEFAULT ACL - DEFAULT PRIVILEGES FOR SCHEMAS ibconnect_recorder",
    "300; 1259 1 TABLE public mine analyst",
    "305; 0 0 COMMENT public COLUMN mine.symbol analyst",
    "301; 1259 1 VIEW public v_contract_of_mine analyst",
    "302; 2615 1 SCHEMA - desk analyst",
    "303; 3079 1 EXTENSION - pg_stat_statements ",
    "304; 1259 1 TABLE desk stored_events analyst",
]
NOTHING = [
    "2853; 0 0 ACL - SCHEMA public pg_database_owner",
    "5; 2615 2200 SCHEMA - public pg_database_owner",
    "3; 0 0 COMMENT - SCHEMA public pg_database_owner",
    "8; 2615 1 SCHEMA - accounts_next ibconnect_recorder",
    "401; 1259 1 TABLE accounts_old account ibconnect_recorder",
    "9; 2615 1 SCHEMA - snapshots_next ibconnect_recorder",
    "400; 1259 1 TABLE snapshots_old account ibconnect_recorder",
]


def of(lines: Sequence[str]) -> Contents:
    return contents_of(HEAD + "\n".join(lines) + "\n", VIEWS)


@given(st.permutations([*EVENTS, *TABLES, *OTHERS, *NOTHING]))
def test_each_entry_is_in_its_part_in_the_order_of_the_dump(lines: Sequence[str]) -> None:
    found = of(lines)
    for part, wanted in ((found.events, EVENTS), (found.tables, TABLES), (found.others, OTHERS)):
        assert part == [line for line in lines if line in wanted]
    assert found.is_ours


def test_a_dump_of_something_else_is_none_of_ours() -> None:
    assert not of(TABLES + OTHERS).is_ours
    assert not of([]).is_ours


@given(st.text())
def test_any_text_can_be_looked_at(text: str) -> None:
    assert not contents_of(text, VIEWS).is_ours
