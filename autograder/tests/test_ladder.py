"""The picture of a volume: every exercise once, to the right of what it builds on."""

import re
from typing import Any
from xml.etree import ElementTree

from autograder.ladder import effort, ladder


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


def test_an_exercise_stands_right_of_all_that_it_builds_on() -> None:
    picture = ladder([one("a"), one("b", "a"), one("c"), one("d", "b", "c")], "Volume")
    ElementTree.fromstring(picture)
    at = boxes(picture)
    assert set(at) == {"a", "b", "c", "d"}
    assert at["a"][0] == at["c"][0] < at["b"][0] < at["d"][0]
    assert len(set(at.values())) == 4
    assert "7.5 points, 30 min" in picture


def test_what_follows_from_other_arrows_is_not_drawn() -> None:
    through = ladder([one("a"), one("b", "a"), one("c", "a", "b")], "Volume")
    assert through.count('<path class="edge"') == 2


def test_what_comes_from_another_volume_is_left_out() -> None:
    assert '<path class="edge"' not in ladder([one("a", "elsewhere")], "Volume")


def test_names_are_escaped_and_difficulty_is_out_of_five() -> None:
    assert "<title>A &lt; B</title>" in ladder([one("a")], "A < B")
    assert effort(one("a")) == "●●○○○"
