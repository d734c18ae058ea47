"""What students and instructors read: complete, fair, and safe whatever a student wrote."""

import csv
import dataclasses
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from autograder import report
from autograder.result import (
    CheckResult,
    ExerciseResult,
    FunctionResult,
    RaceResult,
    Status,
    SubmissionResult,
)

HOSTILE = (
    "</style></title><script>alert(1)</script><img src=x onerror=alert(1)>\" onload='x' \n\n# h\n"
    "```\n![p](http://evil/p) [l](javascript:x) {{ 7*7 }} [red]\x1b[2J\u202e =1+1"
)


def check(status: Status, **changes: Any) -> CheckResult:
    earned = 2.0 if status == "passed" else 0.0
    plain = CheckResult("values", "R", "Values agree with the definition.", status, earned, 2.0)
    return dataclasses.replace(plain, **changes)


def exercise(*checks: CheckResult, **changes: Any) -> ExerciseResult:
    passed: Status = "passed"
    status = next((c.status for c in checks if c.status != passed), passed)
    total, most = sum(c.points for c in checks), sum(c.max_points for c in checks)
    function = FunctionResult("scale", status, total, most, checks)
    made = ExerciseResult(
        "vol/scale",
        "Scale",
        "1",
        "graded",
        total,
        most,
        (function,),
        "scale.ipynb",
        "0a" * 32,
    )
    return dataclasses.replace(made, **changes)


def submission(student: str, *exercises: ExerciseResult, **changes: Any) -> SubmissionResult:
    total, most = sum(e.points for e in exercises), sum(e.max_points for e in exercises)
    made = SubmissionResult(student, total, most, "A", "0.1", "3f2a", "9c" * 32, exercises)
    return dataclasses.replace(made, **changes)


def not_graded(**changes: Any) -> ExerciseResult:
    made = ExerciseResult(
        "vol/late", "Late", "1", "not_graded", 0.0, 7.0, reason="the zygote of pid 4711 died"
    )
    return dataclasses.replace(made, **changes)


def hostile(text: str) -> SubmissionResult:
    """A result in which every text that a student could influence is `text`."""
    seen = check("failed", kind="V", points=0.0, max_points=0.0, message=text)
    wrong = exercise(
        check("failed", message=text, hint=text, title=text, mistake=text),
        source=text, notices=(text,), review=(text,), title=text,
    )  # fmt: skip
    function = dataclasses.replace(wrong.functions[0], visible=(seen,))
    wrong = dataclasses.replace(wrong, functions=(function,))
    broken = ExerciseResult("vol/b", text, text, "unreadable", 0.0, 1.0, reason=text)
    return submission(text, wrong, broken, not_graded(reason=text), notices=(text,), engine=text)


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.shape: list[tuple[str, ...]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.labels: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, *(name for name, _ in attrs)))
        self.links += [v or "" for n, v in attrs if n in ("href", "src", "action")]
        self.ids += [v or "" for n, v in attrs if n == "id"]
        self.labels += [v or "" for n, v in attrs if n == "aria-label"]
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        self.shape.append(("/", tag))
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def feedback(result: SubmissionResult, folder: Path) -> tuple[Page, str]:
    report.write_feedback(result, folder)
    html = (folder / "feedback.html").read_text(encoding="utf-8")
    return Page(html), (folder / "feedback.md").read_text(encoding="utf-8")


def class_page(folder: Path, *results: SubmissionResult, **more: Any) -> Page:
    problems = more.pop("problems", [])
    report.write_class_report(results, problems, folder / "class.html", title="Class", **more)
    return Page((folder / "class.html").read_text(encoding="utf-8"))


def grades(folder: Path, *results: SubmissionResult) -> list[dict[str, str]]:
    report.write_grades_csv(results, folder / "grades.csv")
    return list(csv.DictReader(io.StringIO((folder / "grades.csv").read_text(encoding="utf-8"))))


def printed(renderable: Any, *, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, force_terminal=True).print(renderable)
    return out.getvalue()


def spoken(text: str) -> str:
    return re.sub(r"\s+", " ", text)


# What a student reads.


