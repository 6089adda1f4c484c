"""Who owns an account when that is decided otherwise: by pins, a new address, an earlier version, a session's rest."""

from ibconnect.database.pools import connect
from ibconnect.projections.upkeep import rebuild
from tests.owner_histories import HISTORIES, Ask, examples, rebuilds_alike
from tests.owners import BOTH, FULL, INVENTED, A, B, Gateway, answer, conflicts, counted, figures, worth
from tests.projecting import Stream, read_tables, value
from tests.serving import serving, tell_gateway


async def test_two_gateways_to_which_an_account_is_pinned_both_own_it(database_url: str) -> None:
    """Of each refresh the figures of the first in IB_GW are taken, whichever came first, if they can be relied on."""
    pinned = {A: ["DU1"], B: ["DU1"]}
    a, b = Gateway(database_url, A, gateways=pinned), Gateway(database_url, B, gateways=pinned)
    for gateway in (b, a):
        gateway.lists("DU1")
    for hour, order in enumerate(((a, b), (b, a), (b,), (a,))):
        for gateway in order:
            amount = f"{hour}.{1 if gateway is a else 2}0"
            gateway.refreshes(hour, {"DU1": figures(amount)})
    a.refreshes(4, {"DU1": [*figures("4.10"), value("AccountReady", "false")]})
    b.refreshes(4, {"DU1": figures("4.20")})
    b.refreshes(5, {"DU1": figures("5.20")})
    a.refreshes(5, {"DU1": [*figures("5.10"), value("AccountReady", "false")]})
    with connect(database_url, name="test") as connection:
        tell_gateway(connection, A)
        tell_gateway(connection, B)
    async with serving(database_url, API_TOKENS=FULL, IB_GW=f"{A},{B}") as served:
        for _ in range(2):
            assert await worth(served, "") == {"0.1", "1.1", "2.2", "3.1", "4.2", "5.2"}
            assert await worth(served, f"&gateway={A}") == {"0.1", "1.1", "3.1"}
            assert await worth(served, f"&gateway={B}") == {"0.2", "1.2", "2.2", "4.2", "5.2"}
            assert await conflicts(served) == {A: [], B: []}
            assert await counted(served) == {A: 0, B: 0}
            (row,) = await answer(served, "/v1/accounts")
            report = await answer(served, "/v1/accounts/DU1")
            assert (report["Timestamp"], report["Balance"]["NetLiquidation"]) == (row["Latest"], "USD 5.20")
            live = read_tables(database_url)
            rebuild(database_url)
            assert read_tables(database_url) == live


UNREADY = [value("AccountReady", "false")]


async def test_of_a_refresh_that_cannot_be_relied_on_one_gateway_is_shown(database_url: str) -> None:
    """One with figures to rely on before one without, then the first in IB_GW, whichever came first."""
    pinned = {A: ["DU1"], B: ["DU1"]}
    a, b = Gateway(database_url, A, gateways=pinned), Gateway(database_url, B, gateways=pinned)
    for hour, downloads in enumerate(
        (
            ((a, "0.10", UNREADY), (b, "0.20", UNREADY)),
            ((b, "1.20", UNREADY), (a, "1.10", UNREADY)),
            ((b, "2.20", UNREADY), (a, "2.10", [])),
            ((b, "3.20", []), (a, "3.10", UNREADY)),
            ((a, "4.10", UNREADY), (b, "4.20", [])),
            # What was a repeat no longer is one.
            ((a, "5.10", UNREADY), (b, "5.20", UNREADY), (b, "5.30", [])),
            ((b, "6.20", UNREADY), (b, "6.30", []), (a, "6.10", [])),
        )
    ):
        for gateway, amount, more in downloads:
            gateway.refreshes(hour, {"DU1": [*figures(amount), *more]})
    live = read_tables(database_url)
    async with serving(database_url, API_TOKENS=FULL) as served:
        for _ in range(2):
            assert await worth(served, "&ready=any") == {"0.1", "1.1", "2.1", "3.2", "4.2", "5.2", "5.3", "6.1"}
            assert await worth(served, "") == {"2.1", "3.2", "4.2", "5.3", "6.1"}
            assert len(await worth(served, f"&ready=any&gateway={B}")) == 9
            rebuild(database_url)
            assert read_tables(database_url) == live


async def test_what_is_older_than_the_newest_refresh_is_taken_alike(database_url: str) -> None:
    """A clock was ahead, or was set back a little: then the snapshot was created long after its refresh."""
    pinned = {A: ["DU1"], B: ["DU1"]}
    a, b = Gateway(database_url, A, gateways=pinned), Gateway(database_url, B, gateways=pinned)
    b.refreshes(9, {"DU1": figures("9.20")})
    for number, hour in enumerate((3, 8.99, 8.98)):
        b.refreshes(hour, {"DU1": figures(f"{number}.20")})
        a.refreshes(hour, {"DU1": figures(f"{number}.10")})
    a.refreshes(5, {"DU1": [*figures("5.10"), *UNREADY]})
    b.refreshes(5, {"DU1": figures("5.20")})
    live = read_tables(database_url)
    async with serving(database_url, API_TOKENS=FULL) as served:
        for _ in range(2):
            assert await worth(served, "&ready=any") == {"9.2", "0.1", "1.1", "2.1", "5.2"}
            rebuild(database_url)
            assert read_tables(database_url) == live


