"""From a gateway's socket to recorded events: connect, schedule, subscribe, restart, leadership.

The only importer of ib_async.
"""
