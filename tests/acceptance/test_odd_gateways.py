"""What a whole service makes of gateways that do something odd: never a wrong figure that looks right.

One service records all of them at once; each test looks at the accounts of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.acceptance import odd_figures
from tests.acceptance import odd_gateways as odd
from tests.conftest import create_database, drop_database
from tests.paths import scratch
from tests.processes import get, process
from tests.small_gateway import SmallGateway, listening
from tests.waiting import wait_for

pytestmark = pytest.mark.with_tables

CASES: tuple[type[SmallGateway], ...] = (*SmallGateway.__subclasses__(), odd.BrokenInTheMiddle)

QUICK = {"QUIET_TIME": "0.5", "DOWNLOAD_TIMEOUT": "3", "REFRESH_FLOOR": "0.2", "LOG_LEVEL": "debug"}


@dataclass(frozen=True)
class World:
    """The service and its gateways."""

    url: str
    ports: dict[type[SmallGateway], int]
    gateways: dict[type[SmallGateway], SmallGateway]
    log: Path

    def name(self, case: type[SmallGateway]) -> str:
        return f"127.0.0.1:{self.ports[case]}"

    def of(self, path: str, **headers: str) -> Any:
        status, body = get(f"{self.url}{path}", **headers)
        return body if status == 200 else None

    def report(self, account: str, **headers: str) -> dict[str, Any] | None:
        """The latest report, if there is one."""
        return self.of(f"/v1/accounts/{quote(account, safe='')}", **headers)  # type: ignore[no-any-return]

    def ready(self, account: str, positions: int | None = None) -> dict[str, Any]:
        """The first report that can be relied on (and holds so many positions)."""

        def found() -> dict[str, Any] | None:
            report = self.report(account)
            is_it = report and report["Ready"] and positions in (None, len(report["Positions"]))
            return report if is_it else None

        return wait_for(found, lambda: f"a ready report of {account}: {self.report(account)}")  # type: ignore[no-any-return]

    def any(self, account: str) -> dict[str, Any]:
        """The first report of any kind."""
        path = f"/v1/accounts/{quote(account, safe='')}?ready=any"
        return wait_for(lambda: self.of(path), f"a report of {account}")  # type: ignore[no-any-return]

    def all(self, account: str) -> list[dict[str, Any]]:
        """Every report so far, oldest first."""
        path = f"/v1/accounts/{quote(account, safe='')}"
        times = self.of(f"{path}/snapshots") or []
        return [self.of(f"{path}/{time}") for time in reversed(times)]

    def gateway(self, case: type[SmallGateway]) -> dict[str, Any]:
        """What /v1/gateways says of a gateway."""
        rows = {row["Gateway"]: row for row in self.of("/v1/gateways") or []}
        return rows.get(self.name(case), {})

    def missing(self, case: type[SmallGateway]) -> dict[str, str]:
        """Why accounts were missing in its last refresh, once one has ended."""

        def ended() -> dict[str, Any] | None:
            refresh = self.gateway(case).get("LastRefresh")
            return refresh if refresh and refresh["Ended"] else None

        return wait_for(ended, f"a refresh of {case.__name__} ends")["Missing"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def world(server_url: str, template_with_tables: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All of them, and a service that records them."""
    gateways = {case: case() for case in CASES}
    name = "odd_gateways"
    url = create_database(server_url, name, template_with_tables)
    log = tmp_path_factory.mktemp("odd") / "log"
    try:
        with listening(*gateways.values()) as ports:
            settings = {
                "DB_URL": url,
                "DATA_DIR": str(scratch("odd-")),
                "PORT": "0",
                "HOST": "127.0.0.1",
                "IB_GW": ",".join(f"127.0.0.1:{port}" for port in ports),
                # They answer no other question, so one of these would take a refusal that names no request.
                "COLLECT": "accounts",
            }
            with process(log, "serve", **settings, **QUICK) as serve:
                yield World(serve.url(), dict(zip(gateways, ports, strict=True)), gateways, log)
                serve.stop()
                assert "Traceback" not in serve.output
    finally:
        drop_database(server_url, name)


def codes(report: dict[str, Any]) -> set[str]:
    return {remark["Code"] for remark in report["Remarks"]}


