"""The bytes of a document ↔ the states of the events that hold them.

In: pieces of a document, cut anywhere; states of :class:`~ibconnect.events.types.StatementPart`. Out: the other. Called
by what records Flex statements, and by whoever reads them again: the projection, the export, HTTP.

Each piece is compressed by itself, so that a document is written and read in flat memory and any part can be checked
alone.
"""

from base64 import b64decode

import orjson
import zstandard

from ibconnect.errors import EventError

ENCODING = "zstd"
PART_BYTES = 256 << 10
"""How many bytes of the document one part holds, the last one fewer."""
FIRST_PART = 2
"""The version of the first part in its stream; the event before says what the document is."""


def piece_of(state: bytes) -> bytes:
    """The bytes that a part holds.

    :raises EventError: it is not the state of a part
    """
    try:
        compressed = b64decode(orjson.loads(state)["zstd"], validate=True)
        return zstandard.ZstdDecompressor().decompress(compressed, max_output_size=PART_BYTES)
    except (ValueError, KeyError, TypeError, zstandard.ZstdError) as exc:
        raise EventError(f"a part of a document cannot be read: {exc}") from exc