async def test_the_new_address_of_a_gateway_goes_on_with_its_accounts(database_url: str) -> None:
    old = Gateway(database_url, A, gateways={A: []})
    old.lists("DU1")
    old.refreshes(0, {"DU1": figures("1.10")})
    new = Gateway(database_url, B, gateways={B: []}, others=[A])
    new.lists("DU1")
    new.refreshes(1, {"DU1": figures("2.20")})
    async with serving(database_url, API_TOKENS=FULL) as served:
        assert (await answer(served, "/v1/accounts/DU1"))["Gateway"] == A, "another instance still has the old one"
        new.configured = {"gateways": {B: []}, "knows_others": True}
        new.refreshes(2, {"DU1": figures("3.30")})
        assert (await answer(served, "/v1/accounts/DU1"))["Balance"]["NetLiquidation"] == "USD 3.30"
        assert await worth(served, "") == {"1.1", "3.3"}
        again = Gateway(database_url, A, gateways={A: []}, others=[B])
        again.lists("DU1")
        again.refreshes(3, {"DU1": figures("4.40")})
        new.configured = {"gateways": {B: []}, "others": [A], "knows_others": True}
        new.refreshes(4, {"DU1": figures("5.50")})
        assert await worth(served, "") == {"1.1", "3.3", "4.4"}, "the first one that is configured has it"


async def test_a_pin_hands_an_account_over(database_url: str) -> None:
    a, b = Gateway(database_url, A, gateways=BOTH), Gateway(database_url, B, gateways=BOTH)
    a.lists("DU1,DU2")
    b.lists("DU1,DU3")
    for hour in range(2):
        a.refreshes(hour, {"DU1": figures(f"{hour}.10")})
        b.refreshes(hour, {"DU1": figures(f"{hour}.20")})
        a.configured = b.configured = {"gateways": {A: [], B: ["DU1"]}, "knows_others": True}
    a.refreshes(2, {"DU1": figures("2.10")})
    with connect(database_url, name="test") as connection:
        tell_gateway(connection, A)
        tell_gateway(connection, B)
    async with serving(database_url, API_TOKENS=FULL, IB_GW=f"{A},{B}") as served:
        # The second refresh of A is the first to tell of the pin.
        assert await worth(served, "") == {"0.1", "1.2"}
        left = [{"AccountCode": "DU1", "Owners": [B], "Pinned": True}]
        besides = [{"AccountCode": "DU3", "Owners": [], "Pinned": True}]
        assert await conflicts(served) == {A: left, B: besides}
        assert await counted(served) == {A: 0, B: 0}, "a pin has decided"


async def test_a_late_snapshot_of_the_owner_is_not_held_back_by_a_foreign_one(database_url: str) -> None:
    a, b = Gateway(database_url, A, gateways=BOTH), Gateway(database_url, B, gateways=BOTH)
    a.lists("DU1")
    a.refreshes(0, {"DU1": figures("1.10")})
    b.refreshes(2, {"DU1": figures(INVENTED)})
    a.stream = Stream(A, continues=str(a.stream.id))
    a._stored = 0
    a.refreshes(1, {"DU1": figures("2.20")})
    async with serving(database_url, API_TOKENS=FULL) as served:
        assert await worth(served, "") == {"1.1", "2.2"}


async def test_what_an_earlier_version_recorded_belongs_to_all_that_told_it(database_url: str) -> None:
    """It did not say what is configured: the history of a gateway whose address had changed goes on."""
    old, new = Gateway(database_url, A, gateways=None), Gateway(database_url, B, gateways=None)
    old.lists("DU1")
    old.refreshes(0, {"DU1": figures("1.10")})
    new.lists("DU1")
    new.refreshes(1, {"DU1": figures("2.20")})
    async with serving(database_url, API_TOKENS=FULL) as served:
        assert await worth(served, "") == {"1.1", "2.2"}
        current = Gateway(database_url, B, gateways={B: []})
        current.refreshes(2, {"DU1": figures("3.30")})
        assert await worth(served, "") == {"1.1", "2.2", "3.3"}
        assert (await answer(served, "/v1/accounts"))[0]["Listed"] is True


@examples(4)
@HISTORIES
def test_a_rebuild_finds_the_same_owners(server_url: str, template: str, asks: list[Ask], limit: int) -> None:
    rebuilds_alike(server_url, template, asks, limit)
