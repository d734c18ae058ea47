"""Results in the terminal. Texts go through `escape.terminal`; nothing is parsed as markup."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..result import CheckResult, ExerciseResult, FunctionResult, SubmissionResult
from .escape import terminal
from .figures import columns, find, in_order, is_complete, is_known, short_names, unknown_points
from .words import (
    closed_gate,
    exercise_word,
    explanation,
    of_points,
    points,
    sentence,
    some_points,
    status_word,
    tone,
)

# Wider than this, a table of a whole course does not fit a terminal.
MOST_COLUMNS = 8
# Narrow, so that a course of several exercises fits 80 columns.
SHORT = {"missing": "-", "unreadable": "?", "not_graded": "!"}
LEGEND = "- not handed in   ? cannot be read   ! not graded"


def class_table(results: Sequence[SubmissionResult]) -> Table:
    """One row per student, sorted by name. Exercises are columns while they fit."""
    slugs = [e.exercise for e in columns(results)]
    shown = slugs if len(slugs) <= MOST_COLUMNS else []
    table = Table(header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=LEGEND)
    table.add_column("student", overflow="fold", min_width=16, max_width=32)
    for name in short_names(shown).values():
        table.add_column(terminal(name), justify="right", no_wrap=True)
    table.add_column("total", justify="right")
    table.add_column("of", justify="right")
    for result in in_order(results):
        total = points(result.points) if is_complete(result) else f"{points(result.points)} + ?"
        table.add_row(
            terminal(result.student),
            *(_cell(find(result, slug)) for slug in shown),
            Text(total, style="bold"),
            Text(points(result.max_points)),
        )
    return table


def result_lines(result: SubmissionResult) -> RenderableType:
    """Heading, then per exercise a table of its functions and what does not pass yet."""
    heading = terminal(result.student, style="bold")
    open_points = sum(unknown_points(e) for e in result.exercises)
    heading.append(f"  {of_points(result.points, result.max_points - open_points)}", style="bold")
    if not is_complete(result):
        heading.append(f", {some_points(open_points)} more not graded", style="magenta")
    parts: list[RenderableType] = [heading]
    parts += [terminal(notice, style="dim") for notice in result.notices]
    for exercise in result.exercises:
        parts.append(Text(""))
        parts.extend(_exercise(exercise))
    return Group(*parts)


def _exercise(exercise: ExerciseResult) -> Iterator[RenderableType]:
    heading = terminal(exercise.title or exercise.exercise, style="bold")
    heading.append("  ")
    heading.append_text(terminal(exercise.exercise, style="dim"))
    worth = of_points(exercise.points, exercise.max_points)
    heading.append(f"  {worth if exercise.status != 'not_graded' else 'not graded'}")
    yield heading
    if exercise.status in ("missing", "unreadable"):
        yield _indented(Text(exercise_word(exercise), style=_style(exercise.status)))
    if exercise.reason:
        yield _indented(terminal(exercise.reason))
    for notice in exercise.notices:
        yield _indented(terminal(notice, style="dim"))
    if exercise.functions:
        yield _indented(_functions(exercise.functions))
    for function in exercise.functions:
        if closed_gate(function):
            yield _indented(terminal(f"{function.name} earns no points until its condition holds."))
        for check in function.checks:
            if check.status != "passed":
                yield _indented(_hidden(function, check))
        for check in function.visible:
            if check.status != "passed":
                yield from _visible(function, check)


def _functions(functions: Sequence[FunctionResult]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    for function in functions:
        table.add_row(
            terminal(function.name),
            Text(f"{points(function.points)} / {points(function.max_points)}"),
            Text(status_word(function.status), style=_style(function.status)),
        )
    return table


def _hidden(function: FunctionResult, check: CheckResult) -> Text:
    line = terminal(function.name, style="bold")
    line.append("  ")
    return line.append_text(terminal(sentence(check)))


def _visible(function: FunctionResult, check: CheckResult) -> Iterator[RenderableType]:
    line = terminal(function.name, style="bold")
    line.append("  ")
    line.append_text(terminal(f"{check.title.rstrip('. ')}: {status_word(check.status)}."))
    yield _indented(line)
    said = check.message or explanation(check)
    if said:
        yield Padding(terminal(said, lines=True), (0, 0, 0, 4))
    if check.hint:
        yield Padding(terminal(f"Hint: {check.hint}"), (0, 0, 0, 4))


def _cell(exercise: ExerciseResult | None) -> Text:
    if exercise is None:
        return Text("")
    if exercise.status != "graded":
        return Text(SHORT[exercise.status], style=_style(exercise.status))
    return Text(points(exercise.points) + ("" if is_known(exercise) else " + ?"))


def _style(status: str) -> str:
    match tone(status):
        case "ok":
            return "green"
        case "wrong" | "unreadable":
            return "red"
        case "unknown":
            return "magenta"
        case _:
            return "yellow"


def _indented(part: RenderableType) -> Padding:
    return Padding(part, (0, 0, 0, 2))
