"""Zones with every oddity that clocks have had since 1970, and what the tests say of them by themselves."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "America/New_York",
        "Europe/Zurich",
        "America/Sao_Paulo",  # midnight left out
        "Asia/Beirut",
        "Pacific/Apia",  # a day left out
        "Pacific/Kwajalein",
        "Australia/Lord_Howe",  # half an hour
        "Asia/Kathmandu",
        "Antarctica/Casey",  # clocks set back over midnight
        "America/Nuuk",
        "Africa/Casablanca",
    )
]

_ODD_DAYS = [date(2011, 12, 30), date(1993, 8, 21), date(2018, 11, 4), date(2024, 2, 29), date(2010, 3, 5)]

DAYS = st.dates(date(1971, 1, 1), date(2035, 12, 31)) | st.sampled_from(_ODD_DAYS)


def skipped(day: date, zone: ZoneInfo) -> bool:
    """Whether clocks of a zone never showed this date."""
    midnight = datetime.combine(day, time(), UTC)
    # No zone is further than 16 hours from UTC, and no date that was shown only for less than an hour is lost.
    shown = {(midnight + timedelta(hours=hours)).astimezone(zone).date() for hours in range(-16, 41)}
    return day not in shown
