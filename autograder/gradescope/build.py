"""The zip that a Gradescope assignment is configured with.

It is the instructor's own: hidden checks, references and the course secret are in it.
"""

import contextlib
import io
import json
import os
import shlex
import tempfile
import zipfile
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..course import Course
from ..errors import AutograderError
from ..release import wheel as build_wheel
from ..report.words import count, some_points
from ..report.write import why_not_written
from .record import SHOWS, Settings, not_graded, written
from .run import SETTINGS

HERE = Path(__file__).parent
# Libraries whose version a score can depend on; the container gets the ones that are here.
PINNED = ("numpy", "torch")
# Gradescope gives its container this many minutes unless told otherwise, and 40 at most.
MINUTES, MOST_MINUTES = 10, 40
# Seconds that a function which never returns may take in all: four calls at 2.5 s.
LONGEST = 10
SCRIPTS = ("setup.sh", "run_autograder")
# Archives cannot tell an earlier time, and two builds of the same course are the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)


def command(
    out: Path, names: list[str], show: str, minutes: int, torch_args: str, leaderboard: bool
) -> int:
    """Build the zip for `autograder gradescope build` and say what to do with it."""
    course = Course.find()
    settings = _settings(course, names, show, leaderboard)
    build(course, out, settings, minutes=minutes, torch_args=torch_args)
    exercises = count(len(settings.exercises), "exercise")
    worth = sum(_points(course, slug) for slug in settings.exercises)
    print(f"{out}: {exercises}, {some_points(worth)}")
    print(f"In Gradescope set the assignment's autograder points to {worth:g}.")
    print("Hidden checks, references and the course secret are in it: share it with nobody.")
    warning = too_short(sum(len(course.page(s).functions) for s in settings.exercises), minutes)
    if warning:
        print(warning)
    if _needs_torch(course, settings) and not torch_args:
        print("It installs the default PyTorch, which is large: --torch-args names a CPU build.")
    return 0


def build(
    course: Course,
    out: Path,
    settings: Settings,
    *,
    minutes: int = MINUTES,
    torch_args: str = "",
    wheel: Path | None = None,
) -> None:
    """Write the zip to `out`, whole or not at all; an older one is replaced.

    Args:
        course: Where checks, references and the secret are from.
        out: A path that ends in .zip.
        settings: What is graded and what is shown.
        minutes: The time limit of the assignment in Gradescope.
        torch_args: Arguments for pip that choose a build of PyTorch.
        wheel: The engine; built from the course's folder if it is not given.

    Raises:
        AutograderError: An exercise does not load, an argument makes no sense, or `out` cannot be
            written.
    """
    if out.suffix.lower() != ".zip":
        raise AutograderError(f"{out}: Gradescope takes a zip; give the file a name in .zip")
    if not 2 <= minutes <= MOST_MINUTES:
        raise AutograderError(
            f"--minutes {minutes}: Gradescope's time limit is between 2 and {MOST_MINUTES} minutes"
        )
    for slug in settings.exercises:
        course.exercise(slug)
    files = _files(course, settings, minutes, torch_args)
    with tempfile.TemporaryDirectory() as scratch:
        engine = wheel or build_wheel(course, Path(scratch))
        files[f"engine/{engine.name}"] = engine.read_bytes()
    _write(out, _zip(files))


def too_short(functions: int, minutes: int) -> str:
    """A sentence if a submission that never ends could outlast the time limit, else ""."""
    longest = LONGEST * functions
    if longest <= 60 * minutes - 60:
        return ""
    least = longest // 60 + 2
    if least > MOST_MINUTES:
        return (
            f"A submission that never ends in any of its {functions} functions takes longer than "
            "Gradescope's longest limit and is then not graded: make several assignments of this."
        )
    return (
        f"A submission that never ends in any of its {functions} functions takes {longest} s: set "
        f"Gradescope's time limit to {least} minutes and build the zip with --minutes {least}."
    )


def _settings(course: Course, names: list[str], show: str, leaderboard: bool) -> Settings:
    for known in SHOWS:
        if known == show:
            return Settings(course.known(names), known, leaderboard)
    raise AutograderError(f"--show {show}: choose one of {', '.join(SHOWS)}")


def _points(course: Course, slug: str) -> float:
    exercise = course.exercise(slug)
    return float(sum(exercise.points(f) for f in course.page(slug).functions))


def _needs_torch(course: Course, settings: Settings) -> bool:
    return any(course.volume(slug).get("arrays") == "torch" for slug in settings.exercises)


def _files(course: Course, settings: Settings, minutes: int, torch_args: str) -> dict[str, bytes]:
    """Everything but the engine, by its name in the zip."""
    root = course.root
    paths = [
        root / "instructor" / "course.toml",
        *(root / "instructor" / "checks" / f"{slug}.py" for slug in settings.exercises),
        # All of them: later exercises build on earlier ones.
        *(root / "solutions" / f"{slug}.py" for slug in course.slugs),
        root / "solutions" / "__init__.py",
        *root.glob("solutions/vol*/__init__.py"),
        root / "starter_code" / "__init__.py",
        *(p for p in root.glob("starter_code/given/**/*") if "__pycache__" not in p.parts),
        *(p for p in root.glob("datasets/**/*") if "__pycache__" not in p.parts),
    ]
    files = {p.relative_to(root).as_posix(): p.read_bytes() for p in paths if p.is_file()}
    files["instructor/secret"] = course.secret() + b"\n"
    files[SETTINGS] = (json.dumps(asdict(settings), indent=1) + "\n").encode()
    files["not_graded.json"] = written(not_graded()).encode()
    files["constraints.txt"] = "".join(f"{name}=={v}\n" for name, v in _versions()).encode()
    values = {
        # Time to say that it took too long, before Gradescope says it with a zero.
        "@SECONDS@": str(60 * minutes - 60),
        "@EXERCISES@": shlex.join(settings.exercises),
        "@TORCH@": "yes" if _needs_torch(course, settings) else "no",
        "@TORCH_ARGS@": shlex.join(shlex.split(torch_args)),
    }
    for name in SCRIPTS:
        text = (HERE / name).read_text(encoding="utf-8")
        for mark, value in values.items():
            text = text.replace(mark, value)
        files[name] = text.encode()
    return files


def _versions() -> list[tuple[str, str]]:
    found = []
    for name in PINNED:
        try:
            # A build's own label, like +cpu, is not on every index.
            found.append((name, version(name).partition("+")[0]))
        except PackageNotFoundError:
            continue
    return found


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            member = zipfile.ZipInfo(name, EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3
            member.external_attr = (0o755 if name in SCRIPTS else 0o600) << 16
            archive.writestr(member, files[name])
    return buffer.getvalue()


def _write(out: Path, data: bytes) -> None:
    beside = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(beside, out)
    except OSError as error:
        raise AutograderError(why_not_written(out, error)) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
