"""Races in words: who touched what when, and where a barrier is missing."""

from .problem import Problem
from .words import Event, Words, between, element, in_line, name, number, place

# Flags of an access, as in runtime/watch_accesses.cpp.
WRITE, ATOMIC, UNWRITTEN = 1, 2, 4


def one_race_per_place(events: list[Event], words: Words) -> list[Event]:
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
    return bool(number(event, "flags") & number(event, "first_flags") & WRITE)


def _weight(event: Event) -> int:
    """Two writes say more than a read, a read of nothing more than one of something."""
    first = number(event, "first_flags")
    return 4 * _both_write(event) + 2 * number(event, "same_block") + bool(first & UNWRITTEN)


class _Race:
    """One race: `a` was there first, `b` second, in lines `one` and `two`."""

    def __init__(self, event: Event, words: Words) -> None:
        self.event, self.words, self.what = event, words, element(event)
        self.one, self.two = words.line(event, "first_pc"), words.line(event)
        self.first, self.second = number(event, "first_flags"), number(event, "flags")
        self.threads = (number(event, "first_thread"), number(event, "thread"))
        self.a, self.b = (words.thread(thread) for thread in self.threads)
        x, y, z = words.block
        self.hint = "a barrier (__syncthreads) is missing"
        if x * y * z <= 32:
            self.hint = "a barrier (__syncthreads, or __syncwarp within a warp) is missing"

    def problem(self, message: str, line: int) -> Problem:
        return Problem("race", message, line, name(self.event), place(self.event), self.threads)


def race(event: Event, words: Words) -> Problem:
    """The sentence for a race."""
    it = _Race(event, words)
    if not number(event, "same_block"):
        return _of_two_blocks(it)
    if (it.first | it.second) & ATOMIC and not it.first & it.second & ATOMIC:
        return _half_atomic(it)
    if it.first & it.second & WRITE:
        return _of_two_writes(it)
    return _of_read_and_write(it)


def _of_two_blocks(it: _Race) -> Problem:
    a, b = it.words.who(it.event, "first_"), it.words.who(it.event)
    verbs = ["writes" if flags & WRITE else "reads" for flags in (it.first, it.second)]
    return it.problem(
        f"{b} {verbs[1]} {it.what} and {a} {verbs[0]} it{in_line(it.one)}: nothing orders two "
        "blocks; let one block own each element, or update it with an atomic operation",
        it.two,
    )


def _half_atomic(it: _Race) -> Problem:
    who, flags, at, other = it.b, it.second, it.two, it.one
    if it.second & ATOMIC:
        who, flags, at, other = it.a, it.first, it.one, it.two
    verb = "writes" if flags & WRITE else "reads"
    return it.problem(
        f"{who} {verb} {it.what} with plain code, while another thread updates it atomically"
        f"{in_line(other)}: {it.hint}{between(at, other)}, or this must be atomic, too",
        at,
    )


def _of_two_writes(it: _Race) -> Problem:
    if it.one == it.two:
        return it.problem(
            f"{it.a} and {it.b} both write {it.what} in the same line and nothing orders them: if "
            "both are to count, update it with an atomic operation (atomicAdd, atomicMax); else "
            "let one thread write it",
            it.two,
        )
    return it.problem(
        f"{it.b} writes {it.what} and {it.a} writes it{in_line(it.one)} in no order: "
        f"{it.hint}{between(it.one, it.two)}",
        it.two,
    )


def _of_read_and_write(it: _Race) -> Problem:
    reader, at, writer, there = it.b, it.two, it.a, it.one
    if it.second & WRITE:
        reader, at, writer, there = it.a, it.one, it.b, it.two
    if at == there:
        return it.problem(
            f"{reader} reads {it.what} while {writer} writes it in the same line: {it.hint} "
            "between one turn of the loop and the next",
            at,
        )
    # Where a barrier already stands between the two lines, it is the way round the loop that lacks
    # one: the later line comes first.
    around = it.words.has_barrier_between(at, there)
    where = between(at, there)
    if around:
        where = (
            f" after line {max(at, there)}, before the loop comes to line {min(at, there)} again"
        )
    if it.second & WRITE and it.first & UNWRITTEN and not around:
        return it.problem(
            f"{reader} reads {it.what} before {writer} has written it{in_line(there)}: "
            f"{it.hint}{where}",
            at,
        )
    if (there < at) == around:
        often = "writes it again" if around else "overwrites it"
        return it.problem(
            f"{reader} may still have to read {it.what}{in_line(at)} when {writer} {often}: "
            f"{it.hint}{where}",
            there,
        )
    return it.problem(
        f"{reader} reads {it.what}, which {writer} writes{in_line(there)}, with no barrier in "
        f"between: {it.hint}{where}",
        at,
    )
