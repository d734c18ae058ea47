"""Make a class of students who do not exist, for the demo and for a test of the whole pipeline.

    python instructor/sample_class/generate.py OUT_FOLDER [--mistakes NUMBER] [--stories]

Everything is made from the course's own sources; the same sources give the same bytes. A new
exercise needs nothing here: its reference, its alternatives and its declared mistakes are handed
in by somebody.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handin import Student

HERE = Path(__file__).resolve().parent
# Names of files in the folder of submissions that begin with a dot are nobody's submission.
STAMP = ".made_by_generate_py"
HANDED_IN = 1_793_534_400  # seconds since 1970; the same for all files


def generate(course_root: Path, out: Path, *, mistakes: int | None = None) -> "list[Student]":
    """Write every submission below `out`, replacing an earlier sample class there.

    Args:
        course_root: The folder with `solutions/` and `instructor/`.
        out: A new or empty folder, or one that this function made.
        mistakes: How many of the declared mistakes the class makes, a sample; else every one.

    Raises:
        ValueError: `out` holds something else.
    """
    _refuse_others(out)
    with _beside_this_file():
        import hostile
        import messy
        import mistaken
        import right
        import trouble
        import unreadable
        from handin import Sources

        sources = Sources(course_root)
        chapters = (right, messy, trouble, hostile, unreadable)
        everybody = [s for chapter in chapters for s in chapter.students(sources)]
        everybody += mistaken.students(sources, mistakes)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / STAMP).touch()
    for student in everybody:
        for name, data in student.files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (HANDED_IN, HANDED_IN))
    return everybody


def _refuse_others(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()) and not (out / STAMP).exists():
        raise ValueError(f"{out} is not empty and is no sample class; choose another folder")


@contextmanager
def _beside_this_file() -> Iterator[None]:
    """Let the modules beside this one be imported: the folder is no package."""
    sys.path.insert(0, str(HERE))
    try:
        yield
    finally:
        sys.path.remove(str(HERE))


def main() -> int:
    """Generate the class of the course that this file lies in."""
    parser = argparse.ArgumentParser(description="Make a sample class.")
    parser.add_argument("out", type=Path, help="a new or empty folder")
    parser.add_argument(
        "--mistakes",
        type=lambda text: None if text == "all" else int(text),
        metavar="NUMBER",
        help="how many declared mistakes are made, or all (unless given)",
    )
    parser.add_argument("--stories", action="store_true", help="say what each student did")
    options = parser.parse_args()
    from autograder.errors import AutograderError

    try:
        everybody = generate(HERE.parents[1], options.out, mistakes=options.mistakes)
    except (AutograderError, ValueError) as error:
        print(f"generate.py: {error}", file=sys.stderr)
        return 2
    for student in everybody if options.stories else ():
        print(f"{student.name!r:32} {student.story}")
    print(f"{len(everybody)} submissions are in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
