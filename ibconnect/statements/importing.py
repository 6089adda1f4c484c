"""Files and directories → recorded statements, in batches, with what became of each file.

In: paths; a recorder. Out: :class:`Outcome` after :class:`Outcome`, in the order of the files. Called by ``ibconnect
statements import``. Files are read in pieces, one at a time; small ones share a transaction, which is most of what a
small one costs.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from ibconnect.errors import StatementRefused
from ibconnect.statements.document import Document
from ibconnect.statements.recording import Origin, Recorded, Recorder

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


def import_files(recorder: Recorder, files: Iterable[tuple[Path, int]], directory: Path | None) -> Iterator[Outcome]:
    """Record these files, and say of each what became of it when it is certain.

    :param directory: where large documents are kept until they are recorded
    :raises DatabaseUnavailable: Postgres did not take some for too long; what was yielded is recorded
    :raises DatabaseError: Postgres refuses some
    """
    for batch in _batches(files):
        with ExitStack() as stack:
            outcomes: list[Outcome] = []
            documents: list[tuple[int, Document]] = []
            for path, size in batch:
                try:
                    documents.append((len(outcomes), stack.enter_context(_document(path, directory))))
                    outcomes.append(Outcome(path, size, None))
                except StatementRefused as exc:
                    outcomes.append(Outcome(path, size, None, str(exc)))
                except OSError as exc:
                    outcomes.append(Outcome(path, size, None, exc.strerror or str(exc)))
            given = [(document, Origin(source="file", name=_name(batch[place][0]))) for place, document in documents]
            for (place, _), recorded in zip(documents, recorder.record(given), strict=True):
                outcomes[place] = outcomes[place]._replace(recorded=recorded)
        yield from outcomes


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


def _document(path: Path, directory: Path | None) -> Document:
    with path.open("rb") as file:
        return Document(iter(lambda: file.read(_PIECE), b""), directory)


def _name(path: Path) -> str:
    """The file's name as text: one that is not UTF-8 must not keep its statement from being recorded."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
