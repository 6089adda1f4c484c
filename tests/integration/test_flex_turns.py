"""Several instances fetch Flex statements of one database: one at a time, and the others leave it alone meanwhile."""

from ibconnect.service.statements import recorder
from ibconnect.statements.flex.asking import Times
from ibconnect.statements.flex.client import Patience
from ibconnect.statements.flex.diary import Diary
from ibconnect.statements.flex.fetching import Fetching
from tests.integration.test_flex_fetching import FAST, OTHER, QUERY, fetching, service, settings, spans, state
from tests.waiting import until


async def test_of_two_instances_one_fetches(database_url: str) -> None:
    async with service(slow_seconds=0.3) as flex:
        config = settings(database_url, flex, FLEX_QUERIES=f"{QUERY},{OTHER}")
        patient = Times(0.02, FAST, Patience(first_wait=0.02, longest_wait=0.05, tries=30.0))
        async with fetching(config, times=patient), fetching(config, times=patient):
            await until(lambda: all(state(database_url, each).get("got") for each in (QUERY, OTHER)), "both are there")
        assert len(spans(flex)) == 2


async def test_while_another_fetches_it_is_looked_at_no_more_often_than_else(database_url: str) -> None:
    """A fetch may take a quarter of an hour, in which what is fetched stays due."""
    async with service() as flex, Diary.opened(database_url) as other:
        config = settings(database_url, flex)
        assert await other.take_turn()
        waiting = Fetching(config, database_url, recorder(database_url), Times(look=30.0))
        assert await waiting._look() == 30.0
        assert state(database_url)["due"] <= state(database_url)["now"]
        assert spans(flex) == []
