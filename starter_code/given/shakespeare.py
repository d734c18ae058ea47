"""Tiny Shakespeare: a megabyte of plays, from a file of yours or downloaded once, and checked."""

import hashlib
import os
import urllib.request
from http.client import HTTPException
from pathlib import Path

URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
SIZE = 1_115_394


def tiny_shakespeare(path: str | Path | None = None) -> str:
    """The text of Tiny Shakespeare, 1,115,394 characters.

    Args:
        path: A copy of yours. Without it the text is downloaded once and kept in `kept_copy()`.

    Raises:
        OSError: The file cannot be read, or there is no copy and no network.
        ValueError: The content is not Tiny Shakespeare, byte for byte.
    """
    copy = Path(path) if path is not None else kept_copy()
    if path is None and not copy.is_file():
        data = _checked(_download(), URL)
        _write(copy, data)
    else:
        data = _checked(copy.read_bytes(), str(copy))
    return data.decode("ascii")


def kept_copy() -> Path:
    """Where the download is kept: in your cache folder, whether it is there yet or not."""
    import platformdirs

    return platformdirs.user_cache_path("llama-by-hand") / "tinyshakespeare.txt"


def _checked(data: bytes, where: str) -> bytes:
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise ValueError(
            f"{where} is not Tiny Shakespeare: it has {len(data):,} bytes and SHA-256 "
            f"{found[:12]}, expected {SIZE:,} and {SHA256[:12]}; delete it or name another file"
        )
    return data


def _download() -> bytes:
    try:
        with urllib.request.urlopen(URL, timeout=30) as answer:
            return bytes(answer.read(2 * SIZE))
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise OSError(
            f"Tiny Shakespeare cannot be downloaded ({reason}); fetch {URL} where there is a "
            "network, and name the file: tiny_shakespeare('input.txt')"
        ) from error


def _write(path: Path, data: bytes) -> None:
    """Write the whole file or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(data)
    os.replace(part, path)
