"""Tiny Shakespeare comes from a file or an address, whole or not at all."""

import hashlib
import os
from pathlib import Path

import pytest

from starter_code.given import tinyshakespeare

TEXT = b"First Citizen:\nBefore we proceed any further, hear me speak.\n"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a short text be the one that is expected."""
    monkeypatch.setattr(tinyshakespeare, "SHA256", hashlib.sha256(TEXT).hexdigest())


@pytest.mark.usefixtures("short")
def test_a_file_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "tinyshakespeare.txt").write_bytes(TEXT)
    for path in (tmp_path, tmp_path / "tinyshakespeare.txt"):
        assert tinyshakespeare.load(path, address="nowhere:").encode() == TEXT


@pytest.mark.usefixtures("short")
def test_line_ends_of_windows_are_put_right(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT.replace(b"\n", b"\r\n"))
    assert tinyshakespeare.load(tmp_path / "a.txt").encode() == TEXT


@pytest.mark.usefixtures("short")
def test_what_is_not_there_is_downloaded_once(tmp_path: Path) -> None:
    source = tmp_path / "server.txt"
    source.write_bytes(TEXT)
    for _ in range(2):
        text = tinyshakespeare.load(tmp_path / "mine.txt", address=source.as_uri())
        assert text.encode() == TEXT
        source.unlink(missing_ok=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.txt"]


def test_without_a_network_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    address = (tmp_path / "gone.txt").as_uri()
    with pytest.raises(FileNotFoundError) as caught:
        tinyshakespeare.load(tmp_path / "mine.txt", address=address)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'mine.txt'} is not there, and Tiny Shakespeare cannot be")
    assert said.endswith(
        f"fetch {address} where there is a network and save it as {tmp_path / 'mine.txt'}"
    )
    assert list(tmp_path.iterdir()) == []


def test_another_text_is_refused_and_not_kept(tmp_path: Path) -> None:
    source = tmp_path / "server.txt"
    source.write_bytes(TEXT)
    with pytest.raises(ValueError, match="is not Tiny Shakespeare: it has 61 bytes"):
        tinyshakespeare.load(source)
    with pytest.raises(ValueError, match="is not Tiny Shakespeare"):
        tinyshakespeare.load(tmp_path / "mine.txt", address=source.as_uri())
    assert not (tmp_path / "mine.txt").exists()


@pytest.mark.skipif("TINY_SHAKESPEARE" not in os.environ, reason="TINY_SHAKESPEARE names no file")
def test_the_sum_is_that_of_the_original() -> None:
    text = tinyshakespeare.load(os.environ["TINY_SHAKESPEARE"])
    assert len(text) == tinyshakespeare.SIZE
    assert len(set(text)) == 65
