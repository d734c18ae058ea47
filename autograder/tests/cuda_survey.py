"""Does the grader notice a missing barrier? Run as `python -m autograder.tests.cuda_survey`.

Every barrier of every right kernel is deleted in turn, and each way of looking is asked: the values
of one run, of five orders of the threads, the checked build, and ThreadSanitizer as a second
opinion. The right kernels are asked, too: what is said of them is a false alarm.
"""

import time
from dataclasses import dataclass

from autograder.cuda import Source, Tier, Unavailable, build, launch, launch_all
from autograder.cuda.examine import SCHEDULES, Case, wrong_values
from autograder.tests.cuda_cases import cases, piece, without_each_barrier


@dataclass(frozen=True)
class Seen:
    """Who noticed something; `thread` is None where ThreadSanitizer does not run."""

    values: bool
    schedules: bool
    checked: bool
    thread: bool | None
    message: str


def look(source: Source, case: Case) -> Seen:
    """Ask every way of looking."""
    plain = build(source, Tier.PLAIN)
    launches = [case.launch.but(schedule=seed) for seed in (0, *SCHEDULES)]
    reports = launch_all(plain, launches)
    wrong = [bool(r.problems or wrong_values(case, r)) for r in reports]
    checked = launch(build(source, Tier.CHECKED), case.launch)
    try:
        thread: bool | None = bool(launch(build(source, Tier.THREAD), case.launch).problems)
    except Unavailable:
        thread = None
    message = str(checked.problems[0]) if checked.problems else ""
    return Seen(wrong[0], any(wrong), not checked.clean, thread, message)


def main() -> None:
    start = time.perf_counter()
    alarms = {name: look(piece(name), case) for name, case in cases().items()}
    rows = [
        (name, line, look(Source(text, f"{name}.cu"), case))
        for name, case in cases().items()
        for line, text in without_each_barrier(name)
    ]
    print("| kernel | barrier in line | values | 5 schedules | checked build | ThreadSanitizer |")
    print("| --- | ---: | --- | --- | --- | --- |")
    word = {True: "seen", False: "missed", None: "skipped"}
    for name, line, seen in rows:
        looks = (seen.values, seen.schedules, seen.checked, seen.thread)
        print(f"| {name} | {line} | {' | '.join(word[x] for x in looks)} |")
    total = len(rows)
    for what in ("values", "schedules", "checked", "thread"):
        found = sum(bool(getattr(seen, what)) for _, _, seen in rows)
        false = sum(bool(getattr(seen, what)) for seen in alarms.values())
        print(f"{what}: {found} of {total} seen, {false} of {len(alarms)} right kernels accused")
    print(f"{time.perf_counter() - start:.0f} s")
    for name, line, seen in rows:
        print(f"{name}, barrier in line {line} deleted: {seen.message}")


if __name__ == "__main__":
    main()
