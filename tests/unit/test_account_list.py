"""Of several lists of accounts in one turn only the newest is looked through; those before it count all the same."""

from ibconnect.codes import MOST_LISTED
from ibconnect.config import load
from ibconnect.gateway.account_list import AccountList
from ibconnect.gateway.allowance import Allowance

DEFAULT = load({})


def account_list(*pins: str) -> AccountList:
    return AccountList(pins, Allowance(DEFAULT.gateway_max_bytes, DEFAULT.gateway_max_events))


def message(*codes: str) -> list[str]:
    return ["15", "1", ",".join(codes)]


def turn(listed: AccountList, *messages: list[str]) -> str:
    for each in messages:
        listed.add(each)
    listed.look()
    return listed.use(0.0)


def test_the_newest_list_is_what_is_asked_for() -> None:
    listed = account_list()
    assert turn(listed, message("DU1", "DU2"), message("DU3", "", "DU3")) == ""
    assert (listed.accounts, listed.is_too_long) == (["DU3"], False)
    assert listed.look() is None, "nothing has come since"


def test_no_other_accounts_than_those_that_are_pinned_are_asked_for() -> None:
    listed = account_list("DU2", "DU9")
    assert turn(listed, message("DU1", "DU2")) == ""
    assert listed.accounts == ["DU2"]


def test_new_accounts_do_not_hide_in_a_list_that_another_follows_at_once() -> None:
    listed, short = account_list(), message("DU1")
    said = ""
    for number in range(4):
        said = said or turn(listed, message(*(f"DU{number}-{each}" for each in range(MOST_LISTED))), short)
    assert "new accounts" in said


def test_a_list_that_is_only_repeated_has_no_new_accounts() -> None:
    listed, long = account_list(), message(*(f"DU{each}" for each in range(MOST_LISTED)))
    assert turn(listed, *[long] * 50) == ""
