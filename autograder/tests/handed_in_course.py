"""A small course of two exercises, and ways to hand it in, for the tests of reading."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder.handed_in import HandedIn, find_students, open_student
from autograder.notebook import RawFile
from autograder.percent import parse_page, stub
from autograder.rules import Rules
from autograder.source import StudentModule
from autograder.submission import read_module

SUMS = '''"""Sums of things."""

# %% [markdown]
# # Sums
# Write `total` like this: first the loop, then the return.

# %%
from typing import Any

import numpy as np

from .basics import double

LIMIT = 3

# %%
def total(x: Any) -> Any:
    """Add everything up."""
    ### BEGIN SOLUTION
    return np.sum(x)
    ### END SOLUTION

# %%
def visible_total(student, check):
    check(student.total([1]) == 1)

# %%
STEP = LIMIT + 1

# %%
class Counter:
    """Counts."""

    def __init__(self, start):
        self.n = start

    def add(self, k):
        """Count k more."""
        ### BEGIN SOLUTION
        self.n += k
        ### END SOLUTION

# %%
def visible_Counter(student, check):
    check(student.Counter(1))
'''
BASICS = '''"""Basics."""

# %%
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %%
def visible_double(student, check):
    check(student.double(1) == 2)
'''
PAGE = stub(parse_page(SUMS, "vol/sums", "sums.py"))
PAGES = {"vol/sums": PAGE, "vol/basics": stub(parse_page(BASICS, "vol/basics", "basics.py"))}
RULES = Rules(
    forbidden_modules=("torch",),
    forbidden_calls=("numpy.gradient",),
    advice={"numpy.gradient": "write the gradient yourself"},
)
TOTAL = "def total(x):\n    return np.sum(x)"
COUNTER = "class Counter:\n    def __init__(self, n): self.n = n\n    def add(self, k): self.n += k"


def code(source: str, grade_id: str = "", **more: Any) -> dict[str, Any]:
    nbgrader = {"grade_id": grade_id, "grade": False, "locked": False, "solution": True, **more}
    metadata = {"nbgrader": nbgrader} if grade_id else {}
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": []}


def prose(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": {}, **more}


def book(*cells: dict[str, Any] | str, **metadata: Any) -> bytes:
    whole = [code(c) if isinstance(c, str) else c for c in cells]
    record = {"cells": whole, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(record).encode()


def handed_out(answers: Mapping[str, str]) -> list[dict[str, Any]]:
    """The cells of the notebook that students get, answers filled in."""
    cells = []
    for cell in PAGE.cells:
        if cell.kind == "markdown":
            cells.append(prose(cell.source.replace("# ", ""), id=cell.id))
        elif cell.kind == "answer":
            cells.append(code(answers.get(cell.function, cell.source), cell.id))
        elif cell.kind == "given":
            mine = 'from autograder.selfcheck import mine\n\ndouble = mine("vol/basics").double'
            source = cell.source.replace("from .basics import double", mine)
            cells.append(code(source, cell.id, locked=True, solution=False))
        else:
            call = "\n\nfrom autograder.jupyter import check_cell\n\ncheck_cell(visible_total)"
            cells.append(code(cell.source + call, cell.id, locked=True, solution=False))
            grade = {"locked": True, "grade": True, "solution": False}
            cells.append(code("grade_cell()", f"sums-{cell.function}", **grade))
    return cells


def read(*cells: dict[str, Any] | str) -> StudentModule:
    return read_module(RawFile("sums.ipynb", "alice/sums.ipynb", book(*cells)), PAGE, RULES)


def read_py(source: str) -> StudentModule:
    return read_module(RawFile("sums.py", "alice/sums.py", source.encode()), PAGE, RULES)


def text(module: StudentModule) -> str:
    return "".join(cell.source for cell in module.cells)


def run(module: StudentModule) -> dict[str, Any]:
    """What the module's cells define. Only for modules written in this file."""
    names: dict[str, Any] = {e.local: lambda x: 2 * x for e in module.earlier}
    for cell in module.cells:
        exec(compile(cell.source, cell.label, "exec", dont_inherit=True), names)
    return names


FULL = {"total": TOTAL, "Counter": COUNTER}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def packed(members: Mapping[str, bytes | zipfile.ZipInfo], **more: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **more) as archive:
        for name, data in members.items():
            archive.writestr(name, data)  # type: ignore[arg-type]
    return buffer.getvalue()


def one(folder: Path) -> HandedIn:
    """The files of the only student of a folder."""
    (found,) = find_students(folder)
    return open_student(found)


PY = (f"import numpy as np\n{TOTAL}\n{COUNTER}\n").encode()
