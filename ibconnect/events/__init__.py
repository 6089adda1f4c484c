"""What happened: event classes, how they are stored, the recorder (the only writer).

Importing this package registers every topic.
"""

from ibconnect.events import types  # noqa: F401
