"""Files that are there whole or not at all."""

import contextlib
import errno
import os
from pathlib import Path

from ..errors import AutograderError


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, by way of a file beside it that then takes its place.

    Folders that are missing are made. A reader sees the old file or the new one, never half.

    Raises:
        AutograderError: It cannot be written; the sentence names the path and what to do.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Bytes, so that line ends are the same on every system.
        beside.write_bytes(text.encode("utf-8"))
        os.replace(beside, path)
    except OSError as error:
        raise AutograderError(why_not_written(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def why_not_written(path: Path, error: OSError) -> str:
    """One sentence: which file could not be written, why, and what to do now."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            reason = "the disk is full; free some space, then run the same command again"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            reason = "the folder is not writable; choose another one or change its permissions"
        case errno.ENOTDIR | errno.EEXIST:
            reason = "a part of this path is a file and not a folder; choose another path"
        case errno.EISDIR:
            reason = "there is a folder of this name; move it away or choose another path"
        case errno.ENAMETOOLONG:
            reason = "the name is too long for this file system; choose a shorter path"
        case _:
            reason = f"{os.strerror(error.errno) if error.errno else error}; choose another path"
    return f"cannot write {path}: {reason}"
