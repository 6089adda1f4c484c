"""The messages that end an answer about accounts, by their ids (IB's documentation, EWrapper)."""

from collections.abc import Mapping

DOWNLOAD_END = 54
POSITION_END = 62
POSITION_MULTI_END = 72
ACCOUNT_MULTI_END = 74

STEERING: Mapping[int, int] = {DOWNLOAD_END: 3, POSITION_END: 2, POSITION_MULTI_END: 3, ACCOUNT_MULTI_END: 3}
"""With the number of fields that is needed of each."""
