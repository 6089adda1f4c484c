"""What processes that are gone have left: journals in the spool, and streams without an end.

In: the spool's directory, streams that nobody records any more. Out: their events in the event store. Called by the
writer thread, and by the supervisor of a gateway before it opens the next session.
"""
