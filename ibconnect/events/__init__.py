"""What happened: event classes, how they are stored, the one way to add them, the one reader.

Importing this package registers every topic.
"""

from ibconnect.events import types  # noqa: F401
