"""nbgrader's formgrader, in a real browser on a real Jupyter server; the course is toys.

`AUTOGRADER_SCREENSHOTS` names a folder in which what was seen is kept, to be looked at.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from autograder.tests import toy_course
from autograder.tests.nbgrader_course import Classroom, dumped
from autograder.tests.test_nbgrader import WRONG, classroom, right

pytest.importorskip("nbgrader")
pytest.importorskip("jupyterlab")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
pytestmark = [
    pytest.mark.integrations,
    pytest.mark.skipif(sys.platform != "linux", reason="grading isolates on Linux"),
    pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(BROWSERS)} is installed"),
]
TOKEN = "a token that only this test uses"
PATIENCE_S = 60
# The page fetches MathJax from elsewhere, and its script ends with this sentence where it cannot.
NO_MATHJAX = "MathJax is not defined"
HINT = "Hint: The factor is added, not multiplied."
Page = Any


def hand_in(room: Classroom, student: str, **answers: str) -> None:
    room.hand_in(student, "toys", "scale", dumped(right(room, "scale", **answers)))
    room.hand_in(student, "toys", "balance", dumped(right(room, "balance")))


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """ann is right; bob and cat are wrong; dan is not graded yet."""
    made = classroom(tmp_path_factory.mktemp("formgrader"))
    made.settle("generate_assignment toys")
    for student, answers in (("ann", {}), ("bob", {"scale": WRONG}), ("cat", {"scale": WRONG})):
        hand_in(made, student, **answers)
    made.settle("autograde toys")
    hand_in(made, "dan", scale=WRONG)
    return made


@contextmanager
def jupyter(room: Classroom) -> Iterator[str]:
    """JupyterLab in the course's folder, as an instructor starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    command += [f"--IdentityProvider.token={TOKEN}"]
    home = {name: str(room.folder / "home") for name in ("HOME", "JUPYTER_RUNTIME_DIR")}
    log = room.folder / "jupyter.log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            command, cwd=room.folder, env=room.environment() | home, stdout=out, stderr=out
        ) as server,
    ):
        try:
            _wait_for(f"http://127.0.0.1:{port}/api", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(10 * PATIENCE_S):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def browser(room: Classroom) -> Iterator[Page]:
    """A page that has logged in; whatever goes wrong in its scripts is an error."""
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    wrong: list[str] = []
    with jupyter(room) as address, playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = chromium.new_context(base_url=address, viewport={"width": 1200, "height": 900})
        context.route(
            lambda url: not url.startswith((address, "file:")), lambda route: route.abort()
        )
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE_S)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto("/login?next=/formgrader")
        page.fill("#password_input", TOKEN)
        page.click("#login_submit")
        page.wait_for_url(lambda url: "/login" not in url)
        yield page
        chromium.close()
    assert [sentence for sentence in wrong if NO_MATHJAX not in sentence] == []


def look(page: Page, name: str) -> None:
    """Keep a picture, if somebody wants to look at it."""
    if folder := os.environ.get("AUTOGRADER_SCREENSHOTS"):
        page.wait_for_timeout(500)  # what fades in or out
        page.screenshot(path=Path(folder) / f"{name}.png")


def line(page: Page, student: str) -> Any:
    """A student's line in the list of submissions."""
    cell = page.locator("td.student-id").get_by_text(student, exact=True)
    return page.locator("#main-table tr").filter(has=cell)


def list_with_names(page: Page) -> None:
    """The list of submissions for grading by hand, which hides names at first."""
    page.goto("/formgrader/gradebook/toys/scale")
    page.wait_for_function("models?.loaded")
    page.click("#toggle_names")


def open_submission(page: Page, student: str) -> None:
    """From the list of submissions to one notebook, by its student's name."""
    list_with_names(page)
    page.locator("a.name-shown").get_by_text(student, exact=True).click()
    page.wait_for_url("**/formgrader/submissions/*/**")
    # Its boxes are filled from the gradebook, and only then is a change of theirs kept.
    page.wait_for_function("formgrader.grades?.loaded && formgrader.comments?.loaded")


def enter(page: Page, ident: str, text: str) -> None:
    """Type into a box and leave it, which saves."""
    with page.expect_response(lambda r: r.request.method == "PUT" and r.ok):
        page.fill(f"#{ident}", text)
        page.press(f"#{ident}", "Tab")


