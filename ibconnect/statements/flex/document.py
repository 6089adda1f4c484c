"""A document on its way from IBKR to the events: kept compressed in memory, read as often as need be, bounded.

In: bytes as they arrive. Out: the same bytes, in pieces. Filled by the client, read by what records. Nothing of it lies
on a disk: whoever is killed in the middle leaves nothing behind. Statements compress to a twentieth.
"""

from collections.abc import Iterator

import zstandard

from ibconnect.errors import FlexRefused
from ibconnect.flex_xml import LIMITS

MOST_KEPT_BYTES = 64 << 20
_PIECE = 1 << 20
_END = 4096
_MARK = b"\xef\xbb\xbf"


class Document:
    """See the module. ``most``: bytes that it may have, as they are, and compressed."""

    def __init__(self, most: int = LIMITS.size, most_kept: int = MOST_KEPT_BYTES) -> None:
        self.bytes = 0
        self.head = b""
        """Its first bytes, without a byte order mark."""
        self.tail = b""
        """Its last bytes."""
        self._most = most
        self._most_kept = most_kept
        self._kept = 0
        self._pieces: list[bytes] = []
        self._open = bytearray()
        self._compressor = zstandard.ZstdCompressor(level=3)

    def add(self, data: bytes) -> None:
        """What has arrived.

        :raises FlexRefused: it is more than may be
        """
        self.bytes += len(data)
        if len(self.head) < _END:
            self.head = (self.head + data[:_END]).removeprefix(_MARK)
        self.tail = (self.tail + data[-_END:])[-_END:]
        self._open += data
        if len(self._open) >= _PIECE:
            self._close()
        if self.bytes > self._most or self._kept > self._most_kept:
            raise FlexRefused(
                f"the statement is larger than {self._most >> 20} MiB, or {self._most_kept >> 20} MiB compressed: "
                "fetch fewer days at once, or make a query for fewer accounts"
            )

    def _close(self) -> None:
        if self._open:
            piece = self._compressor.compress(bytes(self._open))
            self._kept += len(piece)
            self._pieces.append(piece)
            self._open = bytearray()

    def __iter__(self) -> Iterator[bytes]:
        """All of it, from the beginning."""
        decompressor = zstandard.ZstdDecompressor()
        for piece in tuple(self._pieces):
            yield decompressor.decompress(piece)
        if self._open:
            yield bytes(self._open)
