"""Events in, snapshot tables out: kept up live by a thread, and built again from the first event on demand.

The way of a snapshot: :mod:`reader` reads the events of a range of positions that begin or end something,
:mod:`sessions` turns them into facts, :mod:`download` reads the messages of a finished download back from its
stream, :mod:`layout` says where each value goes, :mod:`tables` writes the rows. :mod:`runner` does that as events
arrive, :mod:`rebuild` for all events beside the live tables.
"""
