"""Starts one compiler, or one binary that it built, closed off from the machine.

`boot.py` runs it in a fresh process. It makes the folder that the tool works in, hands that to the
supervisor to fill, forks, closes the fork off and executes the tool in it; then it waits, says how
the tool ended, and ends with everything that the tool has left running.
"""

import contextlib
import json
import os
import resource
import select
import signal
import socket
from typing import Any

from . import kernel
from .seal import FILES, LayerError, Seal, enter_namespaces, layer
from .seccomp import build_one_program, build_tool_filter

MESSAGE = 1 << 17
_START_SECONDS = 60.0
NOT_STARTED = 127
_Texts = dict[str, bytes | str]


def main(descriptor: int) -> None:
    """Serve the supervisor at the other end of socket `descriptor`: one tool, then the end."""
    control = socket.socket(fileno=descriptor)
    config = json.loads(control.recv(MESSAGE))
    try:
        _Launch(control, config).run()
    except LayerError as error:
        which, said = error.args
        _say(control, layer=which, said=said)
    except BaseException as error:
        _say(control, layer="start", said=f"{type(error).__name__}: {error}"[:1000])
    finally:
        _end_descendants()
        os._exit(1)


class _Launch:
    def __init__(self, control: socket.socket, config: dict[str, Any]) -> None:
        self.control, self.config = control, config
        self.seal = Seal(config["level"], config["uid"], config["folder"])
        self.compiles = config["profile"] == "compile"
        self.place = {"A": FILES, "B": config["folder"], "C": config["inside"]}[config["level"]]

    def run(self) -> None:
        if not kernel.machine():
            raise LayerError("seccomp", "no table of system calls for this processor")
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # if the machine runs out of memory, it is not the grader that goes
        standard = [int(fd) for fd in self.config["standard"]]
        enter_namespaces(self.seal)
        kernel.adopt_orphans()
        self._work_folder()
        if self.control.recv(MESSAGE) != b"go":
            return
        if self.seal.level == "A":
            with layer("namespaces"):
                kernel.private_root(
                    self.config["visible"],
                    self.seal.files,
                    FILES,
                    program=not self.compiles,
                    texts=_about_itself(self.config, self.place),
                )
        kernel.hide_from_tracing()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if not pid:
            ours.close()
            self._become_tool(standard, theirs)
        theirs.close()
        for fd in standard:
            os.close(fd)
        with ours:
            self._see_off(ours)
        self._wait(pid)

    def _work_folder(self) -> None:
        if self.seal.level == "A":
            with layer("namespaces"):
                kernel.memory_folder(self.seal.files, self.config["files"], self.seal.uid)
        folder = os.open(self.seal.files, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        socket.send_fds(self.control, [b'{"folder": true}'], [folder])
        os.close(folder)

    def _see_off(self, line: socket.socket) -> None:
        """Wait until the tool is about to start; raise what kept it from that."""
        line.settimeout(_START_SECONDS)
        message, fds, _, _ = socket.recv_fds(line, MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
        if message != b"ready":
            raise LayerError(*json.loads(message or b'["start", "it ended by itself"]'))
        passed = not fds or kernel.let_one_pass(fds[0], _START_SECONDS)
        message = line.recv(MESSAGE)  # nothing, when the descriptor closes as the tool is executed
        if message or not passed:
            raise LayerError(*json.loads(message or b'["start", "it ended by itself"]'))

    def _wait(self, pid: int) -> None:
        """Say how the tool ended; come back early if the supervisor wants that, or is gone."""
        pidfd = os.pidfd_open(pid)
        poller = select.poll()
        poller.register(pidfd, select.POLLIN)
        poller.register(self.control, select.POLLIN)
        ready = {fd for fd, _ in poller.poll()}
        if pidfd not in ready:
            return
        _, status, used = os.wait4(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        _end_descendants()
        _say(self.control, code=code, cpu_seconds=used.ru_utime + used.ru_stime)

    def _become_tool(self, standard: list[int], line: socket.socket) -> None:
        try:
            self._close_off(standard, line)
        except LayerError as error:
            line.send(json.dumps(error.args).encode())
            os._exit(NOT_STARTED)
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"[:1000]
            line.send(json.dumps(["start", said]).encode())
            os._exit(NOT_STARTED)
        try:
            argv = self.config["argv"]
            os.execve(argv[0], argv, {**self.config["env"], "TMPDIR": "."})
        except BaseException as error:
            os.write(2, f"{self.config['argv'][0]}: {error}\n".encode()[:1000])
        os._exit(NOT_STARTED)

    def _close_off(self, standard: list[int], line: socket.socket) -> None:
        for number, fd in enumerate(standard):
            os.dup2(fd, number)
        keep = line.fileno()
        os.closerange(3, keep)
        os.closerange(keep + 1, 1 << 16)
        os.setsid()
        parent = os.getppid()
        rules = self._rules()
        if self.seal.level == "C":
            if self.seal.uid is None:
                raise LayerError("user", "another user can be had by root only")
            with layer("folder"):
                os.chroot(self.config["root"])
        os.chdir(self.place)
        if not self.compiles:
            kernel.fix_addresses()
        _limit(self.config, self.compiles, self.seal)
        with layer("user"):
            if self.seal.uid is not None:
                kernel.become(self.seal.uid)
            kernel.no_new_privileges()
            kernel.drop_capabilities()
            if os.geteuid() == 0 or os.getuid() == 0:
                raise OSError("student code never runs as root")
        kernel.die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(NOT_STARTED)
        if rules is not None:
            with layer("landlock"):
                kernel.landlock_enter(rules)
        with layer("seccomp"):
            self._filter(line)

    def _rules(self) -> int | None:
        """Landlock's, at the levels that have it."""
        if self.seal.level == "C":
            return None
        with layer("landlock"):
            readable = [*kernel.DEVICES]
            programs = ["/"] if self.seal.level == "A" else [*self.config["visible"]]
            if self.seal.level == "B" and not self.compiles:
                # Sanitizers look for their options there; it is this process's own.
                readable.append("/proc/self/environ")
                programs.append(self.place)
            return kernel.landlock_rules(
                readable, self.place if self.compiles else "", programs=programs
            )

    def _filter(self, line: socket.socket) -> None:
        program = build_tool_filter(kernel.machine(), compiles=self.compiles, pid=os.getpid())
        if self.compiles:
            line.send(b"ready")
        else:
            # One program is executed, and the launcher sees to it that there is no second.
            listener = kernel.seccomp_listener(build_one_program(kernel.machine()))
            socket.send_fds(line, [b"ready"], [listener])
            os.close(listener)
        kernel.seccomp(program)


def _about_itself(config: dict[str, Any], place: str) -> _Texts:
    return about_itself(config["argv"][0], config["env"], place) if config["env"] else {}


def about_itself(program: str, env: dict[str, str], place: str) -> _Texts:
    """What a sanitizer reads in /proc, where there is no /proc: its options, and its own name."""
    environment = "".join(f"{key}={value}\0" for key, value in env.items())
    path = os.path.normpath(os.path.join(place, program))
    return {"/proc/self/environ": environment.encode(), "/proc/self/exe": path}


def _limit(config: dict[str, Any], compiles: bool, seal: Seal) -> None:
    cpu, memory = int(config["cpu_seconds"]), int(config["memory"])
    processes = int(config["processes"])
    if seal.level == "B" and seal.uid is None:
        processes += _running()  # then the limit counts everything that this user has
    wanted = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, int(config["files"]) if compiles else 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_NOFILE, 256 if compiles else 32),
        (resource.RLIMIT_STACK, 8 << 20),
        (resource.RLIMIT_CPU, cpu),
    ]
    if compiles:  # a sanitized program reserves terabytes; what it touches is seen from outside
        wanted.append((resource.RLIMIT_AS, 2 * memory))
    for kind, most in wanted:
        allowed = resource.getrlimit(kind)[1]
        if allowed != resource.RLIM_INFINITY:
            most = min(most, allowed)
        hard = most + 1 if kind == resource.RLIMIT_CPU and most < allowed else most
        resource.setrlimit(kind, (most, hard))


def _running() -> int:
    """How many threads this user has."""
    count, own = 0, os.getuid()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{entry}").st_uid == own:
                count += len(os.listdir(f"/proc/{entry}/task"))
    return count


def _end_descendants() -> None:
    """Kill and reap until nobody is left; orphans become children of this process."""
    while True:
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def descendants(pid: int) -> list[int]:
    """The processes below `pid`; for the first of a namespace, all others there."""
    if pid == 1:
        return [-1]
    parents: dict[int, int] = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{entry}/stat") as file:
            parents[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
    found, newest = set[int](), {pid}
    while newest:
        newest = {child for child, parent in parents.items() if parent in newest} - found
        found |= newest
    return sorted(found)


def _say(control: socket.socket, **message: Any) -> None:
    with contextlib.suppress(OSError):
        control.send(json.dumps(message).encode())
