"""What integration tests share: a database with known contents, made once per run, for those that only read it over
HTTP; collectors beside that of the accounts, for those that record."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from ibconnect.gateway.collectors import registry
from ibconnect.gateway.collectors.accounts.collector import Accounts
from tests.collecting import Use
from tests.conftest import create_database, drop_database
from tests.serving import Served, build_world, serving


@pytest.fixture(scope="session")
def world_url(server_url: str, template: str) -> Iterator[str]:
    """URL of a database that holds the world of tests/serving.py; not to be changed."""
    name = f"world_{os.getpid()}"
    url = create_database(server_url, name, template)
    build_world(url)
    yield url
    drop_database(server_url, name)


@pytest.fixture
async def served(world_url: str) -> AsyncIterator[Served]:
    """A server of that world on a free port."""
    async with serving(world_url) as server:
        yield server


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Have these collectors ask as well."""
    return lambda *others: monkeypatch.setattr(registry, "COLLECTORS", (Accounts, *others))
