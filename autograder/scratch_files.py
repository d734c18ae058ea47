"""Looking at a folder that a student's code writes in, without trusting anything in it."""

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping

# What one name counts for, whatever it is; how many are more than anybody needs.
LEAST_ENTRY, TOO_MANY = 256, 1000
# On Windows, where these are absent, nothing here is called.
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _SAFE
_FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _SAFE
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE


def walk_files(folder: int, prefix: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Every name below the open folder, with what it is; nothing is followed."""
    for name in sorted(_names(folder)):
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


def write_files(folder: int, files: Mapping[str, bytes]) -> None:
    """Write files below the open folder, by relative path; what was there is replaced.

    They and new folders belong to whoever the folder belongs to.

    Raises:
        OSError: Something else than a folder is where one is needed, a link for instance.
    """
    owner = os.fstat(folder)
    ids = (owner.st_uid, owner.st_gid)
    for path, data in files.items():
        *above, name = path.split("/")
        with contextlib.ExitStack() as stack:
            at = folder
            for part in above:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=at)
                    os.chown(part, *ids, dir_fd=at, follow_symlinks=False)
                at = stack.enter_context(_opened(part, at))
                if at < 0:
                    raise OSError(f"{path} cannot be written")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=at)
            fd = os.open(name, _NEW, 0o644, dir_fd=at)
            with open(fd, "wb") as file:
                os.fchown(fd, *ids)
                file.write(data)


class HeldFiles:
    """The regular files below an open folder, kept open: what is written over in place shows."""

    def __init__(self, folder: int, most: int) -> None:
        self._held: list[tuple[str, int, bytes]] = []
        for path in read_files(folder, most):
            with _reached(folder, path) as fd:
                if fd >= 0:
                    self._held.append((path, os.dup(fd), os.pread(fd, most, 0)))

    def changed(self) -> list[str]:
        """The paths of files that have been changed and not replaced; ends the watch."""
        found = [path for path, fd, was in self._held if os.pread(fd, len(was) + 1, 0) != was]
        self.close()
        return found

    def close(self) -> None:
        """Let go of the files; safe to repeat."""
        for _, fd, _ in self._held:
            os.close(fd)
        self._held.clear()


def remove_folder(folder: int) -> None:
    """Remove everything below the open folder."""
    for name in _names(folder):
        try:
            os.unlink(name, dir_fd=folder)
        except OSError:
            with _opened(name, folder) as inner:
                if inner >= 0:
                    remove_folder(inner)
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=folder)


def _names(folder: int) -> list[str]:
    """What is in the open folder.

    It is opened anew: a descriptor has one place in its list of names, so two threads that list
    through the same one see a part of them each.
    """
    with _opened(".", folder) as own, contextlib.suppress(OSError):
        return os.listdir(own) if own >= 0 else []
    return []


@contextlib.contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    """The folder `name` in an open folder, whatever its mode; -1 if it is not to be had."""
    inner = -1
    with contextlib.suppress(OSError, ValueError):
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
    with _reached(folder, path) as fd:
        if fd < 0:
            return None
        with open(fd, "rb", closefd=False) as file:
            return file.read(max(most, 0))


@contextlib.contextmanager
def _reached(folder: int, path: str) -> Iterator[int]:
    """The regular file `path` below an open folder, open for reading; -1 if there is none."""
    *above, name = path.split("/")
    with contextlib.ExitStack() as stack:
        for part in above:
            folder = stack.enter_context(_opened(part, folder))
        fd = -1
        if folder >= 0:
            with contextlib.suppress(OSError):
                fd = os.open(name, _FILE, dir_fd=folder)
        try:
            yield fd if fd >= 0 and stat.S_ISREG(os.fstat(fd).st_mode) else -1
        finally:
            if fd >= 0:
                os.close(fd)