def test_feedback_shows_total_points_status_message_and_hint(tmp_path: Path) -> None:
    hint = "This is what averaging over every axis gives: average over the last axis only."
    wrong = check("failed", name="edge", message="The values are wrong.", hint=hint)
    page, markdown = feedback(submission("Anna", exercise(check("passed"), wrong)), tmp_path)
    for text in (page.text, markdown):
        assert "Anna" in text
        assert "1 check does not pass yet; 1 hint below says where to look." in text
        assert "The values are wrong." in text
        assert hint in text
    assert "2 of 4 points" in page.text
    assert "- **failed** (0 of 2): Values agree with the definition. The values" in markdown
    assert f"  > **Hint:** {hint}" in markdown


def test_what_is_not_graded_is_no_zero_and_nobodys_fault_but_ours(tmp_path: Path) -> None:
    result = submission("Anna", exercise(check("passed")), not_graded())
    page, markdown = feedback(result, tmp_path)
    for text in (page.text, spoken(markdown)):
        assert "2 of 2 points" in text
        assert "7 points could not be graded yet. That is not your fault" in text
        assert (
            "The fault is on our side and not in your work, and it is not counted as zero." in text
        )
        assert "0 of 7" not in text and "of 9" not in text
        assert "4711" not in text


def test_a_single_check_that_is_not_graded_leaves_its_points_open(tmp_path: Path) -> None:
    result = submission("Anna", exercise(check("passed"), check("not_graded", name="edge")))
    page, markdown = feedback(result, tmp_path)
    assert "2 of 2 points, 2 more not graded" in page.text
    assert "open / 2" in page.text
    assert "- **not graded** (2 points open)" in markdown
    assert "It is not your fault, and it is not a zero." in markdown


@pytest.mark.parametrize(
    ("status", "word", "said"),
    [
        ("not_attempted", "not attempted", "Nothing is written here yet."),
        ("timed_out", "timed out", "look for a loop that goes on."),
        ("over_memory", "over memory", "more memory than it is given."),
        ("skipped", "skipped", "needs a device that the grading machine does not have"),
        ("raised", "raised an error", "ended in an exception."),
        ("failed", "failed", "The result is not right yet."),
    ],
)
def test_a_status_is_a_word_and_a_sentence(
    status: Status, word: str, said: str, tmp_path: Path
) -> None:
    result = submission("Anna", exercise(check(status)))
    page, markdown = feedback(result, tmp_path)
    for text in (page.text, markdown, spoken(printed(report.result_lines(result)))):
        assert word in text and said in text
        assert "_" not in status or status not in text


def test_a_missing_and_an_unreadable_exercise_say_so(tmp_path: Path) -> None:
    missing = ExerciseResult("vol/a", "A", "1", "missing", 0.0, 3.0)
    broken = ExerciseResult("vol/b", "B", "1", "unreadable", 0.0, 3.0, reason="b.ipynb is empty")
    for text in (p if isinstance(p, str) else p.text for p in feedback(
        submission("Anna", missing, broken), tmp_path
    )):  # fmt: skip
        assert "Nothing was handed in for this exercise." in text
        assert "could not be read. b.ipynb is empty." in text


def named(number: int, **changes: Any) -> ExerciseResult:
    """One of many exercises."""
    made = exercise(check("passed"), check("failed", mistake="a_slip", hint="Look here."))
    return dataclasses.replace(
        made, exercise=f"vol{number % 2}/e{number}", title=f"Number {number}", **changes
    )


def absent(number: int) -> ExerciseResult:
    return named(number, status="missing", functions=(), points=0.0, source="")


def test_of_many_exercises_those_not_handed_in_are_listed_in_one_place(tmp_path: Path) -> None:
    page, markdown = feedback(submission("Anna", named(0), *map(absent, range(1, 30))), tmp_path)
    for text in (page.text, markdown):
        assert "Nothing was handed in for this exercise." not in text
        assert "Nothing was handed in for 29 exercises, worth 116 points" in text
        assert "Number 29" in text
    assert page.shape.count(("article", "class", "id")) == 1


