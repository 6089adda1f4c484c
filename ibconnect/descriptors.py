"""How many descriptors (sockets, files) this process may have open.

In: nothing. Out: the limit, after it was raised. Called at start by the command line, and by whoever has to leave room
for others. Most systems give a process 1,024 at first and let it have many more: nothing here uses ``select``, which
could not follow.
"""

import resource

MOST = 65_536
"""As many as are ever needed here; programs that close all that could be open take long over more."""


def limit() -> int:
    """How many there may be."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else soft


def raise_limit() -> int:
    """Let there be as many as the system permits, ``MOST`` at most, and say how many; never fewer than before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return limit()
