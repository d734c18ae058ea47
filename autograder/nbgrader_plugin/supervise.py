"""Grading as a process of its own, so that nothing in it can stop nbgrader or a Jupyter server.

The job comes as JSON on standard input. Each line on standard output is JSON, too: a student who
is graded, one who could not be, or why nobody else can be.
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from ..errors import AutograderError
from ..pool import Job, grade_all
from ..submission import Found


def main() -> None:
    """Grade what standard input says."""
    # What checks print is for people; standard output is ours.
    answers = os.dup(1)
    os.dup2(2, 1)
    told = json.load(sys.stdin)
    job = Job(Path(told["root"]), tuple(told["slugs"]), Path(told["out"]), told["level"])
    students = [Found(name, tuple(map(Path, paths))) for name, paths in told["students"]]
    workers = told["workers"]
    try:
        while students:
            workers = _some(answers, job, students, workers)
    except AutograderError as error:
        _tell(answers, {"problem": str(error)})
    except BrokenPipeError:  # nobody waits for the rest
        pass


def _some(answers: int, job: Job, students: list[Found], workers: int) -> int:
    """Grade until all are done or something fails; with how many workers to go on.

    A bug of ours costs the submission that meets it: the first that is left, if there was one
    worker, and it is not known which if there were more.
    """
    left = {found.student: found for found in students}
    try:
        for result, fresh in grade_all(job, students, workers=workers):
            del left[result.student]
            _tell(answers, {"student": result.student, "fresh": fresh})
    except (AutograderError, BrokenPipeError):
        raise
    except Exception as error:
        traceback.print_exc()
        if workers == 1 or len(left) == 1:
            one = next(iter(left))
            del left[one]
            said = f"{one} is not graded: {type(error).__name__} in a check or in the grader"
            _tell(answers, {"failed": one, "said": said})
    students[:] = left.values()
    return 1


def _tell(answers: int, record: dict[str, Any]) -> None:
    os.write(answers, f"{json.dumps(record)}\n".encode())


if __name__ == "__main__":
    main()
