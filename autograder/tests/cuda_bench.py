"""What building and running kernels costs. Run as `python -m autograder.tests.cuda_bench`.

Builds start with an empty cache and are given in seconds of CPU time; runs are the best of five, in
milliseconds, with the start of the process and both ways of the wire.
"""

import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from autograder.cuda import Launch, Out, Program, Source, Tier, Unavailable, build, launch
from autograder.tests.cuda_cases import FILE, piece


def cpu() -> float:
    """CPU seconds of this process and of all that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def built(source: Source, tier: Tier, cache: Path) -> tuple[Program, float]:
    start = cpu()
    return build(source, tier, cache=cache), cpu() - start


def best(program: Program, one: Launch) -> float:
    """Milliseconds of the fastest of five launches."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        report = launch(program, one, seconds=120)
        times.append(time.perf_counter() - start)
        assert report.clean, report.problems
    return 1e3 * min(times)


def launches() -> dict[str, Launch]:
    """A few launches as a check would make them."""
    rng = np.random.default_rng(0)

    def rows(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    length = np.array([256, 200], np.int32)
    return {
        "one block of 32 threads": Launch("row_max_warp", 1, 32, [rows(1, 32), Out(1), 1, 32]),
        "row sums, 64 x 128, 64 blocks of 64": Launch(
            "row_sum_tree", 64, 64, [rows(64, 128), Out(64), 128]
        ),
        "tiled product, 64 x 64 x 64, 64 blocks of 64": Launch(
            "tiled_product", (8, 8), (8, 8), [rows(64, 64), rows(64, 64), Out((64, 64)), 64, 64, 64]
        ),
        "split and combine, 2 x 256 entries, 2 blocks of 128": Launch(
            "split_and_combine", 2, 128,
            [rows(2, 256), rows(2, 256, 32), length, Out((2, 32)), 256],
        ),
    }  # fmt: skip


def main() -> None:
    whole = Source(FILE.read_text(encoding="utf-8"), FILE.name)
    programs: dict[Tier, Program] = {}
    print(
        "| build | runtime, once | one kernel | file of 15 kernels |\n| --- | ---: | ---: | ---: |"
    )
    with tempfile.TemporaryDirectory() as folder:
        for tier in Tier:
            cache = Path(folder) / tier.value
            try:
                _, first = built(piece("row_sum_tree"), tier, cache)
                _, single = built(piece("row_center"), tier, cache)
                programs[tier], many = built(whole, tier, cache)
            except Unavailable as reason:
                print(f"| {tier.value} | skipped: {reason} | | |")
                continue
            print(f"| {tier.value} | {first - single:.1f} s | {single:.2f} s | {many:.2f} s |")
        print(f"\n| launch | {' | '.join(t.value for t in programs)} |")
        print(f"| --- |{' ---: |' * len(programs)}")
        for name, one in launches().items():
            cells = []
            for program in programs.values():
                try:
                    cells.append(f"{best(program, one):.0f} ms")
                except Unavailable:
                    cells.append("skipped")
            print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
