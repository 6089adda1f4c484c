"""IBKR's Flex Web Service: statements asked for by schedule, and as far back as there are any.

``client`` speaks its protocol; ``pacing`` and ``codes`` say how long to wait and what an answer means; ``days`` which
days are asked for and when; ``diary`` keeps in Postgres how far it has got; ``fetching`` does it by schedule,
``walking`` for ``ibconnect statements fetch``. Entered by what records, and by the command line.
"""
