"""From events of the runtime to sentences for a student.

An event is a dict of texts that a program sent; its numbers come from our runtime, but out of a
process that a student's code has run in, so nothing in it is trusted to be a number or a name.
"""

import re
import signal
from collections.abc import Callable, Iterable, Mapping

from .build import Program
from .launch import Launch, three
from .problem import Problem
from .symbols import lines_of

Event = Mapping[str, str]
MOST_PER_KIND = 3
# What is shown first. A wrong launch or a barrier explains what comes after it.
ORDER = (
    *("argument", "launch", "barrier", "warp", "bounds", "misaligned", "race", "constant"),
    *("unwritten", "overrun", "shared", "crash", "timeout", "assertion", "undefined"),
)
_SIGNALS = {
    int(signal.SIGSEGV): "touches memory that belongs to no array",
    int(signal.SIGBUS): "touches memory that belongs to no array",
    int(signal.SIGFPE): "divides a whole number by zero",
    int(signal.SIGILL): "runs into code that is undefined",
    int(signal.SIGTRAP): "runs into code that is undefined",
}


def number(event: Event, key: str) -> int:
    text = event.get(key, "")
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else 0


def name(event: Event, key: str = "variable") -> str:
    return re.sub(r"[^\w ]", "", event.get(key, ""))[:60]


