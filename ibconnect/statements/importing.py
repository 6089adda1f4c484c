"""Files and directories → recorded statements, in batches, with what became of each file.

In: paths; a database. Out: :class:`Outcome` after :class:`Outcome`, in the order of the files. Called by ``ibconnect
statements import``. Files are read in pieces, one at a time; small ones share a transaction, which is most of what a
small one costs.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ibconnect.errors import StatementRefused
from ibconnect.statements.document import Document
from ibconnect.statements.recording import Origin, Recorded, Recorder

Read = TypeVar("Read")

BATCH_FILES = 200
BATCH_BYTES = 8 << 20
_PIECE = 1 << 20


class Outcome(NamedTuple):
    """What became of a file of ``size`` bytes: it was recorded, now or before, or ``refused`` says why not."""

    path: Path
    size: int
    recorded: Recorded | None
    refused: str = ""


class Found(NamedTuple):
    """Files to import, with their sizes; and what was named and cannot be, with why."""

    files: list[tuple[Path, int]]
    refused: list[Outcome]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for _, size in self.files)


def find(paths: Iterable[Path]) -> Found:
    """The files that are named, and the XML files below directories that are, each once."""
    found = Found([], [])
    seen: set[Path] = set()
    for path in paths:
        try:
            files = [path] if not path.is_dir() else sorted(each for each in path.rglob("*") if _is_xml(each))
            if not files:
                found.refused.append(Outcome(path, 0, None, "no file *.xml is in it"))
            for file in files:
                if file in seen:
                    continue
                seen.add(file)
                if file.exists() and not file.is_file():
                    found.refused.append(Outcome(file, 0, None, "no file"))
                else:
                    found.files.append((file, file.stat().st_size))
        except OSError as exc:
            found.refused.append(Outcome(path, 0, None, exc.strerror or str(exc)))
    return found


def _is_xml(path: Path) -> bool:
    return path.suffix.lower() == ".xml" and path.is_file()


def import_files(url: str, files: Iterable[tuple[Path, int]], directory: Path | None) -> Iterator[Outcome]:
    """Record these files, and say of each what became of it when it is certain.

    While Postgres stores a batch, the next one is checked. What is known by its digest is not checked again.

    :param directory: where large documents are kept until they are recorded
    :raises DatabaseUnavailable: Postgres did not take some for too long; what was yielded is recorded
    :raises DatabaseError: Postgres refuses some
    """
    with (
        Recorder(url) as looking,
        Recorder(url) as recorder,
        ExitStack() as stack,
        ThreadPoolExecutor(1, thread_name_prefix="statements") as pool,
    ):
        before: _Batch | None = None
        for batch in _batches(files):
            checked = stack.enter_context(_Batch(batch))
            checked.check(looking, directory)
            if before is not None:
                yield from before.outcomes()
            checked.begin(pool, recorder)
            before = checked
        if before is not None:
            yield from before.outcomes()


class _Batch(ExitStack):
    """Files that are recorded together."""

    def __init__(self, files: list[tuple[Path, int]]) -> None:
        super().__init__()
        self._outcomes = [Outcome(path, size, None) for path, size in files]
        self._documents: list[tuple[int, Document]] = []
        self._work: Future[list[Recorded]] | None = None

    def check(self, looking: Recorder, directory: Path | None) -> None:
        """Find out what each file is."""
        digests = [self._tried(place, _digest) for place in range(len(self._outcomes))]
        known = looking.known([digest for digest in digests if digest])
        for place, digest in enumerate(digests):
            if digest in known:
                self._note(place, recorded=known[digest])
            elif digest:
                document = self._tried(place, lambda path: _document(path, directory))
                if document is not None:
                    self._documents.append((place, self.enter_context(document)))

    def _tried(self, place: int, read: Callable[[Path], Read]) -> Read | None:
        """What a file holds; None if it is refused, which is noted."""
        try:
            return read(self._outcomes[place].path)
        except StatementRefused as exc:
            self._note(place, refused=str(exc))
        except OSError as exc:
            self._note(place, refused=exc.strerror or str(exc))
        return None

    def _note(self, place: int, **became: Any) -> None:
        self._outcomes[place] = self._outcomes[place]._replace(**became)

    def begin(self, pool: ThreadPoolExecutor, recorder: Recorder) -> None:
        """Have the others recorded by a thread of this pool."""
        given = [
            (each, Origin(source="file", name=_name(self._outcomes[place].path))) for place, each in self._documents
        ]
        self._work = pool.submit(recorder.record, given)

    def outcomes(self) -> Iterator[Outcome]:
        """Wait until they are recorded; what became of each file."""
        assert self._work is not None
        for (place, _), recorded in zip(self._documents, self._work.result(), strict=True):
            self._note(place, recorded=recorded)
        self.close()
        yield from self._outcomes


def _batches(files: Iterable[tuple[Path, int]]) -> Iterator[list[tuple[Path, int]]]:
    batch: list[tuple[Path, int]] = []
    size = 0
    for path, bytes_of in files:
        if batch and (len(batch) >= BATCH_FILES or size + bytes_of > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((path, bytes_of))
        size += bytes_of
    if batch:
        yield batch


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()


def _document(path: Path, directory: Path | None) -> Document:
    with path.open("rb") as file:
        return Document(iter(lambda: file.read(_PIECE), b""), directory)


def _name(path: Path) -> str:
    """The file's name as text: one that is not UTF-8 must not keep its statement from being recorded."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
