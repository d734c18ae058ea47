"""Weights that are handed in for shakespeare_scale: what earns points, and what does not."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from autograder.attachment import Attached  # noqa: E402
from autograder.course import Course  # noqa: E402
from autograder.inputs import Seed  # noqa: E402
from autograder.judge import Bench, grade_function  # noqa: E402
from autograder.notebook import RawFile  # noqa: E402
from autograder.student import LocalBackend, Student  # noqa: E402
from solutions.runs import hf  # noqa: E402
from solutions.vol2_pytorch.modules import Config, Llama  # noqa: E402
from solutions.vol2_pytorch.shakespeare_scale import hand_in  # noqa: E402

COURSE = Course(Path(__file__).parents[2])
SLUG = "vol2_pytorch/shakespeare_scale"
EXERCISE = COURSE.exercise(SLUG)
ATTACHMENT = EXERCISE.attachment
GOOD = EXERCISE.example


def graded(attached: Attached | None, seed: bytes = b"weights") -> tuple[float, str]:
    """Points of the bands, and what the last of them says."""
    student = Student(LocalBackend(vars(EXERCISE.solution), arrays="torch"))
    bench = Bench(lambda: student, attached=attached)
    result = grade_function(EXERCISE, "bits_per_character", bench, Seed(seed))
    bands = [c for c in result.checks if c.name.startswith("above_the_grammar")]
    return sum(c.points for c in bands), bands[-1].message


def edited(edit: Callable[[str, Any], Any], **metadata: str) -> Attached:
    """The good weights with each tensor changed."""
    tensors = {n: np.asarray(edit(n, w), dtype=np.float32) for n, w in GOOD.tensors.items()}
    return replace(GOOD, tensors=tensors, metadata={**GOOD.metadata, **metadata})


def same(name: str, w: Any) -> Any:
    return w


def handed_in(model: Llama, tmp_path: Path) -> Attached:
    path = tmp_path / "shakespeare_scale.safetensors"
    hand_in(model, str(path))
    return ATTACHMENT.read(RawFile(path.name, path.name, path.read_bytes()))


@pytest.mark.parametrize("seed", [b"a", b"b", b"c", b"d", b"e"])
def test_the_example_reaches_every_band_on_any_stories(seed: bytes) -> None:
    assert graded(GOOD, seed) == (8.0, "")


def test_other_stories_change_the_figure_little() -> None:
    check = EXERCISE.checks_of("bits_per_character")[-1]
    from autograder.judge import draw_cases

    found = []
    for number in range(8):
        (case,) = draw_cases(EXERCISE, check, Seed(b"spread%d" % number))
        check.body(GOOD, case)
        found.append(case.measured[1])
    assert min(found) > 0.04 and max(found) < 0.075
    assert np.std(found) < 0.006


@pytest.mark.parametrize("tied", [True, False])
def test_a_model_that_knows_nothing_earns_nothing(tied: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    points, said = graded(handed_in(Llama(Config(28, 32, 2, 4, 2, 48, 256, tied=tied)), tmp_path))
    assert points == 0.0
    assert said.endswith("was measured, and it should be at most 0.08.")


def half_split(name: str, w: Any) -> Any:
    return hf.half_split(w, 4) if "q_proj" in name or "k_proj" in name else w


def shifted(name: str, w: Any) -> Any:
    return np.roll(w, 1, axis=0) if "embed" in name else w


def without_attention(name: str, w: Any) -> Any:
    return 0 * w if "o_proj" in name else w


@pytest.mark.parametrize("edit", [half_split, shifted, without_attention])
def test_good_weights_in_another_order_lose_points(edit: Callable[[str, Any], Any]) -> None:
    assert graded(edited(edit))[0] < 8.0


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"n_heads": "many"}, "The metadata of the weights lack n_heads"),
        ({"n_heads": "0"}, "n_heads = 0 does not fit the shapes"),
        ({"n_heads": "-4"}, "n_heads = -4 does not fit the shapes"),
        ({"n_heads": "3"}, "n_heads = 3 does not fit the shapes"),
        ({"n_heads": "64"}, "n_heads = 64 does not fit the shapes"),
        ({"rope_theta": "nan"}, "rope_theta or norm_eps is out of range"),
        ({"rope_theta": "inf"}, "rope_theta or norm_eps is out of range"),
        ({"norm_eps": "0"}, "rope_theta or norm_eps is out of range"),
    ],
)
def test_metadata_that_do_not_fit_are_named(metadata: dict[str, str], said: str) -> None:
    points, message = graded(edited(same, **metadata))
    assert points == 0.0
    assert message.startswith(said)


def test_enormous_numbers_are_no_way_to_points() -> None:
    points, said = graded(edited(lambda name, w: w * 1e30))
    assert points == 0.0
    assert said


def test_a_model_with_another_alphabet_is_refused(tmp_path: Path) -> None:
    found = handed_in(Llama(Config(495, 32, 1, 4, 2, 48, 256, tied=True)), tmp_path)
    assert "model.embed_tokens.weight of shape (495, 32)" in found.problem
    assert graded(found) == (0.0, found.problem)


def test_the_largest_model_that_fits_is_read_in_seconds(tmp_path: Path) -> None:
    model = Llama(Config(28, 128, 5, 8, 8, 344, 256, tied=True))
    found = handed_in(model, tmp_path)
    assert (tmp_path / "shakespeare_scale.safetensors").stat().st_size > 1_900_000
    start = time.process_time()
    assert graded(found)[0] == 0.0
    assert time.process_time() - start < 20
