"""Flex statements: which are recorded, the documents that hold them, and one more to record."""
