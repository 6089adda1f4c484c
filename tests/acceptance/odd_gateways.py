"""Gateways whose downloads or links are odd, one class each: after which public report, and what is right.

Played to a whole service by test_odd_gateways.py, as those of odd_figures.py. Accounts and figures are invented, the
behaviour is as reported.
"""

import asyncio
from collections.abc import Sequence

from tests.small_gateway import (
    LOST,
    RESTORED,
    SmallGateway,
    end,
    notice,
    position,
    position_multi,
    position_of,
    value,
    values,
    values_multi,
)

UNSET = "1.7976931348623157E308"


class SecondaryWithoutPortfolio(SmallGateway):
    """thetagang PR 646: of a second account only values come, neither positions nor an end; reqPositions knows them."""

    accounts = ("SEC1", "SEC2")

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(*values(account, "150.00"))
        if account == "SEC1":
            await self.say(position(account, 265598, "AAPL"), end(account))

    async def asked_for_all_positions(self) -> None:
        await self.say(position_of("SEC1", 265598, "AAPL"), position_of("SEC2", 265598, "AAPL", "7"), ["62", "1"])

    async def asked_for_values(self, request: str, account: str) -> None:
        await self.say(*values_multi(request, account, "150.00"), ["74", "1", request])

    async def asked_for_positions(self, request: str, account: str) -> None:
        await self.say(position_multi(request, account, 265598, "AAPL", "7"), ["72", "1", request])


