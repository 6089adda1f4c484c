"""Returns of a series of values with flows: computed in Decimal, without a database, a clock or a network.

In: values by day, external flows, what daily profit says. Out: returns by day, linked ones, risk figures, gaps. Called
by :mod:`ibconnect.http.resources.performance`. The conventions stand in
docs/performance-figures.md, with their sources.
"""
