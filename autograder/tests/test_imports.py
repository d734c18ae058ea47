"""Who may import whom, read from the syntax trees of the whole repository.

The table is the one of the design: the engine knows no exercise, exercises know earlier ones,
students know the self-check only, hidden checks know the engine's public names.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import autograder
from autograder.percent import imported_exercise

ROOT = Path(__file__).parents[2]
OURS = ("autograder", "solutions", "starter_code", "instructor", "datasets")
# What the engine does not know. Dotted names of libraries (torch.softmax) are theirs, not ours.
WORDS = re.compile(
    r"(?<![a-z])(llamas?|ropes?|rmsnorms?|layernorms?|attentions?|softmax|logits?|swiglu|"
    r"transformer_?block|kv_?cache|embeddings?|d_model|d_head|n_heads|vocab(_size)?|lora|"
    r"adamw|perplexity|tokenizers?)(?![a-z])",
    re.IGNORECASE,
)
LIBRARY = re.compile(r"\b(torch|numpy|np)(\.\w+)+")


def imports(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, module (relative ones with their dots) and name of everything that is imported."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, module, alias.name) for alias in node.names)


def order() -> list[str]:
    """Every exercise in course order, as "volume/name"."""
    text = (ROOT / "instructor" / "course.toml").read_text(encoding="utf-8")
    return [
        f"{volume['folder']}/{name}"
        for volume in tomllib.loads(text)["volumes"]
        for name in volume["exercises"]
    ]


def visible_cells(source: str) -> list[range]:
    """The lines of percent cells that define a visible check."""
    lines = source.split("\n")
    starts = [i for i, line in enumerate(lines, start=1) if line.startswith("# %%")]
    stops = [*starts[1:], len(lines) + 1]
    cells = [range(start, stop) for start, stop in zip(starts, stops, strict=False)]
    return [c for c in cells if any(lines[i - 1].startswith("def visible_") for i in c)]


def earlier(slug: str, module: str, exercises: list[str]) -> bool:
    """Is the relative import `module` an earlier exercise, of the same volume or another one?"""
    level = len(module) - len(module.lstrip("."))
    other = imported_exercise(slug, level, module[level:])
    return slug in exercises and other in exercises[: exercises.index(slug)]


def forbidden(path: str, source: str, exercises: list[str]) -> list[str]:
    """What the file at `path` (relative to the repository) imports and may not, with lines."""
    tree, _, rest = path.partition("/")
    slug = rest.removesuffix(".py")
    shown = visible_cells(source)

    def allowed(line: int, module: str, name: str) -> bool:
        package = module.partition(".")[0]
        relative = module.startswith(".")
        if package not in OURS and not relative:
            return True
        if tree == "autograder":
            return relative or package == "autograder"
        if "/alternatives/" in path:
            volume = path.split("/")[2]
            return earlier(f"{volume}/{path.split('/')[-2]}", module, exercises)
        if path.startswith("instructor/checks/"):
            public = module == "autograder" and name in autograder.__all__
            return public or package == "solutions"
        if tree == "instructor":
            return package in ("autograder", "solutions") or relative
        if rest.startswith(("figures/", "benchmarks/", "engine/", "runs/", "tests/")):
            given = module.startswith("starter_code.given") or module == "autograder.gradient"
            return relative or package == "solutions" or given
        if rest.startswith("given/"):
            return relative and not module.startswith("..")
        if module == "autograder.selfcheck":
            return any(line in cell for cell in shown)
        return module.startswith("starter_code.given") or earlier(slug, module, exercises)

    return [
        f"{path}:{line}: {module} {name}".rstrip()
        for line, module, name in imports(source)
        if not allowed(line, module, name)
    ]


def sources() -> list[Path]:
    """Every module of the repository; attacks are what students might hand in."""
    trees = ("autograder", "solutions", "starter_code", "instructor", "datasets")
    return [
        path
        for tree in trees
        for path in sorted((ROOT / tree).rglob("*.py"))
        if "attacks" not in path.parts and "__pycache__" not in path.parts
    ]


def test_nobody_imports_what_the_table_forbids() -> None:
    exercises = order()
    found = [
        problem
        for path in sources()
        for problem in forbidden(
            path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"), exercises
        )
    ]
    assert found == []


CHECK_CELL = (
    "# %%\nfrom autograder.selfcheck import Check\n\n\ndef visible_f(student, check): ...\n"
)


@pytest.mark.parametrize(
    ("path", "source", "fine"),
    [
        ("autograder/x.py", "import numpy, os", True),
        ("autograder/x.py", "from .compare import difference", True),
        ("autograder/x.py", "from solutions.vol1 import one", False),
        ("autograder/x.py", "import starter_code", False),
        ("autograder/x.py", "def f():\n    import instructor.checks", False),
        ("autograder/x.py", "import solutionsets", True),
        ("solutions/v/two.py", "from .one import f", True),
        ("solutions/v/two.py", "from .three import f", False),
        ("solutions/v/two.py", "from .two import f", False),
        ("solutions/v/two.py", "from ..w.one import f", False),
        ("solutions/w/one.py", "from ..v.three import f", True),
        ("solutions/w/one.py", "from ..v.four import f", False),
        ("solutions/w/one.py", "from ..v import three", False),
        ("solutions/w/one.py", "from ...v.three import f", False),
        ("solutions/v/two.py", "from . import one", False),
        ("solutions/v/two.py", "from solutions.v.one import f", False),
        ("solutions/v/two.py", "from starter_code.given.data import load", True),
        ("solutions/v/two.py", "from starter_code.v.one import f", False),
        ("solutions/v/two.py", "import instructor", False),
        ("solutions/v/two.py", CHECK_CELL, True),
        ("solutions/v/two.py", "# %%\nfrom autograder.selfcheck import Check", False),
        ("solutions/v/two.py", CHECK_CELL.replace(".selfcheck", ""), False),
        ("solutions/v/two.py", f"{CHECK_CELL}\n# %%\nfrom autograder.selfcheck import x", False),
        ("solutions/figures/v/one.py", "from ...v.one import f", True),
        ("solutions/figures/v/one.py", "from autograder.build import build", False),
        ("solutions/benchmarks/one.py", "from ..v.one import f", True),
        ("solutions/benchmarks/one.py", "from instructor.checks import one", False),
        ("solutions/engine/one.py", "from ..v.one import f", True),
        ("solutions/engine/one.py", "from autograder.student import Student", False),
        ("solutions/runs/one.py", "from ..v.one import f", True),
        ("solutions/runs/one.py", "from starter_code.given.data import load", True),
        ("solutions/runs/one.py", "from starter_code.v.one import f", False),
        ("solutions/tests/test_one.py", "from starter_code.given.data import load", True),
        ("solutions/tests/test_one.py", "from starter_code.v.one import f", False),
        ("starter_code/v/two.py", "from .one import f", True),
        ("starter_code/v/two.py", "from solutions.v.one import f", False),
        ("starter_code/v/two.py", CHECK_CELL, True),
        ("starter_code/given/data.py", "from .numbers import pi", True),
        ("starter_code/given/data.py", "from ..v.one import f", False),
        ("starter_code/given/data.py", "import autograder", False),
        ("instructor/checks/v/two.py", "from autograder import Exercise, array", True),
        ("instructor/checks/v/two.py", "from autograder import exercise", False),
        ("instructor/checks/v/two.py", "from autograder.exercise import Exercise", False),
        ("instructor/checks/v/two.py", "from solutions.v import two", True),
        ("instructor/checks/v/two.py", "from starter_code.v import two", False),
        ("instructor/checks/v/two.py", "from .one import exercise", False),
        ("instructor/checks/v/alternatives/two/a.py", "from .one import f", True),
        ("instructor/checks/v/alternatives/two/a.py", "from solutions.v import two", False),
        ("instructor/checks/v/alternatives/two/a.py", "from .three import f", False),
        ("instructor/checks/w/alternatives/one/a.py", "from ..v.two import f", True),
        ("instructor/checks/v/alternatives/two/a.py", "from ..w.one import f", False),
        ("instructor/checks/v/alternatives/two/a.py", "import autograder", False),
    ],
)
def test_the_table_is_what_the_design_says(path: str, source: str, fine: bool) -> None:
    assert (forbidden(path, source, ["v/one", "v/two", "v/three", "w/one"]) == []) is fine


def test_a_violation_is_named_with_file_and_line() -> None:
    source = "import os\n\nfrom solutions.v import one\n"
    assert forbidden("autograder/x.py", source, []) == ["autograder/x.py:3: solutions.v one"]


def test_every_tree_was_looked_at() -> None:
    seen = {path.relative_to(ROOT).parts[0] for path in sources()}
    assert {"autograder", "solutions", "starter_code", "instructor"} <= seen


def test_no_package_of_ours_hides_an_installed_one() -> None:
    for folder in ("datasets", "instructor", "instructor/checks"):
        assert not (ROOT / folder / "__init__.py").exists(), folder


def test_checks_are_no_packages_at_any_depth() -> None:
    assert list((ROOT / "instructor").rglob("__init__.py")) == []
    assert list((ROOT / "datasets").rglob("__init__.py")) == []


def words_in(text: str) -> list[str]:
    """The words of the exercises in a text of the engine, library names aside."""
    return [found[0] for found in WORDS.finditer(LIBRARY.sub("", text))]


def test_the_engine_does_not_know_a_word_of_any_exercise() -> None:
    found = []
    for path in sorted((ROOT / "autograder").rglob("*")):
        inside = path.relative_to(ROOT / "autograder").parts
        if inside[0] == "tests" or "__pycache__" in inside or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
            name = path.relative_to(ROOT).as_posix()
            found += [f"{name}:{number}: {word}" for word in words_in(line)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("student.softmax(x)", ["softmax"]),
        ('array("B T d_model")', ["d_model"]),
        ("a RMSNorm, Logits", ["RMSNorm", "Logits"]),
        ("torch.nn.attention torch.softmax(x, -1)", []),
        ("europe, properties, tokens, explorations", []),
    ],
)
def test_words_are_found_and_library_names_are_not(text: str, found: list[str]) -> None:
    assert words_in(text) == found


def test_importing_the_engine_imports_no_library() -> None:
    script = (
        "import sys; before = set(sys.modules); import autograder, autograder.errors\n"
        "heavy = {'numpy', 'torch', 'IPython', 'nbformat', 'jinja2', 'rich', 'typer'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_every_module_of_the_engine_is_found_by_its_tree() -> None:
    for path in sorted((ROOT / "autograder").rglob("*.py")):
        folder = path.parent
        if "tests" not in path.relative_to(ROOT).parts:
            assert (folder / "__init__.py").is_file(), f"{folder} is not a package"
