"""How a zygote closes itself off before it serves, layer by layer."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from . import kernel

Level = Literal["A", "B", "C"]
Layer = Literal["namespaces", "user", "landlock", "seccomp", "folder", "start"]
# Where the folder with workers' files appears in a private root.
FILES = "/files"


class LayerError(Exception):
    """A layer that this machine refuses; `args` are the layer and what the kernel said."""


@dataclass(frozen=True)
class Seal:
    """What to close off.

    Attributes:
        level: A, B or C.
        uid: An unused user to become, when started as root; None for an ordinary user.
        files: A folder of the host's in which workers may have folders to write in, or "".
    """

    level: Level
    uid: int | None
    files: str = ""

    def seen(self, name: str) -> str:
        """The path that a folder `name` in `files` has behind the seal."""
        return {"A": f"{FILES}/{name}", "B": f"{self.files}/{name}", "C": f"/{name}"}[self.level]


@contextmanager
def layer(name: Layer) -> Iterator[None]:
    """Name the layer that an OSError is about."""
    try:
        yield
    except OSError as error:
        raise LayerError(name, error.strerror or str(error)) from error


def enter_namespaces(seal: Seal) -> None:
    """Level A, first half: come back as process 1 of namespaces of its own.

    Wants a process with one thread, before NumPy is imported. The process that called stays
    outside as the parent, waits and ends with the same status.
    """
    if seal.level != "A":
        return
    parent = os.getpid()
    with layer("namespaces"):
        uid, gid = os.getuid(), os.getgid()
        flags = kernel.NEWNS | kernel.NEWPID | kernel.NEWNET | kernel.NEWIPC | kernel.NEWUTS
        if seal.uid is None:
            kernel.unshare(kernel.NEWUSER | flags | kernel.NEWCGROUP)
            kernel.map_own_user(uid, gid)
        else:
            kernel.unshare(flags | kernel.NEWCGROUP)
        child = os.fork()
    if child:
        os.closerange(3, 1 << 16)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    kernel.die_with_parent(signal.SIGKILL)
    if not os.path.exists(f"/proc/{parent}"):
        os._exit(1)


def close_off(seal: Seal, visible: Sequence[str]) -> None:
    """Give up the file system, root, every capability and the network, for good.

    Raises:
        LayerError: A layer could not be had; nothing may be served then.
    """
    rules = None
    if seal.level == "A":
        with layer("namespaces"):
            kernel.private_root(visible, seal.files, FILES)
        with layer("landlock"):
            rules = kernel.landlock_rules(["/"], FILES if seal.files else "")
    elif seal.level == "B":
        with layer("landlock"):
            rules = kernel.landlock_rules([*visible, *kernel.DEVICES], seal.files)
    elif seal.level == "C" and seal.files:
        with layer("folder"):  # files may be opened then, so there must be no others
            os.chroot(seal.files)
            os.chdir("/")
    elif seal.level != "C":
        raise LayerError("level", f"{seal.level} is none of A, B and C")
    with layer("user"):
        if seal.uid is not None:
            kernel.become(seal.uid)
        elif seal.level == "C":
            raise OSError("another user can be had by root only")
        kernel.no_new_privileges()
        kernel.drop_capabilities()
        if os.geteuid() == 0 or os.getuid() == 0:
            raise OSError("student code never runs as root")
    if rules is not None:
        with layer("landlock"):
            kernel.landlock_enter(rules)
    kernel.hide_from_tracing()
    if seal.level == "A":
        kernel.die_with_parent(signal.SIGKILL)  # a change of user has cleared it
    if seal.level == "C":
        # No file can be opened: the search path would only give errors of another kind.
        sys.path.clear()
    sys.path_importer_cache.clear()
