"""What a worker costs and gets: processor time seen from outside, PyTorch for who imports it."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from autograder.course import Course
from autograder.grading import libraries_for
from autograder.sandbox import Sandbox
from autograder.source import SourceCell, StudentModule
from autograder.student import LocalBackend, Student

ROOT = Path(__file__).parents[2]
SPINS = """
import time

def spin(seconds):
    start = time.process_time()
    while time.process_time() - start < seconds:
        pass
    time.process_time = time.perf_counter = lambda: 0.0
    return time.process_time()

def sleep(seconds):
    time.sleep(seconds)
"""
WITH_TORCH = """
import numpy as np
import torch

def scale(x, factor=2.0):
    return (torch.from_numpy(np.array(x)) * factor).numpy()
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("auto") as found:
        yield found


def test_processor_time_is_read_from_outside_and_sleep_costs_none(sandbox: Sandbox) -> None:
    worker = sandbox.open([SourceCell("cell 1", SPINS)], arrays="numpy")
    student = Student(worker)
    start = student.cpu_seconds()
    assert student.spin(0.2) == 0.0  # it lies about the time from now on
    spun = student.cpu_seconds() - start
    student.sleep(0.2)
    slept = student.cpu_seconds() - start - spun
    worker.close()
    assert 0.2 <= spun < 1.0
    assert slept < 0.1
    assert student.cpu_seconds() >= start + spun  # the last known figure


def test_a_students_own_machine_has_the_same_call() -> None:
    student = Student(LocalBackend({}))
    start = student.cpu_seconds()
    sum(range(1_000_000))
    assert student.cpu_seconds() > start


def test_pytorch_is_there_for_who_imports_it_with_arrays_of_numpy(sandbox: Sandbox) -> None:
    pytest.importorskip("torch")
    worker = sandbox.open([SourceCell("c", WITH_TORCH)], arrays="numpy", installed="torch")
    assert worker.load_errors == {}
    assert Student(worker).scale(np.ones(2)).tolist() == [2.0, 2.0]
    worker.close()
    worker = sandbox.open([SourceCell("c", WITH_TORCH)], arrays="numpy")
    assert [error.exception for error in worker.load_errors.values()] == ["ModuleNotFoundError"]
    worker.close()


@pytest.mark.parametrize(
    ("slug", "source", "libraries"),
    [
        ("vol1_numpy/softmax", "import torch\n", "numpy"),  # forbidden there
        ("vol2_pytorch/lora", "x = 1\n", "torch"),
        ("vol3_inference/anything", "from torch import nn\n", "torch"),
        ("vol3_inference/anything", "import safetensors.numpy\n", "torch"),
        ("vol3_inference/anything", "import numpy\n# import torch\n", "numpy"),
        ("vol3_inference/anything", "def broken(:\n", "numpy"),
    ],
)
def test_who_gets_pytorch(slug: str, source: str, libraries: str) -> None:
    pytest.importorskip("torch")
    exercise = SimpleNamespace(slug=slug, arrays="torch" if "pytorch" in slug else "numpy")
    module = StudentModule(slug, (SourceCell("cell 1", source),), "a.py", "0")
    assert libraries_for(Course(ROOT), exercise, module) == libraries  # type: ignore[arg-type]
