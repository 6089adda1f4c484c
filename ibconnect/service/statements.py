"""Has Flex statements fetched by schedule, for as long as something records here, if the settings name queries.

In: the settings. Out: the part that fetches. Entered by what records. What is fetched goes into the events as documents
from files do, in a thread: nothing here waits for a gateway, and no gateway for it.
"""

from collections.abc import Iterable
from functools import partial

from ibconnect.config import Config
from ibconnect.service.supervision import in_thread
from ibconnect.statements.flex.asking import Asked, Given, Record
from ibconnect.statements.flex.fetching import Fetching
from ibconnect.statements.recording import Origin, record


def recorder(url: str) -> Record:
    """What records documents of the Flex Web Service in this database."""

    async def store(document: Iterable[bytes], asked: Asked) -> Given:
        origin = Origin(
            source="flex",
            name=asked.query.id,
            query=asked.query.id,
            from_=asked.since.isoformat(),
            to=asked.until.isoformat(),
            reference=asked.reference,
        )
        found = await in_thread(partial(record, url, document, origin))
        return Given(
            is_new=found.new,
            stream=found.stream,
            statements=found.statements,
            accounts=len(found.accounts),
            since=found.from_day,
            until=found.to_day,
            bytes=found.size,
        )

    return store


async def fetched_by_schedule(config: Config, url: str) -> None:
    """Fetch what is due, until cancelled.

    :raises DatabaseError: Postgres refuses what is kept of it
    """
    await Fetching(config, url, recorder(url)).run()
