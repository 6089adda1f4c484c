"""What was told last of each thing: a gateway tells all of its day whenever it is asked, nearly all of it once more.

In: the key of a thing, and what a message says of it. Out: whether the message before about this thing said the same,
so that there is nothing to do. Called by readers, which lose it with everything else that they have not dumped: what
was told before is then understood once more.
"""

from xxhash import xxh3_128_digest

MOST = 200_000
"""Things that are known of a day; each takes a quarter of a kilobyte."""

_Told = dict[bytes, bytes]


class Repeats:
    """Of one reader. ``most``: so many things of a day, and as many of the one before."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._day = 0
        self._told: _Told = {}
        self._before: _Told = {}

    def is_one(self, key: str, said: str, day: int) -> bool:
        """Whether this was said of it last, that day or the one before; from now on it is.

        :param day: the number of any day; what was told last on a day before the last one is forgotten
        """
        if day != self._day or len(self._told) >= self._most:
            self._day, self._told, self._before = day, {}, self._told
        thing, digest = _digest(key), _digest(said)
        former = self._told.get(thing) or self._before.get(thing)
        self._told[thing] = digest
        return former == digest


def _digest(text: str) -> bytes:
    return xxh3_128_digest(text.encode(errors="surrogatepass"))
