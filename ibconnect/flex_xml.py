"""The XML of a Flex statement → its elements one after another, in the order of the document.

In: the bytes of one document, in chunks cut anywhere. Out: for each thing of it a :class:`Document`, :class:`Begun`,
:class:`Section`, :class:`Row`, :class:`Aside` or :class:`Ended`. Called by what records documents, which refuses those
that raise, and by the projection ``statements``, which makes tables of what comes.

The parser is expat in defusedxml's keeping: a DTD, an entity, anything from outside ends it before expat acts on it.
What those leave to an attacker is bounded here (:class:`Limits`): size, depth, the length of one tag, the number of
different names. So memory is flat whatever the size: one piece of the document and its elements.

What a document says is not judged: any section, element and attribute is given as it stands.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from xml.sax import SAXParseException
from xml.sax.handler import feature_string_interning

from defusedxml.common import DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden
from defusedxml.expatreader import DefusedExpatParser

from ibconnect.errors import StatementRefused

RESPONSE, STATEMENTS, STATEMENT = "FlexQueryResponse", "FlexStatements", "FlexStatement"
_PIECE = 64 << 10
_UNREADABLE = "cannot be read as XML"


@dataclass(frozen=True)
class Limits:
    """What a document may be. IBKR's own have six levels, tags of some 5 kB, and below a thousand names."""

    size: int = 512 << 20
    """Bytes of the whole document."""
    depth: int = 32
    tag: int = 1 << 20
    """Bytes of one tag with its attributes, of one comment, or of anything else that expat must have whole."""
    names: int = 20_000
    """Different names of elements and attributes: they are kept until the end."""


LIMITS = Limits()


class Document(NamedTuple):
    """The document begins: the attributes of ``FlexQueryResponse``. Comes first, once."""

    attributes: dict[str, str]


class Begun(NamedTuple):
    """A ``FlexStatement`` begins. ``number``: which one of the document, from 0."""

    number: int
    attributes: dict[str, str]


class Section(NamedTuple):
    """A child of a ``FlexStatement`` begins, whether anything is in it or not. Its own attributes follow as a row."""

    number: int
    section: str


class Row(NamedTuple):
    """An element below a ``FlexStatement`` with at least one attribute.

    ``section``: the child of the statement in which it lies, or which it is. ``parents``: the names of the elements
    in which it lies, from the section inwards; none if it is the section.
    """

    number: int
    section: str
    element: str
    attributes: dict[str, str]
    parents: tuple[str, ...]


class Aside(NamedTuple):
    """An element with attributes that lies in no statement, as ``FlexStatements`` does. ``parents``: from the root."""

    element: str
    attributes: dict[str, str]
    parents: tuple[str, ...]


class Ended(NamedTuple):
    """The ``FlexStatement`` is over."""

    number: int


Item = Document | Begun | Section | Row | Aside | Ended


def parse(chunks: Iterable[bytes], limits: Limits = LIMITS) -> Iterator[Item]:
    """The items of a document, as its chunks come.

    :raises StatementRefused: it is not well-formed, no Flex statement, dangerous or too large; items came before
    """
    parser, read = _Parser(limits), 0
    for chunk in chunks:
        for start in range(0, len(chunk), _PIECE):
            piece = chunk[start : start + _PIECE]
            read += len(piece)
            if read > limits.size:
                raise StatementRefused(f"larger than {limits.size:,} bytes")
            yield from parser.take(piece, read)
    yield from parser.end()


class _Parser(DefusedExpatParser):  # type: ignore[misc]
    """Notes what each tag means; expat calls it."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(namespaceHandling=0, forbid_dtd=True)
        self._limits = limits
        self._open: list[str] = []
        self._items: list[Item] = []
        self._has_begun = False
        self._number = -1
        self._statement_depth = 0
        """How deep the statement lies that is open; 0 if none is."""
        self.setFeature(feature_string_interning, True)

    def reset(self) -> None:
        super().reset()
        # Text between tags means nothing, and each piece of it would cost a call.
        self._parser.CharacterDataHandler = None
        self._parser.ProcessingInstructionHandler = None

    def take(self, piece: bytes, read: int) -> list[Item]:
        """What the next piece brings. ``read``: where it ends in the document.

        :raises StatementRefused: as of :func:`parse`
        """
        self._parse(piece)
        if read - self._parser.CurrentByteIndex > self._limits.tag + _PIECE:
            raise StatementRefused(f"a tag or comment longer than {self._limits.tag:,} bytes")
        if len(self._interning) > self._limits.names:
            raise StatementRefused(f"more than {self._limits.names:,} different names of elements and attributes")
        items, self._items = self._items, []
        return items

    def end(self) -> list[Item]:
        """What the end of the document brings.

        :raises StatementRefused: it has not ended
        """
        self._parse(None)
        if not self._has_begun:
            raise StatementRefused(f"{_UNREADABLE}: it is empty")
        return self._items

    def _parse(self, piece: bytes | None) -> None:
        try:
            if piece is None:
                self.close()
            else:
                self.feed(piece)
        except SAXParseException as exc:
            where = f"line {exc.getLineNumber()}, column {exc.getColumnNumber()}"
            raise StatementRefused(f"{_UNREADABLE}: {exc.getMessage()} ({where})") from exc
        except DTDForbidden as exc:
            raise StatementRefused("has a document type declaration, which no statement has") from exc
        except (EntitiesForbidden, ExternalReferenceForbidden) as exc:
            raise StatementRefused("has an entity, which no statement has") from exc
        except (LookupError, ValueError) as exc:
            raise StatementRefused(f"{_UNREADABLE}: its encoding is not known") from exc

    def start_element(self, name: str, attributes: dict[str, Any]) -> None:
        depth = len(self._open)
        if self._statement_depth:
            below = depth - self._statement_depth
            if below == 0:
                self._items.append(Section(self._number, name))
                if attributes:
                    self._items.append(Row(self._number, name, name, attributes, ()))
            elif attributes:
                parents = tuple(self._open[self._statement_depth :])
                self._items.append(Row(self._number, parents[0], name, attributes, parents))
            if depth >= self._limits.depth:
                raise StatementRefused(f"more than {self._limits.depth} elements in one another")
        else:
            self._outside(depth, name, attributes)
        self._open.append(name)

    def _outside(self, depth: int, name: str, attributes: dict[str, Any]) -> None:
        """A tag outside of all statements."""
        if depth == 0:
            if name != RESPONSE:
                raise StatementRefused(f"no Flex statement: it begins with <{name[:100]}>, not with <{RESPONSE}>")
            self._has_begun = True
            self._items.append(Document(attributes))
        elif name == STATEMENT:
            self._number += 1
            self._statement_depth = depth + 1
            self._items.append(Begun(self._number, attributes))
        elif attributes:
            self._items.append(Aside(name, attributes, tuple(self._open)))
        if depth >= self._limits.depth:
            raise StatementRefused(f"more than {self._limits.depth} elements in one another")

    def end_element(self, name: str) -> None:
        self._open.pop()
        if len(self._open) < self._statement_depth:
            self._statement_depth = 0
            self._items.append(Ended(self._number))
