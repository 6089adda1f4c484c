"""Firms: many accounts of one login. How they are asked for, what holds up others, what a break leaves to be done."""

import asyncio
from pathlib import Path

import pytest

from ibconnect.events.types import AccountConcluded, AccountSubscribed, RefreshEnded, RefreshStarted, SessionClosed
from ibconnect.simulator import Gateway, Scenario
from tests.recording import Recording, ask_for_refresh, recording
from tests.serving import logged
from tests.small_gateway import LOST, RESTORED, SmallGateway, listening_here, notice, values_multi
from tests.waiting import until

REPLACED = notice(2100, "New account data requested from TWS.  API client has been unsubscribed from account data.")
HELD = notice(2101, "Unable subscribe to account as the following clients are subscribed to a different account.{5555}")


def codes(count: int) -> tuple[str, ...]:
    return tuple(f"DU{number:04}" for number in range(count))


class Firm(SmallGateway):
    """Accounts of which one may be slow; a case says what becomes of a subscription beside another one."""

    accounts = codes(30)

    def __init__(self) -> None:
        super().__init__()
        self.silent = frozenset[str]()
        self.holder = ""

    async def replaces(self, account: str) -> bool:
        """Whether an account takes the place of another one that is subscribed."""
        return True

    async def subscribed(self, account: str, nth: int) -> None:
        before, self.holder = self.holder, account
        if before not in ("", account) and not await self.replaces(account):
            self.holder = before
        elif account not in self.silent:
            await super().subscribed(account, nth)

    async def asked_for_values(self, request: str, account: str) -> None:
        if account not in self.silent:
            await super().asked_for_values(request, account)

    async def _answer(self, fields: list[str]) -> None:
        if fields[:1] == ["6"] and fields[2] == "0":
            self.holder = ""
        await super()._answer(fields)

    def asked_for(self) -> list[str]:
        """The accounts that were subscribed, in order."""
        return [each[3] for each in self.asked if each[0] == "6" and each[2] == "1"]

    def given_up(self) -> int:
        """How many subscriptions were ended."""
        return len([each for each in self.asked if each[0] == "6" and each[2] == "0"])


@pytest.mark.parametrize("replace_notice", [False, True], ids=["silently", "with 2100"])
async def test_one_request_an_account_where_a_subscription_replaces_another(
    database_url: str, tmp_path: Path, replace_notice: bool
) -> None:
    scenario = Scenario(seed=5, accounts=55, positions=1, advisor=True)
    async with (
        Gateway(scenario, replace_notice=replace_notice) as gateway,
        recording(database_url, tmp_path, gateway.port) as seen,
    ):
        (ended,) = await seen.refreshes()
        assert (ended.outcome, ended.missing) == ("complete", {})
        requests = [each for each in gateway.connections[0].requests if each[0] == "6"]
        assert [each[2:] for each in requests] == [["1", code] for code in gateway.source.codes()]
        assert len({each.account for each in seen.of(AccountConcluded)}) == 56
        assert seen.inbound() == gateway.sent


class Refuses(Firm):
    """The second subscription is refused, though the first is this client's own."""

    async def replaces(self, account: str) -> bool:
        await self.say(HELD)
        return False


class KeepsSilent(Firm):
    """The second subscription is not answered."""

    async def replaces(self, account: str) -> bool:
        return False


class GivesAway(Firm):
    """The second one begins, and is then said to have been replaced, twice."""

    async def replaces(self, account: str) -> bool:
        await self.say(["6", "2", "AccountCode", account, "", account], REPLACED, REPLACED)
        return False


@pytest.mark.parametrize("kind", [Refuses, KeepsSilent, GivesAway])
async def test_a_gateway_that_replaces_no_subscription_is_asked_by_two_requests(
    database_url: str, tmp_path: Path, kind: type[Firm]
) -> None:
    gateway = kind()
    with logged() as log:
        async with (
            listening_here(gateway) as ports,
            recording(database_url, tmp_path, *ports, DOWNLOAD_TIMEOUT="1") as seen,
        ):
            (ended,) = await seen.refreshes()
            assert (ended.outcome, ended.missing) == ("complete", {})
            assert {each.source for each in seen.of(AccountSubscribed)} == {"updates"}
            # The second account was asked for twice; from then on each is given up before the next one.
            assert len(gateway.asked_for()) == len(gateway.accounts) + 1
            assert gateway.given_up() == len(gateway.accounts) - 1
            ask_for_refresh(database_url)
            await seen.refreshes(2)
            assert gateway.given_up() == 2 * len(gateway.accounts) - 1, "it is not tried again on this connection"
    assert [line["kind"] for line in log()].count("subscription_not_replaced") == 1


async def test_a_slow_account_holds_up_the_others_for_its_own_wait_and_then_not_at_all(
    database_url: str, tmp_path: Path
) -> None:
    gateway = Firm()
    slow = gateway.accounts[10]
    gateway.silent = frozenset({slow})
    async with (
        listening_here(gateway) as ports,
        recording(database_url, tmp_path, *ports, DOWNLOAD_TIMEOUT="1.5") as seen,
    ):
        (ended,) = await seen.refreshes()
        assert ended.missing.keys() == {slow}
        others = [code for code in gateway.accounts if code != slow]
        assert gateway.asked_for() == [*gateway.accounts, slow], "what it needs more follows when all were asked for"
        first, second = [each for each in seen.of(AccountConcluded) if each.account == slow][:2]
        assert (first.ended, first.then, second.then) == ("timeout", "updates", "multi")
        assert gateway.given_up() == 1, "its silence does not mean that subscriptions are not replaced"
        ask_for_refresh(database_url)
        await seen.refreshes(2)
        again = gateway.asked_for()[len(gateway.accounts) + 1 :]
        assert again == [*others, slow, slow], "the next time it is asked for last"


