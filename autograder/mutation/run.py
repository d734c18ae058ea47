"""Running mutants: each is read and graded as a submission is, in the same isolated workers.

What became of a mutant is written down at once, keyed by everything that could change it, so that a
killed run continues and a second run is quick.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import SubmissionError
from ..inputs import Seed
from .make import Mutant

if TYPE_CHECKING:
    from ..pool import Grader, Job
    from ..sandbox import Sandbox
    from ..source import StudentModule

State = Literal["killed", "stopped", "survived"]


@dataclass(frozen=True)
class Fate:
    """What became of one mutant.

    Attributes:
        state: "killed" if a check found a wrong value; "stopped" if it only raised, hung or could
            not be read, which any test notices; "survived" if it got every point.
        families: The kinds of checks (R, F, P, E) of its own function that each found a wrong
            value.
        mistake: The declared mistake that it was taken for, or "".
        checks: How many checks it failed.
    """

    state: State
    families: str = ""
    mistake: str = ""
    checks: int = 0


class Log:
    """Fates that are known already, one JSON line each; a line cut short by a kill is dropped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, Fate] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            for line in path.read_text(encoding="utf-8").split("\n"):
                try:
                    record = json.loads(line)
                    key = record.pop("key")
                    self.known[key] = Fate(**record)
                except (ValueError, TypeError, KeyError, AttributeError):
                    continue

    def add(self, key: str, fate: Fate) -> None:
        """Remember and write down."""
        self.known[key] = fate
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps({"key": key, **dataclasses.asdict(fate)}))


class Runner:
    """Runs mutants of a course, in this process or in several supervisors; a context manager.

    Args:
        job: Course and isolation level.
        workers: How many supervisors.
        sandbox: One that is warm already and stays open; without it the runner has its own.
    """

    def __init__(self, job: "Job", workers: int = 1, *, sandbox: "Sandbox | None" = None) -> None:
        from ..pool import Grader, settle_down

        self.job, self.grader, self._own = job, Grader(job), sandbox is None
        if sandbox is not None:
            self.grader.sandbox = sandbox
        self._keys: dict[str, bytes] = {}
        self._executor: ProcessPoolExecutor | None = None
        if workers > 1:
            spawn = get_context("spawn")
            self._executor = ProcessPoolExecutor(
                workers, mp_context=spawn, initializer=settle_down, initargs=(spawn.Value("i", 0),)
            )

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *_: object) -> None:
        if self._own:
            self.grader.close()
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def fates(
        self,
        slug: str,
        mutants: Sequence[Mutant],
        log: Log,
        *,
        seed: bytes = b"mutants",
        done: Callable[[], None] = lambda: None,
    ) -> dict[str, Fate]:
        """What becomes of each mutant, by its id.

        Args:
            slug: The exercise that `mutants` are of.
            mutants: Wrong versions of its solution.
            log: What is known from earlier runs; what is found is added.
            seed: Which student's inputs.
            done: Called after each.
        """
        base = self._key(slug) + seed
        keys = {m.id: hashlib.sha256(base + m.source.encode()).hexdigest()[:24] for m in mutants}
        left = [m for m in mutants if keys[m.id] not in log.known]
        for _ in range(len(mutants) - len(left)):
            done()
        for mutant, fate in self._run(slug, left, seed):
            log.add(keys[mutant.id], fate)
            done()
        return {m.id: log.known[keys[m.id]] for m in mutants}

    def _run(
        self, slug: str, mutants: Sequence[Mutant], seed: bytes
    ) -> Iterator[tuple[Mutant, Fate]]:
        if self._executor is None or len(mutants) < 2:
            for mutant in mutants:
                yield mutant, grade_mutant(self.grader, slug, mutant.function, mutant.source, seed)
            return
        running = {
            self._executor.submit(_grade_in_process, self.job, slug, m.function, m.source, seed): m
            for m in mutants
        }
        for future in as_completed(running):
            yield running[future], future.result()

    def _key(self, slug: str) -> bytes:
        """Hash of all that a fate depends on, apart from mutant and seed."""
        if slug not in self._keys:
            from ..pool import Grader, Job

            one = Grader(Job(self.job.root, (slug,), self.job.out, self.grader.sandbox.level))
            one.sandbox = self.grader.sandbox
            digest = hashlib.sha256(one.base_key)
            for path in sorted(Path(__file__).parent.glob("*.py")):
                digest.update(path.read_bytes())
            self._keys[slug] = digest.digest()
        return self._keys[slug]


@lru_cache(maxsize=1)
def _grader(job: "Job") -> "Grader":
    """The grader of a supervisor's process."""
    from ..pool import Grader

    return Grader(job)


def _grade_in_process(job: "Job", slug: str, function: str, source: str, seed: bytes) -> Fate:
    return grade_mutant(_grader(job), slug, function, source, seed)


def grade_mutant(grader: "Grader", slug: str, function: str, source: str, seed: bytes) -> Fate:
    """Grade the function that was edited and, only if it gets every point, the others."""
    from ..grading import grade_module

    exercise, page = grader.loaded(slug)
    module = read(grader, slug, source)
    if module is None:
        return Fate("stopped")
    others = [f for f in page.functions if f != function]
    fate = Fate("survived")
    for one in (function, *others):
        result = grade_module(
            *(grader.course, exercise, page, module, grader.sandbox, Seed(seed)),
            only=one,
            attached=exercise.example,
        )
        if result.status != "graded":
            raise RuntimeError(f"{slug}: a mutant was not graded: {result.reason}")
        (graded,) = result.functions
        failing = [c for c in graded.checks if c.status != "passed"]
        if not failing:
            continue
        wrong = "".join(sorted({c.kind for c in failing if c.status == "failed"}))
        named = next((c.mistake for c in failing if c.mistake), "")
        state: Any = "killed" if wrong else "stopped"
        return Fate(state, wrong if one == function else "", named, len(failing))
    return fate


def read(grader: "Grader", slug: str, source: str) -> "StudentModule | None":
    """A module's text, read as a submission; None if it cannot be."""
    from ..submission import RawFile, read_module

    name = slug.rpartition("/")[2] + ".py"
    try:
        return read_module(
            RawFile(name, name, source.encode()), grader.stub(slug), grader.course.rules(slug)
        )
    except SubmissionError:
        return None


def cores() -> int:
    """How many supervisors this machine has cores for."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
