"""The corpus of attacks: every file does what its docstring says it must, at every level.

`pytest --attacks=all` runs all of them; otherwise a sample with a fixed seed. The target is the
course of toys. In an attack `@ROOT@` stands for the course's folder, `@MARKER@` for a path where a
file must never appear, `@CANARY@` for a secret the harness has planted: attackers know everything
but the secret.
"""

import ast
import importlib.util
import os
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import toy_course
from conftest import own_imports

from autograder.build import build
from autograder.course import Course
from autograder.pool import Grader, Job
from autograder.result import ExerciseResult, SubmissionResult
from autograder.submission import Found, find_students

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")

CORPUS = Path(__file__).parent / "attacks"
FAMILIES = ("forge", "steal", "deny", "escape", "cheat", "broken", "malformed", "honest")
SLUG = "vol1_toys/scale"
FULL = {"scale": 7.0, "scale_backward": 6.0}
SAMPLE, SEED = 24, 20261120
SECRET = b"the-secret-that-must-not-be-seen"
# Attacks that only end at a deadline cost seconds each; a sample has few of them.
SLOW = ("deny",)


@dataclass(frozen=True)
class Attack:
    """One file: what must come out, and how it is handed in."""

    path: Path
    expect: dict[str, float]
    status: str
    review: bool

    @property
    def name(self) -> str:
        return self.path.relative_to(CORPUS).with_suffix("").as_posix()


def read(path: Path) -> Attack:
    """Parse an attack's docstring: `expect: scale=full scale_backward=0`, `status:`, `review:`."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    line = re.search(r"^expect: (.*)$", docstring, re.M)
    assert line, f"{path.name}: the docstring has no line `expect: ...`"
    expect = {}
    for pair in line[1].split():
        function, _, points = pair.partition("=")
        expect[function] = FULL[function] if points == "full" else float(points)
    status = re.search(r"^status: (\w+)$", docstring, re.M)
    review = re.search(r"^review: (yes)$", docstring, re.M)
    return Attack(path, expect, status[1] if status else "", bool(review))


ATTACKS = [read(p) for family in FAMILIES for p in sorted((CORPUS / family).glob("*.py"))]


def chosen(everything: bool) -> list[Attack]:
    """All attacks, or a sample with a fixed seed that has something of every family."""
    if everything:
        return ATTACKS
    generator = random.Random(SEED)
    picked = []
    for family in FAMILIES:
        of_family = [a for a in ATTACKS if a.path.parent.name == family]
        count = 1 if family in SLOW else SAMPLE // len(FAMILIES)
        picked += generator.sample(of_family, min(count, len(of_family)))
    return picked


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "attack" in metafunc.fixturenames:
        attacks = chosen(metafunc.config.getoption("--attacks") == "all")
        metafunc.parametrize("attack", attacks, ids=[a.name for a in attacks])


@dataclass
class Arena:
    """A grader at one level, and where the traps are."""

    grader: Grader
    root: Path
    marker: Path
    count: int = 0

    def grade(self, files: dict[str, bytes]) -> SubmissionResult:
        """Hand in files as a new student and grade them."""
        self.count += 1
        folder = self.root / "handed_in" / f"student{self.count}"
        folder.mkdir(parents=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        found: Found = next(
            f for f in find_students(folder.parent) if f.student == folder.name
        )
        result, _ = self.grader.grade(found)
        return result

    def written(self) -> bytes:
        """Everything that grading has written."""
        out = self.grader.job.out
        return b"".join(p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file())


@pytest.fixture(scope="module", params=["A", "B", "C"])
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    from autograder.sandbox.probe import try_level

    problem = try_level(request.param)
    if problem is not None:
        pytest.skip(f"level {request.param} is not to be had here: {problem}")
    root = tmp_path_factory.mktemp(f"arena_{request.param}") / "toys"
    toy_course.write(root)
    (root / "instructor" / "secret").write_bytes(SECRET)
    for folder in (root, *root.parents):
        if folder == Path("/tmp"):
            break
        folder.chmod(0o755)
    with own_imports():
        course = Course(root)
        build(course)
        out = root / "graded"
        (out / "students").mkdir(parents=True)
        grader = Grader(Job(root, (SLUG,), out, request.param))
        try:
            yield Arena(grader, root, root.parent / "marker")
        finally:
            grader.close()


def handed_in(attack: Attack, arena: Arena) -> dict[str, bytes]:
    """The attack's files, its placeholders filled in."""
    text = attack.path.read_text(encoding="utf-8")
    for name, value in (
        ("@ROOT@", str(arena.root)),
        ("@MARKER@", str(arena.marker)),
        ("@PID@", str(os.getpid())),
    ):
        text = text.replace(name, value)
    if attack.path.parent.name != "malformed":
        return {"scale.py": text.encode()}
    spec = importlib.util.spec_from_loader("malformed", loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(text, attack.path.name, "exec"), module.__dict__)
    files: dict[str, bytes] = module.files()
    return files


def honest(arena: Arena) -> bytes:
    return (arena.root / "solutions" / f"{SLUG}.py").read_bytes()


def exercise(result: SubmissionResult) -> ExerciseResult:
    return next(e for e in result.exercises if e.exercise == SLUG)


def processes() -> set[int]:
    """Every process on the machine that is one of a sandbox's."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"boot.py" in command:
                found.add(int(entry.name))
    return found


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_an_attack_gets_what_is_fair_and_leaves_nothing(attack: Attack, arena: Arena) -> None:
    first = exercise(arena.grade({"scale.py": honest(arena)}))
    assert first.points == sum(FULL.values())
    before, memory = processes(), resident()

    result = exercise(arena.grade(handed_in(attack, arena)))

    points = {f.name: f.points for f in result.functions} or dict.fromkeys(FULL, result.points)
    assert points == attack.expect, [
        (c.name, c.status, c.message) for f in result.functions for c in f.checks
    ]
    if attack.status:
        statuses = {f.status for f in result.functions} or {result.status}
        assert attack.status in statuses, statuses
    if attack.review:
        assert result.review
    # The grader lives, and the next submission is graded as if this one had never run.
    after = exercise(arena.grade({"scale.py": honest(arena)}))
    assert after.points == sum(FULL.values())
    assert processes() <= before
    assert not arena.marker.exists()
    assert not list(arena.root.parent.glob("marker*"))
    assert SECRET not in arena.written()
    assert resident() - memory < 200 << 20


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(ATTACKS) >= 100
    assert {a.path.parent.name for a in ATTACKS} == set(FAMILIES)


def test_the_points_of_the_target_are_those_the_corpus_counts_with(arena: Arena) -> None:
    target = arena.grader.course.exercise(SLUG)
    assert {f: target.points(f) for f in FULL} == FULL