async def test_an_account_that_only_answers_otherwise_is_asked_for_last(database_url: str, tmp_path: Path) -> None:
    """It has figures to rely on each time, but only after two waits for nothing."""

    class Otherwise(Firm):
        async def asked_for_values(self, request: str, account: str) -> None:
            await self.say(*values_multi(request, account), ["74", "1", request])

    gateway = Otherwise()
    slow = gateway.accounts[0]
    gateway.silent = frozenset({slow})
    async with (
        listening_here(gateway) as ports,
        recording(database_url, tmp_path, *ports, DOWNLOAD_TIMEOUT="1") as seen,
    ):
        (ended,) = await seen.refreshes()
        assert ended.outcome == "complete"
        ask_for_refresh(database_url)
        await seen.refreshes(2)
        assert gateway.asked_for()[len(gateway.accounts) + 1 :] == [*gateway.accounts[1:], slow, slow]


async def test_who_waits_for_one_account_does_not_wait_for_a_silent_one(database_url: str, tmp_path: Path) -> None:
    gateway = Firm()
    slow, wanted = gateway.accounts[10], gateway.accounts[20]
    gateway.silent = frozenset({slow})
    async with (
        listening_here(gateway) as ports,
        recording(database_url, tmp_path, *ports, DOWNLOAD_TIMEOUT="300", QUIET_TIME="0.3") as seen,
    ):
        await until(lambda: slow in gateway.asked_for(), "the silent one is asked for")
        request = ask_for_refresh(database_url, [wanted])

        def served() -> bool:
            found = [each.request for each in seen.of(AccountConcluded) if each.account == wanted]
            return bool(found) and (found[-1] or 0) >= request

        await until(served, "the one that somebody waits for")
        assert gateway.asked_for()[10:12] == [slow, wanted]


class Breaks(Firm):
    """The connection ends with the twelfth account, once."""

    has_broken = False
    is_open = True
    """Whether anybody is let in afterwards."""

    async def subscribed(self, account: str, nth: int) -> None:
        if account == self.accounts[12] and not self.has_broken:
            self.has_broken = True
            assert self._writer is not None
            self._writer.transport.abort()
            return
        await super().subscribed(account, nth)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.holder = ""
        if self.has_broken and not self.is_open:
            writer.close()
        else:
            await super().serve(reader, writer)


async def resumed(seen: Recording, gateway: Firm) -> None:
    """A refresh that was cut off at the twelfth account has gone on with it."""
    (ended,) = await seen.refreshes()
    first, second = seen.of(RefreshStarted)
    assert (second.trigger, second.created) == ("resumed", first.created)
    assert second.resumed == list(gateway.accounts[:12])
    assert second.accounts == list(gateway.accounts)
    assert (ended.outcome, ended.missing, ended.created) == ("complete", {}, first.created)
    assert gateway.asked_for() == [*gateway.accounts[:13], *gateway.accounts[12:]]


async def test_a_refresh_that_a_connection_cut_off_goes_on_with_the_rest(database_url: str, tmp_path: Path) -> None:
    gateway = Breaks()
    async with listening_here(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await resumed(seen, gateway)
        ask_for_refresh(database_url)
        await seen.refreshes(2)
        assert len(gateway.asked_for()) == 2 * len(gateway.accounts) + 1, "the next one is for all"


async def test_another_instance_goes_on_with_the_rest(database_url: str, tmp_path: Path) -> None:
    gateway = Breaks()
    gateway.is_open = False
    spools = [tmp_path / name for name in ("one", "two")]
    for each in spools:
        each.mkdir()
    async with listening_here(gateway) as ports:
        async with recording(database_url, spools[0], *ports) as seen:
            await seen.have(SessionClosed)
        gateway.is_open = True
        async with recording(database_url, spools[1], *ports, instance="two") as seen:
            await resumed(seen, gateway)


async def test_what_was_asked_for_since_is_not_taken_from_before(database_url: str, tmp_path: Path) -> None:
    """Somebody asked for all between the break and the next connection: figures from before are not what he wants."""
    gateway = Breaks()
    async with listening_here(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await until(lambda: gateway.has_broken, "the connection ends")
        ask_for_refresh(database_url)
        await seen.refreshes()
        served = [each.request for each in seen.of(RefreshEnded)]
        again = gateway.asked_for()[13:]
        # The request may have come a moment after the rest was begun: then it joins it.
        assert served == [1]
        assert len(again) in (len(gateway.accounts), len(gateway.accounts) - 12)


async def test_after_the_loss_of_ib_those_come_first_that_were_not_asked_for(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.gateway.connectivity.SETTLE_S", 0.1)

    class LosesIb(Firm):
        has_lost = False

        async def subscribed(self, account: str, nth: int) -> None:
            if account == self.accounts[12] and not self.has_lost:
                self.has_lost = True
                await self.say(LOST)
                return
            await super().subscribed(account, nth)

    gateway = LosesIb()
    async with listening_here(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        (ended,) = await seen.refreshes()
        assert ended.outcome == "partial"
        await gateway.say(RESTORED)
        _, whole = await seen.refreshes(2)
        assert whole.outcome == "complete"
        accounts = gateway.accounts
        assert gateway.asked_for()[13:] == [*accounts[13:], *accounts[:12], accounts[12]], "everything, in this order"