def by_hand(room: Classroom, student: str) -> tuple[Any, ...]:
    """What the gradebook has: score of ours, by hand, extra credit, comment."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{room.folder / 'gradebook.db'}") as book:
        where = ("scale", "toys", student)
        grade = book.find_grade("scale-scale", *where)
        comment = book.find_comment("scale-answer-scale", *where)
        scores = (grade.auto_score, grade.manual_score, grade.extra_credit)
        return (*scores, comment.manual_comment)


def test_the_list_of_submissions_has_our_scores(room: Classroom, browser: Page) -> None:
    browser.goto("/formgrader/manage_submissions/toys")
    for student, score in (("ann", "17 / 17"), ("bob", "10 / 17")):
        shown = line(browser, student)
        playwright.expect(shown.locator(".score")).to_have_text(score)
        playwright.expect(shown.locator(".status")).to_have_text("graded")
    look(browser, "1-submissions")
    list_with_names(browser)
    for student, score in (("ann", "13 / 13"), ("bob", "6 / 13")):
        shown = browser.locator("#main-table tr").filter(
            has=browser.locator("a.name-shown").get_by_text(student, exact=True)
        )
        playwright.expect(shown.locator(".score")).to_have_text(score)
    look(browser, "2-manual-grading")


def test_a_submission_shows_feedback_under_the_cell_with_the_points(
    room: Classroom, browser: Page
) -> None:
    open_submission(browser, "bob")
    said = browser.get_by_text(HINT)
    playwright.expect(said).to_be_visible()
    above, hint, below = (
        one.bounding_box()["y"]
        for one in (browser.locator("#scale-scale"), said, browser.locator("#scale-scale_backward"))
    )
    assert above < hint < below
    # What is shown in an empty box is the score unless somebody types one.
    placeholders = {
        name: browser.locator(f"#scale-{name}").get_attribute("placeholder")
        for name in ("scale", "scale_backward")
    }
    assert placeholders == {"scale": "0", "scale_backward": "6"}
    said.scroll_into_view_if_needed()
    look(browser, "3-feedback-under-the-cell")


def test_what_is_typed_is_in_the_gradebook_survives_and_is_in_the_feedback(
    room: Classroom, browser: Page
) -> None:
    open_submission(browser, "cat")
    enter(browser, "scale-scale", "2.5")
    enter(browser, "scale-scale_extra_credit", "1")
    enter(browser, "scale-answer-scale-comment", "The idea is right.")
    kept = (0.0, 2.5, 1.0, "The idea is right.")
    assert by_hand(room, "cat") == kept
    browser.locator("#scale-answer-scale-comment").scroll_into_view_if_needed()
    look(browser, "4-typed")
    hand_in(room, "eve")
    (done,) = room.settle("autograde toys --student eve")
    assert "eve, vol1_toys/scale: 13 of 13 points" in done.text
    assert by_hand(room, "cat") == kept
    open_submission(browser, "cat")
    assert browser.input_value("#scale-scale") == "2.5"
    room.settle("generate_feedback toys --student cat")
    browser.goto("/formgrader/manage_submissions/toys")
    playwright.expect(line(browser, "cat").locator(".score")).to_have_text("13.5 / 17")
    page = room.folder / "feedback" / "cat" / "toys" / "scale.html"
    for words in ("Score: 3.5 / 7.0", "The idea is right.", HINT):
        assert words in page.read_text(encoding="utf-8")
    browser.goto(page.as_uri())
    comment = browser.get_by_text("The idea is right.")
    playwright.expect(comment).to_be_visible()
    comment.scroll_into_view_if_needed()
    look(browser, "5-feedback-of-nbgrader")


def test_the_button_grades_in_isolation_and_again_after_a_changed_check(
    room: Classroom, browser: Page
) -> None:
    browser.goto("/formgrader/manage_submissions/toys")
    playwright.expect(line(browser, "dan").locator(".status")).to_have_text("needs autograding")
    for counted, score in (("1 graded, 0 unchanged", "10 / 17"), ("0 graded, 1 unchanged", "10")):
        assert counted in press_autograde(browser, "dan")
        playwright.expect(line(browser, "dan").locator(".score")).to_contain_text(score)
    look(browser, "6-graded-by-the-button")
    solution = "solutions/vol1_toys/scale.py"
    toy_course.edit(room.course, solution, "x * factor", "x + factor")
    try:
        assert "1 graded, 0 unchanged" in press_autograde(browser, "dan")
    finally:
        toy_course.edit(room.course, solution, "x + factor", "x * factor")
    assert room.grades()["dan", "toys", "scale"]["scale-scale"] != 0.0


def press_autograde(page: Page, student: str) -> str:
    """Press a student's lightning; the log that nbgrader shows then."""
    line(page, student).locator("td.autograde a").click()
    shown = page.locator("#success-modal .modal-body")
    playwright.expect(shown).to_be_visible(timeout=1000 * PATIENCE_S)
    log: str = shown.inner_text()
    page.locator("#success-modal").get_by_role("button", name="Close").last.click()
    playwright.expect(shown).to_be_hidden()
    return log