def held(report: dict[str, Any]) -> dict[str, Any]:
    return {row["Symbol"]: row["Position"] for row in report["Positions"]}


def test_positions_that_only_their_own_request_knows_are_found(world: World) -> None:
    first, second = world.ready("SEC1"), world.ready("SEC2")
    assert (first["Source"], held(first)) == ("updates", {"AAPL": 100})
    assert (second["Source"], held(second)) == ("multi", {"AAPL": 7})
    assert second["Balance"]["NetLiquidation"] == "USD 150.00"
    assert all(report["Positions"] for report in world.all("SEC2") if report["Ready"])


def test_positions_that_come_late_are_in_a_report_seconds_later(world: World) -> None:
    report = world.ready("LATE1", positions=2)
    assert held(report) == {"AAPL": 100, "MSFT": 100}
    assert "late" in codes(report)
    assert world.gateways[odd.LatePositions].subscriptions["LATE1"] == 1, "nothing was asked for twice"


def test_positions_after_the_end_are_in_a_report_seconds_later(world: World) -> None:
    assert held(world.ready("EARLY1", positions=1)) == {"MSFT": 100}
    assert held(world.ready("EARLY2", positions=2)) == {"AAPL": 100, "MSFT": 100}


def test_a_late_end_ends_no_other_download(world: World) -> None:
    world.ready("END1")
    report = world.report("END1", Cache_Control="max-age=0") or {}
    assert (report["Ready"], report["Balance"]["NetLiquidation"]) == (True, "USD 222.00")
    assert held(report) == {"AAPL": 100, "MSFT": 100}


@pytest.mark.parametrize(("account", "code"), [("MID1", "1100"), ("MID2", "2110")])
def test_half_an_account_is_not_ready_and_whole_when_ib_is_back(world: World, account: str, code: str) -> None:
    half = world.any(account)
    if not half["Ready"]:
        assert codes(half) >= {"interrupted"}
        assert any(code in remark["Detail"] for remark in half["Remarks"])
    whole = world.ready(account)
    assert held(whole) == {"AAPL": 100}
    assert world.all(account)[0]["Ready"] is False


def test_a_feed_that_was_given_to_another_is_no_account(world: World) -> None:
    report = world.any("AWAY1")
    assert (report["Ready"], codes(report)) == (False, {"interrupted", "incomplete"} & codes(report))
    assert "interrupted" in codes(report)
    assert "2100" in world.missing(odd.GivenAway)["AWAY1"]


def test_what_was_taken_from_the_account_before_says_nothing_of_this_one(world: World) -> None:
    assert codes(world.ready("NEXT2")) == set()


def test_prices_that_follow_after_a_restart_are_in_a_report_seconds_later(world: World) -> None:
    report = world.ready("SENT1")
    assert {row["MarketPrice"] for row in report["Positions"]} == {10.5}
    first = world.all("SENT1")[0]
    assert (first["Ready"], codes(first)) == (False, {"unset-prices"})


def test_updates_that_never_pause_make_a_report(world: World) -> None:
    report = world.ready("BUSY1")
    assert (report["Ended"], held(report), codes(report)) == ("quiet", {"AAPL": 100}, {"no-end"})


def test_rows_of_other_accounts_are_not_of_this_one(world: World) -> None:
    for account in ("MIX1", "MIX2"):
        report = world.ready(account)
        assert (report["Balance"]["NetLiquidation"], held(report)) == ("USD 1.00", {"AAPL": 1})


def test_an_account_of_nothing_says_so(world: World) -> None:
    report = world.ready("NONE1")
    assert (report["Positions"], codes(report)) == ([], {"empty"})


def test_silence_makes_no_report_and_is_named(world: World) -> None:
    assert "timeout" in world.missing(odd.SaysNothing)["MUTE1"]
    assert world.report("MUTE1") is None


def test_without_its_value_an_account_is_not_whole(world: World) -> None:
    report = world.any("WORTH1")
    assert (report["Ready"], codes(report)) == (False, {"incomplete"})
    assert "NetLiquidation" in report["Remarks"][0]["Detail"]
    assert report["Balance"]["AvailableFunds"] == "USD 90000.00"
    assert "NetLiquidation" in world.missing(odd.WithoutValue)["WORTH1"]


