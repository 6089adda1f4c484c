"""An advisor's groups and aliases, as a gateway sends them: XML in message 16.

In: the XML. Out: its elements. Called by :mod:`entries`. What a gateway sends may be anything: declarations of
documents and entities, by which a short text becomes an endless one, are refused, and so is what is deep or long beyond
all use.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.parsers.expat import ExpatError, ParserCreate

from ibconnect.texts import readable

_DEEPEST, _MOST = 16, 500_000
_ROOTS: Mapping[str, str] = {"1": "ListOfGroups", "3": "ListOfAccountAliases"}
_LONGEST = 1_000


class Element(NamedTuple):
    """An element: its name, its text without blanks around it, the elements in it."""

    name: str
    text: list[str]
    children: "list[Element]"

    def said(self, name: str) -> str:
        """The text of the first element in it of this name; empty if there is none."""
        return next((child.whole() for child in self.children if child.name == name), "")

    def whole(self) -> str:
        """Its text, with IB's escapes resolved.

        :raises ValueError: no name or code is so long
        """
        text = readable("".join(self.text).strip())
        if len(text) > _LONGEST:
            raise ValueError(f"the text of {self.name} is longer than {_LONGEST}")
        return text

    def all(self, name: str) -> "Iterator[Element]":
        """All elements of this name, however deep."""
        for child in self.children:
            if child.name == name:
                yield child
            else:
                yield from child.all(name)


class _Tree:
    """Made of what the parser meets."""

    def __init__(self) -> None:
        self.open = [Element("", [], [])]
        self._count = 0

    def start(self, name: str, _attributes: object) -> None:
        self._count += 1
        if self._count > _MOST or len(self.open) > _DEEPEST:
            raise ValueError(f"the XML has more than {_MOST} elements, or more than {_DEEPEST} within one another")
        element = Element(name, [], [])
        self.open[-1].children.append(element)
        self.open.append(element)

    def end(self, _name: str) -> None:
        self.open.pop()

    def text(self, text: str) -> None:
        self.open[-1].text.append(text)


def _refuse(*_declared: object) -> None:
    raise ValueError("the XML declares a document type or entities")


def parsed(kind: str, text: str) -> Element:
    """The root element of what was sent as this kind: ``1`` groups, ``3`` aliases.

    :raises ValueError: it is no XML, or another
    """
    parser, tree = ParserCreate(encoding="utf-8"), _Tree()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = tree.start, tree.end
    parser.CharacterDataHandler = tree.text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(text.encode(), True)
    except (ExpatError, UnicodeEncodeError) as exc:
        raise ValueError(f"what was sent is no XML: {exc}") from exc
    root = tree.open[0].children[0]
    if root.name != _ROOTS[kind]:
        raise ValueError(f"the XML is a {root.name[:40]}, not a {_ROOTS[kind]}")
    return root


def members_of(group: Element) -> Sequence[tuple[str, str]]:
    """The accounts of a group, each with its share (empty: it has none): two forms, of older and of newer gateways."""
    with_share = [(each.said("acct"), each.said("amount")) for each in group.all("Account")]
    return [*((each.whole(), "") for each in group.all("String")), *with_share]
