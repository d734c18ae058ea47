"""Numbers beside a submission: read strictly, judged without student code, never a way in."""

import contextlib
import json
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import Attachment, Exercise, array
from autograder.attachment import Attached, parse
from autograder.build import build
from autograder.course import Course
from autograder.errors import CourseError, SubmissionError
from autograder.handed_in import find_students, open_student
from autograder.inputs import Seed
from autograder.judge import Bench, grade_function
from autograder.notebook import RawFile
from autograder.pool import Job, grade_all
from autograder.result import FunctionResult
from autograder.student import LocalBackend, Student
from autograder.tests.toy_course import append

SLUG = "vol1_toys/scale"
linux = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")


def packed(
    tensors: dict[str, np.ndarray[Any, Any]] | None = None,
    *,
    metadata: dict[str, str] | None = None,
    edit: Callable[[dict[str, Any]], None] = lambda header: None,
    tail: bytes = b"",
) -> bytes:
    """A file in the format; `edit` changes its header before it is written."""
    tensors = {"w": np.arange(6.0, dtype=np.float32).reshape(2, 3)} if tensors is None else tensors
    kinds = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64"}
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    body = b""
    for name, one in tensors.items():
        offsets = [len(body), len(body) + one.nbytes]
        kind = kinds[str(one.dtype)]
        header[name] = {"dtype": kind, "shape": list(one.shape), "data_offsets": offsets}
        body += one.tobytes()
    edit(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body + tail


def test_arrays_and_metadata_come_back_as_float32() -> None:
    values = np.array([[1.5, -2.0], [0.25, 3.0]])
    for dtype in (np.float64, np.float32, np.float16):
        data = packed({"a": values.astype(dtype), "b": values[0]}, metadata={"n": "4"})
        tensors, metadata = parse(data)
        assert metadata == {"n": "4"}
        assert list(tensors) == ["a", "b"]
        assert tensors["a"].dtype == np.float32
        assert tensors["a"].tolist() == values.tolist()
        with pytest.raises(ValueError, match="read-only"):
            tensors["a"][0, 0] = 1.0


def test_what_the_library_writes_is_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    ours = {"x": torch.randn(3, 4), "y": torch.randn(5).bfloat16(), "z": torch.randn(2, 2).half()}
    save_file(ours, tmp_path / "a.safetensors", {"about": "numbers"})
    tensors, metadata = parse((tmp_path / "a.safetensors").read_bytes())
    assert metadata == {"about": "numbers"}
    assert tensors.keys() == ours.keys()
    for name, want in ours.items():
        assert np.array_equal(tensors[name], want.float().numpy()), name


def entry(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda header: header["w"].update(changes)


DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not a complete safetensors file"),
    "a pickle": (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.", "not a complete"),
    "a length beyond the file": (struct.pack("<Q", 1 << 62) + b"{}", "not a complete"),
    "a header that is too long": (struct.pack("<Q", 900_000) + b" " * 900_000, "not a complete"),
    "no JSON": (struct.pack("<Q", 2) + b"{]", "header that is not valid"),
    "a list": (struct.pack("<Q", 2) + b"[]", "header that is not valid"),
    "nested": (struct.pack("<Q", 100_000) + b"[" * 100_000, "header that is not valid"),
    "not UTF-8": (struct.pack("<Q", 2) + b"\xff\xff", "header that is not valid"),
    "twice the same name": (
        struct.pack("<Q", 15) + b'{"a":{},"a":{}}',
        "header that is not valid",
    ),
    "cut off": (packed()[:-4], "ends too early"),
    "bytes behind": (packed(tail=b"MZ"), "belong to no tensor"),
    "a hole": (packed(edit=entry(data_offsets=[4, 28]), tail=b"0123"), "do not bear out"),
    "a shape that lies": (packed(edit=entry(shape=[2, 4])), "do not bear out"),
    "a huge shape": (packed(edit=entry(shape=[1 << 39, 1 << 39])), "do not bear out"),
    "negative": (packed(edit=entry(shape=[-2, -3])), "as the format asks"),
    "a bool for a number": (packed(edit=entry(shape=[True, 6])), "as the format asks"),
    "a float for a number": (packed(edit=entry(shape=[2.0, 3])), "as the format asks"),
    "five axes": (packed(edit=entry(shape=[1, 1, 1, 2, 3])), "as the format asks"),
    "offsets backwards": (packed(edit=entry(data_offsets=[24, 0])), "do not bear out"),
    "something else besides": (packed(edit=entry(code="print()")), "as the format asks"),
    "integers": (packed({"w": np.arange(3)}), "of a type that is not read"),
    "a type that is a list": (packed(edit=entry(dtype=["F32"])), "of a type that is not read"),
    "infinite": (packed({"w": np.array([np.inf])}), "not finite"),
    "not a number": (packed({"w": np.array([np.nan], dtype=np.float16)}), "not finite"),
    "beyond float32": (packed({"w": np.array([1e300])}), "not finite"),
    "long metadata": (packed(metadata={"a": "x" * 20_000}), "no short texts"),
    "metadata of numbers": (
        packed(edit=lambda header: header.update(__metadata__={"a": 1})),
        "no short texts",
    ),
    "many tensors": (
        packed({str(i): np.zeros(1, dtype=np.float16) for i in range(2_001)}),
        "more than 2,000",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_file_that_is_not_in_order_is_refused_with_a_sentence(name: str) -> None:
    data, said = DAMAGED[name]
    with pytest.raises(SubmissionError, match=said):
        parse(data)


def test_two_tensors_cannot_share_bytes() -> None:
    def overlap(header: dict[str, Any]) -> None:
        header["v"] = dict(header["w"])

    with pytest.raises(SubmissionError, match="do not bear out"):
        parse(packed(edit=overlap))


def test_any_cut_and_any_changed_byte_is_refused_or_read_and_never_crashes() -> None:
    data = packed({"a": np.ones((2, 2)), "b": np.ones(3)}, metadata={"n": "4"})
    rng = np.random.default_rng(0)
    for _ in range(500):
        changed = bytearray(
            data[: int(rng.integers(len(data) + 1))] if rng.random() < 0.3 else data
        )
        for _ in range(int(rng.integers(4))):
            if changed:
                changed[int(rng.integers(len(changed)))] = int(rng.integers(256))
        with contextlib.suppress(SubmissionError):
            parse(bytes(changed))


LAYERED = Attachment(
    {"table": "V d", "layers.{i}.up": "f d", "layers.{i}.square": "d d", "head": "V d"},
    max_bytes=4_000,
    optional=["head"],
    sizes={"V": 5, "d": 8},
    exactly=["V"],
)


def layered(**changes: Any) -> dict[str, Any]:
    shapes: dict[str, tuple[int, ...]] = {
        "table": (5, 4),
        "layers.0.up": (6, 4),
        "layers.0.square": (4, 4),
        "layers.1.up": (6, 4),
        "layers.1.square": (4, 4),
    }
    shapes |= changes
    return {n: np.ones(s, dtype=np.float32) for n, s in shapes.items() if s is not None}


def read(tensors: dict[str, Any]) -> Attached:
    return LAYERED.read(RawFile("toy.safetensors", "anna/toy.safetensors", packed(tensors)))


def test_the_sizes_of_the_shapes_are_found() -> None:
    found = read(layered())
    assert (found.problem, found.sizes) == ("", {"V": 5, "d": 4, "f": 6})
    assert len(found.tensors) == 5
    assert read(layered(head=(5, 4))).problem == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"table": (6, 4)}, "has table of shape (6, 4), expected (V = 5, d = 8)"),
        ({"table": (5, 9)}, "has table of shape (5, 9), expected (V = 5, d = 8)"),
        ({"table": None}, "lacks table"),
        ({"layers.1.up": (7, 4)}, "has layers.1.up of shape (7, 4), expected (f = 6, d = 4)"),
        ({"layers.1.square": (4, 6)}, "has layers.1.square of shape (4, 6)"),
        ({"layers.1.square": (4,)}, "has layers.1.square of shape (4,)"),
        ({"layers.1.square": None}, "layers that are not complete"),
        ({"layers.3.up": (6, 4), "layers.3.square": (4, 4)}, "layers that are not complete"),
        ({"layers.01.up": (6, 4)}, "holds layers.01.up, which this exercise does not know"),
        ({"<b>\u202e": (1,)}, "holds ?b??, which this exercise does not know"),
        ({"layers.0.up": None, "layers.1.up": None}, "lacks layers.0.up"),
        ({"table": (0, 4)}, "has table of shape (0, 4)"),
    ],
)
def test_names_and_shapes_that_are_not_declared_are_refused(
    changes: dict[str, Any], said: str
) -> None:
    found = read(layered(**changes))
    assert said in found.problem
    assert found.problem.startswith("toy.safetensors ")
    assert not found.tensors