def test_many_exercises_are_listed_at_the_top_with_points(tmp_path: Path) -> None:
    page, _ = feedback(submission("Anna", *map(named, range(20))), tmp_path)
    assert [link for link in page.links if link.startswith("#exercise-")] == [
        f"#exercise-{n}" for n in range(1, 21)
    ]
    assert {link[1:] for link in page.links if link.startswith("#exercise-")} <= set(page.ids)
    assert "Number 7 2 / 4" in page.text
    few, _ = feedback(submission("Anna", *map(named, range(3))), tmp_path)
    assert "#exercise-1" not in few.links


def test_a_closed_gate_explains_why_passed_checks_give_no_points(tmp_path: Path) -> None:
    gate = check("failed", name="kept", title="x stays as it is.", gate=True, max_points=0.0)
    made = exercise(check("passed"), gate)
    closed = dataclasses.replace(made.functions[0], points=0.0)
    result = submission("Anna", dataclasses.replace(made, points=0.0, functions=(closed,)))
    page, markdown = feedback(result, tmp_path)
    for text in (page.text, markdown):
        assert "This function earns points once the condition marked below holds." in text
        assert "Needed for any points." in text
    assert "scale earns no points until its condition holds." in printed(
        report.result_lines(result)
    )


def test_visible_checks_keep_their_lines_and_values_in_monospace(tmp_path: Path) -> None:
    message = "dx differs in 48 of 48 elements\n  yours -6.52, expected -3.26"
    seen = check("failed", kind="V", points=0.0, max_points=0.0, message=message)
    made = exercise(check("passed"))
    function = dataclasses.replace(made.functions[0], visible=(seen,))
    result = submission("Anna", dataclasses.replace(made, functions=(function,)))
    _, markdown = feedback(result, tmp_path)
    assert f"<pre>{message}</pre>" in (tmp_path / "feedback.html").read_text(encoding="utf-8")
    assert "  ```text\n  dx differs in 48 of 48 elements\n    yours -6.52" in markdown


def test_no_finding_for_review_and_no_name_of_a_mistake_reaches_the_student(tmp_path: Path) -> None:
    wrong = check("failed", mistake="averages_everything", hint="Average over one axis.")
    result = submission("Anna", exercise(wrong, review=("copied from Bram",)))
    page, markdown = feedback(result, tmp_path)
    assert "Bram" not in page.text + markdown
    assert "averages_everything" not in page.text + markdown
    assert "Bram" in class_page(tmp_path, result).text


def test_the_sentence_of_a_check_holds_everything_once_on_one_line() -> None:
    wrong = check("failed", message="The values\nare wrong.", hint="Look at the axis.")
    assert report.sentence(wrong) == (
        "Values agree with the definition: failed, 0 of 2 points. The values are wrong. "
        "Hint: Look at the axis."
    )
    assert report.sentence(check("passed")) == (
        "Values agree with the definition: passed, 2 of 2 points."
    )
    gate = check("failed", gate=True, max_points=0.0, message="It changed.")
    assert report.sentence(gate) == (
        "Values agree with the definition (a condition for any points): failed. It changed."
    )
    assert report.sentence(check("passed", points=0.0)).endswith(
        "0 of 2 points. It counts once the checks that it builds on pass."
    )


# What an instructor reads.


def three() -> list[SubmissionResult]:
    hint = "Average over one axis."
    slip = check("failed", mistake="averages_everything", hint=hint)
    return [
        submission("zoe", exercise(check("passed")), not_graded(), seconds=1.0),
        submission("Bram", exercise(slip, notices=("cell 7 left out",)), not_graded(
            status="graded", points=7.0, reason="")),
        submission("anna", exercise(check("not_attempted"), review=("imports os",)), not_graded(
            status="missing", reason="")),
    ]  # fmt: skip


def test_the_class_report_shows_every_student_once_sorted_by_name(tmp_path: Path) -> None:
    class_page(tmp_path, *three())
    html = (tmp_path / "class.html").read_text(encoding="utf-8")
    body = html[html.index("<tbody>") : html.index("</tbody>")]
    assert re.findall(r"<tr><td>(\w+)</td>", body) == ["anna", "Bram", "zoe"]


