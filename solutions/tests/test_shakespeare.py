"""The loader of Tiny Shakespeare, without a network: files, a kept copy, and what it says."""

import hashlib
import importlib
import urllib.request
from pathlib import Path
from typing import Any

import pytest

VERSE = b"First Citizen:\nBefore we proceed any further, hear me speak.\n"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The module, with a short text for the real one, a folder of its own, and no network."""
    module = importlib.import_module("starter_code.given.shakespeare")
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(VERSE).hexdigest())
    monkeypatch.setattr(module, "SIZE", len(VERSE))
    monkeypatch.setattr(module, "URL", (tmp_path / "there").as_uri())
    monkeypatch.setattr(module, "kept_copy", lambda: tmp_path / "cache" / "kept.txt")
    return module


def test_a_file_is_read_and_checked(given: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_bytes(VERSE)
    assert given.tiny_shakespeare(tmp_path / "mine.txt") == VERSE.decode()
    assert not (tmp_path / "cache").exists()


def test_another_file_is_refused_with_what_to_do(given: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_bytes(VERSE + b"\n")
    with pytest.raises(ValueError, match=r"mine\.txt is not Tiny Shakespeare: it has 62 bytes"):
        given.tiny_shakespeare(str(tmp_path / "mine.txt"))


def test_it_is_downloaded_once_and_kept(given: Any, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(VERSE)
    assert given.tiny_shakespeare() == VERSE.decode()
    (tmp_path / "there").unlink()
    assert given.tiny_shakespeare() == VERSE.decode()
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["kept.txt"]


def test_a_wrong_download_is_not_kept(given: Any, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"<html>")
    with pytest.raises(ValueError, match=r"there is not Tiny Shakespeare: it has 6 bytes"):
        given.tiny_shakespeare()
    assert not (tmp_path / "cache").exists()


def test_without_a_network_it_says_in_one_sentence_what_to_do(given: Any) -> None:
    with pytest.raises(OSError, match="cannot be downloaded") as raised:
        given.tiny_shakespeare()
    said = str(raised.value)
    assert said.endswith("and name the file: tiny_shakespeare('input.txt')")
    assert given.URL in said and "\n" not in said


def test_the_address_is_asked_for_and_nothing_else(
    given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(url: str, timeout: float) -> None:
        asked.append(url)
        raise TimeoutError("timed out")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(OSError, match=r"\(timed out\)"):
        given.tiny_shakespeare()
    assert asked == [given.URL]
