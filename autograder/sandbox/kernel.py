"""The Linux system calls of the sandbox that Python's library lacks, through ctypes."""

import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import select
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_RDONLY, _NOSUID, _NODEV, _BIND, _REC, _PRIVATE = 1, 2, 4, 4096, 16384, 1 << 18
_NO_RANDOMIZE, _SUBREAPER = 0x0040000, 36
_RECEIVE, _SEND, _CONTINUE, _NOTICE = 0xC0502100, 0xC0182101, 1, 80
_MNT_DETACH, _AT_FDCWD, _AT_RECURSIVE = 2, -100, 0x8000
_PDEATHSIG, _SET_DUMPABLE, _CAPBSET_DROP, _NO_NEW_PRIVS, _CAP_AMBIENT = 1, 4, 24, 38, 47
_NUMBERS = {
    "x86_64": {"pivot_root": 155, "seccomp": 317},
    "aarch64": {"pivot_root": 41, "seccomp": 277},
}
_MOUNT_SETATTR, _LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 442, 444, 445, 446

_EXECUTE, _READ_FILE, _READ_DIR = 1, 4, 8
# WRITE_FILE, REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG; no device, socket, fifo, symbolic link.
_CHANGE = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14  # from version 2 and 3 on: move between folders; cut
_NODEV_ATTR, _NOEXEC_ATTR = 4, 8
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")


def machine() -> str:
    """The processor's name as the tables here spell it, or "" where there is no table."""
    name = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine(), platform.machine())
    return name if name in _NUMBERS and struct.calcsize("P") == 8 else ""


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(number: int, *args: Any, what: str) -> int:
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    _libc().syscall.restype = ctypes.c_long
    return _checked(int(_libc().syscall(ctypes.c_long(number), *wide)), what)


def prctl(option: int, *args: int) -> int:
    """prctl(2)."""
    wide = [ctypes.c_ulong(a) for a in (*args, 0, 0, 0, 0)[:4]]
    return _checked(_libc().prctl(ctypes.c_int(option), *wide), "prctl")


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send `signal_number` when the parent's thread ends."""
    prctl(_PDEATHSIG, signal_number)


def no_new_privileges() -> None:
    """Nothing that this process executes can gain a privilege."""
    prctl(_NO_NEW_PRIVS, 1)