class _Words:
    """Names of threads, blocks and elements in one launch."""

    def __init__(self, program: Program, launch: Launch, lines: Mapping[int, int]) -> None:
        self.grid, self.block, self.lines = three(launch.grid), three(launch.block), lines
        self.barriers = program.source.barriers()

    def has_barrier_between(self, first: int, second: int) -> bool:
        low, high = sorted((first, second))
        return any(low < line < high for line in self.barriers)

    def line(self, event: Event, key: str = "pc") -> int:
        return self.lines.get(number(event, key), 0)

    def thread(self, linear: int) -> str:
        x, y, z = self.block
        if y == z == 1:
            return f"thread {linear}"
        place = (linear % x, linear // x % y, linear // x // y)
        return f"thread ({', '.join(map(str, place[: 2 if z == 1 else 3]))})"

    def of_block(self, block: tuple[int, int, int]) -> str:
        return "" if self.grid == (1, 1, 1) else f" of {self.block_name(block)}"

    def block_name(self, block: tuple[int, int, int]) -> str:
        _, y, z = self.grid
        if y == z == 1:
            return f"block {block[0]}"
        return f"block ({', '.join(map(str, block[: 2 if z == 1 else 3]))})"

    def who(self, event: Event, prefix: str = "") -> str:
        linear = number(event, f"{prefix}thread")
        return self.thread(linear) + self.of_block(place(event, prefix))


def place(event: Event, prefix: str = "") -> tuple[int, int, int]:
    keys = (f"{prefix}block", f"{prefix}block_y", f"{prefix}block_z")
    x, y, z = (number(event, key) for key in keys)
    return x, y, z


def element(event: Event) -> str:
    """`tile[3][5]`, `out[35]`, or the bare name of a single value."""
    variable, index = name(event), number(event, "index")
    width, height, count = (number(event, key) for key in ("width", "height", "count"))
    if not variable:
        return "memory that belongs to no array"
    if count == 1 and index == 0:
        return variable
    if not width or not 0 <= index < count:
        return f"{variable}[{index}]"
    row, column = divmod(index, width)
    if not height:
        return f"{variable}[{row}][{column}]"
    return f"{variable}[{row // height}][{row % height}][{column}]"


def _lines(first: int, second: int) -> str:
    low, high = sorted((first, second))
    if not low:
        return ""
    return f" in line {low}" if low == high else f" between lines {low} and {high}"


def _in(line: int) -> str:
    return f" in line {line}" if line else ""


def problems_of(program: Program, launch: Launch, events: Iterable[Event]) -> tuple[Problem, ...]:
    """The problems that a launch's events tell of, worst first, without repetition."""
    events = list(events)
    keys = ("pc", "first_pc")
    lines = lines_of(program, (number(e, key) for e in events for key in keys))
    words = _Words(program, launch, lines)
    raced = {name(e) for e in events if e.get("kind") == "race"}
    found: list[Problem] = []
    for event in _one_race_per_place(events, words):
        make = _MAKERS.get(event.get("kind", ""))
        if make is None or (event["kind"] == "unwritten" and name(event) in raced):
            continue
        found.append(make(event, words))
    result: list[Problem] = []
    for problem in sorted(found, key=lambda p: (ORDER.index(p.kind), not p.variable)):
        same = [p for p in result if p.kind == problem.kind]
        again = any(
            p.line == problem.line and (not problem.variable or p.variable == problem.variable)
            for p in same
        )
        if len(same) < MOST_PER_KIND and not again:
            result.append(problem)
    return tuple(result)


def _one_race_per_place(events: list[Event], words: _Words) -> list[Event]:
    """Of the races on one array by the same lines, keep the one that says most."""
    best: dict[tuple[object, ...], Event] = {}
    others = []
    for event in events:
        if event.get("kind") != "race":
            others.append(event)
            continue
        pair = sorted((words.line(event), words.line(event, "first_pc")))
        key = (name(event), *pair, event.get("same_block"))
        if key not in best or _weight(event) > _weight(best[key]):
            best[key] = event
    # A line in which two threads write one element says why it is also read too early there.
    both_write = {
        (name(e), words.line(e)) for e in best.values()
        if _both_write(e) and words.line(e) == words.line(e, "first_pc")
    }  # fmt: skip
    kept = [
        e for e in best.values()
        if _both_write(e)
        or not {(name(e), words.line(e)), (name(e), words.line(e, "first_pc"))} & both_write
    ]  # fmt: skip
    return others + sorted(kept, key=_weight, reverse=True)


def _both_write(event: Event) -> bool:
    return bool(number(event, "flags") & number(event, "first_flags") & 1)


def _weight(event: Event) -> int:
    """Two writes say more than a read, a read of nothing more than one of something."""
    first = number(event, "first_flags")
    return 4 * _both_write(event) + 2 * (number(event, "same_block")) + (first >> 2 & 1)


def _race(event: Event, words: _Words) -> Problem:
    one, two = words.line(event, "first_pc"), words.line(event)
    what = element(event)
    first, second = number(event, "first_flags"), number(event, "flags")
    a, b = words.who(event, "first_"), words.who(event)
    threads = (number(event, "first_thread"), number(event, "thread"))

    def problem(message: str, line: int) -> Problem:
        return Problem("race", message, line, name(event), place(event), threads)

    if not number(event, "same_block"):
        verbs = ["writes" if f & 1 else "reads" for f in (first, second)]
        return problem(
            f"{b} {verbs[1]} {what} and {a} {verbs[0]} it{_in(one)}: nothing orders two "
            "blocks; let one block own each element, or update it with an atomic operation",
            two,
        )
    a, b = words.thread(threads[0]), words.thread(threads[1])
    hint = "a barrier (__syncthreads) is missing"
    if words.block[0] * words.block[1] * words.block[2] <= 32:
        hint = "a barrier (__syncthreads, or __syncwarp within a warp) is missing"
    if (first | second) & 2 and not first & second & 2:
        plain, at = (a, one) if second & 2 else (b, two)
        verb = "writes" if (first if second & 2 else second) & 1 else "reads"
        return problem(
            f"{plain} {verb} {what} with plain code, while another thread updates it "
            f"atomically{_in(two if second & 2 else one)}: {hint}{_lines(one, two)}, "
            "or this must be atomic, too",
            at,
        )
    if first & second & 1:
        if one == two:
            return problem(
                f"{a} and {b} both write {what} in the same line and nothing orders them: if both "
                "are to count, update it with an atomic operation (atomicAdd, atomicMax); else let "
                "one thread write it",
                two,
            )
        return problem(
            f"{b} writes {what} and {a} writes it{_in(one)} in no order: {hint}{_lines(one, two)}",
            two,
        )
    if first & 1:
        reader, at, writer, from_ = b, two, a, one
    else:
        reader, at, writer, from_ = a, one, b, two
    if at == from_:
        return problem(
            f"{reader} reads {what} while {writer} writes it in the same line: {hint} between one "
            "turn of the loop and the next",
            at,
        )
    where = _lines(at, from_)
    again = words.has_barrier_between(at, from_)
    if again:
        where = (
            f" after line {max(at, from_)}, before the loop comes to line {min(at, from_)} again"
        )
    if not first & 1 and first & 4 and not again:
        return problem(
            f"{reader} reads {what} before {writer} has written it{_in(from_)}: {hint}{where}", at
        )
    if (from_ < at) == again:
        often = "writes it again" if again else "overwrites it"
        return problem(
            f"{reader} may still have to read {what}{_in(at)} when {writer} {often}: {hint}{where}",
            from_,
        )
    return problem(
        f"{reader} reads {what}, which {writer} writes{_in(from_)}, with no barrier in between: "
        f"{hint}{where}",
        at,
    )


def _bounds(event: Event, words: _Words) -> Problem:
    verb = "writes" if number(event, "write") else "reads"
    index, count = number(event, "index"), number(event, "count")
    message = f"{words.who(event)} {verb} {element(event)}"
    if name(event):
        message += f", but {name(event)} has {count} element{'s' if count != 1 else ''}"
        if event.get("memory") == "dynamic":
            message += " (the launch's dynamic shared memory)"
        if index >= count:
            message += ": is a guard like `if (i < n)` missing, or an index wrong?"
        elif index < 0:
            message += ", and none before the first"
    return _problem("bounds", message, event, words.line(event))


def _problem(kind: str, message: str, event: Event, line: int) -> Problem:
    threads = tuple(number(event, key) for key in ("thread", "other") if key in event)
    return Problem(kind, message, line, name(event), place(event), threads)


def _unwritten(event: Event, words: _Words) -> Problem:
    message = f"{words.who(event)} reads {element(event)} before anything has been written to it"
    return _problem("unwritten", message, event, words.line(event))


def _misaligned(event: Event, words: _Words) -> Problem:
    size = number(event, "size")
    message = (
        f"{words.who(event)} touches {element(event)} with {size} bytes at once, at an address "
        f"that is no multiple of {size}: a device stops here"
    )
    return _problem("misaligned", message, event, words.line(event))


def _write_constant(event: Event, words: _Words) -> Problem:
    message = f"{words.who(event)} writes {element(event)}, which is constant"
    return _problem("constant", message, event, words.line(event))


def _barriers_differ(event: Event, words: _Words) -> Problem:
    one, two = number(event, "line"), number(event, "other_line")
    message = (
        f"{words.thread(number(event, 'thread'))} waits at the barrier in line {one} and "
        f"{words.thread(number(event, 'other'))} at the one in line {two}: every thread of a block "
        "must reach the same __syncthreads(), so it may not stand under a condition that differs"
    )
    return _problem("barrier", message, event, one)


def _left_barrier(event: Event, words: _Words) -> Problem:
    gone, waiting = number(event, "gone"), number(event, "waiting")
    message = (
        f"{waiting} thread{'s wait' if waiting != 1 else ' waits'} at this __syncthreads(), but "
        f"{gone} never reach{'es' if gone == 1 else ''} it "
        f"({words.thread(number(event, 'other'))} has ended): it may not stand under a condition "
        "that differs between threads, nor after an early return"
    )
    return _problem("barrier", message, event, number(event, "line"))


def _deadlock(event: Event, words: _Words) -> Problem:
    line, other = number(event, "line"), number(event, "other_line")
    thread = words.thread(number(event, "thread"))
    message = f"{thread} waits for other lanes of its warp that never come"
    if other:
        message += f": {words.thread(number(event, 'other'))} waits at the barrier in line {other}"
    return _problem("warp", message, event, line)


def _warp_differs(event: Event, words: _Words) -> Problem:
    line, other = number(event, "line"), number(event, "other_line")
    a, b = (words.thread(number(event, key)) for key in ("thread", "other"))
    message = f"{a} and {b} are in different warp operations (lines {line} and {other})"
    if line == other:
        message = f"{a} and {b} give different masks to one warp operation"
    message += ": all lanes of the mask must run the same one, with the same mask"
    return _problem("warp", message, event, line)


def _lane_absent(event: Event, words: _Words) -> Problem:
    lane = number(event, "lane")
    why = "takes no part: it has ended, or the mask leaves it out"
    if not number(event, "exists"):
        why = "does not exist: the block has no such thread"
    message = f"{words.who(event)} takes a value from lane {lane}, which {why}"
    return _problem("warp", message, event, number(event, "line"))


def _lane_not_named(event: Event, words: _Words) -> Problem:
    message = f"{words.who(event)} is in a warp operation whose mask leaves it out"
    return _problem("warp", message, event, number(event, "line"))


def _overrun(event: Event, words: _Words) -> Problem:
    count = number(event, "count")
    message = (
        f"something was written to {element(event)}, but {name(event)} has {count} elements: "
        "is a guard like `if (i < n)` missing?"
    )
    return _problem("overrun", message, event, 0)


def _changed_constant(event: Event, words: _Words) -> Problem:
    message = f"{name(event)} was changed, though the kernel takes it as a pointer to const"
    return _problem("constant", message, event, 0)


def _crash(event: Event, words: _Words) -> Problem:
    what = _SIGNALS.get(number(event, "signal"), "was stopped by the system")
    if number(event, "stack"):
        what = "needs more than 256 KiB for its local arrays (or calls itself without end)"
    elif name(event):
        what = f"touches {element(event)}, far outside of {name(event)}"
    return _problem("crash", f"{words.who(event)} {what}", event, words.line(event))


def _timeout(event: Event, words: _Words) -> Problem:
    message = "the launch took too long"
    if "thread" in event:
        message += f": {words.who(event)} was still running"
        message += " (a loop without end, or a wait for another block?)"
    return _problem("timeout", message, event, words.line(event))


def _assertion(event: Event, words: _Words) -> Problem:
    return _problem(
        "assertion", f"an assertion failed in {words.who(event)}", event, number(event, "line")
    )


def _too_much_shared(event: Event, words: _Words) -> Problem:
    used = number(event, "bytes")
    message = f"the __shared__ arrays need {used} bytes; a block has at most 49152 (48 KiB)"
    return _problem("shared", message, event, 0)


def _no_dynamic_shared(event: Event, words: _Words) -> Problem:
    message = (
        f"{name(event)} is dynamic shared memory (extern __shared__), but this launch gives none"
    )
    return _problem("shared", message, event, number(event, "line"))


def _undefined(event: Event, words: _Words) -> Problem:
    """What the language leaves undefined, and a device may do in any way."""
    kind = re.sub(r"[^\w\[\]<>:, *-]", "", event.get("type", ""))[:60]
    what = {
        "index": f"uses index {number(event, 'index')} of an array of type {kind}",
        "null": "uses a pointer to nothing",
        "misaligned": f"uses a {kind} at an address that is no multiple of "
        f"{number(event, 'index')}: a device stops here",
        "shift": "shifts by a negative number of bits or by more than there are",
        "divide": "divides a whole number by zero, or the smallest one by -1",
        "pointer": "computes a pointer far outside of its array",
        "value": f"reads a {kind} that holds neither true nor false",
    }.get(event.get("what", ""), "does what the language leaves undefined")
    sort = {"index": "bounds", "misaligned": "misaligned"}.get(event.get("what", ""), "undefined")
    return _problem(sort, f"{words.who(event)} {what}", event, number(event, "line"))


def _argument(event: Event, words: _Words) -> Problem:
    takes, given = (re.sub(r"[^\w *]", "", event.get(k, ""))[:60] for k in ("takes", "given"))
    message = (
        f"parameter {number(event, 'position')} ({name(event)}) is {takes}, "
        f"but the launch passes {given}"
    )
    return Problem("argument", message, 0, name(event))


def _argument_count(event: Event, words: _Words) -> Problem:
    message = (
        f"the kernel takes {number(event, 'takes')} arguments, "
        f"the launch passes {number(event, 'given')}"
    )
    return Problem("argument", message)


def _no_kernel(event: Event, words: _Words) -> Problem:
    what = re.sub(r"[^\w<>, ]", "", event.get("what", ""))[:60]
    return Problem("launch", f"there is no kernel named {what} in this file")


def _constant(event: Event, words: _Words) -> Problem:
    takes = number(event, "takes")
    message = f"there is no __constant__ array named {name(event)} in this file"
    if takes >= 0:
        message = (
            f"the __constant__ array {name(event)} has {takes} bytes or another type, "
            f"the launch sets {number(event, 'given')}"
        )
    return Problem("launch", message, 0, name(event))


def _died(event: Event, words: _Words) -> Problem:
    return Problem("crash", "the program was stopped by the system")


_MAKERS: dict[str, Callable[[Event, _Words], Problem]] = {
    "race": _race,
    "bounds": _bounds,
    "unwritten": _unwritten,
    "misaligned": _misaligned,
    "write_constant": _write_constant,
    "barriers_differ": _barriers_differ,
    "left_barrier": _left_barrier,
    "deadlock": _deadlock,
    "warp_differs": _warp_differs,
    "lane_absent": _lane_absent,
    "lane_not_named": _lane_not_named,
    "overrun": _overrun,
    "changed_constant": _changed_constant,
    "crash": _crash,
    "timeout": _timeout,
    "assertion": _assertion,
    "too_much_shared": _too_much_shared,
    "no_dynamic_shared": _no_dynamic_shared,
    "undefined": _undefined,
    "argument": _argument,
    "argument_count": _argument_count,
    "no_kernel": _no_kernel,
    "constant": _constant,
    "died": _died,
}
