"""Gateways that do something odd, one class each: after which public report, and what a recorder must make of it.

Played to a whole service by test_odd_gateways.py. Accounts and figures are invented, the behaviour is as reported.
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


class OddFigures(SmallGateway):
    """The official client's constants, sure PR 1813, IBrokers 30: figures that are no numbers."""

    accounts = ("ODD1",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(
            *values(account),
            value(account, "GrossPositionValue", "NaN", "USD"),
            value(account, "BuyingPower", "$1,000", "USD"),
            position(account, 1, "INF", price="Infinity"),
            position(account, 2, "COMMA", cost="61,25"),
            position(account, 3, "BLANK", size=" 5.5"),
            position(account, 4, "RANGE", value="1E400"),
            position(account, "", "NOID"),
            position(account, "0", "BAG1", sec_type="BAG"),
            position(account, "0", "BAG2", sec_type="BAG"),
            position(account, 5, "GOOD"),
            end(account),
        )


class LongSymbol(SmallGateway):
    """A symbol that no index of the tables can hold."""

    accounts = ("LONG1",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(*values(account), position(account, 1, "S" * 3000), position(account, 2, "GOOD"), end(account))


class SentAgain(SmallGateway):
    """OpenAlice 314: values come twice, the second time in a form that numeric would not give back."""

    accounts = ("AGAIN1",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(
            *values(account),
            value(account, "BuyingPower", "360000.00", "USD"),
            value(account, "Cushion", "1.0E-4"),
            value(account, "BuyingPower", "-0.00", "USD"),
            value(account, "TotalCashBalance", "1.0E7", "BASE"),
            value(account, "AvailableFunds", UNSET, "USD"),
            value(account, "SMA", "1.0E7", "USD"),
            value(account, "SMA", "5.00", "USD"),
            end(account),
        )


class PrefixMix(SmallGateway):
    """Changelog of 10.47: ledger keys with their prefix, one of a name that no ledger key has."""

    accounts = ("PRE1",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(
            *(row for row in values(account) if row[2] not in ("CashBalance", "TotalCashBalance", "TotalCashValue")),
            value(account, "AccruedCash", "7.00", "USD"),
            value(account, "$LEDGER-AccruedCash", "7.01", "BASE"),
            value(account, "$LEDGER-AccruedCash", "7.0", "USD"),
            value(account, "$LEDGER-TotalCashValue", "1", "USD"),
            end(account),
        )


class OddCodes(SmallGateway):
    """vnpy_ib PR 11, qtpylib 79: account codes of every kind, and lists spelled oddly."""

    accounts = ("ACC 1", "Group/1", "Zo\u00eb", ".hidden", "X" * 40, "u%25", "A?b#c")

    def listed(self) -> str:
        return f" {self.accounts[0]} ,,{','.join(self.accounts)},"


class InModels(SmallGateway):
    """ib_async 41, ibind 155: another program holds the subscription; the account has portfolios under models."""

    accounts = ("MOD1", "MOD2")

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(notice(2101, "The following clients are subscribed to a different account.{1}"))

    async def asked_for_values(self, request: str, account: str) -> None:
        rows = [*values_multi(request, account), *values_multi(request, account, "5.00", "Growth")]
        await self.say(*rows, ["74", "1", request])

    async def asked_for_positions(self, request: str, account: str) -> None:
        whole = [position_multi(request, account, 265598, "AAPL", "10")] if account == "MOD1" else []
        parts = [
            position_multi(request, account, 265598, "AAPL", "4", model="Growth"),
            position_multi(request, account, 272093, "MSFT", "2", model="Value"),
        ]
        await self.say(*whole, *parts, ["72", "1", request])


class RefusedWithLargestId(SmallGateway):
    """ib_insync 1: 321 with the request id 2147483647."""

    accounts = ("REF1",)

    async def subscribed(self, account: str, nth: int) -> None:
        await self.say(
            notice(321, "Error validating request:-'a0' : cause - The account code is required.", "2147483647")
        )


class OtherEncodings(SmallGateway):
    """ib_insync 115, vnpy 2151: notices in the encoding of the system, escapes elsewhere, a zone in Chinese."""

    accounts = ("TEXT1",)
    zone = "中国标准时间".encode("gbk")

    async def subscribed(self, account: str, nth: int) -> None:
        rows = [row for row in values(account) if row[2] != "AccountType"]
        await self.say(*rows, value(account, "AccountType", r"Zo\u00eb"), position(account, 1, r"\u8fde"), end(account))
        await self.say("4\x002\x00-1\x002148\x00ung\xfcltig\x00\x00".encode("latin-1"))


class ListLosesAnAccount(SmallGateway):
    """A gateway that resets lists one account less for a while."""

    accounts = ("LIST1", "LIST2")
    lists = 0

    def listed(self) -> str:
        self.lists += 1
        return "LIST1,LIST2" if self.lists <= 2 else "LIST1"


CASES: tuple[type[SmallGateway], ...] = (*SmallGateway.__subclasses__(), BrokenInTheMiddle)
