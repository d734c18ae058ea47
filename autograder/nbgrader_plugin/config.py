"""What nbgrader is told: which of its steps are ours."""

import re
from pathlib import Path
from typing import Any

from ..course import Course

OURS = "autograder.nbgrader_plugin"
THEIRS = "nbgrader.preprocessors"


def configure(c: Any, root: Path) -> None:
    """Set up nbgrader's configuration `c` for the course at `root`.

    Folders, gradebook, exchange and plugins stay what nbgrader or later lines make them. Only the
    folder of results is new; `IsolatedExporter` has the settings.

    Args:
        c: What `get_config()` gives in a file nbgrader_config.py.
        root: The course's folder, with `solutions/` and `instructor/`.

    Raises:
        CourseError: There is no course at `root`.
    """
    course = Course.find(root)
    c.CourseDirectory.course_id = re.sub(r"\W+", "-", course.title.lower()).strip("-") or "course"
    c.IsolatedExporter.course_root = str(course.root)
    # nbgrader looks at every notebook again after each step otherwise.
    c.IsolatedExporter.optimistic_validation = True
    c.GenerateAssignment.preprocessors = [
        f"{THEIRS}.IncludeHeaderFooter",
        f"{OURS}.handout.OnlyOurTests",
        f"{THEIRS}.LockCells",
        f"{OURS}.handout.KeepStubs",
        f"{THEIRS}.ClearOutput",
        f"{THEIRS}.CheckCellMetadata",
        f"{THEIRS}.ComputeChecksums",
        f"{THEIRS}.SaveCells",
        f"{THEIRS}.ClearHiddenTests",
        f"{THEIRS}.ClearMarkScheme",
        f"{THEIRS}.ComputeChecksums",
        f"{THEIRS}.CheckCellMetadata",
    ]
    c.Autograde.exporter_class = f"{OURS}.exporter.IsolatedExporter"
    c.Autograde.sanitize_preprocessors = [f"{OURS}.restore.Restore"]
    c.Autograde.autograde_preprocessors = [
        f"{OURS}.grade.GradeInIsolation",
        f"{THEIRS}.SaveAutoGrades",
        f"{THEIRS}.AssignLatePenalties",
    ]
    c.ExportApp.plugin_class = f"{OURS}.export.CsvExport"
