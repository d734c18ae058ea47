"""Finding a course on disk: its exercises, their checks, its settings and its secret."""

import contextlib
import importlib
import importlib.util
import json
import os
import secrets
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import CourseError
from .percent import Page, read_page, stub

if TYPE_CHECKING:
    from .exercise import Exercise
    from .submission import Rules


@dataclass(frozen=True)
class Course:
    """A course folder, as instructors have it.

    Args:
        root: The folder with `solutions/`, `instructor/`, `starter_code/` and `assignments/`.
    """

    root: Path

    @staticmethod
    def find(start: Path | None = None) -> "Course":
        """The course that `start` (or the working directory) lies in.

        Raises:
            CourseError: There is no `instructor/course.toml` here or above.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / "instructor" / "course.toml").is_file():
                return Course(folder)
        raise CourseError(
            f"{here} is not inside a course: there is no instructor/course.toml here or above; "
            "change to the course's folder"
        )

    @cached_property
    def settings(self) -> dict[str, Any]:
        """`instructor/course.toml`.

        Raises:
            CourseError: It is not valid TOML.
        """
        path = self.root / "instructor" / "course.toml"
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CourseError(f"instructor/course.toml: {error}") from error
        for volume in settings.get("volumes", []):
            for key in ("folder", "title", "exercises"):
                if key not in volume:
                    raise CourseError(f"instructor/course.toml: a volume has no {key}")
        for slug, names in settings.get("forbidden", {}).items():
            folder, _, name = slug.partition("/")
            volumes = [v for v in settings.get("volumes", []) if v["folder"] == folder]
            if not any(name in (*v["exercises"], *v.get("planned", ())) for v in volumes):
                raise CourseError(f"instructor/course.toml: [forbidden] names {slug}: no exercise")
            if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
                raise CourseError(f"instructor/course.toml: [forbidden] {slug} is no list of names")
        return settings

    @property
    def title(self) -> str:
        return str(self.settings.get("title", self.root.name))

    @cached_property
    def slugs(self) -> tuple[str, ...]:
        """Every exercise in course order. A source that is listed as planned is a draft: left out.

        Raises:
            CourseError: An exercise is listed without a source, or the other way round.
        """
        listed = [
            f"{volume['folder']}/{name}"
            for volume in self.settings.get("volumes", [])
            for name in volume["exercises"]
        ]
        written = {
            f"{path.parent.name}/{path.stem}"
            for path in self.root.glob("solutions/vol*/*.py")
            if path.stem != "__init__"
        }
        drafts = {
            f"{volume['folder']}/{name}"
            for volume in self.settings.get("volumes", [])
            for name in volume.get("planned", ())
        }
        for slug in sorted(written - set(listed) - drafts):
            raise CourseError(f"solutions/{slug}.py is not listed in instructor/course.toml")
        for slug in listed:
            if slug not in written:
                raise CourseError(
                    f"instructor/course.toml lists {slug}; solutions/{slug}.py is missing"
                )
        return tuple(listed)

    def volume(self, slug: str) -> dict[str, Any]:
        """The settings of the volume an exercise belongs to."""
        folder = slug.partition("/")[0]
        return next(v for v in self.settings["volumes"] if v["folder"] == folder)

    def page(self, slug: str) -> Page:
        """The source page of an exercise."""
        self.known([slug])
        return read_page(self.root / "solutions" / f"{slug}.py", slug)

    def stub(self, slug: str) -> Page:
        """The page as students get it."""
        return stub(self.page(slug))

    def known(self, slugs: Iterable[str]) -> tuple[str, ...]:
        """`slugs` in course order, all of them if there are none.

        Raises:
            CourseError: One is not an exercise of this course.
        """
        wanted = [s.strip("/").removesuffix(".py").removesuffix(".ipynb") for s in slugs]
        for slug in wanted:
            if slug not in self.slugs:
                raise CourseError(f"unknown exercise {slug!r}; there are: {', '.join(self.slugs)}")
        return tuple(s for s in self.slugs if not wanted or s in wanted)

    def exercise(self, slug: str) -> "Exercise":
        """Load an exercise's checks.

        Raises:
            CourseError: The file is missing, raises, or defines no `exercise`.
        """
        self.known([slug])
        path = self.root / "instructor" / "checks" / f"{slug}.py"
        where = path.relative_to(self.root)
        if not path.is_file():
            raise CourseError(f"{where} is missing; CONTRIBUTING says what belongs into it")
        page = self.page(slug)
        if self.volume(slug).get("arrays") == "torch" and not has_torch():
            raise CourseError(
                f"{slug} needs PyTorch, which is not installed; README says how to install it, or "
                "name other exercises"
            )
        self.make_importable()
        name = "_checks_" + slug.replace("/", "_")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except CourseError:
            raise
        except Exception as error:
            line = _line_in(error, path)
            raise CourseError(f"{where}:{line}: {type(error).__name__}: {error}") from error
        exercise = getattr(module, "exercise", None)
        if exercise is None or getattr(exercise, "slug", "") != slug:
            raise CourseError(f"{where} must define exercise = Exercise({slug!r}, ...)")
        if bool(exercise.scratch) != (path.stem in self.volume(slug).get("files", ())):
            raise CourseError(
                f"{where}: an exercise with scratch= is listed under `files` of its volume in "
                "instructor/course.toml, and no other is"
            )
        missing = [f for f in page.functions if not exercise.points(f)]
        if missing:
            raise CourseError(f"{where}: {', '.join(missing)} has no check with points")
        return exercise  # type: ignore[no-any-return]

    def rules(self, slug: str) -> "Rules":
        """What an exercise may not use: what its volume forbids, and what `[forbidden]` adds."""
        from .rules import FILES, Rules

        volume, more = self.volume(slug), self.settings.get("forbidden", {}).get(slug, ())
        writes = slug.rpartition("/")[2] in volume.get("files", ())
        rules = Rules(
            forbidden_modules=tuple(volume.get("forbidden_modules", ())),
            forbidden_calls=(*volume.get("forbidden_calls", ()), *more),
            allowed_modules=FILES if writes else (),
        )
        own = slug.rpartition("/")[2] in volume.get("own_gradients", ())
        return rules.with_own_gradients() if own else rules

    def reference(self, slug: str, name: str) -> Any:
        """A function of an earlier exercise's reference, to be served to a worker."""
        self.make_importable()
        module = importlib.import_module("solutions." + slug.replace("/", "."))
        return getattr(module, name)

    def given(self) -> dict[str, str]:
        """The text of every module in `starter_code/given`, by dotted name.

        Raises:
            CourseError: One cannot be read.
        """
        found: dict[str, str] = {}
        for path in sorted((self.root / "starter_code" / "given").rglob("*.py")):
            parts = path.relative_to(self.root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            try:
                found[name] = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise CourseError(f"{path.relative_to(self.root)}: {error}") from error
        return found

    def make_importable(self) -> None:
        """Let checks import `solutions` from this course."""
        if str(self.root) not in sys.path:
            sys.path.insert(0, str(self.root))

    def secret(self) -> bytes:
        """The course secret that seeds every student's inputs; made on first use.

        Raises:
            CourseError: The file cannot be read, or is too short to be a secret.
        """
        path = Path(os.environ.get("AUTOGRADER_SECRET_FILE") or self.root / "instructor" / "secret")
        try:
            if not path.exists() and "AUTOGRADER_SECRET_FILE" not in os.environ:
                _make_secret(path)
            text = path.read_bytes().strip()
        except OSError as error:
            raise CourseError(
                f"{path}: the course secret cannot be read: {error.strerror}"
            ) from error
        if len(text) < 16:
            raise CourseError(
                f"{path}: the course secret is shorter than 16 bytes; delete the file"
            )
        return text


def _make_secret(path: Path) -> None:
    """Write a new secret whole, or leave the one that another process has written meanwhile."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # readable by us only
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)


def has_torch() -> bool:
    """Is PyTorch installed? Does not import it."""
    return importlib.util.find_spec("torch") is not None


def _line_in(error: BaseException, path: Path) -> int:
    """The line of `path` that an exception passed through last."""
    if isinstance(error, SyntaxError):
        return error.lineno or 0
    line, trace = 0, error.__traceback__
    while trace:
        if Path(trace.tb_frame.f_code.co_filename) == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def read_index(path: Path) -> dict[str, Any]:
    """`assignments/course.json`: what the engine knows of a course on a student's machine.

    Raises:
        CourseError: The file is missing or damaged.
    """
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        return dict(index)
    except (OSError, ValueError, TypeError) as error:
        raise CourseError(
            f"{path}: cannot be read ({error}); get a fresh copy of the course"
        ) from error
