"""The picture of a volume: every exercise once, below what it builds on."""

import re
from typing import Any
from xml.etree import ElementTree

from autograder.ladder import HEIGHT, WIDTH, effort, ladder


def one(name: str, *earlier: str) -> dict[str, Any]:
    return {
        "exercise": f"vol/{name}",
        "earlier": [f"vol/{e}" for e in earlier],
        "difficulty": 2,
        "minutes": 30,
        "points": 7.5,
    }


def boxes(picture: str) -> dict[str, tuple[int, int]]:
    found = re.findall(r'x="(\d+)" y="(\d+)".*?/>\n<text class="name"[^>]*>(\w+)<', picture)
    return {name: (int(x), int(y)) for x, y, name in found}


def size(picture: str) -> tuple[int, int]:
    root = ElementTree.fromstring(picture)
    return int(root.attrib["width"]), int(root.attrib["height"])


def test_an_exercise_stands_below_all_that_it_builds_on() -> None:
    picture = ladder([one("a"), one("b", "a"), one("c"), one("d", "b", "c")], "Volume")
    at = boxes(picture)
    assert set(at) == {"a", "b", "c", "d"}
    assert at["a"][1] < at["b"][1] == at["c"][1] < at["d"][1], "c stands near to d, which needs it"
    assert len(set(at.values())) == 4
    assert "7.5 points, 30 min" in picture


def test_what_stands_alone_comes_last_in_rows_and_the_order_is_numbered() -> None:
    alone = [one(f"alone{n}") for n in range(12)]
    picture = ladder([*alone, one("a"), one("b", "a")], "Volume")
    at = boxes(picture)
    assert min(at[f"alone{n}"][1] for n in range(12)) > at["b"][1]
    assert len({at[f"alone{n}"][1] for n in range(12)}) == 2
    assert re.findall(r'number" x="\d+" y="\d+">(\d+)<', picture) == [str(n) for n in range(1, 15)]


def test_no_line_runs_through_a_box_and_nothing_leaves_the_picture() -> None:
    """Every third exercise builds on ones far above it, so that lines pass many levels."""
    course = [one("e0")]
    for n in range(1, 19):
        course.append(one(f"e{n}", f"e{n - 1}", *([f"e{n - 7}"] if n > 7 else [])))
        course.append(one(f"s{n}", f"e{n - 1}", *([f"s{n // 3}"] if n > 5 else [])))
    picture = ladder(course, "Volume")
    width, height = size(picture)
    rects = list(boxes(picture).values())
    assert len(rects) == 37
    for x, y in rects:
        assert x >= 0 and x + WIDTH <= width and y >= 0 and y + HEIGHT <= height
    straight = re.findall(r"(\d+) (\d+)V(\d+)", picture)
    assert straight, "lines pass levels"
    for x, top, bottom in [tuple(map(int, found)) for found in straight]:
        assert 0 <= x <= width and bottom - top == HEIGHT
        assert not any(left <= x <= left + WIDTH and y == top for left, y in rects)


def test_what_follows_from_other_arrows_is_not_drawn() -> None:
    through = ladder([one("a"), one("b", "a"), one("c", "a", "b")], "Volume")
    assert through.count('<path class="edge"') == 2


def test_what_comes_from_another_volume_is_left_out() -> None:
    assert '<path class="edge"' not in ladder([one("a", "elsewhere")], "Volume")


def test_names_are_escaped_and_difficulty_is_out_of_five() -> None:
    assert "<title>A &lt; B</title>" in ladder([one("a")], "A < B")
    assert effort(one("a")) == "●●○○○"
