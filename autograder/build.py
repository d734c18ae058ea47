"""Deriving what students get from the sources: stubs, notebooks, figures, the course index."""

import hashlib
import importlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .course import Course
from .errors import CourseError
from .exercise import Exercise
from .ladder import effort, ladder
from .percent import Page, PageCell, imported_exercise, markdown_text, stub

GIVEN = ("starter_code/given", "datasets")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class Drift:
    """A derived file that is not what its sources give: "missing", "out of date" or "left over"."""

    path: Path
    state: str


def derive(course: Course) -> dict[Path, bytes]:
    """The bytes of every derived file, by path relative to the course."""
    files: dict[Path, bytes] = {}
    entries: list[dict[str, Any]] = []
    starter = Path("starter_code")
    files[starter / "__init__.py"] = b'"""Stubs to fill in. Written by `autograder build`."""\n'
    for volume in course.settings["volumes"]:
        if volume["exercises"]:
            text = f'"""{volume["title"]}."""\n'
            files[starter / volume["folder"] / "__init__.py"] = text.encode()
    for slug in course.slugs:
        page, exercise = course.stub(slug), course.exercise(slug)
        volume_folder = slug.partition("/")[0]
        files[starter / f"{slug}.py"] = page.text().encode()
        files[Path("assignments") / f"{slug}.ipynb"] = notebook(page, exercise).encode()
        for name, svg in figures(course, page).items():
            files[Path("assignments") / volume_folder / "figures" / name] = svg.encode()
        entries.append(entry(page, exercise))
    index = {"title": course.title, "volumes": _volumes(course), "exercises": entries}
    files[Path("assignments/course.json")] = (json.dumps(index, indent=1) + "\n").encode()
    for volume in course.settings["volumes"]:
        if volume["exercises"]:
            path = Path("assignments") / "figures" / f"{volume['folder']}.svg"
            files[path] = ladder(_of(volume, entries), volume["title"]).encode()
    words = contents(course, entries)
    files[Path("assignments/README.md")] = words.encode()
    files[Path("assignments/index.ipynb")] = index_notebook(words).encode()
    return files


def build(course: Course) -> list[Path]:
    """Write every derived file that is not current and delete left-over ones; what changed."""
    files, changed = derive(course), []
    for drift in compare(course, files):
        path = course.root / drift.path
        if drift.state == "left over":
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[drift.path])
        changed.append(drift.path)
    return changed


def compare(course: Course, files: dict[Path, bytes] | None = None) -> list[Drift]:
    """Every derived file that differs from what its sources give."""
    files = derive(course) if files is None else files
    drifts = []
    for path, data in sorted(files.items()):
        here = course.root / path
        if not here.is_file():
            drifts.append(Drift(path, "missing"))
        elif here.read_bytes() != data:
            drifts.append(Drift(path, "out of date"))
    for tree in ("starter_code", "assignments"):
        for here in sorted((course.root / tree).rglob("*")):
            path = here.relative_to(course.root)
            skip = {"__pycache__", ".ipynb_checkpoints", "given"} & set(path.parts)
            if here.is_file() and not skip and path not in files:
                drifts.append(Drift(path, "left over"))
    return drifts


def version(page: Page) -> str:
    """A short hash of everything that students see of an exercise."""
    return hashlib.sha256(stub(page).text().encode()).hexdigest()[:8]


def entry(page: Page, exercise: Exercise) -> dict[str, Any]:
    """An exercise's record in `assignments/course.json`."""
    return {
        "exercise": page.slug,
        "title": page.title,
        "summary": page.summary,
        "version": version(page),
        "difficulty": exercise.difficulty,
        "minutes": exercise.minutes,
        "arrays": exercise.arrays,
        "points": sum(exercise.points(f) for f in page.functions),
        "functions": [{"name": f, "points": exercise.points(f)} for f in page.functions],
        "earlier": sorted({e.exercise for e in page.earlier}),
        "page": page.text(),
    }


