"""Looking at a folder that a student's code writes in, without trusting anything in it."""

import contextlib
import os
import stat
from collections.abc import Iterator

# What one name counts for, whatever it is; how many are more than anybody needs.
LEAST_ENTRY, TOO_MANY = 256, 1000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def walk_files(folder: int, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Every name below the open folder, with what it is; nothing is followed."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        try:
            info = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            continue  # gone meanwhile
        yield prefix + name, info
        if stat.S_ISDIR(info.st_mode):
            with _opened(name, folder) as inner:
                if inner >= 0:
                    yield from walk_files(inner, f"{prefix}{name}/")


def read_files(folder: int, most: int) -> dict[str, bytes]:
    """The contents of all regular files below the open folder, by relative path.

    Args:
        most: Bytes that are read at most, over all files.
    """
    found: dict[str, bytes] = {}
    for count, (path, info) in enumerate(walk_files(folder)):
        if count > TOO_MANY:
            break
        if stat.S_ISREG(info.st_mode):
            data = _read(folder, path, most)
            if data is not None:
                found[path] = data
                most -= len(data)
    return found


def remove_folder(folder: int) -> None:
    """Remove everything below the open folder."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            try:
                os.unlink(name, dir_fd=folder)
            except OSError:
                with _opened(name, folder) as inner:
                    if inner >= 0:
                        remove_folder(inner)
                with contextlib.suppress(OSError):
                    os.rmdir(name, dir_fd=folder)


@contextlib.contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    """The folder `name` in an open folder, whatever its mode; -1 if it is not to be had."""
    inner = -1
    with contextlib.suppress(OSError):
        try:
            inner = os.open(name, _FOLDER, dir_fd=folder)
        except PermissionError:  # it is ours as much as the student's
            os.chmod(name, 0o700, dir_fd=folder)
            inner = os.open(name, _FOLDER, dir_fd=folder)
    try:
        yield inner
    finally:
        if inner >= 0:
            os.close(inner)


def _read(folder: int, path: str, most: int) -> bytes | None:
    *above, name = path.split("/")
    with contextlib.ExitStack() as stack:
        for part in above:
            folder = stack.enter_context(_opened(part, folder))
            if folder < 0:
                return None
        try:
            fd = os.open(name, _FILE, dir_fd=folder)
        except OSError:
            return None
        with open(fd, "rb") as file:
            regular = stat.S_ISREG(os.fstat(fd).st_mode)
            return file.read(max(most, 0)) if regular else None
