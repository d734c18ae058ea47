"""What a cell imports from `__future__` holds for later cells, as it does in a notebook."""

from pathlib import Path

import pytest

from autograder.build import build
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.local import Desk
from autograder.tests.toy_course import edit

STUB = "starter_code/vol1_toys/scale.py"
SLUG = "vol1_toys/scale"
TODO = '    raise NotImplementedError("scale is yours to write")'


@pytest.fixture
def desk(toy: Course) -> Desk:
    build(toy)
    return Desk(toy.root)


def annotate(root: Path) -> None:
    """Give `scale` a helper with an annotation that means nothing."""
    edit(root, STUB, "# %%\ndef scale(", "# %%\ndef same(x: Nothing): return x\n\ndef scale(")
    edit(root, STUB, TODO, "    return same(x * factor)")


def test_annotations_of_later_cells_are_not_evaluated(desk: Desk) -> None:
    annotate(desk.root)
    first = (desk.root / STUB).read_text().split("\n# %%")[0]
    edit(desk.root, STUB, first, f"{first}\n# %%\nfrom __future__ import annotations\n")
    assert next(iter(desk.check(SLUG))).status == "passed"


def test_without_the_import_the_engine_lends_none_of_its_own(desk: Desk) -> None:
    annotate(desk.root)
    with pytest.raises(AutograderError, match="NameError while it is loaded: name 'Nothing'"):
        desk.names(SLUG)
