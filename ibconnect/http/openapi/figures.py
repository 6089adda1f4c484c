"""What each of IB's figures means, as JSON Schemas say it: shared by every resource that shows one by its tag.

In: :mod:`ibconnect.meanings`. Out: members of schemas, and all of them as one schema, which the page ``/docs`` shows as
a table. Unit, sign, neighbours and source also stand apart, as ``x-`` members.
"""

from ibconnect.http.server.resource import Schema
from ibconnect.meanings import MEANINGS, SEGMENTS, SIGNS, SOURCES, UNITS

_TYPES = {"text": "string", "flag": "string"}


def meaning_of(tag: str) -> str:
    """What a tag is, in sentences.

    >>> meaning_of("InitMarginReq")[:54]
    'Margin that is needed to open what is held. MaintMargi'
    """
    meaning = MEANINGS[tag]
    return ". ".join(filter(None, (meaning.text, meaning.differs))) + "."


def described(tag: str, schema: Schema) -> Schema:
    """The same schema, with what the tag means."""
    meaning = MEANINGS[tag]
    own = f"{meaning_of(tag)} {schema['description']}" if "description" in schema else meaning_of(tag)
    return {**schema, "description": own, "x-unit": meaning.unit, "x-sign": meaning.sign}


def _figure(tag: str) -> Schema:
    meaning = MEANINGS[tag]
    schema: Schema = {"type": [_TYPES.get(meaning.unit, "number"), "null"]}
    source = {"x-source": meaning.source, "x-reference": SOURCES.get(meaning.source)}
    return {**described(tag, schema), "x-meaning": meaning.text, "x-differs": meaning.differs or None, **source}


FIGURES: Schema = {
    "type": "object",
    "description": (
        "Every tag that IB documents or that gateways are known to send, and what it means. A master account (F…) has "
        "its own figures, without its clients'. Account level figures come for the whole account and for its segments: "
        + "; ".join(f"`{segment}`: {meaning}" for segment, meaning in SEGMENTS.items())
        + "."
    ),
    "properties": {tag: _figure(tag) for tag in sorted(MEANINGS)},
    "x-units": UNITS,
    "x-signs": SIGNS,
    "x-segments": SEGMENTS,
}
