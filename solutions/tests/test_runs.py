"""What the long runs say where they cannot run; what they compute has tests of its own."""

import sys

import pytest

torch = pytest.importorskip("torch")

from solutions.benchmarks import training  # noqa: E402
from solutions.runs import shakespeare  # noqa: E402


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("module", [shakespeare, training])
def test_without_a_gpu_one_sentence_says_so(
    module: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in training.SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["x", "gpu"])
    with pytest.raises(SystemExit) as end:
        module.main()  # type: ignore[attr-defined]
    said = str(end.value)  # printed to stderr, with exit code 1
    assert said.startswith("There is no GPU here that PyTorch can use; `cpu` ")
    assert said.endswith(".")
    assert "\n" not in said
