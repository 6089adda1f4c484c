"""``ibconnect check``: whether everything that the service needs is as it should be, one line for each thing.

In: the environment. Out: findings, and 1 as exit code if one of them is a failure. Called by the command line, before
the first start as well as beside a running recorder, which it does not disturb: nothing is recorded, subscribed, made
or changed. (With the embedded Postgres its server is started if it does not run, and stopped again.)
"""

from ibconnect.checking.checks import run

__all__ = ["run"]
