"""Which system calls a worker may make: an allow-list; everything else answers EPERM."""

import errno
import struct

# name: (x86_64, aarch64); None where the processor has no such call.
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214),
    "futex": (202, 98), "madvise": (28, 233), "mremap": (25, 216), "readv": (19, 65),
    "writev": (20, 66), "pread64": (17, 67), "clock_gettime": (228, 113),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132), "sched_yield": (24, 124), "getrandom": (318, 278),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_getres": (229, 114),
    "gettimeofday": (96, 169), "times": (100, 153), "getrusage": (98, 165),
    "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24),
    "stat": (4, None), "lstat": (6, None), "access": (21, None), "readlink": (89, None),
    "newfstatat": (262, 79), "statx": (332, 291), "readlinkat": (267, 78),
    "faccessat": (269, 48), "faccessat2": (439, 439), "getdents64": (217, 61),
    "fadvise64": (221, 223), "getcwd": (79, 17), "uname": (63, 160), "sysinfo": (99, 179),
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "getcpu": (309, 168),
    "sched_getaffinity": (204, 123), "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120), "getrlimit": (97, 163),
    "set_tid_address": (218, 96), "set_robust_list": (273, 99), "get_robust_list": (274, 100),
    "rseq": (334, 293), "membarrier": (324, 283), "restart_syscall": (219, 128),
    "exit": (60, 93), "exit_group": (231, 94), "time": (201, None),
}  # fmt: skip
# What a worker with a folder of its own may do besides; where, is the other layers' business.
_WRITES: dict[str, tuple[int | None, int | None]] = {
    "ftruncate": (77, 46), "truncate": (76, 45), "fsync": (74, 82), "fdatasync": (75, 83),
    "pwrite64": (18, 68), "pwritev": (296, 70), "fchmod": (91, 52), "chmod": (90, None),
    "fchmodat": (268, 53), "utimensat": (280, 88), "umask": (95, 166), "flock": (73, 32),
}  # fmt: skip
# Copying a file asks for these, and takes it well that there are none.
_ATTRIBUTES: dict[str, tuple[int | None, int | None]] = {
    "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13),
}  # fmt: skip
# These wait until the supervisor has looked: after them something is under another name, or gone.
_STEPS: dict[str, tuple[int | None, int | None]] = {
    "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "rmdir": (84, None),
    "unlink": (87, None), "unlinkat": (263, 35),
}  # fmt: skip
_MAKES: dict[str, tuple[int | None, int | None]] = {"mkdir": (83, None), "mkdirat": (258, 34)}
# What any program asks for from its loader on, and sanitizers do.
_PROGRAM: dict[str, tuple[int | None, int | None]] = {
    "execve": (59, 221), "arch_prctl": (158, None), "setitimer": (38, 103),
    "getitimer": (36, 102), "mincore": (27, 232), "rt_sigsuspend": (130, 133),
}  # fmt: skip
# What a compiler needs to run its parts one after another.
_PARTS: dict[str, tuple[int | None, int | None]] = {
    "pipe": (22, None), "pipe2": (293, 59), "fork": (57, None), "vfork": (58, None),
    "wait4": (61, 260), "waitid": (247, 95), "chdir": (80, 49), "fallocate": (285, 47),
    "copy_file_range": (326, 285),
}  # fmt: skip
_BY_PATH = frozenset(
    [
        "stat",
        "lstat",
        "access",
        "readlink",
        "newfstatat",
        "statx",
        "readlinkat",
        "faccessat",
        "faccessat2",
    ]
)
_COLUMN = {"x86_64": 0, "aarch64": 1}
_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE, _OPENAT = {"x86_64": 56, "aarch64": 220}, {"x86_64": 257, "aarch64": 56}
_FCNTL, _PRLIMIT = {"x86_64": 72, "aarch64": 25}, {"x86_64": 302, "aarch64": 261}
_IOCTL = {"x86_64": 16, "aarch64": 29}
_OPEN, _EXECVE = {"x86_64": 2, "aarch64": None}, {"x86_64": 59, "aarch64": 221}
_TGKILL, _PERSONALITY = {"x86_64": 234, "aarch64": 131}, {"x86_64": 135, "aarch64": 92}
_CLONE3, _X32 = 435, 0x40000000