def test_a_large_file_is_refused_without_being_parsed() -> None:
    found = LAYERED.read(RawFile("toy.safetensors", "toy.safetensors", b"x" * 4_001))
    assert "more than the 0.004 MB" in found.problem


# Judging


def weighing(scaling_module: Any) -> Exercise:
    exercise = Exercise(
        SLUG,
        solution=scaling_module,
        inputs={"x": array("N M"), "factor": array("")},
        sizes={"N": [2], "M": [3]},
        difficulty=1,
        minutes=1,
        attachment=Attachment({"w": "N M"}, max_bytes=1_000),
    )
    exercise.matches_reference("scale", points=1)

    @exercise.weighs("scale", bands={2.0: 1, 1.0: 2})
    def largest(attached: Attached) -> float:
        """No weight is above {}."""
        if attached.metadata.get("refuse"):
            raise ValueError("The metadata say so")
        return float(attached.tensors["w"].max())

    return exercise


class Scaling:
    """A module with one function."""

    @staticmethod
    def scale(x: Any, factor: Any) -> Any:
        """Multiply."""
        return x * factor


def graded(attached: Attached | None, *, right: bool = True) -> FunctionResult:
    call = Scaling.scale if right else (lambda x, factor: x + factor)
    student = Student(LocalBackend({"scale": call}))
    bench = Bench(lambda: student, attached=attached)
    return grade_function(weighing(Scaling), "scale", bench, Seed(b"seed"))


