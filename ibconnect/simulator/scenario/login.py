"""What any login may ask: its accounts, the next order id, the time, who it is. Notices belong to no request."""

import time

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import Message, Part, Request, Sorting, accepted, number
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.source import Question, Recordings
from ibconnect.simulator.subscriptions import Subscriptions
from ibconnect.simulator.wire.frames import Fields


def _time_now(_: Scenario) -> Fields:
    return ("49", "1", str(int(time.time())))


def _time_recorded(recordings: Recordings) -> Fields:
    return recordings.single("time") or ("49", "1", str(int(time.time())))


def _no_user(_: Scenario, request_id: int) -> Fields:
    return ("107", str(request_id), "")


def _user_recorded(recordings: Recordings, request_id: int) -> Fields:
    return recordings.single("user", request_id) or ("107", str(request_id), "")


TIME = Question(_time_now, _time_recorded)
USER = Question(_no_user, _user_recorded)


def _ids(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    connection.send((subscriptions.source.next_valid_id(),))


def _managed_accounts(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    connection.send((subscriptions.source.managed_accounts(),))


def _current_time(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    connection.send((subscriptions.source.answer(TIME),))


def _current_time_in_millis(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    seconds = subscriptions.source.answer(TIME)[2]
    connection.send((("109", f"{seconds}000"),))


def _user_info(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    connection.send((subscriptions.source.answer(USER, number(fields, 1)),))


PART = Part(
    requests={
        "8": Request("reqIds", _ids, "9"),
        "14": Request("setServerLogLevel", accepted, "none, as in reality"),
        "17": Request("reqManagedAccts", _managed_accounts, "15"),
        "49": Request("reqCurrentTime", _current_time, "49"),
        "104": Request("reqUserInfo", _user_info, "107", 1),
        "105": Request("reqCurrentTimeInMillis", _current_time_in_millis, "109"),
    },
    messages={
        "4": Message("error or notice"),
        "9": Message("nextValidId"),
        "15": Message("managedAccounts"),
        "49": Message("currentTime", "time", Sorting.ALONE),
        "107": Message("userInfo", "user", Sorting.ALONE, 1),
        "109": Message("currentTimeInMillis"),
    },
)
