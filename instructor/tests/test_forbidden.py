"""What single exercises forbid is recognised in whatever way it is reached."""

from pathlib import Path

import pytest

from autograder.course import Course, has_torch
from autograder.source import StudentModule
from autograder.submission import RawFile, read_module

COURSE = Course(Path(__file__).parents[2])

BEGIN = "import torch\nfrom torch.optim import Optimizer\n"
STEP = "class AdamW(Optimizer):\n    def step(self, closure=None):\n        {}\n"
ADAMW = {
    "inherits": "class AdamW(torch.optim.AdamW):\n    pass\n",
    "under another name": "from torch.optim import AdamW as Base\nclass AdamW(Base):\n    pass\n",
    "is the library's": "AdamW = torch.optim.AdamW\n",
    "inherits from Adam": "class AdamW(torch.optim.Adam):\n    pass\n",
    "its module": "from torch.optim import adamw\nclass AdamW(adamw.AdamW):\n    pass\n",
    "keeps one inside": STEP.format("torch.optim.AdamW(self.param_groups).step()"),
    "the functional form": "from torch.optim.adamw import adamw\n"
    + STEP.format("adamw([], [], [], [], [], [])"),
    "the old functional form": "from torch.optim import _functional as F\n"
    + STEP.format("F.adamw([], [], [], [], [], [])"),
    "the kernel": STEP.format("torch._fused_adamw_([], [])"),
    "the operator": STEP.format("torch.ops.aten._fused_adamw_([])"),
    "by getattr": "class AdamW(getattr(torch.optim, 'AdamW')):\n    pass\n",
    "by importlib": "import importlib\n"
    + STEP.format("importlib.import_module('torch.optim.adamw').adamw([], [])"),
}
CLIP = "from torch.nn.utils import clip_grad_norm_\ndef clip_grad_norm(parameters, max_norm):\n"
CLIPPING = (
    "torch.nn.utils.clip_grad_norm_(parameters, max_norm)",
    "clip_grad_norm_(parameters, max_norm)",
    "torch.nn.utils.clip_grad.clip_grad_norm_(parameters, max_norm)",
    "torch.nn.utils.get_total_norm([p.grad for p in parameters])",
)


def handed_in(slug: str, text: str) -> StudentModule:
    """A submission as it is read; nothing of it runs."""
    name = f"{slug.partition('/')[2]}.py"
    return read_module(RawFile(name, name, text.encode()), COURSE.stub(slug), COURSE.rules(slug))


def test_what_is_forbidden_exists() -> None:
    if not has_torch():
        pytest.skip("PyTorch is not installed")
    from autograder.student import resolve

    for names in COURSE.settings["forbidden"].values():
        missing = []
        for name in names:
            try:
                resolve(name)
            except (AttributeError, ImportError):
                missing.append(name)
        # Of older or newer versions than this one; a typing error would be all of them.
        assert len(missing) < len(names) / 2, missing


@pytest.mark.parametrize("source", ADAMW.values(), ids=ADAMW.keys())
def test_the_librarys_adamw_may_not_be_used(source: str) -> None:
    module = handed_in("vol2_pytorch/adamw", BEGIN + source)
    assert list(module.forbidden) == ["AdamW"]
    assert "is not allowed in this exercise" in module.forbidden["AdamW"]


def test_the_base_class_of_all_optimizers_may_be_used() -> None:
    module = handed_in("vol2_pytorch/adamw", BEGIN + STEP.format("return None"))
    assert module.forbidden == {} and module.review == ()


@pytest.mark.parametrize("call", CLIPPING)
def test_the_librarys_clipping_may_not_be_used(call: str) -> None:
    module = handed_in("vol2_pytorch/schedule", f"import torch\n{CLIP}    return {call}\n")
    assert list(module.forbidden) == ["clip_grad_norm"]


def test_other_exercises_may_use_both() -> None:
    text = "import torch\nclass LoRALinear(torch.nn.Module):\n    best = torch.optim.AdamW\n"
    assert handed_in("vol2_pytorch/lora", text).forbidden == {}
