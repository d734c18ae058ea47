"""From events of the runtime to problems, in sentences for a student."""

import re
import signal
from collections.abc import Callable, Iterable

from .build import Program
from .launch import Launch
from .problem import Problem
from .races import one_race_per_place, race
from .symbols import lines_of
from .words import Event, Words, element, name, number, place

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


def problems_of(program: Program, launch: Launch, events: Iterable[Event]) -> tuple[Problem, ...]:
    """The problems that a launch's events tell of, worst first, without repetition."""
    events = list(events)
    keys = ("pc", "first_pc")
    lines = lines_of(program, (number(e, key) for e in events for key in keys))
    words = Words(program, launch, lines)
    raced = {name(e) for e in events if e.get("kind") == "race"}
    found: list[Problem] = []
    for event in one_race_per_place(events, words):
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


def _bounds(event: Event, words: Words) -> Problem:
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


def _unwritten(event: Event, words: Words) -> Problem:
    message = f"{words.who(event)} reads {element(event)} before anything has been written to it"
    return _problem("unwritten", message, event, words.line(event))


def _misaligned(event: Event, words: Words) -> Problem:
    size = number(event, "size")
    message = (
        f"{words.who(event)} touches {element(event)} with {size} bytes at once, at an address "
        f"that is no multiple of {size}: a device stops here"
    )
    return _problem("misaligned", message, event, words.line(event))


def _write_constant(event: Event, words: Words) -> Problem:
    message = f"{words.who(event)} writes {element(event)}, which is constant"
    return _problem("constant", message, event, words.line(event))


def _barriers_differ(event: Event, words: Words) -> Problem:
    one, two = number(event, "line"), number(event, "other_line")
    message = (
        f"{words.thread(number(event, 'thread'))} waits at the barrier in line {one} and "
        f"{words.thread(number(event, 'other'))} at the one in line {two}: every thread of a block "
        "must reach the same __syncthreads(), so it may not stand under a condition that differs"
    )
    return _problem("barrier", message, event, one)


def _left_barrier(event: Event, words: Words) -> Problem:
    gone, waiting = number(event, "gone"), number(event, "waiting")
    message = (
        f"{waiting} thread{'s wait' if waiting != 1 else ' waits'} at this __syncthreads(), but "
        f"{gone} never reach{'es' if gone == 1 else ''} it "
        f"({words.thread(number(event, 'other'))} has ended): it may not stand under a condition "
        "that differs between threads, nor after an early return"
    )
    return _problem("barrier", message, event, number(event, "line"))


def _deadlock(event: Event, words: Words) -> Problem:
    line, other = number(event, "line"), number(event, "other_line")
    thread = words.thread(number(event, "thread"))
    message = f"{thread} waits for other lanes of its warp that never come"
    if other:
        message += f": {words.thread(number(event, 'other'))} waits at the barrier in line {other}"
    return _problem("warp", message, event, line)


def _warp_differs(event: Event, words: Words) -> Problem:
    line, other = number(event, "line"), number(event, "other_line")
    a, b = (words.thread(number(event, key)) for key in ("thread", "other"))
    message = f"{a} and {b} are in different warp operations (lines {line} and {other})"
    if line == other:
        message = f"{a} and {b} give different masks to one warp operation"
    message += ": all lanes of the mask must run the same one, with the same mask"
    return _problem("warp", message, event, line)


def _lane_absent(event: Event, words: Words) -> Problem:
    lane = number(event, "lane")
    why = "takes no part: it has ended, or the mask leaves it out"
    if not number(event, "exists"):
        why = "does not exist: the block has no such thread"
    message = f"{words.who(event)} takes a value from lane {lane}, which {why}"
    return _problem("warp", message, event, number(event, "line"))


def _lane_not_named(event: Event, words: Words) -> Problem:
    message = f"{words.who(event)} is in a warp operation whose mask leaves it out"
    return _problem("warp", message, event, number(event, "line"))


def _overrun(event: Event, words: Words) -> Problem:
    count = number(event, "count")
    message = (
        f"something was written to {element(event)}, but {name(event)} has {count} elements: "
        "is a guard like `if (i < n)` missing?"
    )
    return _problem("overrun", message, event, 0)


def _changed_constant(event: Event, words: Words) -> Problem:
    message = f"{name(event)} was changed, though the kernel takes it as a pointer to const"
    return _problem("constant", message, event, 0)


def _crash(event: Event, words: Words) -> Problem:
    what = _SIGNALS.get(number(event, "signal"), "was stopped by the system")
    if number(event, "stack"):
        what = "needs more than 256 KiB for its local arrays (or calls itself without end)"
    elif name(event):
        what = f"touches {element(event)}, far outside of {name(event)}"
    return _problem("crash", f"{words.who(event)} {what}", event, words.line(event))


def _timeout(event: Event, words: Words) -> Problem:
    message = "the launch took too long"
    if "thread" in event:
        message += f": {words.who(event)} was still running"
        message += " (a loop without end, or a wait for another block?)"
    return _problem("timeout", message, event, words.line(event))


def _assertion(event: Event, words: Words) -> Problem:
    return _problem(
        "assertion", f"an assertion failed in {words.who(event)}", event, number(event, "line")
    )


def _too_much_shared(event: Event, words: Words) -> Problem:
    used = number(event, "bytes")
    message = f"the __shared__ arrays need {used} bytes; a block has at most 49152 (48 KiB)"
    return _problem("shared", message, event, 0)


def _no_dynamic_shared(event: Event, words: Words) -> Problem:
    message = (
        f"{name(event)} is dynamic shared memory (extern __shared__), but this launch gives none"
    )
    return _problem("shared", message, event, number(event, "line"))


def _undefined(event: Event, words: Words) -> Problem:
    """What the language leaves undefined, and a device may do in any way."""
    kind = re.sub(r"[^\w\[\]<>:, *-]", "", event.get("type", ""))[:60]
    kind = kind.replace(" [", "[")
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


def _argument(event: Event, words: Words) -> Problem:
    takes, given = (re.sub(r"[^\w *]", "", event.get(k, ""))[:60] for k in ("takes", "given"))
    message = (
        f"parameter {number(event, 'position')} ({name(event)}) is {takes}, "
        f"but the launch passes {given}"
    )
    return Problem("argument", message, 0, name(event))


def _argument_count(event: Event, words: Words) -> Problem:
    message = (
        f"the kernel takes {number(event, 'takes')} arguments, "
        f"the launch passes {number(event, 'given')}"
    )
    return Problem("argument", message)


def _no_kernel(event: Event, words: Words) -> Problem:
    what = re.sub(r"[^\w<>, ]", "", event.get("what", ""))[:60]
    return Problem("launch", f"there is no kernel named {what} in this file")


def _constant(event: Event, words: Words) -> Problem:
    takes = number(event, "takes")
    message = f"there is no __constant__ array named {name(event)} in this file"
    if takes >= 0:
        message = (
            f"the __constant__ array {name(event)} has {takes} bytes or another type, "
            f"the launch sets {number(event, 'given')}"
        )
    return Problem("launch", message, 0, name(event))


def _died(event: Event, words: Words) -> Problem:
    return Problem("crash", "the program was stopped by the system")


_MAKERS: dict[str, Callable[[Event, Words], Problem]] = {
    "race": race,
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