def test_the_class_report_tells_points_mistakes_reasons_reviews_and_repairs(tmp_path: Path) -> None:
    problems = [("eve.zip", "eve.zip is a bomb")]
    text = class_page(tmp_path, *three(), problems=problems, when="20 November 2026").text
    for said in (
        "20 November 2026", "eve.zip is a bomb", "the zygote of pid 4711 died", "imports os",
        "cell 7 left out", "averages everything", "Average over one axis.", "1 of 3", "3f2a",
        "1 graded, 1 not handed in, 1 not graded", "2 + ?", "7 points not graded",
    ):  # fmt: skip
        assert said in text, said


def test_of_many_exercises_only_the_headings_are_open(tmp_path: Path) -> None:
    def unfolded(page: Page) -> int:
        return page.shape.count(("details", "class", "open"))

    few = [submission("anna", *map(named, range(3)))]
    assert unfolded(class_page(tmp_path, *few)) == 3
    page = class_page(tmp_path, submission("anna", *map(named, range(40))))
    assert unfolded(page) == 0
    assert page.shape.count(("details", "class")) == 40
    assert page.labels.count("Of the points: 50 % passed, 50 % not right") == 40
    assert "vol0" in page.words and "vol1" in page.words, "grouped by volume"


def test_after_the_most_frequent_mistakes_the_others_are_folded(tmp_path: Path) -> None:
    slips = [exercise(check("failed", mistake=f"slip_{n}", hint=f"Hint {n}.")) for n in range(12)]
    page = class_page(tmp_path, *(submission(f"s{n}", one) for n, one in enumerate(slips)))
    assert "7 more" in page.text
    assert all(f"Hint {n}." in page.text for n in range(12))


def test_what_is_said_of_many_exercises_of_one_student_is_said_once(tmp_path: Path) -> None:
    broken = [
        dataclasses.replace(absent(n), status="unreadable", reason="it is a PDF") for n in range(19)
    ]
    page = class_page(tmp_path, submission("anna", *broken), submission("bert", broken[0]))
    assert page.text.count("it is a PDF") == 2
    assert "vol0/e0 and 18 more" in page.text and "Could not be graded (2)" in page.text


def test_bars_and_histogram_say_in_words_what_they_draw(tmp_path: Path) -> None:
    labels = class_page(tmp_path, *three()).labels
    assert "1 passed, 1 not right, 1 not attempted" in labels
    assert "Distribution of totals: 1 student at 0-10 %, 1 student at 70-80 %" in labels


def test_a_student_who_is_not_fully_graded_is_in_no_mean_and_no_distribution(
    tmp_path: Path,
) -> None:
    text = class_page(tmp_path, three()[0]).text
    assert "none yet" in text
    assert "1 not fully graded" in text
    whole = [submission("a", exercise(check("passed"))), submission("b", exercise(check("failed")))]
    assert "mean1 of 2 points" in class_page(tmp_path, *whole).text


def test_the_most_frequent_mistake_comes_first(tmp_path: Path) -> None:
    rare, frequent = check("failed", mistake="a_rare_one"), check("failed", mistake="often")
    works = [submission(f"s{i}", exercise(frequent if i else rare)) for i in range(3)]
    text = class_page(tmp_path, *works).text
    assert re.search(r"2 \xd7 scale often.*1 \xd7 scale a rare one", text)


def test_a_rounding_error_moves_nobody_into_the_bar_below(tmp_path: Path) -> None:
    seven_tenths = 0.7 - 2e-16
    assert int(10 * seven_tenths) == 6
    work = exercise(check("passed", points=seven_tenths, max_points=1.0))
    labels = class_page(tmp_path, submission("a", work)).labels
    assert "Distribution of totals: 1 student at 70-80 %" in labels


def test_a_class_without_a_single_result_still_has_a_report(tmp_path: Path) -> None:
    assert "No submission has a result." in class_page(tmp_path).text
    assert grades(tmp_path) == []
    assert "student" in printed(report.class_table([]))


def test_code_that_ran_without_isolation_is_called_so(tmp_path: Path) -> None:
    ran = submission("anna", exercise(check("passed")), isolation="trusted")
    assert "ran without isolation" in class_page(tmp_path, ran).text


