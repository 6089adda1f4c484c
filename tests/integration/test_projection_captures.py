"""Every real capture, recorded and projected: the tables give back what was sent, text by text."""

import pytest

from ibconnect.tags import split_key
from tests.paths import CAPTURES
from tests.projecting import Stream, capture, project, read_tables, read_values, record

pytestmark = pytest.mark.with_tables

FILES = sorted(CAPTURES.glob("*.jsonl"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_tables_give_back_what_a_capture_sent(database_url, path):
    messages = capture(path)
    stream = Stream()
    stream.message("15", "1", "DU0000001,", timed=True)
    stream.refresh({"DU0000001": messages})
    record(database_url, stream.events)
    project(database_url)
    sent = sorted(
        (split.tag, split.segment or "", fields[4], fields[3])
        for fields in messages
        if fields[0] == "6"
        for split in (split_key(fields[2]),)
    )
    assert read_values(database_url, 1) == sent
    tables = read_tables(database_url)
    assert tables["poison_event"] == []
    last = {fields[2]: fields for fields in messages if fields[0] == "7"}
    assert sorted(row[2:] for row in tables["account_position"]) == sorted(
        tuple(fields[13:19]) for fields in last.values()
    )
