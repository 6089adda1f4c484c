"""The file of tokens is taken only when it is whole: what is half written gives nobody anything."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.errors import ConfigError
from ibconnect.http.server import token_file
from ibconnect.http.server.limits import TOKENS_FILE_BYTES
from ibconnect.http.server.token_file import TokenFile, judged, text_at_start
from ibconnect.http.server.tokens import Principal, Tokens, parse_tokens
from tests.unit.test_tokens import ENTRIES, SECRET
from tests.waiting import wait_for


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_directory(path: Path) -> None:
    path.mkdir()


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def a_loop(path: Path) -> None:
    path.symlink_to(path)


def too_much(path: Path) -> None:
    path.write_bytes(b"#" * TOKENS_FILE_BYTES + b"\n")


def no_text(path: Path) -> None:
    path.write_bytes(b"# \xff\n")


def a_part_of_a_line(path: Path) -> None:
    path.write_text(f"# tokens\n{SECRET}@DU1")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (a_fifo, "no regular file"),
        (a_directory, "no regular file"),
        (a_device, "no regular file"),
        (a_dangling_link, "No such file"),
        (a_loop, "symbolic links"),
        (too_much, "larger than"),
        (no_text, "UTF-8"),
        (a_part_of_a_line, "last line"),
    ],
)
def test_what_is_no_whole_file_is_refused_at_once(path: Path, make: Callable[[Path], None], why: str) -> None:
    make(path)
    told: list[str] = []

    def start() -> None:
        with pytest.raises(ConfigError, match=why) as refused:
            text_at_start(str(path))
        told.append(str(refused.value))

    # Whoever opens a FIFO in the usual way waits for a writer for ever.
    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    wait_for(lambda: not thread.is_alive(), "it is refused", seconds=20)
    assert told
    assert str(path) in told[0]
    assert SECRET not in told[0]


def test_a_file_as_kubernetes_mounts_it_is_followed(path: Path) -> None:
    """``tokens`` leads to ``..data/tokens``, and ``..data`` to a directory that is exchanged as a whole."""
    directory = path.parent
    path.symlink_to("..data/tokens")

    def publish(name: str, text: str) -> None:
        (directory / name).mkdir()
        (directory / name / "tokens").write_text(text)
        (directory / "..data_tmp").symlink_to(name)
        (directory / "..data_tmp").replace(directory / "..data")

    publish("..first", f"{SECRET}@DU1\n")
    assert text_at_start(str(path)) == f"{SECRET}@DU1\n"
    file = TokenFile(str(path))
    assert [file.changed(), file.changed(), file.changed()] == [None, f"{SECRET}@DU1\n", None]
    publish("..second", "# nobody\n")
    assert [file.changed(), file.changed(), file.changed()] == [None, "# nobody\n", None]


def test_a_file_that_changes_is_taken_when_it_has_come_to_rest(path: Path) -> None:
    """Also where its size, its times and its inode stay the same."""
    file = TokenFile(str(path))
    path.write_text("# one\n")
    stamp = path.stat()
    seen = [file.changed()]
    for text in ("# two\n", "# too\n", "# tow\n"):
        path.write_text(text)
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        seen.append(file.changed())
    assert seen == [None] * 4
    assert file.changed() == "# tow\n"


def test_what_is_wrong_is_told_once_and_not_while_it_may_pass(path: Path) -> None:
    file = TokenFile(str(path))
    assert file.changed() is None
    with pytest.raises(ConfigError, match="cannot be read"):
        file.changed()
    assert [file.changed(), file.changed()] == [None, None]
    for size in range(1, 5):
        path.write_text("# tokens"[:size])
        assert file.changed() is None
    with pytest.raises(ConfigError, match="last line"):
        file.changed()
    assert file.changed() is None
    path.write_text("# tokens\n")
    assert [file.changed(), file.changed(), file.changed()] == [None, "# tokens\n", None]


def test_at_start_a_writer_is_let_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look finds a little more, until all is there."""
    text, written = f"{SECRET}@DU1\n# and no more\n", [3]

    def grows(_: float) -> None:
        written[0] += 9
        path.write_text(text[: written[0]])

    path.write_text(text[:3])
    monkeypatch.setattr("time.sleep", grows)
    assert text_at_start(str(path)) == text
    monkeypatch.setattr(token_file, "_START_DEADLINE_SECONDS", 0.0)
    written[0] = 3
    with pytest.raises(ConfigError, match="changes all the time"):
        text_at_start(str(path))


def covered(one: Principal | None, whole: Tokens, token: str) -> bool:
    """Whether somebody may do no more than the whole file lets him."""
    allowed = whole.principal_of(token)
    if one is None:
        return True
    return allowed is not None and allowed.covers(one) and one.until == allowed.until


@settings(max_examples=40)
@given(
    st.lists(ENTRIES, min_size=1, max_size=4), st.lists(st.sampled_from([" ", "\n", "\r\n", " # why\n"]), min_size=4)
)
def test_no_beginning_of_a_file_gives_more_rights_than_all_of_it(entries: list[str], between: list[str]) -> None:
    """At start, where entries without @ are still taken, and later."""
    text = "".join(f"{entry}{end}" for entry, end in zip(entries, between, strict=False)).rstrip(" ") + "\n"
    try:
        whole = parse_tokens(text)
    except ConfigError:
        return
    secrets = {entry.partition("@")[0] for entry in entries}
    asked = {secret[:length] for secret in secrets for length in range(16, len(secret) + 1)}
    data = text.encode()
    for size in range(len(data)):
        found = judged("tokens", data[:size])
        for before in (None, whole):
            try:
                part = Tokens() if found.error is not None else parse_tokens(found.text, before)
            except ConfigError:
                part = Tokens()
            assert all(covered(part.principal_of(token), whole, token) for token in asked), data[:size]
