"""What a student reads below a cell with points, as outputs of that cell."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..report import sentence
from ..report.escape import one_line, visible
from ..report.words import of_points, status_word
from ..result import CheckResult, ExerciseResult, FunctionResult

# MathJax leaves these alone: what looks like a formula may come from a student.
NO_MATH = "tex2jax_ignore mathjax_ignore"


def outputs(
    score: float,
    worth: float,
    function: FunctionResult | None,
    exercise: ExerciseResult,
    told: Sequence[str],
) -> list[Any]:
    """The outputs of a cell with points.

    The score is the one result, as nbgrader takes it: a plain float within [0, worth]. Anything
    else there means full marks or none.

    Args:
        function: What its checks said, or None where the notebook could not be read.
        told: What was repaired while reading, for the first cell of a notebook.
    """
    import nbformat

    said = list(_said(function, exercise))
    shown = list(function.visible if function else ())
    heading = of_points(score, worth)
    plain = [heading, *said, *(f"{_title(c)}\n{visible(c.message)}" for c in shown), *told]
    data = {
        "text/plain": "\n".join(plain),
        "text/html": _html(heading, said, shown, told),
    }
    result: dict[str, Any] = {"output_type": "execute_result", "data": {"text/plain": repr(score)}}
    result |= {"metadata": {}, "execution_count": 1}
    shown_too = {"output_type": "display_data", "data": data, "metadata": {}}
    return [nbformat.from_dict(result), nbformat.from_dict(shown_too)]


def _said(function: FunctionResult | None, exercise: ExerciseResult) -> Iterator[str]:
    """One line for each hidden check, or why nothing was checked."""
    if function is None:
        missing = "The notebook does not hold this exercise."
        yield one_line(exercise.reason) if exercise.reason else missing
        return
    seen: set[str] = set()
    for check in function.checks:
        yield sentence(replace(check, hint="") if check.hint in seen else check)
        seen.add(check.hint)


def _title(check: CheckResult) -> str:
    title = one_line(check.title).rstrip(". ")
    return f"The check that you can run yourself ({title}): {status_word(check.status)}."


def _html(
    heading: str, said: Sequence[str], shown: Sequence[CheckResult], told: Sequence[str]
) -> str:
    parts = [f'<div class="{NO_MATH}"><p><b>{html.escape(heading)}</b></p><ul>']
    parts += [f"<li>{html.escape(text)}</li>" for text in said]
    parts.append("</ul>")
    for check in shown:
        parts.append(f"<p>{html.escape(_title(check))}</p>")
        parts += [f"<pre>{html.escape(visible(check.message))}</pre>"] if check.message else []
    parts += [f"<p><small>{html.escape(one_line(text))}</small></p>" for text in told]
    return "".join([*parts, "</div>"])
