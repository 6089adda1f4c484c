"""The keys that an account was ever sent are those of all its snapshots, by gateway: no more, no less."""

import random

import pytest

from ibconnect.database.pools import connect
from ibconnect.tags import ATTRIBUTE_TAGS, LEDGER_TAGS, SEGMENT_TAGS, column
from tests.integration.test_rebuild_tables import busy_streams, interleave
from tests.owners import BOTH, INVENTED, TRUE, A, B, Gateway, figures
from tests.projecting import Stream, project, record, value
from tests.serving import serving

# What the snapshots hold, table by table: the other way to the same answer.
HELD = """
    SELECT
        s.account_id, sent.tag, coalesce(sent.segment, ''), coalesce(c.code, ''), sent.is_ledger,
        s.gateway_id, s.is_foreign
    FROM account_snapshot s
    CROSS JOIN LATERAL (
        SELECT figure.tag, m.segment, s.base_currency_id AS currency_id, false AS is_ledger
        FROM account_segment m, LATERAL jsonb_each(to_jsonb(m)) AS held (name, amount)
        JOIN unnest(%(segment_columns)s::text[], %(segment_tags)s::text[]) AS figure (name, tag) USING (name)
        WHERE m.account_snapshot_id = s.id AND held.amount <> 'null'
        UNION ALL
        SELECT figure.tag, '', l.currency_id, true
        FROM account_ledger l, LATERAL jsonb_each(to_jsonb(l)) AS held (name, amount)
        JOIN unnest(%(ledger_columns)s::text[], %(ledger_tags)s::text[]) AS figure (name, tag) USING (name)
        WHERE l.account_snapshot_id = s.id AND held.amount <> 'null'
        UNION ALL
        SELECT v.tag, v.segment, v.currency_id, v.is_ledger FROM account_value v WHERE v.account_snapshot_id = s.id
        UNION ALL
        SELECT a.tag, a.segment, a.currency_id, NULL
        FROM account_attribute a
        WHERE a.attribute_set_id = s.attribute_set_id
        UNION ALL
        SELECT 'Cushion', '', NULL, false WHERE s.cushion IS NOT NULL
        UNION ALL
        SELECT 'LookAheadNextChange', '', NULL, false WHERE s.look_ahead_next_change IS NOT NULL
    ) AS sent
    LEFT JOIN currency c ON c.id = sent.currency_id
"""
KEYS = "SELECT account_id, tag, segment, currency, is_ledger, gateway_id, is_foreign FROM account_key"


def held_and_known(url):
    """Both as sets; of an attribute the tables do not say whether it was spelled as one of the ledger."""
    columns = {
        "segment_columns": [column(tag) for tag in SEGMENT_TAGS],
        "segment_tags": list(SEGMENT_TAGS),
        "ledger_columns": [column(tag) for tag in LEDGER_TAGS],
        "ledger_tags": list(LEDGER_TAGS),
    }
    with connect(url, name="test", search_path="accounts") as connection:
        held = connection.execute(HELD, columns).fetchall()
        known = connection.execute(KEYS).fetchall()
    return {_without_spelling(row) for row in held}, {_without_spelling(row) for row in known}


def _without_spelling(row):
    return (*row[:4], None if row[1] in ATTRIBUTE_TAGS else row[4], *row[5:])


@pytest.mark.parametrize("seed", range(2))
def test_keys_are_those_of_all_snapshots(database_url, seed):
    rng = random.Random(seed)
    events = list(interleave(busy_streams(seed), seed))
    while events:
        count = rng.randint(1, 400)
        record(database_url, events[:count])
        project(database_url, rng.randint(1, 300))
        del events[:count]
    held, known = held_and_known(database_url)
    assert held == known
    assert len(known) > 100


def test_a_key_that_comes_and_goes_is_known_once(database_url):
    stream, done = Stream(), 0
    for number in range(6):
        keys = [f"Key{number % 3}", "Always", f"$LEDGER-Key{number % 2}"]
        stream.refresh({"DU1": [value("NetLiquidation", "1", "USD"), *(value(key, "2", "EUR") for key in keys)]})
        record(database_url, stream.events[done:])
        done = len(stream.events)
        project(database_url)
    with connect(database_url, name="test", search_path="accounts") as connection:
        known = [row[1:5] for row in connection.execute(KEYS)]
    spelled = {("NetLiquidation", "", "USD", False), ("Always", "", "EUR", False)}
    spelled |= {(f"Key{number}", "", "EUR", False) for number in range(3)}
    spelled |= {(f"Key{number}", "", "EUR", True) for number in range(2)}
    assert sorted(known) == sorted(spelled)


async def test_what_another_gateway_says_of_an_account_is_known_of_that_gateway_alone(database_url):
    owner, other = Gateway(database_url, A, gateways=BOTH), Gateway(database_url, B, gateways=BOTH)
    owner.lists("DU1")
    owner.refreshes(0, {"DU1": figures(TRUE)})
    other.lists("DU1")
    other.refreshes(
        1, {"DU1": [*figures(INVENTED), value("Invented", "1", "XAU"), value("NetLiquidation-X", "1", "USD")]}
    )
    held, known = held_and_known(database_url)
    assert held == known
    assert {row[6] for row in known if row[1] == "Invented"} == {True}
    async with serving(database_url) as served:
        for of_gateway, has in (("", False), (f"?gateway={A}", False), (f"?gateway={B}", True)):
            async with served.get(f"/v1/accounts/DU1/tags{of_gateway}") as response:
                listed = await response.json()
            assert ("Invented" in {row["Tag"] for row in listed["Tags"]}) == has
            assert ("XAU" in {each["Currency"] for each in listed["Currencies"]}) == has
            assert ("X" in {each["Segment"] for each in listed["Segments"]}) == has
            more = of_gateway.replace("?", "&")
            for query in ("tag=Invented", "tag=NetLiquidation&currency=XAU", "tag=NetLiquidation-X"):
                async with served.get(f"/v1/accounts/DU1/history?{query}{more}") as response:
                    assert response.status == (200 if has else 400), query
                    assert has or "did you mean Invented" not in await response.text()
