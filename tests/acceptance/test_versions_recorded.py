"""Everything that a gateway is asked for, in the layouts of its server version: recorded as sent, found and shown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from ibconnect.events.accounts import account_in
from ibconnect.events.layouts import with_version
from ibconnect.events.types import DecodeFailed, GatewayNotice, QuestionAsked
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.server import Gateway
from tests.projecting import project_all
from tests.recording import Recording, recording
from tests.serving import Served, serving
from tests.waiting import until

pytestmark = pytest.mark.with_tables

# 166 and 194 changed notices, 163 to 193 and 198 orders, executions and contracts, 200 the days; unit tests have each.
VERSIONS = [157, 178, 193, 200]
ALL = {"3", "5", "10", "11", "16", "52", "53", "55", "59", "78", "94", "95", "101", "102"}
OF_AN_ACCOUNT = ("5", "11", "101")
FULL, LIMITED = "all-of-them-token-0123456789", "one-of-them-token-0123456789"
# The simulated time stands still, so that nothing is sent but answers.
FROZEN = 1e-9


def busy() -> Scenario:
    """An advisor's login whose accounts have traded, with orders that work."""
    scenario = Scenario(seed=11, accounts=2, positions=3, advisor=True, activity=150.0, orders=4.0)
    for _ in range(200):
        scenario.advance()
    return scenario


def has_everything(seen: Recording) -> bool:
    """Whether each kind of message has come, and as many profits as were asked for."""
    sent = [fields for session in seen.inbound() for fields in session]
    asked = {str(each.request) for each in seen.of(QuestionAsked) if each.report == "pnl"}
    return {fields[0] for fields in sent} >= ALL and asked <= {f[1] for f in sent if f[0] in ("94", "95")}


async def events(served: Served, token: str, query: str = "") -> list[dict[str, Any]]:
    """The events that a token is shown."""
    async with served.get(f"/v1/events{query}", headers={"Authorization": f"Bearer {token}"}) as response:
        assert response.status == 200, await response.text()
        return [orjson.loads(line) for line in (await response.read()).splitlines()]


def about(found: list[dict[str, Any]], account: str) -> Mapping[str, list[int]]:
    """Where the messages of each kind about an account are, and what was asked of it."""
    places: dict[str, list[int]] = {number: [] for number in (*OF_AN_ACCOUNT, "asked")}
    for event in found:
        fields = event.get("Message", [""])
        if fields[0] in OF_AN_ACCOUNT and account_in(fields) == account:
            places[fields[0]].append(event["Position"])
        if event["Type"] == "QuestionAsked" and event["Facts"].get("account") == account:
            places["asked"].append(event["Position"])
    return places


@pytest.mark.parametrize("version", VERSIONS)
async def test_all_that_is_asked_is_recorded_as_sent_found_and_shown(
    database_url: str, tmp_path: Path, version: int
) -> None:
    scenario = busy()
    settings = {"COLLECT": "all", "PNL_POSITIONS": "true"}
    async with (
        Gateway(scenario, speed=FROZEN, server_version=version) as gateway,
        recording(database_url, tmp_path, gateway.port, **settings) as seen,
    ):
        await until(lambda: has_everything(seen), lambda: f"not {ALL - {f[0] for s in seen.inbound() for f in s}}")
        await until(lambda: seen.inbound() == gateway.sent, "what is recorded is what was sent")
        assert seen.of(DecodeFailed) == []
        notices = [with_version(list(event.fields)) for event in seen.of(GatewayNotice)]
        assert {"2104", "2106", "2158"} <= {fields[3] for fields in notices}
        assert {len(event.fields) for event in seen.of(GatewayNotice)} == {5 if version < 166 else 6}
    project_all(database_url)
    code = next(code for code in scenario.codes() if not code.startswith("F"))
    async with serving(database_url, API_TOKENS=f"{FULL}@* {LIMITED}@{code}") as served:
        everything = await events(served, FULL)
        sent = [event["Message"] for event in everything if "Message" in event]
        assert sent == [fields for session in gateway.sent for fields in session]
        wanted = about(everything, code)
        assert all(wanted.values()), wanted
        assert about(await events(served, FULL, f"?account={code}"), code) == wanted
        shown = await events(served, LIMITED)
        assert about(shown, code) == wanted
        others = [other for other in scenario.codes() if other != code]
        assert not [event for event in shown if any(other in orjson.dumps(event).decode() for other in others)]
        assert not {event["Message"][0] for event in shown if "Message" in event} & (ALL - set(OF_AN_ACCOUNT))
