"""Hidden checks for vol2_pytorch/autograd.

What is expected comes from Volume 1. A class is graded by calling its forward and its backward
directly, in inference mode: nothing can be recorded there, so that a backward that lets PyTorch
differentiate does not get far. (What remains are names, `torch.func` or leaving the mode, which the
rules of this exercise forbid.) The functions are graded through autograd.
"""

import numpy as np
import torch

from autograder import Exercise, array, constant, derived, integers, numerical_gradient, raises
from solutions.vol1_numpy import cross_entropy as ce
from solutions.vol1_numpy import rmsnorm as rms
from solutions.vol1_numpy import rope as rot
from solutions.vol2_pytorch import autograd


def draw_targets(rng, B, T, V):
    """Ids, of which a few do not count; never none, never all."""
    targets = rng.integers(0, V, size=(B, T))
    targets.flat[rng.permutation(B * T)[: B * T // 3]] = -7
    return targets


def uniform(low, high):
    """A float for each student."""
    return derived(lambda rng: float(rng.uniform(low, high)))


exercise = Exercise(
    "vol2_pytorch/autograd",
    solution=autograd,
    arrays="torch",
    difficulty=4,
    minutes=90,
    inputs={
        "x": array("B T V"),
        "dout": array("B T V"),
        "gain": array("V", mean=1.0, scale=0.5),
        "eps": uniform(0.1, 0.3),
        "heads": array("B T n_heads d_head"),
        "dheads": array("B T n_heads d_head"),
        "positions": derived(lambda rng, T: np.sort(rng.permutation(40)[:T])),
        "rows": derived(lambda rng, B, T: rng.integers(0, 40, size=(B, T))),
        "theta": uniform(20.0, 60.0),
        "logits": array("B T V", scale=2.0),
        "targets": derived(draw_targets),
        "ids": integers("B T", "V"),
        "dloss": derived(lambda rng: np.array(rng.uniform(2.0, 3.0))),
        "mark": constant(-7),
    },
    sizes={
        "B": [2, 3, 1],
        "T": [5, 3, 2],
        "V": [4, 3, 2],
        "n_heads": [3, 3, 1],
        "d_head": [6, 4, 2],
    },
)
ONE = {"B": [2], "T": [3], "V": [4], "n_heads": [3], "d_head": [4]}
# Right code errs by about 1e-15; differencing, whatever the step, by 1e-11 or more.
RTOL = 1e-12


# Calling a class by hand


class InferenceMode:
    """PyTorch's inference mode on the student's side: nothing is recorded, whoever asks for it."""

    def __init__(self, student):
        self.student = student

    def __enter__(self):
        self.mode = self.student.keep(self.student.library("torch.inference_mode"))
        self.student.keep(self.student.part(self.mode, "__enter__"))

    def __exit__(self, *error):
        self.student.keep(self.student.part(self.mode, "__exit__"), None, None, None)


def forward_of(student, name, *inputs):
    """Run `forward` as `apply` would; the output, and the context with what has been saved."""
    owner, attribute = getattr(student, name), student.library("builtins.getattr")
    put = student.library("builtins.setattr")
    ctx = student.keep(student.library("torch.autograd.function.FunctionCtx"))
    put(ctx, "needs_input_grad", tuple(isinstance(i, np.ndarray) for i in inputs))
    inputs = [student.hold(i) for i in inputs]
    forward = student.part(owner, "forward")
    setup = student.part(owner, "setup_context")
    if student.library("operator.is_")(setup, student.library("torch.autograd.Function.setup_context")):
        out = student.keep(forward, ctx, *inputs)
    else:  # the newer form, in two parts
        out = student.keep(forward, *inputs)
        student.keep(setup, ctx, tuple(inputs), out)
    put(ctx, "saved_tensors", student.keep(attribute, ctx, "to_save", ()))
    return out, ctx


def gradients(student, name, dout, *inputs, times=1):
    """What `backward` gives, with PyTorch's own differentiation switched off."""
    with InferenceMode(student):
        _, ctx = forward_of(student, name, *inputs)
        backward = student.part(getattr(student, name), "backward")
        given = student.hold(dout)
        return [backward(ctx, given) for _ in range(times)]


def as_returned(grads, inputs, count):
    """The gradients of the first `count` inputs; the others have none."""
    yield isinstance(grads, (tuple, list)) and len(grads) >= len(inputs)
    yield all(grad is None for grad in grads[count:])
    yield tuple(grads[:count])


def pushed_back(student, name, dout, arrays, *others):
    """The output of a function and the gradients of `arrays`, through autograd."""
    wanting = student.library("torch.Tensor.requires_grad_")
    held = [student.keep(wanting, student.hold(a)) for a in arrays]
    out = student.keep(getattr(student, name), *held, *others)
    return out, engine(student, out, held, dout)


def engine(student, out, held, dout):
    """The gradients that autograd finds."""
    with InferenceMode(student):
        return student.library("torch.autograd.grad")(out, held, dout, retain_graph=True)


def is_one_node(student, out, name):
    """Is a tensor the output of the class `name`, called with the inputs themselves?"""
    yield out.requires_grad
    node = student.part(out, "grad_fn")
    yield node.name() == f"{name}Backward"
    (before, _), *_ = student.keep(student.library("builtins.list"), student.part(node, "next_functions"))
    yield before.name() == "torch::autograd::AccumulateGrad"


def laid_out(student, a):
    """An array on the student's side that is not contiguous."""
    return student.keep(student.library("torch.transpose"), student.hold(a.swapaxes(0, 1)), 0, 1)


def doubles(*arrays):
    return [np.asarray(a, dtype=np.float64) for a in arrays]
