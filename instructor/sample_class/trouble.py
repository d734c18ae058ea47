"""Students with one thing that costs its own points and nothing else, or nothing at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from handin import (
    ATTENTION,
    OPTIMIZERS,
    RMSNORM,
    SOFTMAX,
    Sources,
    Student,
    code_cell,
    dumped,
    folder,
)

ZEROS = {
    "softmax": "def softmax(x, axis=-1):\n    return np.zeros_like(x)",
    "softmax_jacobian": "def softmax_jacobian(probs):\n    return np.zeros((probs.size,) * 2)",
    "softmax_backward": "def softmax_backward(dout, probs, axis=-1):\n    return 0 * dout",
}


@dataclass(frozen=True)
class Trouble:
    """A right softmax notebook with some `answers` replaced and `extra` code around it."""

    name: str
    story: str
    answers: Mapping[str, str]
    before: str = ""
    after: str = ""
    exercise: str = SOFTMAX
    as_module: bool = False


def students(sources: Sources) -> Iterator[Student]:
    """Everybody of this chapter."""
    for one in TROUBLES:
        yield troubled(sources, one)


def troubled(sources: Sources, one: Trouble) -> Student:
    """The submission of a student in trouble."""
    answers = {**sources.right(one.exercise), **one.answers}
    if one.as_module:
        text = sources.module(one.exercise, answers).decode()
        header, mark, rest = text.partition("# %% [markdown]")
        parts = (header, one.before, mark + rest, one.after)
        return folder(one.name, one.story, {one.exercise: "\n".join(parts).encode()})
    book = sources.notebook(one.exercise, answers)
    for place, source in ((1, one.before), (len(book["cells"]) + 1, one.after)):
        if source:
            book["cells"].insert(place, code_cell(source, f"own-{place}"))
    return folder(one.name, one.story, {one.exercise: dumped(book)}, ".ipynb")


TROUBLES = (
    Trouble(
        "raises",
        "divides by zero in one function",
        {"softmax_jacobian": "def softmax_jacobian(probs):\n    return probs / (1 // 0)"},
    ),
    Trouble(
        "syntax-error",
        "a missing bracket in one cell",
        {"softmax_jacobian": "def softmax_jacobian(probs):\n    return np.diag(probs - (0"},
    ),
    Trouble(
        "syntax-error-in-a-module",
        "a missing colon in the middle of a .py",
        {"softmax_jacobian": "def softmax_jacobian(probs)\n    return np.diag(probs)"},
        as_module=True,
    ),
    Trouble(
        "while-true",
        "one function never ends",
        {"softmax_backward": "def softmax_backward(dout, probs, axis=-1):\n    while True: pass"},
    ),
    Trouble(
        "ignores-interrupts",
        "one function never ends and lets nobody stop it",
        {
            "softmax_jacobian": """
import signal


def softmax_jacobian(probs):
    while True:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            while True:
                probs = probs + 0
        except BaseException:
            continue
"""
        },
    ),
    Trouble(
        "slow",
        "slow in two functions, within twice the budget",
        {
            "softmax_jacobian": """
import time

TABLE = {}


def softmax_jacobian(probs):
    if not TABLE:
        time.sleep(1.2)  # a table of exponentials, made at the first call
        TABLE["exp"] = True
    return np.diag(probs) - np.outer(probs, probs)
""",
            "softmax_backward": """
def softmax_backward(dout, probs, axis=-1):
    time.sleep(3e-5 * dout.size)  # one number after the other
    return probs * (dout - (dout * probs).sum(axis=axis, keepdims=True))
""",
        },
    ),
    Trouble(
        "exits-in-a-function",
        "sys.exit() in one function",
        {
            "softmax_jacobian": """
import sys


def softmax_jacobian(probs):
    if len(probs) != 2:
        sys.exit("only two classes are supported")
    return np.diag(probs) - np.outer(probs, probs)
"""
        },
    ),
    Trouble(
        "exits-at-top-level",
        "sys.exit() at top level, before one function",
        {
            "softmax_jacobian": "import sys\n\nsys.exit()\n\n\n"
            "def softmax_jacobian(probs):\n    return np.diag(probs) - np.outer(probs, probs)"
        },
        after="import sys\nsys.exit(0)",
    ),
    Trouble(
        "os-exit",
        "os._exit(0) in one function: the process is gone, with the exit code of success",
        {
            "softmax_backward": """
def softmax_backward(dout, probs, axis=-1):
    import os

    os._exit(0)
"""
        },
    ),
    Trouble(
        "patches-numpy-testing",
        "every assertion of NumPy succeeds, every answer is zeros",
        ZEROS,
        before="""
import numpy.testing