_THREAD, _NAMESPACES = 0x10000, 0x7E020000
# O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, __O_TMPFILE
_WRITING = 0x1 | 0x2 | 0x40 | 0x200 | 0x400 | 0x400000
_UNNAMED = 0x400000  # __O_TMPFILE: a file that could not be seen from outside
_FCNTL_READS = (0, 1, 2, 3, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_ALLOW, _ERRNO, _KILL, _ASK = 0x7FFF0000, 0x00050000, 0x80000000, 0x7FC00000
_NR, _ARCH_AT, _ARGS = 0, 4, 16  # offsets in struct seccomp_data

_Step = tuple[int, int, int, int]  # code, steps to skip if true, if false, constant


def _load(offset: int) -> _Step:
    return _LOAD, 0, 0, offset


def _answer(number: int) -> _Step:
    return _RETURN, 0, 0, (_ERRNO | number) if number else _ALLOW


def _only(nr: int, body: list[_Step]) -> list[_Step]:
    """`body` for system call `nr`; it must end in an answer. Others go on after it."""
    return [_load(_NR), (_EQUAL, 0, len(body), nr), *body]


def steps_of(machine: str) -> frozenset[int]:
    """The numbers of the calls that rename or remove."""
    return frozenset(n for n in (pair[_COLUMN[machine]] for pair in _STEPS.values()) if n)


def build_steps(machine: str) -> bytes:
    """A filter under which whatever renames, removes or makes a folder asks the supervisor.

    It forbids nothing; the one of `build_filter` goes on top.
    """
    steps: list[_Step] = [_load(_NR)]
    for numbers in (*_STEPS.values(), *_MAKES.values()):
        number = numbers[_COLUMN[machine]]
        if number is not None:
            steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ASK)]
    steps.append(_answer(0))
    return _packed(steps)


def build_filter(machine: str, *, files: bool, threads: bool, writes: bool = False) -> bytes:
    """The filter program of a worker.

    Args:
        machine: "x86_64" or "aarch64".
        files: Files may be opened, for reading, and asked about. Which ones is the other layers'
            business.
        threads: Threads may be started. Processes never.
        writes: Files may be written, too, but no links, devices, sockets or pipes be made.
    """
    clone = [_load(_ARGS), (_ANY_BIT, 0, 2, _THREAD), (_ANY_BIT, 1, 0, _NAMESPACES)]
    clone += [_answer(0), _answer(errno.EPERM)]
    allowed = {**_ALLOWED, **_WRITES, **_STEPS, **_MAKES} if writes else _ALLOWED
    by_name = {k: v for k, v in allowed.items() if files or k not in _BY_PATH}
    steps = [*_head(machine), *_allowing(machine, by_name)]
    column = _COLUMN[machine]
    for numbers in _ATTRIBUTES.values() if writes else ():
        number = numbers[column]
        if number is not None:
            steps += [(_EQUAL, 0, 1, number), _answer(errno.ENOTSUP)]
    # glibc tries clone3, whose flags a filter cannot see, and falls back to clone on ENOSYS.
    steps += _only(_CLONE3, [_answer(errno.ENOSYS)])
    steps += _only(_CLONE[machine], clone if threads else [_answer(errno.EPERM)])
    opening = _opening(2, writes=writes) if files else [_answer(errno.EACCES)]
    steps += _only(_OPENAT[machine], opening)
    # Limits may be read; a new one is given by a pointer that is not null.
    limits = [_load(_ARGS + 16), (_EQUAL, 0, 3, 0), _load(_ARGS + 20), (_EQUAL, 0, 1, 0)]
    steps += _only(_PRLIMIT[machine], [*limits, _answer(0), _answer(errno.EPERM)])
    return _packed([*steps, *_tail(machine)])


