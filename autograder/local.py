"""A student's own work on a student's own machine: find it, load it, run its visible checks.

Nothing here isolates anything, and nothing here needs Linux: it is the student's own code.
"""

import __future__

import ast
import hashlib
import os
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from .course import has_torch, read_index
from .errors import AutograderError, CourseError, SubmissionError
from .percent import Page, parse_page
from .result import Status
from .selfcheck import run_visible
from .source import StudentModule
from .student import LocalBackend, Student
from .submission import RawFile, Rules, read_module

# Where the index of a course is: in the course's own tree, or beside notebooks handed out alone.
INDEXES = ("assignments/course.json", "exercises.json")
FUTURE_FLAGS = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


@dataclass(frozen=True)
class Line:
    """What the visible check of one function said."""

    exercise: str
    function: str
    status: Status
    message: str
    points: float


@dataclass(frozen=True)
class Work:
    """A student's module, loaded and checked: its state then, its names, and what was found."""

    state: str
    names: dict[str, Any]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Desk:
    """The course as a student has it: stubs, notebooks, and the pristine pages to compare with."""

    root: Path

    @staticmethod
    def find(start: Path | None = None) -> "Desk":
        """The course that `start` (or the working directory) lies in.

        Raises:
            CourseError: There is no `assignments/course.json` here or above.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if any((folder / index).is_file() for index in INDEXES):
                return Desk(folder)
        raise CourseError(
            f"{here} is not inside a course: there is no assignments/course.json here or above; "
            "change to the course's folder"
        )

    @cached_property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The index entry of each exercise, in course order."""
        there = [p for p in (self.root / index for index in INDEXES) if p.is_file()]
        index = read_index((there or [self.root / INDEXES[0]])[0])
        return {e["exercise"]: e for e in index["exercises"]}

    def entry(self, slug: str) -> dict[str, Any]:
        """One exercise's entry.

        Raises:
            CourseError: There is no such exercise.
        """
        if slug not in self.entries:
            raise CourseError(f"unknown exercise {slug!r}; there are: {', '.join(self.entries)}")
        return self.entries[slug]

    def page(self, slug: str) -> Page:
        """The pristine stub page."""
        return parse_page(self.entry(slug)["page"], slug, "assignments/course.json")

    def wanted(self, names: Sequence[str]) -> list[str]:
        """Slugs for what was typed: a slug, or the path of its module or notebook."""
        slugs = []
        for name in names:
            plain = name.replace("\\", "/").removesuffix(".py").removesuffix(".ipynb").strip("/")
            parts = plain.split("/")
            short = [s for s in self.entries if s.rpartition("/")[2] == plain]
            slugs.append(short[0] if len(short) == 1 else "/".join(parts[-2:]))
            self.entry(slugs[-1])
        return slugs or list(self.entries)

    def own_file(self, slug: str) -> Path:
        """The module or the notebook of an exercise, whichever the student works in.

        That is the one that differs from how it was handed out; if both do, the newer one.

        Raises:
            CourseError: Neither is there.
        """
        there = self._own_files(slug)
        if not there:
            module, notebook = self._places(slug)
            raise CourseError(f"there is neither {module} nor {notebook}")
        worked = [p for p in there if self._worked_on(p, slug)]
        return max(worked or there[:1], key=lambda p: p.stat().st_mtime)

    def _places(self, slug: str) -> tuple[Path, Path]:
        """Where the module and the notebook of an exercise are in the course's own tree."""
        return (
            self.root / "starter_code" / f"{slug}.py",
            self.root / "assignments" / f"{slug}.ipynb",
        )

    def _own_files(self, slug: str) -> list[Path]:
        return [p for p in self._places(slug) if p.is_file()] or self._handed_out_alone(slug)

    def _handed_out_alone(self, slug: str) -> list[Path]:
        """The notebook of an exercise beside the index, or in a folder beside that one."""
        name = f"{slug.rpartition('/')[2]}.ipynb"
        if not (self.root / INDEXES[1]).is_file():
            return []
        here = [p for p in (self.root / name,) if p.is_file()]
        return here or sorted(self.root.parent.glob(f"*/{name}"))

    def _worked_on(self, path: Path, slug: str) -> bool:
        if path.suffix == ".py":
            page = str(self.entry(slug)["page"])
            return path.read_text(encoding="utf-8", errors="replace") != page
        try:
            return self._read(path, slug).sha256 != self._pristine(slug)
        except SubmissionError:
            return True

    def _pristine(self, slug: str) -> str:
        data = self.entry(slug)["page"].encode()
        name = slug.rpartition("/")[2]
        page = self.page(slug)
        return read_module(RawFile(f"{name}.py", f"{name}.py", data), page, Rules()).sha256

    def _read(self, path: Path, slug: str) -> StudentModule:
        origin = Path(os.path.relpath(path, self.root)).as_posix()
        return read_module(RawFile(path.name, origin, path.read_bytes()), self.page(slug), Rules())

    def module(self, slug: str) -> StudentModule:
        """What the student wrote for an exercise.

        Raises:
            SubmissionError: It cannot be read.
        """
        return self._read(self.own_file(slug), slug)

    def student(self, slug: str) -> Student:
        """The student's functions, loaded into this process.

        Raises:
            AutograderError: A cell raises while it is loaded; the message says which and where.
        """
        return Student(LocalBackend(self.names(slug), arrays=self.entry(slug)["arrays"]))

    def names(self, slug: str) -> dict[str, Any]:
        """The names the student's module defines."""
        return self._load(slug, self.module(slug))

    def _load(self, slug: str, module: StudentModule) -> dict[str, Any]:
        self.make_given_importable()
        loaded = types.ModuleType("student_" + slug.replace("/", "_"))
        sys.modules[loaded.__name__] = loaded
        for earlier in module.earlier:
            loaded.__dict__[earlier.local] = _Later(self, earlier.exercise, earlier.name)
        future = 0  # in a notebook, what a cell imports from __future__ holds for later cells
        for cell in module.cells:
            padded = "\n" * (cell.line - 1) + cell.source
            name = f"{module.origin} {cell.label}"
            try:
                code = compile(padded, name, "exec", flags=future, dont_inherit=True)
                future |= code.co_flags & FUTURE_FLAGS
                exec(code, loaded.__dict__)
            except Exception as error:
                raise AutograderError(
                    f"{module.origin}, {cell.label}: {type(error).__name__} while it is loaded: "
                    f"{error}"
                ) from error
        return loaded.__dict__

    def make_given_importable(self) -> None:
        """Let `import starter_code.given` find the folder of this course."""
        if (self.root / "starter_code" / "given").is_dir() and str(self.root) not in sys.path:
            sys.path.insert(0, str(self.root))

    def check(self, slug: str) -> Iterator[Line]:
        """Run the pristine visible checks on the student's functions."""
        entry = self.entry(slug)
        points = {f["name"]: float(f["points"]) for f in entry["functions"]}
        if entry["arrays"] == "torch" and not has_torch():
            for name, worth in points.items():
                yield Line(slug, name, "skipped", "it needs PyTorch; see README", worth)
            return
        try:
            module = self.module(slug)
            names = self._load(slug, module)
        except (SubmissionError, AutograderError) as error:
            for name, worth in points.items():
                yield Line(slug, name, "raised", str(error), worth)
            return
        yield from self._check_loaded(slug, names, module.broken)

    def _check_loaded(
        self, slug: str, names: dict[str, Any], broken: Mapping[str, str]
    ) -> Iterator[Line]:
        entry = self.entry(slug)
        student = Student(LocalBackend(names, arrays=entry["arrays"]))
        visible = self._visible(slug)
        for name, worth in ((f["name"], float(f["points"])) for f in entry["functions"]):
            if name in broken:
                yield Line(slug, name, "raised", broken[name], worth)
            else:
                status, message = run_visible(visible[f"visible_{name}"], student)
                yield Line(slug, name, status, message, worth)  # type: ignore[arg-type]

    def work(self, slug: str) -> tuple[Work, bool]:
        """The student's module, loaded and checked, and whether that was done just now.

        It is done once, and again when the student's files, or those it builds on, change.

        Raises:
            AutograderError: It cannot be loaded.
        """
        state = self._state(slug, {})
        done = self._remembered.get(slug)
        if done is not None and done.state == state:
            return done, False
        module = self.module(slug)
        names = self._load(slug, module)
        done = Work(state, names, tuple(self._check_loaded(slug, names, module.broken)))
        self._remembered[slug] = done
        return done, True

    @cached_property
    def _remembered(self) -> dict[str, Work]:
        return {}

    def _state(self, slug: str, known: dict[str, str]) -> str:
        """A hash of the student's files of an exercise and of those that it builds on."""
        if slug not in known:
            digest = hashlib.sha256()
            for path in self._own_files(slug):  # the newer one counts, so times do, too
                digest.update(f"{path} {path.stat().st_mtime_ns} ".encode() + path.read_bytes())
            for earlier in self.entry(slug)["earlier"]:
                digest.update(self._state(earlier, known).encode())
            known[slug] = digest.hexdigest()
        return known[slug]

    def _visible(self, slug: str) -> dict[str, Any]:
        page = self.page(slug)
        names: dict[str, Any] = {"__name__": f"visible_{slug}"} | dict.fromkeys(page.functions, Any)
        self.make_given_importable()
        for cell in page.cells:
            if cell.kind in ("check", "given"):
                tree = ast.parse(cell.source)
                # What is answered here and earlier exercises are the student's; a visible check
                # does not use them, and given code may name their types at most.
                earlier = [s for s in tree.body if isinstance(s, ast.ImportFrom) and s.level]
                names |= {a.asname or a.name: Any for s in earlier for a in s.names}
                tree.body = [s for s in tree.body if s not in earlier]
                exec(compile(tree, f"checks of {slug}", "exec"), names)
        return names


