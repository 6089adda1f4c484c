"""The whole service against simulated gateways, over HTTP, as its users meet it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ibconnect.config import load
from ibconnect.service.process import Service, running

Start = Callable[..., Awaitable[Service]]


@pytest.fixture
async def start(database_url: str, tmp_path: Path) -> AsyncIterator[Start]:
    """``await start(port, …, SETTING="…")`` runs the service on gateways at these ports until the test ends."""
    async with AsyncExitStack() as stack:

        async def start(*ports: int, **settings: str) -> Service:
            gateways = ",".join(f"127.0.0.1:{port}" for port in ports)
            ours = {"DB_URL": database_url, "DATA_DIR": str(tmp_path), "PORT": "0", "HOST": "127.0.0.1"}
            quick = {"QUIET_TIME": "0.3", "DOWNLOAD_TIMEOUT": "10", "REFRESH_FLOOR": "0", "IB_GW": gateways}
            return await stack.enter_async_context(running(load({**ours, **quick, **settings})))

        yield start
