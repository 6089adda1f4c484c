"""What every report shares: its tables made, kept up and built again, views and rights, events set aside.

:mod:`projection` says what a report is to the engine. :mod:`reading` reads the events of a range of positions,
:mod:`fold` has a report make rows of them. :mod:`runner` does that as events arrive, :mod:`rebuild` for all events
beside the live tables.
"""