def build_one_program(machine: str) -> bytes:
    """A filter under which executing a program asks whoever listens; it goes below another."""
    return _packed([*_only(_EXECVE[machine], [(_RETURN, 0, 0, _ASK)]), _answer(0)])


def build_tool_filter(machine: str, *, compiles: bool, pid: int) -> bytes:
    """The filter program of a compiler, or of what it has built.

    Args:
        machine: "x86_64" or "aarch64".
        compiles: A compiler: it may start processes and write files; which programs and where is
            the other layers' business. Else neither processes nor threads, and files are read.
        pid: The process, which may send a signal to itself: that is how `abort` ends it.
    """
    allowed = {**_ALLOWED, **_PROGRAM}
    clone: list[_Step] = [_answer(errno.EPERM)]
    if compiles:
        allowed |= {**_PARTS, **_WRITES, **_STEPS, **_MAKES}
        clone = [_load(_ARGS), (_ANY_BIT, 1, 0, _NAMESPACES), _answer(0), _answer(errno.EPERM)]
    steps = [*_head(machine), *_allowing(machine, allowed)]
    steps += _only(_CLONE3, [_answer(errno.ENOSYS)])
    steps += _only(_CLONE[machine], clone)
    steps += _only(_OPENAT[machine], _opening(2, writes=compiles))
    plain = _OPEN[machine]
    if plain is not None:
        steps += _only(plain, _opening(1, writes=compiles))
    to_itself: list[_Step] = [_load(_ARGS), (_EQUAL, 0, 1, pid), _answer(0), _answer(errno.EPERM)]
    steps += _only(_TGKILL[machine], to_itself)
    # Sanitizers lower the limit on core files; no limit can be raised.
    own = [_load(_ARGS), (_EQUAL, 0, 1, 0), _answer(0), _answer(errno.EPERM)]
    steps += _only(_PRLIMIT[machine], own)
    # ThreadSanitizer asks whether addresses are random.
    asked = [_load(_ARGS), (_EQUAL, 0, 1, 0xFFFFFFFF), _answer(0), _answer(errno.EPERM)]
    steps += _only(_PERSONALITY[machine], asked)
    return _packed([*steps, *_tail(machine)])


def _head(machine: str) -> list[_Step]:
    steps: list[_Step] = [_load(_ARCH_AT), (_EQUAL, 1, 0, _ARCH[machine]), (_RETURN, 0, 0, _KILL)]
    if machine == "x86_64":
        steps += [_load(_NR), (_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL)]
    return steps


def _allowing(machine: str, calls: dict[str, tuple[int | None, int | None]]) -> list[_Step]:
    steps = [_load(_NR)]
    for numbers in calls.values():
        number = numbers[_COLUMN[machine]]
        if number is not None:
            steps += [(_EQUAL, 0, 1, number), _answer(0)]
    return steps


def _opening(flags_at: int, *, writes: bool) -> list[_Step]:
    refused = _UNNAMED if writes else _WRITING
    flags = _load(_ARGS + 8 * flags_at)  # the lower half; the machines are little-endian
    return [flags, (_ANY_BIT, 1, 0, refused), _answer(0), _answer(errno.EROFS)]


def _tail(machine: str) -> list[_Step]:
    """What is the same for all, and a refusal of everything else."""
    duplicates: list[_Step] = [_load(_ARGS + 8)]
    for i, command in enumerate(_FCNTL_READS):
        duplicates.append((_EQUAL, len(_FCNTL_READS) - i, 0, command))
    duplicates += [_answer(errno.EPERM), _answer(0)]
    steps = _only(_FCNTL[machine], duplicates)
    steps += _only(_IOCTL[machine], [_answer(errno.ENOTTY)])
    return [*steps, _answer(errno.EPERM)]


def _packed(steps: list[_Step]) -> bytes:
    return b"".join(struct.pack("<HBBI", *step) for step in steps)
