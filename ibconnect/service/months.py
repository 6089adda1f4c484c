"""Has the partitions of the events made ahead, for as long as something records here.

In: the URL of the database. Out: partitions; a trouble, if one is missing that is needed now or soon. Run by what
records, as a part of it: without, events are stored all the same.
"""

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial

from ibconnect.database.months import make_months
from ibconnect.database_url import place
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.service.supervision import in_thread
from ibconnect.times import utc_now
from ibconnect.troubles import State, brief

_AGAIN_S = 3600.0
_AWAY_S = 30.0


async def months_ahead(url: str) -> None:
    """Make what is missing now and every hour; it ends when it is cancelled."""
    missing = State(Trouble.MONTHS_MISSING, database=place(url))
    try:
        while True:
            seconds = await _made(url, missing)
            await asyncio.sleep(seconds)
    finally:
        missing.forget()


async def _made(url: str, missing: State) -> float:
    """Make what is missing; the seconds until it is worth another look."""
    try:
        found = await in_thread(partial(make_months, url))
    except DatabaseUnavailable:
        # Whoever needs the database more reports it.
        return _AWAY_S
    except DatabaseError as exc:
        missing.note(brief(exc), error=exc)
        return _AGAIN_S
    for month in found.made:
        observe(Kind.MONTH_MADE, month=f"{month:%Y-%m}")
    if urgent := urgent_of(found.missing, utc_now().date()):
        why = next(iter(urgent.values()))
        missing.note(f"{', '.join(f'{month:%Y-%m}' for month in urgent)}: {brief(why)}", error=why)
    else:
        missing.over()
    return _AGAIN_S


def urgent_of(missing: Mapping[date, Exception], today: date) -> dict[date, Exception]:
    """Those of the missing months that have begun, or are the next to begin."""
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return {month: exc for month, exc in missing.items() if month <= next_month}
