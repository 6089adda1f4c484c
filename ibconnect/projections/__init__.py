"""Events in, tables out: kept up live by a thread for each report, and built again from the first event on demand.

``engine/`` is what all reports share. Beside it is one package a report, listed in :mod:`registry`; :mod:`upkeep` is
what the command line and the service call. A report imports the engine, never another report; the engine knows none.
"""
