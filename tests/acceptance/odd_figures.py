"""Gateways whose figures, codes or answers are odd, one class each; see odd_gateways.py for odd downloads and links."""

from tests.small_gateway import (
    SmallGateway,
    end,
    notice,
    position,
    position_multi,
    value,
    values,
    values_multi,
)

UNSET = "1.7976931348623157E308"


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
