"""What a person reads for a status, for points, for a check."""

from ..result import CheckResult, ExerciseResult, FunctionResult, RaceResult, Status
from .escape import one_line


def points(value: float) -> str:
    """Points as people write them: 3, 2.5, 0.33."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 student`, `3 students`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def some_points(value: float) -> str:
    """`1 point`, `2.5 points`."""
    return f"{points(value)} {'point' if value == 1 else 'points'}"


def of_points(value: float, maximum: float) -> str:
    """`2 of 3 points`, `1 of 1 point`."""
    return f"{points(value)} of {some_points(maximum)}"


def status_word(status: Status) -> str:
    """The status of a check or of a function."""
    match status:
        case "raised":
            return "raised an error"
        case "not_attempted":
            return "not attempted"
        case "timed_out":
            return "timed out"
        case "over_memory":
            return "over memory"
        case "not_graded":
            return "not graded"
        case _:
            return status


def exercise_word(exercise: ExerciseResult) -> str:
    """The status of an exercise."""
    match exercise.status:
        case "missing":
            return "not handed in"
        case "not_graded":
            return "not graded"
        case _:
            return exercise.status


def tone(status: str) -> str:
    """The family of a status, which decides its sign and colour: ok, wrong, empty or unknown."""
    match status:
        case "passed" | "graded":
            return "ok"
        case "not_attempted" | "missing":
            return "empty"
        case "skipped" | "not_graded":
            return "unknown"
        case _:
            return "wrong"


def explanation(check: CheckResult) -> str:
    """What the status means for the student, where the status alone does not say it."""
    match check.status:
        case "not_attempted":
            said = "Nothing is written here yet."
        case "failed":
            said = "The result is not right yet."
        case "raised":
            said = "The function ended in an exception."
        case "timed_out":
            said = "The call did not end in the time it is given; look for a loop that goes on."
        case "over_memory":
            said = "The call needed more memory than it is given."
        case "skipped":
            return "This needs a device that the grading machine does not have; it has not run."
        case "not_graded":
            return "This could not be graded. It is not your fault, and it is not a zero."
        case "passed" if check.points < check.max_points:
            said = "It counts once the checks that it builds on pass."
        case _:
            said = ""
    return "" if check.message else said


def race_name(race: RaceResult) -> str:
    """The name of a race as people write it: `Greedy decoding`."""
    return race.name.replace("_", " ").capitalize()


def race_ratio(race: RaceResult) -> str:
    """`1.23 times the speed of the reference`, or `not measured`."""
    if race.ratio is None:
        return "not measured"
    return f"{race.ratio:.2f} times the speed of the reference"


def race_speed(race: RaceResult) -> str:
    """`1,240 tokens per second of processor time`; nothing where nothing was measured."""
    if race.speed is None:
        return ""
    digits = 0 if race.speed >= 100 else 2
    return f"{race.speed:,.{digits}f} {race.unit} per second of processor time"


def race_sentence(race: RaceResult) -> str:
    """What a race gave, on one line, not escaped for any format."""
    if race.ratio is None:
        return one_line(f"Not measured. {race.reason}")
    return one_line(f"{race_ratio(race)}, {race_speed(race)}.")


def closed_gate(function: FunctionResult) -> bool:
    """Whether a condition without points keeps this function from earning any."""
    return any(c.gate and tone(c.status) in ("wrong", "empty") for c in function.checks)


def sentence(check: CheckResult) -> str:
    """What a student reads about a hidden check, on one line, not escaped for any format."""
    worth = f", {of_points(check.points, check.max_points)}" if check.max_points else ""
    condition = " (a condition for any points)" if check.gate else ""
    said = [f"{check.title.rstrip('. ')}{condition}: {status_word(check.status)}{worth}."]
    said += [text for text in (check.message, explanation(check)) if text]
    if check.hint:
        said.append(f"Hint: {check.hint}")
    return one_line(" ".join(said))
