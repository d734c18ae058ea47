"""Results as JUnit XML, the format that continuous integration shows as test results.

One `testsuite` per student and exercise, one `testcase` per check. The elements are those that the
strictest consumers know: points are properties of the suite, because many know no other place.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..export import Exported, Request
from ..result import CheckResult, ExerciseResult, FunctionResult, SubmissionResult
from .escape import one_line
from .feedback import hints_once
from .figures import in_order, is_known
from .words import exercise_word, points, sentence

Outcome = Literal["passed", "failure", "error", "skipped"]
# What XML 1.0 cannot hold, not even as a reference.
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
OUTCOMES: dict[str, Outcome] = {
    "passed": "passed",
    "failed": "failure",
    "not_attempted": "failure",
    "raised": "error",
    "timed_out": "error",
    "over_memory": "error",
    "skipped": "skipped",
    "not_graded": "error",
}


@dataclass(frozen=True)
class Case:
    """One test case: `kind` is the status it had, `said` what its reader should know."""

    name: str
    outcome: Outcome
    kind: str
    said: str
    worth: str = ""


def export(results: Sequence[SubmissionResult], request: Request) -> Exported:
    """JUnit XML of one student or of a class."""
    return Exported(junit_xml(results))


def junit_xml(results: Sequence[SubmissionResult]) -> str:
    """JUnit XML of all results, sorted by student."""
    root = ET.Element("testsuites")
    totals = {"tests": 0, "failures": 0, "errors": 0}
    for result in in_order([hints_once(r) for r in results]):
        for exercise in result.exercises:
            suite = _suite(result, exercise)
            root.append(suite)
            for name in totals:
                totals[name] += int(suite.get(name, "0"))
    for name, value in totals.items():
        root.set(name, str(value))
    ET.indent(root, space=" ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(result: SubmissionResult, exercise: ExerciseResult) -> ET.Element:
    cases = _unique(_cases(exercise))
    suite = ET.Element("testsuite", name=_text(f"{result.student} {exercise.exercise}"))
    counts = {kind: sum(c.outcome == kind for c in cases) for kind in ("failure", "error")}
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", str(counts["error"]))
    suite.set("skipped", str(sum(c.outcome == "skipped" for c in cases)))
    suite.set("time", f"{exercise.seconds:.3f}")
    _properties(suite, result, exercise, cases)
    # A dot separates packages: consumers show the student, then the exercise.
    parts = (result.student, *exercise.exercise.split("/"))
    place = ".".join(_text(part).replace(".", "_") for part in parts)
    for case in cases:
        test = ET.SubElement(suite, "testcase", name=case.name, classname=place, time="0")
        if case.outcome != "passed":
            why = ET.SubElement(test, case.outcome, type=case.kind, message=case.said)
            why.text = case.said
        elif case.said:
            ET.SubElement(test, "system-out").text = case.said
    return suite


def _properties(
    suite: ET.Element, result: SubmissionResult, exercise: ExerciseResult, cases: Sequence[Case]
) -> None:
    properties = ET.SubElement(suite, "properties")

    def note(name: str, value: str) -> None:
        ET.SubElement(properties, "property", name=_text(name), value=_text(value))

    note("student", result.student)
    note("exercise", exercise.exercise)
    note("status", exercise.status)
    # A number beside something that was not graded would be taken for a grade.
    if is_known(exercise):
        note("points", points(exercise.points))
    note("max_points", points(exercise.max_points))
    note("isolation", result.isolation)
    for case in cases:
        if case.worth:
            note(f"points of {case.name}", case.worth)


def _cases(exercise: ExerciseResult) -> Iterator[Case]:
    for function in exercise.functions:
        for check in function.checks:
            yield _case(function, check)
    if not exercise.functions:
        match exercise.status:
            case "missing":
                outcome: Outcome = "failure"
                said = "Nothing was handed in for this exercise."
            case "unreadable":
                outcome, said = "error", f"What was handed in cannot be read. {exercise.reason}"
            case "not_graded":
                outcome = "error"
                said = "This could not be graded. It is not the student's fault, and not a zero."
            case _:
                return
        name = f"{exercise.title or exercise.exercise}: {exercise_word(exercise)}"
        yield Case(_text(name), outcome, exercise.status, _text(said))


def _case(function: FunctionResult, check: CheckResult) -> Case:
    outcome = OUTCOMES[check.status]
    quiet = outcome == "passed" and check.points >= check.max_points
    name = _text(f"{function.name}: {check.title.rstrip('. ')}")
    worth = "" if check.status == "not_graded" or not check.max_points else points(check.points)
    worth = f"{worth} of {points(check.max_points)}" if worth else ""
    return Case(name, outcome, check.status, "" if quiet else _text(sentence(check)), worth)


def _unique(cases: Iterator[Case]) -> list[Case]:
    """The cases, each with a name of its own: consumers merge those that share one."""
    taken: dict[str, int] = {}
    found = []
    for case in cases:
        taken[case.name] = taken.get(case.name, 0) + 1
        extra = f" ({taken[case.name]})" if taken[case.name] > 1 else ""
        found.append(Case(case.name + extra, case.outcome, case.kind, case.said, case.worth))
    return found


def _text(text: str) -> str:
    """`text` on one line, with nothing that XML cannot hold."""
    return ILLEGAL.sub(lambda found: f"[U+{ord(found[0]):04X}]", one_line(text))