def notebook(page: Page, exercise: Exercise) -> str:
    """The page as a notebook with nbgrader metadata: no outputs, no times, stable ids."""
    import nbformat.v4

    cells = []
    for cell in page.cells:
        cells.append(_cell(page, cell, exercise))
        if cell.kind == "check":
            cells.append(_grade_cell(page, cell.function, exercise))
    book = nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": KERNEL,
            "language_info": {"name": "python"},
            "course": {"exercise": page.slug, "version": version(page)},
        },
    )
    book.nbformat_minor = 5
    nbformat.validate(book)
    return str(nbformat.writes(book)).rstrip("\n") + "\n"


def _cell(page: Page, cell: PageCell, exercise: Exercise) -> Any:
    import nbformat.v4

    if cell.kind == "markdown":
        return nbformat.v4.new_markdown_cell(markdown_text(cell), id=cell.id)
    source = _for_notebook(page, cell.source)
    if cell.kind == "check":
        arrays = "" if exercise.arrays == "numpy" else f', arrays="{exercise.arrays}"'
        source += (
            "\n\n\nfrom autograder.jupyter import check_cell\n\n"
            f"check_cell(visible_{cell.function}{arrays})"
        )
    locked = cell.kind != "answer"
    return nbformat.v4.new_code_cell(
        source, id=cell.id, metadata={"nbgrader": _metadata(cell.id, locked=locked)}
    )


def _grade_cell(page: Page, function: str, exercise: Exercise) -> Any:
    import nbformat.v4

    ident = f"{page.name}-{function}"
    points = exercise.points(function)
    source = (
        f"# {function}: {points:g} points, given by the hidden checks. Nothing to write here.\n"
        "from autograder.jupyter import grade_cell\n\n"
        f'grade_cell("{page.slug}", "{function}")'
    )
    metadata = {**_metadata(ident, locked=True), "grade": True, "points": points}
    return nbformat.v4.new_code_cell(source, id=ident, metadata={"nbgrader": metadata})


def _metadata(ident: str, *, locked: bool) -> dict[str, Any]:
    return {
        "grade": False,
        "grade_id": ident,
        "locked": locked,
        "schema_version": 3,
        "solution": not locked,
        "task": False,
    }


def _for_notebook(page: Page, source: str) -> str:
    """Relative imports become the student's own earlier work: they cannot work in a notebook."""

    def replacement(found: re.Match[str]) -> str:
        exercise = imported_exercise(page.slug, len(found["dots"]), found["module"])
        names = [e for e in page.earlier if e.exercise == exercise]
        return "\n".join(f'{e.local} = mine("{e.exercise}").{e.name}' for e in names)

    earlier = r"^from (?P<dots>\.{1,2})(?P<module>\w[\w.]*) import (\([^)]*\)|[^\n]*)"
    once = "from autograder.selfcheck import mine\n\n"
    marked = re.sub(earlier, lambda found: once + found[0], source, count=1, flags=re.M)
    source = re.sub(earlier, replacement, marked, flags=re.M)
    # A notebook lies elsewhere, and finds what is given only when it is told where.
    where = "from autograder.selfcheck import find_given\n\nfind_given()"
    return re.sub(r"^(?=from starter_code\.given)", f"{where}\n", source, count=1, flags=re.M)


def uses_given(page: Page) -> bool:
    """Whether a page takes something from `starter_code/given`."""
    return re.search(r"^from starter_code\.given", page.text(), re.M) is not None


def handed_out(root: Path) -> dict[Path, bytes]:
    """What students are given beside stubs and notebooks: `starter_code/given` and `datasets`."""
    paths = [p for tree in GIVEN for p in sorted((root / tree).rglob("*")) if p.is_file()]
    return {
        path.relative_to(root): path.read_bytes()
        for path in paths
        if not any(x.startswith((".", "__pycache__")) for x in path.relative_to(root).parts)
    }


