"""``ibconnect statements``: files in, a word on each, the same bytes out; memory is flat whatever the size."""

import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path

import pytest

from ibconnect.cli import main as cli
from ibconnect.statements.document import place_for_large
from tests.paths import ROOT
from tests.statements import assert_recorded_once, document_of, statement_of, stored_documents, trades

DOCUMENTS = {
    "a.xml": document_of(statement_of("U1", "20260102"), statement_of("U2", "20260105")),
    "below/b.XML": document_of(statement_of("U3")),
    "below/c.xml": document_of(statement_of("U3"), query="other"),
}


@pytest.fixture(autouse=True)
def database_named(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_URL", database_url)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with statements and other things."""
    folder = tmp_path / "statements"
    for name, data in DOCUMENTS.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(data)
    (folder / "notes.txt").write_text("no statement")
    os.mkfifo(folder / "pipe.xml")
    return folder


def call(*arguments: object) -> int:
    try:
        return cli.main(["statements", *map(str, arguments)])
    except SystemExit as exc:
        return int(str(exc.code))


def test_a_directory_is_imported_and_each_file_is_spoken_of(
    folder: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("import", folder) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [f"new     {folder / name}" for name in sorted(DOCUMENTS)]
    assert "2 statements of U1, U2, 2026-01-02 to 2026-01-05" in lines[0]
    assert lines[-1] == "3 files: 3 new with 4 statements, 0 known, 0 refused"
    assert_recorded_once(database_url, DOCUMENTS.values())
    (folder / "again.xml").write_bytes(DOCUMENTS["a.xml"])
    assert call("import", folder, folder / "a.xml", "--quiet") == 0
    assert capsys.readouterr().out == "4 files: 0 new with 0 statements, 4 known, 0 refused\n"
    assert_recorded_once(database_url, DOCUMENTS.values())


def test_what_is_refused_is_said_and_fails_and_the_others_are_recorded(
    folder: Path, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cut.xml").write_bytes(DOCUMENTS["a.xml"][:-2])
    (folder / "page.xml").write_text("<html></html>")
    (empty := tmp_path / "empty").mkdir()
    assert call("import", folder, tmp_path / "none.xml", empty, folder / "pipe.xml") == 1
    said = capsys.readouterr()
    assert "5 refused" in said.out
    for text in (
        "cut.xml: cannot be read as XML",
        "page.xml: no Flex statement",
        "none.xml: No such file",
        "no file *.xml",
    ):
        assert text in said.err
    assert_recorded_once(database_url, DOCUMENTS.values())


def test_recorded_statements_are_listed_and_written_out_again(
    folder: Path, database_url: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    large = document_of(statement_of("U9", body=trades(4000)))
    (folder / "large.xml").write_bytes(large)
    assert call("import", folder, "--quiet") == 0
    capfdbinary.readouterr()
    assert call("list") == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert [line.rpartition("file ")[2] for line in lines] == ["a.xml", "b.XML", "c.xml", "large.xml"]
    assert call("list", "--account", "U9") == 0
    (line,) = capfdbinary.readouterr().out.decode().splitlines()
    (stream,) = (stream for stream, data in stored_documents(database_url).items() if data == large)
    assert line.startswith(str(stream))
    assert call("export", stream, "--output", tmp_path / "out.xml") == 0
    assert (tmp_path / "out.xml").read_bytes() == large
    assert (tmp_path / "out.xml").stat().st_mode & 0o777 == 0o600
    capfdbinary.readouterr()
    assert call("export", str(stream).upper()) == 0
    assert capfdbinary.readouterr().out == large
    for wrong, why in (("ffffffff", b"no statement"), ("0", b"several"), ("", b"no statement")):
        assert call("export", wrong) == 1
        said = capfdbinary.readouterr()
        assert said.out == b""
        assert why in said.err


def test_names_that_are_no_text_are_recorded_all_the_same(
    tmp_path: Path, database_url: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    data = DOCUMENTS["a.xml"]
    (tmp_path / os.fsdecode(b"\xff\xfe.xml")).write_bytes(data)
    assert call("import", tmp_path, "--quiet") == 0
    assert_recorded_once(database_url, [data])


def test_postgres_that_is_away_is_an_error_in_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DB_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert call("import", folder) == 1
    assert "Postgres" in capsys.readouterr().err


def test_a_place_for_large_documents_is_made_or_another_taken(tmp_path: Path) -> None:
    assert place_for_large(tmp_path / "new" / "data") == tmp_path / "new" / "data"
    assert (tmp_path / "new" / "data").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    assert place_for_large(tmp_path / "file" / "data") is None


def large(path: Path, megabytes: int) -> None:
    """A statement of so many megabytes."""

    def parts() -> Iterator[bytes]:
        yield b"<FlexQueryResponse><FlexStatements><FlexStatement accountId='U1'><Trades>"
        for number in range(megabytes):
            rows = b"".join(
                b'<Trade tradeID="%d" symbol="ABC" tradePrice="%d.25" proceeds="-%d.5"/>\n' % (each, each, each)
                for each in range(number * 14_000, number * 14_000 + 14_000)
            )
            yield rows[: 1 << 20].rpartition(b"\n")[0]
        yield b"</Trades></FlexStatement></FlexStatements></FlexQueryResponse>"

    with path.open("wb") as file:
        file.writelines(parts())


def peak(url: str, data: Path, *arguments: object) -> int:
    """The most memory that a process of its own had with these arguments, in KiB."""
    program = (
        "import sys; from ibconnect.cli.main import main; code = main(sys.argv[1:]); "
        "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0], file=sys.stderr); sys.exit(code)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, "statements", *map(str, arguments)],
        env={"DB_URL": url, "DATA_DIR": str(data), "PATH": ""},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    return int(ran.stderr.split()[-1])


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@pytest.mark.slow
def test_a_hundred_megabytes_are_imported_and_written_out_in_flat_memory(tmp_path: Path, database_url: str) -> None:
    peaks: list[int] = []
    for megabytes in (2, 100):
        large(path := tmp_path / f"{megabytes}.xml", megabytes)
        assert path.stat().st_size > megabytes * 900_000
        peaks.append(peak(database_url, tmp_path, "import", path))
        peaks.append(peak(database_url, tmp_path, "export", digest_of(path), "--output", tmp_path / "out.xml"))
        assert digest_of(tmp_path / "out.xml") == digest_of(path)
    growth = max(peaks[2] - peaks[0], peaks[3] - peaks[1])
    assert growth < 20_000, f"{peaks} KiB: {growth:,} more for fifty times the statement"
