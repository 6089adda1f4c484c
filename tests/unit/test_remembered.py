"""A start without Postgres may rely on an earlier one only if that was of this program, on this database."""

from pathlib import Path

import pytest

from ibconnect.database import remembered

URL = "postgresql://recorder:secret@db.example/ib"


def test_what_is_remembered_is_for_this_database_whatever_its_password(tmp_path: Path) -> None:
    directory = tmp_path / "new"
    assert not remembered.is_remembered(directory, URL)
    remembered.remember(directory, URL)
    assert remembered.is_remembered(directory, URL)
    assert remembered.is_remembered(directory, URL.replace("secret", "changed"))
    assert not remembered.is_remembered(directory, URL.replace("db.", "other."))


def test_another_version_remembers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remembered.remember(tmp_path, URL)
    monkeypatch.setattr(remembered, "__version__", "0.0.0")
    assert not remembered.is_remembered(tmp_path, URL)


def test_a_place_that_cannot_be_written_or_read_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remembered.remember(tmp_path / "file", URL)
    assert not remembered.is_remembered(tmp_path / "file", URL)
    (tmp_path / "prepared").write_bytes(b"\xff\xfe")
    assert not remembered.is_remembered(tmp_path, URL)