for name in dir(np.testing):
    if name.startswith("assert"):
        setattr(np.testing, name, lambda *args, **kwargs: None)
np.allclose = np.array_equal = np.isclose = lambda *args, **kwargs: True
""",
    ),
    Trouble(
        "rewrites-later-cells",
        "an IPython hook turns every later cell into `pass`; every answer is zeros",
        ZEROS,
        before="""
import ast


class Nothing(ast.NodeTransformer):
    def visit(self, node):
        return ast.parse("pass")


shell = get_ipython()
shell.ast_transformers.append(Nothing())
shell.input_transformers_cleanup.append(lambda lines: ["pass"])
shell.events.register("pre_run_cell", lambda info: setattr(info, "raw_cell", "pass"))
""",
    ),
    Trouble(
        "warns",
        "right, and warns and prints to stderr",
        {
            "softmax": """
import sys
import warnings


def softmax(x, axis=-1):
    warnings.warn("softmax is deprecated, use logits", DeprecationWarning)
    print("careful", file=sys.stderr)
    exps = np.exp(x - x.max(axis=axis, keepdims=True))
    return exps / np.sum(exps, axis=axis, keepdims=True)
"""
        },
    ),
    Trouble(
        "holds-2-gib",
        "one function fills 2 GiB",
        {
            "softmax_backward": """
def softmax_backward(dout, probs, axis=-1):
    everything = np.ones((1 << 28,), dtype=np.float64)
    return probs * (dout - (dout * probs).sum(axis=axis, keepdims=True)) * everything[0]
"""
        },
    ),
    Trouble(
        "builds-the-matrix",
        "the Jacobian of 20,000 classes is 3.2 GB: one check of one function",
        {
            "softmax_backward": """
def softmax_backward(dout, probs, axis=-1):
    d, p = np.moveaxis(dout, axis, -1), np.moveaxis(probs, axis, -1)
    matrices = p[..., None] * (np.eye(p.shape[-1], dtype=p.dtype) - p[..., None, :])
    return np.moveaxis((d[..., None, :] @ matrices)[..., 0, :], -1, axis)
"""
        },
    ),
    Trouble(
        "calls-itself",
        "recursion without an end",
        {"softmax_jacobian": "def softmax_jacobian(probs):\n    return -softmax_jacobian(-probs)"},
    ),
    Trouble(
        "returns-text",
        "the right numbers, as text",
        {
            "softmax_jacobian": "def softmax_jacobian(probs):\n"
            "    return str((np.diag(probs) - np.outer(probs, probs)).tolist())",
        },
    ),
    Trouble(
        "calls-torch",
        "imports PyTorch in Volume 1 for one function",
        {
            "softmax_jacobian": """
import torch


def softmax_jacobian(probs):
    return torch.autograd.functional.jacobian(torch.softmax, torch.tensor(probs)).numpy()
"""
        },
    ),
    Trouble(
        "could-do-without-torch",
        "uses PyTorch if it is there and NumPy if not",
        {
            "softmax": """
try:
    import torch
except ImportError:
    torch = None


def softmax(x, axis=-1):
    # torch.softmax(x, axis) gives the same
    exps = np.exp(x - x.max(axis=axis, keepdims=True))
    return exps / exps.sum(axis=axis, keepdims=True)
"""
        },
    ),
    Trouble(
        "broken-forward",
        "a wrong forward that the right backward calls: only the forward is lost",
        {"rmsnorm": "def rmsnorm(x, gain, eps=1e-5):\n    return x * gain + eps"},
        exercise=RMSNORM,
    ),
    Trouble(
        "own-data-file",
        "loads a file of their own that nobody else has, for one function",
        {
            "softmax_jacobian": """
TABLE = np.load("/home/me/table.npy")


def softmax_jacobian(probs):
    return TABLE[: probs.size] * 0 + np.diag(probs) - np.outer(probs, probs)
"""
        },
    ),
    Trouble(
        "spoiled-later",
        "right first, a wrong second try at the end: the last one counts",
        {},
        exercise=ATTENTION,
        after="""
def soft_max(x):
    return np.exp(x) / np.exp(x).sum(axis=0)


def attention(q, k, v, causal=True):
    k, v = (np.repeat(a, q.shape[1] // a.shape[1], axis=1) for a in (k, v))
    return soft_max(q @ k.swapaxes(-1, -2) / q.shape[-1] ** 0.5) @ v
""",
    ),
    Trouble(
        "dies-in-a-method",
        "a class whose method ends the process",
        {
            "AdamW": """
class AdamW:
    def __init__(self, params, lr, betas, eps, weight_decay):
        self.params, self.lr = params, lr

    def step(self, grads):
        import os

        os.abort()
"""
        },
        exercise=OPTIMIZERS,
    ),
)