def test_a_value_in_base_alone_is_shown_as_such(world: World) -> None:
    report = world.ready("BASE1")
    assert report["Balance"]["NetLiquidation"] == "BASE 12345.67"
    history = world.of("/v1/accounts/BASE1/history?tag=NetLiquidation")
    assert (history["Currency"], history["Points"][0]["NetLiquidation"]) == ("BASE", 12345.67)


def test_what_is_old_at_the_greeting_is_not_taken(world: World) -> None:
    def told() -> dict[str, Any] | None:
        gateway = world.gateway(odd.LostAtTheGreeting)
        return gateway if gateway.get("LastRefresh") and gateway["LastNotice"] else None

    gateway = wait_for(told, "its first refresh and its notice")
    assert (gateway["State"], gateway["LastNotice"]["Code"]) == ("stale", "1100")
    assert "1100" in gateway["LastRefresh"]["Missing"]["OLD1"]
    assert world.report("OLD1") is None
    assert not world.gateways[odd.LostAtTheGreeting].subscriptions


def test_a_walk_stops_where_ib_is_lost(world: World) -> None:
    missing = world.missing(odd.LostInTheWalk)
    assert set(missing) == {"WALK1", "WALK2", "WALK3"}
    assert set(world.gateways[odd.LostInTheWalk].subscriptions) == {"WALK1"}
    assert [world.report(account) for account in ("WALK2", "WALK3")] == [None, None]
    assert all(not report["Ready"] for report in world.all("WALK1"))


def test_a_stale_gateway_answers_a_forced_refresh_with_what_there_is_and_says_so(world: World) -> None:
    world.missing(odd.LostInTheWalk)
    status, _ = get(f"{world.url}/v1/accounts/WALK1?refresh=required", Cache_Control="max-age=0")
    assert status == 503
    assert world.report("WALK1", Cache_Control="max-age=0") is not None


def test_a_gateway_that_is_back_without_a_word_is_fresh(world: World) -> None:
    wait_for(lambda: world.gateways[odd.BackWithoutAWord].subscriptions["BACK1"] >= 2, "it is asked again")
    wait_for(lambda: world.gateway(odd.BackWithoutAWord)["State"] == "connected", "it is fresh")


def test_forty_flaps_make_a_handful_of_reports_and_lines(world: World) -> None:
    wait_for(lambda: world.gateways[odd.Flapping].subscriptions["FLAP1"] >= 2, "it is asked again after them")
    wait_for(lambda: world.gateway(odd.Flapping)["State"] == "connected", "it is fresh")
    assert len(world.all("FLAP1")) <= 5
    lines = [line for line in world.log.read_text().splitlines() if world.name(odd.Flapping) in line]
    assert len([line for line in lines if "gateway_stale" in line or "gateway_fresh" in line]) <= 6


@pytest.mark.parametrize(("account", "source"), [("RDY1", "updates"), ("RDY2", "multi")])
def test_a_server_that_resets_is_not_ready_in_any_spelling(world: World, account: str, source: str) -> None:
    report = world.any(account)
    assert (report["Ready"], report["Source"], "not-ready" in codes(report)) == (False, source, True)
    history = world.of(f"/v1/accounts/{account}/history?tag=NetLiquidation")
    assert history["Points"] == []
    history = world.of(f"/v1/accounts/{account}/history?tag=NetLiquidation&ready=any")
    assert {point["Ready"] for point in history["Points"]} == {False}


def test_a_figure_that_is_no_number_costs_itself(world: World) -> None:
    report = world.ready("ODD1")
    rows = {row["Symbol"]: row for row in report["Positions"]}
    assert set(rows) == {"INF", "COMMA", "BLANK", "RANGE", "NOID", "BAG1", "BAG2", "GOOD"}
    assert (rows["INF"]["MarketPrice"], rows["INF"]["MarketValue"]) == (None, 1050.0)
    assert (rows["COMMA"]["AverageCost"], rows["BLANK"]["Position"], rows["RANGE"]["MarketValue"]) == (None,) * 3
    assert (rows["NOID"]["IbContractId"], rows["BAG1"]["IbContractId"], rows["BAG2"]["IbContractId"]) == (None, 0, 0)
    assert report["Balance"]["BuyingPower"] is None
    assert codes(report) == {"unreadable-figure"}
    told = " ".join(remark["Detail"] for remark in report["Remarks"])
    for word in ("INF", "COMMA", "BLANK", "RANGE", "GrossPositionValue", "BuyingPower"):
        assert word in told
    for remark in report["Remarks"]:
        line = world.of(f"/v1/events?after={remark['Position'] - 1}&limit=1")
        assert line["Position"] == remark["Position"]
        assert "ODD1" in line["Message"]