def of(value: float, **metadata: str) -> Attached:
    return Attached({"w": np.full((2, 3), value, dtype=np.float32)}, metadata)


@pytest.mark.parametrize(
    ("attached", "points", "states"),
    [
        (of(0.5), 4.0, ["passed", "passed", "passed"]),
        (of(1.5), 2.0, ["passed", "passed", "failed"]),
        (of(3.0), 1.0, ["passed", "failed", "failed"]),
        (of(np.nan), 1.0, ["passed", "failed", "failed"]),
        (None, 1.0, ["passed", "not_attempted", "not_attempted"]),
        (Attached(problem="scale.safetensors is damaged."), 1.0, ["passed", "failed", "failed"]),
        (of(0.5, refuse="yes"), 1.0, ["passed", "failed", "failed"]),
    ],
)
def test_each_band_that_is_reached_pays(
    attached: Attached | None, points: float, states: list[str]
) -> None:
    result = graded(attached)
    assert (result.points, [c.status for c in result.checks]) == (points, states)


def test_a_sentence_says_what_is_missing_or_wrong() -> None:
    def said(attached: Attached | None) -> str:
        return graded(attached).checks[-1].message

    assert said(None) == "scale.safetensors was not handed in beside your work."
    assert said(of(1.5)) == "1.5 was measured, and it should be at most 1."
    assert said(Attached(problem="It is damaged.")) == "It is damaged."
    assert said(of(0.0, refuse="yes")) == "The metadata say so."
    assert graded(None).checks[1].title == "No weight is above 2."