class LatePositions(SmallGateway):
    """ib_insync 303, Lean 2799: positions and the end come seconds after the values."""

    accounts = ("LATE1",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(*values(account))
        await asyncio.sleep(1.2)
        await self.say(position(account, 265598, "AAPL"), position(account, 272093, "MSFT"), end(account))


class EndBeforePositions(SmallGateway):
    """ib_insync 214: the end comes first, the positions a moment later."""

    accounts = ("EARLY1", "EARLY2")

    async def subscribed(self, account: str, nth: int) -> None:
        held = [position(account, 265598, "AAPL")] if account == "EARLY2" else []
        await self.say(*values(account), *held, end(account))
        await asyncio.sleep(0.3)
        await self.say(position(account, 272093, "MSFT"), end(account))


class LateEnd(SmallGateway):
    """ib_async PR 165: the end of a first, slow download comes within the second one."""

    accounts = ("END1",)

    async def subscribed(self, account: str, nth: int) -> None:
        if nth == 1:
            await self.say(*values(account, "111.00"))
            await asyncio.sleep(4)
            await self.say(end(account))
        else:
            await asyncio.sleep(0.2)
            held = [position(account, 265598, "AAPL"), position(account, 272093, "MSFT")]
            await self.say(*values(account, "222.00"), *held, end(account))


class LostInTheMiddle(SmallGateway):
    """nautilus_trader 4228, Lean 249: the connection to IB is lost in the middle of a download."""

    accounts = ("MID1",)
    lost: Sequence[str] = LOST

    async def subscribed(self, account: str, nth: int) -> None:
        if nth == 1:
            await self.say(*values(account)[:10], self.lost)
            await asyncio.sleep(1.5)
            await self.say(RESTORED)
        else:
            await super().subscribed(account, nth)


class BrokenInTheMiddle(LostInTheMiddle):
    """The same, said by 2110."""

    accounts = ("MID2",)
    lost = notice(
        2110, "Connectivity between Trader Workstation and server is broken. It will be restored automatically."
    )


class GivenAway(SmallGateway):
    """Code 2100: another request took the subscription in the middle of a download."""

    accounts = ("AWAY1",)

    async def subscribed(self, account: str, nth: int) -> None:
        taken = "New account data requested from TWS. API client has been unsubscribed from account data."
        await self.say(*values(account)[:10], notice(2100, taken))


class TakenFromTheOneBefore(SmallGateway):
    """2100 for the account that was subscribed before: it says nothing of this one."""

    accounts = ("NEXT1", "NEXT2")

    async def subscribed(self, account: str, nth: int) -> None:
        if account == "NEXT2":
            await self.say(notice(2100, "API client has been unsubscribed from account data."))
        await super().subscribed(account, nth)


class Sentinels(SmallGateway):
    """Lean.IB 223: after a restart every position comes with the largest double; true figures follow by updates."""

    accounts = ("SENT1",)

    async def subscribed(self, account: str, nth: int) -> None:
        unset = {"price": UNSET, "value": UNSET, "cost": UNSET}
        held = [position(account, 265598, "AAPL", **unset), position(account, 272093, "MSFT", **unset)]
        await self.say(*values(account), *held, end(account))
        await asyncio.sleep(0.5)
        await self.say(position(account, 265598, "AAPL"), position(account, 272093, "MSFT"), ["8", "1", "04:22"])


class NeverPauses(SmallGateway):
    """Updates of the same position without a pause, and no end."""

    accounts = ("BUSY1",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(*values(account))
        for number in range(200):
            await self.say(position(account, 265598, "AAPL", price=f"10.{number}"), ["8", "1", "12:00"])
            await asyncio.sleep(0.2)


class OthersBetween(SmallGateway):
    """ib_async 72: rows and ends of another account, and of All, come within."""

    accounts = ("MIX1", "MIX2")

    async def subscribed(self, account: str, nth: int) -> None:
        other = "MIX2" if account == "MIX1" else "MIX1"
        rows = zip(values(account, "1.00"), values(other, "2.00"), values("All", "3.00"), strict=True)
        held = [
            position(code, 265598, "AAPL", size=size) for code, size in ((account, "1"), (other, "2"), ("All", "3"))
        ]
        await self.say(*(row for three in rows for row in three), *held, end(other), end("All"), end(account))


class NeverFunded(SmallGateway):
    """IBC 226: an account that never had money; nothing comes but the end."""

    accounts = ("NONE1",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(end(account))


class SaysNothing(SmallGateway):
    """Nothing comes at all."""

    accounts = ("MUTE1",)

    async def subscribed(self, account: str, nth: int) -> None:
        pass

    async def asked_for_values(self, request: str, account: str) -> None:
        pass


class WithoutValue(SmallGateway):
    """nautilus_trader 4987: NetLiquidation is not among the values."""

    accounts = ("WORTH1",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(*(row for row in values(account) if row[2] != "NetLiquidation"), end(account))


class WorthInBase(SmallGateway):
    """nautilus_trader 4987: NetLiquidation comes in BASE only."""

    accounts = ("BASE1",)

    async def subscribed(self, account: str, nth: int) -> None:
        rows = [*values(account, "12345.67", "BASE"), value(account, "CashBalance", "2345.67", "SEK")]
        await self.say(*rows, end(account))


class LostAtTheGreeting(SmallGateway):
    """Lean.IB PR 258: the gateway has no connection to IB when we come; what it sends is old."""

    accounts = ("OLD1",)
    greeting = (LOST,)


class LostInTheWalk(SmallGateway):
    """nautilus_trader 4230: lost within a walk; the rest of what the gateway has in hand still comes."""

    accounts = ("WALK1", "WALK2", "WALK3")

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(*values(account, "1.00"))
        if account == "WALK1":
            await self.say(LOST)
            await asyncio.sleep(0.1)
        await self.say(position(account, 265598, "AAPL"), end(account))


class BackWithoutAWord(SmallGateway):
    """Lean PR 960: the connection comes back with farms and updates, without 1101 or 1102."""

    accounts = ("BACK1",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(*values(account, f"{nth}.00"), position(account, 265598, "AAPL"), end(account))
        if nth == 1:
            await asyncio.sleep(0.2)
            await self.say(LOST)
            await asyncio.sleep(0.2)
            await self.say(notice(2104, "OK:usfarm"), notice(2106, "OK:ushmds"), notice(2158, "OK:secdefnj"))
            await self.say(value(account, "NetLiquidation", "100500.00", "USD"), ["8", "1", "05:31"])


class Flapping(SmallGateway):
    """nautilus_trader 4412: the connection to IB flaps forty times within seconds."""

    accounts = ("FLAP1",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(*values(account, f"{nth}.00"), position(account, 265598, "AAPL"), end(account))
        if nth == 1:
            for _ in range(40):
                await asyncio.sleep(0.05)
                await self.say(LOST, notice(2110), notice(2103, "broken:usfarm"))
                await asyncio.sleep(0.02)
                await self.say(RESTORED, notice(2104, "OK:usfarm"))


class NotReadySmall(SmallGateway):
    """Lean.IB PR 13: IB's documentation spells it accountReady."""

    accounts = ("RDY1",)

    async def subscribed(self, account: str, nth: int) -> None:
        rows = values(account, "0.00")
        rows[1] = value(account, "accountReady", " False")
        await self.say(*rows, end(account))


class NotReadyByMulti(SmallGateway):
    """The same by the requests that any number of programs may make."""

    accounts = ("RDY2",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(notice(2101, "The following clients are subscribed to a different account.{1}"))

    async def asked_for_values(self, request: str, account: str) -> None:
        rows = values_multi(request, account, "0.00")
        await self.say(*rows, ["73", "1", request, account, "", "AccountReady", "false", ""], ["74", "1", request])