def test_the_pages_need_nothing_from_elsewhere(tmp_path: Path) -> None:
    links = {"zoe": "students/zoe/feedback.html", "anna": "javascript:alert(1)"}
    page = class_page(tmp_path, *three(), feedback_paths=links)
    assert "./students/zoe/feedback.html" in page.links
    for made in (page, feedback(three()[1], tmp_path)[0]):
        for link in made.links:
            assert link.startswith(("./", "#")) and ":" not in link
            assert not link.startswith("#") or link[1:] in made.ids
        assert len(made.ids) == len(set(made.ids))


# Names and messages that come from students.


def test_hostile_text_changes_no_tag_of_any_page(tmp_path: Path) -> None:
    problems = [(HOSTILE, HOSTILE)]
    makers: dict[str, Callable[[str], Page]] = {
        "feedback": lambda text: feedback(hostile(text), tmp_path)[0],
        "class": lambda text: class_page(
            tmp_path, hostile(text), problems=problems, when=text, feedback_paths={text: text}
        ),
    }
    for name, make in makers.items():
        bad, good = make(HOSTILE), make("plain")
        assert bad.shape == good.shape, name
        assert sum(tag[0] == "script" for tag in bad.shape) == (name == "class")
        assert "<script>alert(1)</script>" in bad.text
        assert "\x1b" not in bad.text and "\u202e" not in bad.text
        assert "49" not in bad.text


def test_hostile_text_makes_no_markup_in_markdown(tmp_path: Path) -> None:
    def shape(text: str) -> list[str]:
        _, markdown = feedback(hostile(text), tmp_path)
        tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown)
        inline = [child for token in tokens for child in token.children or []]
        kept = [t.type for t in inline if t.type not in ("text", "softbreak")]
        return [t.type for t in tokens] + kept

    found = shape(HOSTILE)
    assert found == shape("plain")
    assert not {"html_block", "html_inline", "link_open", "image"} & set(found)


def test_hostile_text_is_no_formula_and_no_new_line_in_the_grades(tmp_path: Path) -> None:
    names = ["=1+1", " +1", "@x", "-2", "\t=1", 'a"b,c\nd', HOSTILE]
    rows = grades(tmp_path, *(submission(n, exercise(check("passed"))) for n in names))
    assert len(rows) == len(names)
    for row in rows:
        assert None not in row
        assert not row["student"].lstrip().startswith(("=", "+", "-", "@"))
        assert float(row["total"]) == 2


def test_hostile_text_sends_nothing_to_the_terminal() -> None:
    result = hostile(HOSTILE)
    for shown in (report.class_table([result]), report.result_lines(result)):
        text = printed(shown)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
        assert "[red]" in spoken(text).replace(" ", "")


# Grades.


def test_grades_hold_numbers_and_an_empty_cell_for_what_is_not_graded(tmp_path: Path) -> None:
    anna, bram, zoe = grades(tmp_path, *three())
    assert list(anna) == [
        "student", "total", "max", "vol/scale", "vol/late", "status",
        "vol/scale status", "vol/late status",
    ]  # fmt: skip
    assert (zoe["total"], zoe["vol/scale"], zoe["vol/late"]) == ("", "2", "")
    assert (zoe["status"], zoe["vol/late status"]) == ("not fully graded", "not graded")
    assert (bram["total"], bram["vol/scale"], bram["vol/late"]) == ("7", "0", "7")
    assert (anna["total"], anna["vol/late"], anna["vol/late status"]) == ("0", "0", "not handed in")


def test_an_exercise_with_one_check_not_graded_has_an_empty_cell(tmp_path: Path) -> None:
    row = grades(tmp_path, submission("a", exercise(check("passed"), check("not_graded"))))[0]
    assert (row["total"], row["vol/scale"]) == ("", "")
    assert row["vol/scale status"] == "not fully graded"


def test_what_was_skipped_is_not_awarded_and_stands_in_the_status(tmp_path: Path) -> None:
    row = grades(tmp_path, submission("a", exercise(check("passed"), check("skipped"))))[0]
    assert row["total"] == "2"
    assert row["vol/scale status"] == "graded, 2 points skipped (need a device)"