def test_weights_count_once_the_function_is_right() -> None:
    result = graded(of(0.5), right=False)
    assert result.points == 0.0
    assert result.checks[1].message.startswith("Not run yet")


def test_weighing_needs_an_attachment() -> None:
    exercise = Exercise(
        SLUG,
        solution=Scaling,
        inputs={},
        sizes={"N": [2]},
        difficulty=1,
        minutes=1,  # type: ignore[arg-type]
    )
    with pytest.raises(CourseError, match="weighs needs attachment="):
        exercise.weighs("scale", bands={1.0: 1})


# From a folder to a result


def hand_in(folder: Path, student: str, data: bytes, name: str = "scale.safetensors") -> Path:
    path = folder / student / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    (path.parent / "scale.py").write_text("def scale(x, factor):\n    return x * factor\n")
    return path


def attached_files(folder: Path) -> list[str]:
    (found,) = find_students(folder, exercises=[SLUG])
    return [f.origin for f in open_student(found, exercises=[SLUG]).attached]


def test_a_file_named_after_an_exercise_is_read_and_no_other(tmp_path: Path) -> None:
    hand_in(tmp_path, "anna", packed())
    hand_in(tmp_path, "anna", packed(), "best.safetensors")
    assert attached_files(tmp_path) == ["anna/scale.safetensors"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(packed())
    path = hand_in(tmp_path / "in", "anna", b"")
    path.unlink()
    path.symlink_to(secret)
    assert attached_files(tmp_path / "in") == []


def test_it_is_found_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "anna.zip", "w") as archive:
        archive.writestr("scale.py", "def scale(x, factor): ...")
        archive.writestr("scale.safetensors", packed())
        archive.writestr("last.safetensors", packed())
    assert attached_files(tmp_path) == ["anna.zip/scale.safetensors"]


def test_it_is_found_beside_a_single_file(tmp_path: Path) -> None:
    path = hand_in(tmp_path, "anna", packed())
    found = open_student(find_students(path.with_name("scale.py"))[0], exercises=[SLUG])
    assert [f.name for f in found.attached] == ["scale.safetensors"]


def weighing_course(toy: Course) -> None:
    """Let the exercise `scale` of a course weigh numbers."""
    append(
        toy.root,
        "instructor/checks/vol1_toys/scale.py",
        "\nfrom autograder import Attachment\n"
        "exercise.attachment = Attachment({'w': 'N M'}, max_bytes=1_000)\n\n\n"
        "@exercise.weighs('scale', bands={1.0: 2})\n"
        "def largest(attached):\n"
        '    """No weight is above {}."""\n'
        "    return attached.tensors['w'].max()\n",
    )
    build(toy)


@linux
def test_a_class_is_graded_with_what_it_attached(toy: Course) -> None:
    weighing_course(toy)
    folder = toy.root / "handed_in"
    small = packed({"w": np.zeros((2, 3), dtype=np.float32)})
    hand_in(folder, "anna", small)
    hand_in(folder, "ben", packed())
    hand_in(folder, "clara", b"PK\x03\x04")
    hand_in(folder, "david", small).unlink()
    job = Job(toy.root, (SLUG,), toy.root / "graded")
    job.out.mkdir()

    def points() -> dict[str, tuple[float, bool]]:
        done = grade_all(job, find_students(folder))
        return {r.student: (r.exercises[0].functions[0].points, new) for r, new in done}

    first = points()
    full = first["anna"][0]
    assert {n: p for n, (p, _) in first.items()} == {
        "anna": full,
        "ben": full - 2,
        "clara": full - 2,
        "david": full - 2,
    }
    # Other numbers make another submission, the same ones do not.
    (folder / "ben" / "scale.safetensors").write_bytes(small)
    assert points() == {
        "anna": (full, False),
        "ben": (full, True),
        "clara": (full - 2, False),
        "david": (full - 2, False),
    }