class _Later:
    """An earlier exercise's function, loaded when it is first called."""

    def __init__(self, desk: Desk, slug: str, name: str) -> None:
        self.desk, self.slug, self.name = desk, slug, name
        self.function: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.function is None:
            work, new = self.desk.work(self.slug)
            if new:
                _announce(work)
            self.function = getattr(types.SimpleNamespace(**work.names), self.name)
        return self.function(*args, **kwargs)


def own_module(slug: str, *, desk: Desk | None = None) -> types.SimpleNamespace:
    """The student's own module for an exercise, as a namespace.

    Says so, in one sentence, for every function that does not pass its visible check yet. What was
    loaded and checked in this session, and has not changed, is neither loaded nor checked again.
    """
    work, _ = (desk or _desk_here()).work(slug)
    _announce(work)
    return types.SimpleNamespace(**work.names)


def _announce(work: Work) -> None:
    for line in work.lines:
        if line.status != "passed":
            words = "is not written yet" if line.status == "not_attempted" else "does not pass yet"
            print(
                f"Note: your {line.function} from {line.exercise} {words}; "
                f"run `autograder check {line.exercise}`."
            )


def _desk_here() -> Desk:
    """The desk of this session in the course that we are in."""
    root = Desk.find().root
    there = [p for p in (root / index for index in INDEXES) if p.is_file()]
    return _desk_at(root, there[0].stat().st_mtime_ns)


@cache
def _desk_at(root: Path, indexed: int) -> Desk:
    """One desk per state of the course's index."""
    return Desk(root)