def test_what_no_table_can_hold_is_set_aside_and_all_else_goes_on(world: World) -> None:
    report = world.ready("LONG1")
    assert (held(report), codes(report)) == ({"GOOD": 100}, {"set-aside"})


def test_the_last_value_is_the_value_everywhere(world: World) -> None:
    report = world.ready("AGAIN1")
    balance = report["Balance"]
    assert (balance["BuyingPower"], balance["Cushion"]) == ("USD -0.00", 0.0001)
    assert (balance["TotalCashBalance"], balance["AvailableFunds"]) == ("USD 10000000", None)
    sent = [(row["Tag"], row["Currency"]) for row in report["Values"]]
    assert len(sent) == len(set(sent))
    for tag, figure in (("BuyingPower", -0.0), ("Cushion", 0.0001), ("TotalCashBalance", 1e7), ("SMA", 5.0)):
        points = world.of(f"/v1/accounts/AGAIN1/history?tag={tag}")["Points"]
        assert [point[tag] for point in points] == [figure]


def test_a_figure_of_the_ledger_is_none_of_the_account(world: World) -> None:
    report = world.ready("PRE1")
    assert report["Balance"]["TotalCashValue"] is None
    assert report["Balance"]["AccruedCash"] == "USD 7.00"
    accrued = [row["Value"] for row in report["Values"] if row["Tag"] == "AccruedCash"]
    assert accrued == ["7.01", "7.00", "7.0"]


@pytest.mark.parametrize("account", odd_figures.OddCodes.accounts)
def test_every_account_that_is_listed_can_be_asked_for(world: World, account: str) -> None:
    assert world.ready(account)["AccountCode"] == account
    listed = [row["AccountCode"] for row in world.of("/v1/accounts")]
    assert listed.count(account) == 1


def test_models_are_kept_apart_and_do_not_make_an_account_look_empty(world: World) -> None:
    report = world.ready("MOD1")
    rows = [(row["Symbol"], row["ModelCode"], row["Position"]) for row in report["Positions"]]
    assert rows == [("AAPL", None, 10), ("AAPL", "Growth", 4), ("MSFT", "Value", 2)]
    worth = {row.get("ModelCode"): row["Value"] for row in report["Values"] if row["Tag"] == "NetLiquidation"}
    assert (worth, report["Balance"]["NetLiquidation"]) == ({None: "100000.00", "Growth": "5.00"}, "USD 100000.00")
    assert [row["ModelCode"] for row in world.ready("MOD2")["Positions"]] == ["Growth", "Value"]


def test_a_refusal_ends_the_wait_and_is_named(world: World) -> None:
    assert "321" in world.missing(odd_figures.RefusedWithLargestId)["REF1"]
    assert world.gateways[odd_figures.RefusedWithLargestId].subscriptions["REF1"] == 1


def test_texts_are_readable(world: World) -> None:
    report = world.ready("TEXT1")
    assert report["Balance"]["AccountType"] == "Zoë"
    assert held(report) == {"连": 100}
    wait_for(lambda: world.gateway(odd_figures.OtherEncodings)["LastNotice"], "its notice")
    assert world.gateway(odd_figures.OtherEncodings)["LastNotice"]["Text"] == "ungültig"
    sent = world.of("/v1/events?account=TEXT1&type=PortfolioUpdated&limit=1")
    assert r"\u8fde" in sent["Message"]


def test_an_account_that_vanishes_for_a_moment_is_missing(world: World) -> None:
    world.ready("LIST2")

    def why() -> str | None:
        # What was asked for just now is not asked for again.
        get(f"{world.url}/v1/accounts", Cache_Control="max-age=0")
        return world.missing(odd_figures.ListLosesAnAccount).get("LIST2")

    assert "unlisted" in wait_for(why, "a refresh that meets the shorter list")
