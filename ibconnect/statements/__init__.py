"""Flex statements: documents in, events out, each document once.

They come from files, over HTTP and from the Flex Web Service; all of them go through :mod:`.recording`.
"""
