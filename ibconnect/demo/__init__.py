"""The demo: a simulated advisor's login with two years behind it, told by snapshots and statements as one story.

``world`` makes the login and its statements, ``past`` records its two years as events, ``kept`` remembers from start to
start when all this began. Called by ``ibconnect demo``.
"""