def hide_from_tracing() -> None:
    """Keep processes of the same user from attaching to this one and from reading its memory."""
    prctl(_SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own."""
    prctl(_SUBREAPER, 1)


def fix_addresses() -> None:
    """Have the next program loaded at addresses that are not random, as ThreadSanitizer wants."""
    _checked(_libc().personality(ctypes.c_ulong(_NO_RANDOMIZE)), "personality")


def unshare(flags: int) -> None:
    """unshare(2)."""
    _checked(_libc().unshare(ctypes.c_int(flags)), "unshare")


def map_own_user(uid: int, gid: int) -> None:
    """Map the user of before `unshare` to an unprivileged one in the new user namespace."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"65534 {uid} 1"),
        ("gid_map", f"65534 {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    raw = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    result = _libc().mount(*raw, ctypes.c_ulong(flags), data.encode() or None)
    _checked(result, f"mount {target}")


def _set_attributes(path: str, flags: int, clear: int = 0) -> None:
    attributes = struct.pack("<4Q", flags, clear, 0, 0)
    args = (_AT_FDCWD, os.fsencode(path), _AT_RECURSIVE, attributes, len(attributes))
    _syscall(_MOUNT_SETATTR, *args, what="mount_setattr")


def memory_folder(folder: str, size: int, uid: int | None) -> None:
    """Cover a folder with one in memory that holds `size` bytes; wants a mount namespace."""
    _mount(None, "/", None, _REC | _PRIVATE)
    owner = "" if uid is None else f",uid={uid},gid={uid}"
    _mount("tmpfs", folder, "tmpfs", _NOSUID | _NODEV, f"size={size},nr_inodes=4k,mode=700{owner}")


def private_root(
    visible: Sequence[str],
    files: str = "",
    place: str = "",
    *,
    program: bool = False,
    texts: Mapping[str, bytes | str] | None = None,
) -> None:
    """Replace the root by one that holds `visible` and three devices, all of it read-only.

    Wants a mount namespace of its own. There is no /proc in it afterwards. The folder `files`, if
    there is one, appears as `place` and may be written, but nothing in it be executed; the other
    way round if it holds a `program`. `texts` are small files, or symbolic links, besides.
    """
    _mount(None, "/", None, _REC | _PRIVATE)
    base = _place_to_mount([*visible, *([files] if files else [])])
    _mount("tmpfs", base, "tmpfs", _NOSUID | _NODEV, "size=4m,nr_inodes=16k,mode=755")
    for path in (*visible, *DEVICES):
        target = base + path
        if os.path.isdir(path):
            os.makedirs(target, exist_ok=True)
        elif os.path.exists(path):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        else:
            continue
        _mount(path, target, None, _BIND | _REC)
    if files:
        os.mkdir(base + place)
        _mount(files, base + place, None, _BIND)
    plant(base, texts or {})
    os.chdir(base)
    _syscall(_NUMBERS[machine()]["pivot_root"], b".", b".", what="pivot_root")
    _checked(_libc().umount2(b".", _MNT_DETACH), "umount2")
    os.chdir("/")
    _set_attributes("/", _RDONLY | _NOSUID)
    if files and program:
        _set_attributes(place, _RDONLY | _NOSUID | _NODEV_ATTR)
    elif files:
        _set_attributes(place, _NOSUID | _NODEV_ATTR | _NOEXEC_ATTR, clear=_RDONLY)


def plant(base: str, texts: Mapping[str, bytes | str]) -> None:
    """Put small files below `base`; where there is a text, a symbolic link to it."""
    for path, text in texts.items():
        os.makedirs(os.path.dirname(base + path), exist_ok=True)
        if isinstance(text, str):
            os.symlink(text, base + path)
        else:
            with open(base + path, "wb") as file:
                file.write(text)


def _place_to_mount(visible: Sequence[str]) -> str:
    """A folder that may disappear under a mount: nothing visible lies in it."""
    needed = [*visible, *map(os.path.realpath, visible)]
    for name in ("mnt", "media", "srv", "opt", "run", "tmp", "home", "var", "usr"):
        place = f"/{name}"
        taken = any(path == place or path.startswith(place + "/") for path in needed)
        if os.path.isdir(place) and not os.path.islink(place) and not taken:
            return place
    raise OSError(errno.ENOENT, "there is no folder to mount the private root on")


def become(uid: int) -> None:
    """Give up root for the user and group `uid`, for good."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def drop_capabilities() -> None:
    """Empty every capability set of this process.

    Raises:
        OSError: A capability is left.
    """
    libc = _libc()
    for number in range(64):
        try:
            prctl(_CAPBSET_DROP, number)
        except OSError:
            break  # past the last one, or not allowed to: no_new_privs holds either way
    prctl(_CAP_AMBIENT, 4)
    header = ctypes.create_string_buffer(struct.pack("<II", 0x20080522, 0), 8)
    data = ctypes.create_string_buffer(24)
    _checked(libc.capset(header, data), "capset")
    _checked(libc.capget(header, data), "capget")
    if any(data.raw):
        raise OSError(errno.EPERM, "a capability could not be dropped")


def landlock_abi() -> int:
    """The version of Landlock that the kernel offers; 0 for none."""
    try:
        return _syscall(_LANDLOCK_CREATE, None, 0, 1, what="landlock")
    except OSError:
        return 0


def landlock_rules(
    readable: Sequence[str], files: str = "", *, programs: Sequence[str] = ()
) -> int:
    """A ruleset descriptor. Built before root is given up, since paths may be closed after.

    Args:
        readable: What may be read, with all that is below.
        files: A folder in which files and folders may be made, changed and removed.
        programs: What may be executed, and read, with all that is below.
    """
    abi = landlock_abi()
    if abi < 1:
        raise OSError(errno.ENOSYS, "the kernel has no Landlock")
    handled = (1 << 13) - 1
    handled |= (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    handled |= 1 << 15 if abi >= 5 else 0
    network, scoped = 3 if abi >= 4 else 0, 3 if abi >= 6 else 0
    rules = _ruleset(handled, network, scoped, abi)
    for path in readable:
        with contextlib.suppress(FileNotFoundError):
            _allow(rules, path, _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0))
    for path in programs:
        with contextlib.suppress(FileNotFoundError):
            reading = _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0)
            _allow(rules, path, _EXECUTE | reading)
    if files:
        _allow(rules, files, (_READ_FILE | _READ_DIR | _CHANGE | _REFER | _TRUNCATE) & handled)
    return rules


def landlock_only(files: str) -> int:
    """A further ruleset: of all that may be changed so far, only what is in `files`."""
    abi = landlock_abi()
    handled = _CHANGE | (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    rules = _ruleset(handled, 0, 0, abi)
    _allow(rules, files, handled)
    return rules


def _ruleset(handled: int, network: int, scoped: int, abi: int) -> int:
    attributes = struct.pack("<3Q", handled, network, scoped)
    attributes = attributes[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    return _syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0, what="landlock")


def _allow(rules: int, path: str, access: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("<Qi", access, fd)
        _syscall(_LANDLOCK_ADD, rules, 1, rule, 0, what=f"landlock {path}")
    finally:
        os.close(fd)


def landlock_enter(rules: int) -> None:
    """Put the calling thread, and all it forks, under `rules`; wants `no_new_privileges`."""
    _syscall(_LANDLOCK_RESTRICT, rules, 0, what="landlock")
    os.close(rules)


def seccomp(program: bytes) -> None:
    """Install a filter for the calling thread; wants `no_new_privileges`."""
    # SPEC_ALLOW: without it some kernels slow every process under a filter down.
    _install(program, 4)


def seccomp_listener(program: bytes) -> int:
    """Install a filter some of whose calls wait for an answer; the descriptor to answer at."""
    return _install(program, 4 | 8)


def let_one_pass(listener: int, seconds: float) -> bool:
    """Let the first call that waits at `listener` go on, and no other ever; False if none came."""
    poller = select.poll()
    poller.register(listener, select.POLLIN)
    try:
        if not any(event & select.POLLIN for _, event in poller.poll(seconds * 1000)):
            return False
        notice = bytearray(_NOTICE)
        fcntl.ioctl(listener, _RECEIVE, notice)
        (number,) = struct.unpack_from("<Q", notice)
        fcntl.ioctl(listener, _SEND, struct.pack("<QqiI", number, 0, 0, _CONTINUE))
        return True
    except FileNotFoundError:
        return False  # it has ended meanwhile
    finally:
        os.close(listener)  # from here on the kernel answers ENOSYS


def _install(program: bytes, wanted: int) -> int:
    filters = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("<H6xQ", len(program) // 8, ctypes.addressof(filters))
    number = _NUMBERS[machine()]["seccomp"]
    for flags in (wanted, wanted & ~4):
        try:
            return _syscall(number, 1, flags, head, what="seccomp")
        except OSError as error:
            if error.errno != errno.EINVAL or flags == wanted & ~4:
                raise
    raise AssertionError("unreachable")