def test_a_number_of_ours_stays_exact(tmp_path: Path) -> None:
    row = grades(tmp_path, submission("a", exercise(check("passed", points=1 / 3))))[0]
    assert float(row["total"]) == 1 / 3


# The terminal.


def test_the_table_of_a_class_fits_the_terminal_and_shows_what_is_open() -> None:
    text = printed(report.class_table(three()), width=90)
    assert all(len(line) <= 90 for line in text.splitlines())
    assert re.search(r"zoe +2 +! +2 \+ \? +9", text)
    assert re.search(r"anna +0 +- +0 +9", text)


def test_a_course_with_many_exercises_is_summed_up_in_the_table() -> None:
    many = [exercise(check("passed"), exercise=f"vol/e{i}") for i in range(20)]
    text = printed(report.class_table([submission("a", *many)]), width=80)
    assert "e7" not in text
    assert re.search(r"a +40 +40", text)


def test_the_lines_of_one_student_name_what_does_not_pass_and_the_hint() -> None:
    wrong = check("failed", message="The values are wrong.", hint="Look at the axis.")
    result = submission("Anna", exercise(check("passed"), wrong), not_graded())
    text = spoken(printed(report.result_lines(result)))
    assert "Anna 2 of 4 points, 7 points more not graded" in text
    assert "scale 2 / 4 failed" in text
    assert "failed, 0 of 2 points. The values are wrong. Hint: Look at the axis." in text


# Races.

SENTENCE = "Greedy decoding of 64 tokens."


def race(ratio: float | None, reason: str = "") -> RaceResult:
    speed = None if ratio is None else 1000 * ratio
    return RaceResult("greedy_decoding", SENTENCE, "tokens", ratio, speed, reason)


def racers(count: int = 3) -> list[SubmissionResult]:
    """`s01` is the slowest of them; one is not measured, one has handed in nothing."""
    ran = [
        submission(f"s{i:02}", exercise(check("passed"), races=(race(0.5 * i),)))
        for i in range(1, count + 1)
    ]
    wrong = exercise(check("failed"), races=(race(None, "It is not right yet."),))
    return [*ran, submission("wrong", wrong), submission("absent", not_graded())]


def test_feedback_says_what_a_race_gave_and_that_no_points_depend_on_it(tmp_path: Path) -> None:
    page, markdown = feedback(racers()[0], tmp_path)
    said = "0.50 times the speed of the reference, 500 tokens per second of processor time."
    for text in (page.text, spoken(markdown)):
        assert f"{SENTENCE} No points depend on it." in text and said in text
    page, markdown = feedback(racers()[3], tmp_path)
    assert "Not measured. It is not right yet." in page.text
    assert "Not measured. It is not right yet." in spoken(markdown)


def test_the_class_report_ranks_a_race_and_says_why_others_are_not_in_it(tmp_path: Path) -> None:
    text = class_page(tmp_path, *racers()).text
    ranked = text[text.index(SENTENCE) : text.index("Not measured")]
    assert re.findall(r"s\d\d", ranked) == ["s03", "s02", "s01"]
    assert re.findall(r"([\d.]+) \u00d7", ranked) == ["1.5", "1", "0.5"]
    assert "Not measured: 1 student. It is not right yet." in text


def test_after_the_fastest_the_others_are_folded(tmp_path: Path) -> None:
    assert "2 more" in class_page(tmp_path, *racers(12)).text


def test_a_race_has_two_columns_of_grades_and_is_never_a_zero(tmp_path: Path) -> None:
    rows = {row["student"]: row for row in grades(tmp_path, *racers())}
    ratio, status = "vol/scale greedy_decoding ratio", "vol/scale greedy_decoding status"
    assert (rows["s01"][ratio], rows["s01"][status]) == ("0.5", "measured")
    assert (rows["s02"][ratio], rows["s02"][status]) == ("1", "measured")
    assert rows["wrong"][ratio] == ""
    assert rows["wrong"][status] == "not measured: It is not right yet."
    assert (rows["absent"][ratio], rows["absent"][status]) == ("", "")
    assert [row["total"] for row in grades(tmp_path, *three())][:1] == ["0"]
    assert "ratio" not in " ".join(grades(tmp_path, *three())[0])