def figures(course: Course, page: Page) -> dict[str, str]:
    """The SVG figures a page refers to, drawn by `solutions/figures/<volume>/<name>.py`.

    Raises:
        CourseError: A figure without code that draws it, or without alternative text.
    """
    found: dict[str, str] = {}
    text = "\n".join(markdown_text(c) for c in page.cells if c.kind == "markdown")
    for alt, name in re.findall(r"!\[([^\]]*)\]\(figures/(\w+)\.svg\)", text):
        where = f"solutions/{page.slug}.py"
        if len(alt) < 20:
            raise CourseError(f"{where}: the figure {name}.svg needs alternative text")
        course.make_importable()
        volume = page.slug.partition("/")[0]
        try:
            module = importlib.import_module(f"solutions.figures.{volume}.{name}")
        except ModuleNotFoundError as error:
            raise CourseError(
                f"{where}: figures/{name}.svg needs solutions/figures/{volume}/{name}.py "
                "with a function draw() -> str"
            ) from error
        found[f"{name}.svg"] = str(module.draw())
    return found


def contents(course: Course, entries: list[dict[str, Any]]) -> str:
    """The course index as Markdown."""
    lines = [f"# {course.title}", ""]
    for volume in course.settings["volumes"]:
        lines += [f"## {volume['title']}", ""]
        listed = _of(volume, entries)
        if listed:
            points = sum(e["points"] for e in listed)
            lines += [
                f"{len(listed)} exercise{'' if len(listed) == 1 else 's'}, {points:g} points, "
                f"about {round(sum(e['minutes'] for e in listed) / 60)} hours.",
                "",
                f"![What builds on what: {_in_words(listed)}](figures/{volume['folder']}.svg)",
                "",
            ]
            lines += ["| | exercise | what it is | points | difficulty | minutes |"]
            lines += ["| ---: | --- | --- | ---: | --- | ---: |"]
        for number, one in enumerate(listed, start=1):
            link = f"[{one['exercise'].partition('/')[2]}]({one['exercise']}.ipynb)"
            row = (link, one["summary"], f"{one['points']:g}", effort(one), one["minutes"])
            lines.append(f"| {' | '.join(map(str, (number, *row)))} |")
        if listed:
            lines.append("")
        if volume.get("planned"):
            lines += ["Planned, not here yet: " + ", ".join(volume["planned"]) + ".", ""]
    return "\n".join(lines)


def index_notebook(words: str) -> str:
    """The course index as a notebook, with a cell that shows how far one's own work is."""
    import nbformat.v4

    progress = (
        "# Your own work so far: run this cell whenever you like.\n"
        "from autograder.commands import check\n\n"
        "_ = check([])"
    )
    book = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell(words, id="index"),
            nbformat.v4.new_code_cell(progress, id="progress"),
        ],
        metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}},
    )
    book.nbformat_minor = 5
    nbformat.validate(book)
    return str(nbformat.writes(book)).rstrip("\n") + "\n"


def _of(volume: dict[str, Any], entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records of a volume's exercises, in its order."""
    by_slug = {e["exercise"]: e for e in entries}
    return [by_slug[f"{volume['folder']}/{name}"] for name in volume["exercises"]]


def _in_words(listed: list[dict[str, Any]]) -> str:
    """The picture for who cannot see it; like it, without what comes from another volume."""
    here = {e["exercise"] for e in listed}
    within = {e["exercise"]: [x for x in e["earlier"] if x in here] for e in listed}
    said = [
        f"{slug.rpartition('/')[2]} on " + ", ".join(x.rpartition("/")[2] for x in earlier)
        for slug, earlier in within.items()
        if earlier
    ]
    return ("; ".join(said) or "each exercise stands alone") + "."


def _volumes(course: Course) -> list[dict[str, Any]]:
    return [
        {"folder": v["folder"], "title": v["title"], "planned": v.get("planned", [])}
        for v in course.settings["volumes"]
    ]
