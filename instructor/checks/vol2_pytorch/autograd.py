"""Hidden checks for vol2_pytorch/autograd.

What is expected comes from Volume 1. A class is graded by calling its forward and its backward
directly, in inference mode: nothing can be recorded there, so that a backward that lets PyTorch
differentiate does not get far. (What remains are names, `torch.func` or leaving the mode, which the
rules of this exercise forbid.) The functions are graded through autograd.
"""

import numpy as np
import torch
from torch.nn import functional

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


def wants(value):
    """Does an input of a Function get a gradient: an array of floats, or one that is held?"""
    return value.dtype.kind == "f" if isinstance(value, np.ndarray) else not np.isscalar(value)


def forward_of(student, name, *inputs):
    """Run `forward` as `apply` would; the output, and the context with what has been saved."""
    owner = getattr(student, name)
    put, get = (student.library(f"builtins.{word}") for word in ("setattr", "getattr"))
    ctx = student.keep(student.library("torch.autograd.function.FunctionCtx"))
    put(ctx, "needs_input_grad", tuple(wants(i) for i in inputs))
    inputs = [student.hold(i) for i in inputs]
    setup, unset = owner.setup_context, student.library("torch.autograd.Function.setup_context")
    if student.library("operator.is_")(setup, unset):
        out = student.keep(owner.forward, ctx, *inputs)
    else:  # the newer form, in two parts
        out = student.keep(owner.forward, *inputs)
        student.keep(setup, ctx, tuple(inputs), out)
    put(ctx, "saved_tensors", student.keep(get, ctx, "to_save", ()))
    return out, ctx


def forward(student, name, *inputs):
    """What `forward` gives by itself."""
    with InferenceMode(student):
        out, _ = forward_of(student, name, *inputs)
        return student.fetch(out)


def gradients(student, name, dout, *inputs, times=1):
    """What `backward` gives, with PyTorch's own differentiation switched off.

    A tuple of the gradients of the inputs that have one, if those of the others are None.
    """
    count = sum(map(wants, inputs))
    with InferenceMode(student):
        _, ctx = forward_of(student, name, *inputs)
        backward, given = getattr(student, name).backward, student.hold(dout)
        for _ in range(times):
            grads = backward(ctx, given)
    if not isinstance(grads, (tuple, list)) or len(grads) < len(inputs):
        raise ValueError("one value is returned for each input")
    if any(grad is not None for grad in grads[count:]):
        raise ValueError("what is no tensor of numbers has a gradient")
    return tuple(grads[:count]) if count > 1 else grads[0]


def apply(student, name):
    return getattr(student, name).apply


def learning(student, *arrays):
    """Arrays on the student's side, wanting gradients."""
    wanting = student.library("torch.Tensor.requires_grad_")
    return [student.keep(wanting, student.hold(a)) for a in arrays]


def engine(student, out, held, dout=None):
    """The gradients that autograd finds by calling `backward`."""
    with InferenceMode(student):
        grads = student.library("torch.autograd.grad")(out, held, dout, retain_graph=True)
    return tuple(grads) if len(held) > 1 else grads[0]


def is_one_node(student, out, name):
    """Is a tensor the output of the class `name`, called with the inputs themselves?"""
    yield out.requires_grad
    node, item = student.part(out, "grad_fn"), student.library("operator.getitem")
    yield node.name() == f"{name}Backward"
    first = student.keep(item, student.part(node, "next_functions"), 0)
    yield student.keep(item, first, 0).name() == "torch::autograd::AccumulateGrad"


def laid_out(student, a):
    """An array on the student's side that is not contiguous."""
    return student.keep(student.library("torch.transpose"), student.hold(a.swapaxes(0, 1)), 0, 1)


def doubles(*arrays):
    return [np.asarray(a, dtype=np.float64) for a in arrays]


def runs_without_recording(student, name, dout, *inputs):
    """Does a backward do its work where nothing can be recorded?"""
    return not raises(RuntimeError, gradients, student, name, dout, *inputs)


def takes_any_layout(student, name, x, more, others, want, dwant):
    """Inputs that are not contiguous, and a dout that is one number repeated."""
    x_there = laid_out(student, x)
    student.keep(student.library("torch.Tensor.requires_grad_"), x_there)
    held = [x_there, *learning(student, *more)]
    out = student.keep(apply(student, name), *held, *others)
    yield student.fetch(out), want
    yield engine(student, student.keep(student.library("torch.sum"), out), held), dwant
    yield student.fetch(x_there), x


def runs_twice(student, name, dout, want, *inputs):
    """Backward twice on what was saved once; nothing that was handed in is changed."""
    held = [student.hold(i) if wants(i) else i for i in inputs]
    given = student.hold(dout)
    yield gradients(student, name, given, *held, times=2), want
    yield student.fetch(given), np.asarray(dout)
    for there, before in zip(held, inputs, strict=True):
        if wants(before):
            yield student.fetch(there), before


# RMSNormFunction and rmsnorm

NORM = "RMSNormFunction"


@exercise.satisfies(NORM, kind="R", points=3, rtol=RTOL)
def norm_backward_is_right(student, dout, x, gain, eps):
    """Backward gives the right dx and dgain, with PyTorch's own differentiation switched off."""
    return gradients(student, NORM, dout, x, gain, eps), rms.rmsnorm_backward(dout, x, gain, eps)


@exercise.satisfies(NORM, kind="R", points=1, rtol=RTOL)
def norm_forward_is_right(student, x, gain, eps):
    """Forward gives the right output."""
    return forward(student, NORM, x, gain, eps), rms.rmsnorm(x, gain, eps)


@exercise.satisfies(NORM, kind="F", points=1, sizes=ONE, rtol=1e-6)
def norm_backward_agrees_with_differences(student, dout, x, gain, eps):
    """Backward agrees with finite differences."""
    dx = numerical_gradient(lambda v: rms.rmsnorm(v, gain, eps), x, dout)
    dgain = numerical_gradient(lambda v: rms.rmsnorm(x, v, eps), gain, dout)
    return gradients(student, NORM, dout, x, gain, eps), (dx, dgain)


@exercise.satisfies(NORM, points=1, sizes=ONE)
def norm_backward_is_by_hand(student, dout, x, gain, eps):
    """Backward works where PyTorch can record nothing."""
    return runs_without_recording(student, NORM, dout, x, gain, eps)


@exercise.satisfies(NORM, points=1, sizes=ONE, rtol=1e-9)
def no_gradient_along_x(student, dout, x, gain):
    """Without eps, a longer x gives the same output: dx is orthogonal to x."""
    dx, _ = gradients(student, NORM, dout, x, gain, 0.0)
    return (dx * x).sum(axis=-1), np.zeros(x.shape[:-1])


@exercise.satisfies(NORM, kind="E", points=1, sizes=ONE, rtol=RTOL)
def norm_backward_runs_twice(student, dout, x, gain, eps):
    """Backward may run twice, and neither call changes what was handed in."""
    want = rms.rmsnorm_backward(dout, x, gain, eps)
    yield from runs_twice(student, NORM, dout, want, x, gain, eps)


@exercise.satisfies(NORM, kind="E", points=1, sizes=ONE, rtol=RTOL)
def norm_takes_any_layout(student, x, gain, eps):
    """x may be a transpose, and dout one number repeated; x may have two axes."""
    for some in (x, x[0]):
        both = rms.rmsnorm(some, gain, eps), rms.rmsnorm_backward(0 * some + 1, some, gain, eps)
        yield from takes_any_layout(student, NORM, some, [gain], [eps], *both)


@exercise.satisfies(NORM, kind="E", points=1, sizes=ONE, dtype="float32")
def norm_keeps_float32(student, dout, x, gain, eps):
    """float32 stays float32, both ways."""
    wide = doubles(x, gain)
    yield forward(student, NORM, x, gain, eps), rms.rmsnorm(*wide, eps)
    want = rms.rmsnorm_backward(*doubles(dout), *wide, eps)
    yield gradients(student, NORM, dout, x, gain, eps), want


@exercise.satisfies("rmsnorm", kind="R", points=1, sizes=ONE, rtol=RTOL)
def rmsnorm_calls_its_class(student, dout, x, gain, eps):
    """The output is one node of RMSNormFunction; output and gradients are right."""
    held = learning(student, x, gain)
    out = student.keep(student.rmsnorm, *held, eps)
    yield from is_one_node(student, out, NORM)
    yield student.fetch(out), rms.rmsnorm(x, gain, eps)
    yield engine(student, out, held, dout), rms.rmsnorm_backward(dout, x, gain, eps)


@exercise.satisfies("rmsnorm", points=1, sizes=ONE, rtol=RTOL)
def gradients_of_a_chain(student, dout, x, gain, eps):
    """Two in a row pass gradients on, and a gain that is used twice gets the sum of both."""
    held = learning(student, x, gain)
    middle = student.keep(student.rmsnorm, *held, eps)
    got = engine(student, student.keep(student.rmsnorm, middle, held[1], eps), held, dout)
    dmiddle, second = rms.rmsnorm_backward(dout, rms.rmsnorm(x, gain, eps), gain, eps)
    dx, first = rms.rmsnorm_backward(dmiddle, x, gain, eps)
    return got, (dx, first + second)


@exercise.satisfies("rmsnorm", kind="E", points=1, sizes=ONE, rtol=RTOL)
def eps_may_be_left_out(student, x, gain):
    """eps is 1e-5 unless it is given, and may be given by name."""
    small = 3e-3 * x
    yield student.rmsnorm(small, gain), rms.rmsnorm(small, gain, 1e-5)
    yield student.rmsnorm(small, gain=gain, eps=1e-4), rms.rmsnorm(small, gain, 1e-4)


# RoPEFunction and rope

TURN = "RoPEFunction"


@exercise.satisfies(TURN, kind="R", points=2, rtol=RTOL)
def rope_backward_is_right(student, dheads, heads, positions, rows, theta):
    """Backward gives the right dx, with PyTorch's own differentiation switched off."""
    for where in (positions, rows):
        want = rot.rope_backward(dheads, where, theta)
        yield gradients(student, TURN, dheads, heads, where, theta), want


@exercise.satisfies(TURN, kind="R", points=2, rtol=RTOL)
def rope_forward_is_right(student, heads, positions, rows, theta):
    """Forward turns every pair by its angle, at positions of all rows or of each."""
    for where in (positions, rows):
        yield forward(student, TURN, heads, where, theta), rot.rope(heads, where, theta)


@exercise.satisfies(TURN, kind="F", points=1, sizes=ONE, rtol=1e-6)
def rope_backward_agrees_with_differences(student, dheads, heads, positions, theta):
    """Backward agrees with finite differences."""
    want = numerical_gradient(lambda v: rot.rope(v, positions, theta), heads, dheads)
    return gradients(student, TURN, dheads, heads, positions, theta), want


@exercise.satisfies(TURN, points=1, sizes=ONE)
def rope_backward_is_by_hand(student, dheads, heads, positions, theta):
    """Backward works where PyTorch can record nothing."""
    return runs_without_recording(student, TURN, dheads, heads, positions, theta)


@exercise.satisfies(TURN, kind="E", points=1, sizes=ONE, rtol=RTOL)
def rope_backward_runs_twice(student, dheads, heads, rows, theta):
    """Backward may run twice, and neither call changes what was handed in."""
    want = rot.rope_backward(dheads, rows, theta)
    there = student.hold(rows)
    yield from runs_twice(student, TURN, dheads, want, heads, rows, theta)
    forward(student, TURN, heads, there, theta)
    yield student.fetch(there), rows


@exercise.satisfies(TURN, kind="E", points=1, sizes=ONE, rtol=RTOL)
def rope_takes_any_layout(student, heads, positions, theta):
    """x may be a transpose, and dout one number repeated."""
    back = rot.rope_backward(0 * heads + 1, positions, theta)
    both = rot.rope(heads, positions, theta), back
    yield from takes_any_layout(student, TURN, heads, [], [positions, theta], *both)


@exercise.satisfies(TURN, kind="E", points=1, sizes=ONE, dtype="float32")
def rope_keeps_float32(student, dheads, heads, positions, theta):
    """float32 stays float32, both ways; angles are exact at position 100,000, too."""
    for where in (positions, positions + 100_000):
        want = rot.rope(*doubles(heads), where, theta)
        yield forward(student, TURN, heads, where, theta), want
        back = rot.rope_backward(*doubles(dheads), where, theta)
        yield gradients(student, TURN, dheads, heads, where, theta), back


@exercise.satisfies("rope", kind="R", points=1, sizes=ONE, rtol=RTOL)
def rope_calls_its_class(student, dheads, heads, positions, theta):
    """The output is one node of RoPEFunction; output and gradient are right."""
    held = learning(student, heads)
    out = student.keep(student.rope, *held, positions, theta)
    yield from is_one_node(student, out, TURN)
    yield student.fetch(out), rot.rope(heads, positions, theta)
    yield engine(student, out, held, dheads), rot.rope_backward(dheads, positions, theta)


@exercise.satisfies("rope", points=1, sizes=ONE, rtol=RTOL)
def distances_alone_matter(student, heads, positions, theta):
    """Products of queries and keys do not change when all positions are shifted by one number."""

    def products(shift):
        out = student.rope(heads, positions + shift, theta)
        return np.einsum("bqhd,bkhd->bhqk", out, out)

    return products(57), products(0)


@exercise.satisfies("rope", kind="E", points=1, sizes=ONE, rtol=RTOL)
def theta_may_be_left_out(student, heads, positions):
    """theta is 10,000 unless it is given, and may be given by name."""
    yield student.rope(heads, positions), rot.rope(heads, positions, 10000.0)
    want = rot.rope(heads, positions, 7.0)
    yield student.rope(heads, positions=positions, theta=7.0), want


# CrossEntropyFunction and cross_entropy

LOSS = "CrossEntropyFunction"


def backward_of_loss(dloss, logits, targets, mark):
    """The gradient of Volume 1, which has no dout, times dout."""
    return dloss * ce.cross_entropy_backward(logits, targets, mark)


@exercise.satisfies(LOSS, kind="R", points=3, rtol=RTOL)
def loss_backward_is_right(student, dloss, logits, targets, mark):
    """Backward gives the right dlogits, with PyTorch's own differentiation switched off."""
    want = backward_of_loss(dloss, logits, targets, mark)
    return gradients(student, LOSS, dloss, logits, targets, mark), want


@exercise.satisfies(LOSS, kind="R", points=1, rtol=RTOL)
def loss_is_right(student, logits, targets, ids, mark):
    """Forward gives the mean over the targets that count."""
    for some in (targets, ids):
        yield forward(student, LOSS, logits, some, mark), ce.cross_entropy(logits, some, mark)


@exercise.satisfies(LOSS, kind="F", points=1, sizes=ONE, rtol=1e-6)
def loss_backward_agrees_with_differences(student, dloss, logits, targets, mark):
    """Backward agrees with finite differences."""
    want = numerical_gradient(lambda v: ce.cross_entropy(v, targets, mark), logits, dloss)
    return gradients(student, LOSS, dloss, logits, targets, mark), want


@exercise.satisfies(LOSS, points=1, sizes=ONE)
def loss_backward_is_by_hand(student, dloss, logits, targets, mark):
    """Backward works where PyTorch can record nothing."""
    return runs_without_recording(student, LOSS, dloss, logits, targets, mark)


@exercise.satisfies(LOSS, points=1, sizes=ONE, rtol=1e-9)
def rows_that_do_not_count_are_zero(student, dloss, logits, targets, mark):
    """Rows that do not count are exactly 0; the others sum to 0."""
    got = gradients(student, LOSS, dloss, logits, targets, mark)
    yield bool((got[targets == mark] == 0).all())
    yield got.sum(axis=-1), np.zeros(targets.shape)


@exercise.satisfies(LOSS, points=1, sizes=ONE, rtol=1e-9)
def a_batch_that_does_not_count(student, dloss, logits, targets, mark):
    """If no target counts, the loss is 0 and so is its gradient."""
    nothing = np.full_like(targets, mark)
    yield forward(student, LOSS, logits, nothing, mark), np.array(0.0)
    yield gradients(student, LOSS, dloss, logits, nothing, mark), 0 * logits


@exercise.satisfies(LOSS, kind="E", points=1, sizes=ONE, rtol=RTOL)
def large_logits_are_harmless(student, dloss, logits, targets, mark):
    """Logits of a thousand give finite losses and gradients."""
    for far in (1000 * logits, logits + 5000, logits - 5000):
        yield forward(student, LOSS, far, targets, mark), ce.cross_entropy(far, targets, mark)
        want = backward_of_loss(dloss, far, targets, mark)
        yield gradients(student, LOSS, dloss, far, targets, mark), want


@exercise.satisfies(LOSS, kind="E", points=1, sizes=ONE, rtol=RTOL)
def loss_backward_runs_twice(student, dloss, logits, targets, mark):
    """Backward may run twice, and neither call changes what was handed in."""
    want = backward_of_loss(dloss, logits, targets, mark)
    yield from runs_twice(student, LOSS, dloss, want, logits, targets, mark)
    there = student.hold(targets)
    forward(student, LOSS, logits, there, mark)
    yield student.fetch(there), targets


@exercise.satisfies(LOSS, kind="E", points=1, sizes=ONE, rtol=RTOL)
def loss_takes_any_layout(student, logits, targets, mark):
    """Logits may be a transpose, and have two axes."""
    for far, some in ((logits, targets), (logits[0], targets[0])):
        both = ce.cross_entropy(far, some, mark), backward_of_loss(1.0, far, some, mark)
        yield from takes_any_layout(student, LOSS, far, [], [some, mark], *map(np.asarray, both))


@exercise.satisfies(LOSS, kind="E", points=1, sizes=ONE, dtype="float32")
def loss_keeps_float32(student, dloss, logits, targets, mark):
    """float32 stays float32, both ways."""
    (wide,) = doubles(logits)
    want = np.asarray(ce.cross_entropy(wide, targets, mark))
    yield forward(student, LOSS, logits, targets, mark), want
    back = backward_of_loss(*doubles(dloss), wide, targets, mark)
    yield gradients(student, LOSS, dloss, logits, targets, mark), back


@exercise.satisfies("cross_entropy", kind="R", points=1, sizes=ONE, rtol=RTOL)
def cross_entropy_calls_its_class(student, dloss, logits, targets, mark):
    """The loss is one node of CrossEntropyFunction; loss and gradient are right."""
    held = learning(student, logits)
    loss = student.keep(student.cross_entropy, *held, targets, mark)
    yield from is_one_node(student, loss, LOSS)
    yield student.fetch(loss), np.asarray(ce.cross_entropy(logits, targets, mark))
    want = backward_of_loss(dloss, logits, targets, mark)
    yield engine(student, loss, held, dloss), want


@exercise.satisfies("cross_entropy", points=1, sizes=ONE, rtol=RTOL)
def a_constant_for_all_logits_changes_nothing(student, logits, targets, mark, dloss):
    """The same number added to all logits of a place changes nothing."""
    for shift in (dloss, dloss * logits[..., :1]):
        moved = student.cross_entropy(logits + shift, targets, mark)
        yield moved, student.cross_entropy(logits, targets, mark)


@exercise.satisfies("cross_entropy", kind="E", points=1, sizes=ONE, rtol=RTOL)
def ignore_index_may_be_left_out(student, logits, ids):
    """ignore_index is -100 unless it is given, and may be given by name."""
    marked = ids.copy()
    marked.flat[0] = -100
    yield student.cross_entropy(logits, marked), np.asarray(ce.cross_entropy(logits, marked))
    last = int(ids.flat[-1])
    others = np.where(ids == last, (last + 1) % logits.shape[-1], ids)
    others.flat[0] = last
    want = np.asarray(ce.cross_entropy(logits, others, last))
    yield student.cross_entropy(logits, targets=others, ignore_index=last), want


# Solutions that know nothing


@exercise.null(NORM)
class zero_norm(autograd.RMSNormFunction):
    @staticmethod
    def forward(ctx, x, gain, eps):
        ctx.save_for_backward(x, gain)
        return 0 * x

    @staticmethod
    def backward(ctx, dout):
        return *(0 * saved for saved in ctx.saved_tensors), None


@exercise.null(TURN)
class never_turned(autograd.RoPEFunction):
    @staticmethod
    def forward(ctx, x, positions, theta):
        return x.clone()

    @staticmethod
    def backward(ctx, dout):
        return dout.clone(), None, None


@exercise.null(LOSS)
class lossless(autograd.CrossEntropyFunction):
    @staticmethod
    def forward(ctx, logits, targets, ignore_index):
        ctx.save_for_backward(logits)
        return 0 * logits.sum()

    @staticmethod
    def backward(ctx, dout):
        return 0 * ctx.saved_tensors[0], None, None


# Mistakes: RMSNormFunction

DX = "dx = r * (h - normed * (h * normed).mean(dim=-1, keepdim=True))"
DGAIN = "(dout * normed).reshape(-1, len(gain)).sum(dim=0)"
ROOT = "r = (x.square().mean(dim=-1, keepdim=True) + eps).rsqrt()  # (..., 1)"
SAVED = "x, gain, r = ctx.saved_tensors"
BOTH = "normed, h = x * r, dout * gain"
OUT = "return x * r * gain"

exercise.slip(
    NORM,
    "root_taken_for_a_constant",
    DX,
    "dx = r * h",
    "The second term of dx is missing: x acts through the root, too.",
)
exercise.slip(
    NORM,
    "gain_left_out_on_the_way_back",
    BOTH,
    "normed, h = x * r, dout",
    "dx does not contain the gain. It multiplies dout before everything else.",
)
exercise.slip(
    NORM,
    "sum_for_mean_on_the_way_back",
    "(h * normed).mean(",
    "(h * normed).sum(",
    "In the second term of dx there is a sum where the mean over the features belongs: look for "
    "the 1 / d in the derivative of the root.",
)
exercise.slip(
    NORM,
    "mean_of_dout",
    "(h * normed).mean(",
    "h.mean(",
    "The mean in dx is one of h alone. It is of h times the normalised x.",
)
exercise.slip(
    NORM,
    "normalised_only_once",
    DX,
    "dx = r * (h - x * (h * normed).mean(dim=-1, keepdim=True))",
    "In the second term of dx stands x where the normalised x belongs: the derivative of the root "
    "has r**3.",
)
exercise.slip(
    NORM,
    "wrong_sign",
    DX,
    DX.replace("h - ", "h + "),
    "The second term of dx has the wrong sign: a larger x makes the root's reciprocal smaller.",
)
exercise.slip(
    NORM,
    "root_forgotten_in_front",
    DX,
    DX.replace("r * (", "("),
    "The common factor r of dx is missing.",
)
exercise.slip(
    NORM,
    "means_over_all_tokens",
    "(h * normed).mean(dim=-1, keepdim=True)",
    "(h * normed).mean()",
    "The mean in dx is taken over all tokens. Each token has its own.",
)
exercise.slip(
    NORM,
    "gain_gradient_not_normalised",
    DGAIN,
    "(dout * x).reshape(-1, len(gain)).sum(dim=0)",
    "dgain is made with x. What the gain multiplies is the normalised x.",
)
exercise.slip(
    NORM,
    "gain_gradient_times_gain",
    DGAIN,
    "(h * normed).reshape(-1, len(gain)).sum(dim=0)",
    "dgain contains the gain itself. The derivative of g x-hat by g is x-hat.",
)
exercise.slip(
    NORM,
    "gain_gradient_averaged",
    DGAIN,
    "(dout * normed).reshape(-1, len(gain)).mean(dim=0)",
    "dgain is a mean over the tokens. It is their sum.",
)
exercise.slip(
    NORM,
    "gain_gradient_of_each_sequence",
    DGAIN,
    "(dout * normed).sum(dim=0)",
    "dgain is summed over the first axis only. Every axis but the last goes.",
)
exercise.slip(
    NORM,
    "gradients_exchanged",
    f"return dx, {DGAIN}, None",
    f"return {DGAIN}, dx, None",
    "dx and dgain have changed places. They come in the order of the arguments of forward.",
)
exercise.slip(
    NORM,
    "a_gradient_too_few",
    f"return dx, {DGAIN}, None",
    f"return dx, {DGAIN}",
    "Two values are returned for three arguments. What is no tensor gets None.",
)
exercise.slip(
    NORM,
    "eps_gets_a_gradient",
    f"return dx, {DGAIN}, None",
    f"return dx, {DGAIN}, dx.sum()",
    "eps gets a gradient. It is a plain number; its place is None.",
)
exercise.slip(
    NORM,
    "eps_left_out",
    ROOT,
    "r = x.square().mean(dim=-1, keepdim=True).rsqrt()",
    "eps is not added. It belongs under the root.",
)
exercise.slip(
    NORM,
    "eps_outside_the_root",
    ROOT,
    "r = 1 / (x.square().mean(dim=-1, keepdim=True).sqrt() + eps)",
    "eps is added to the root. It belongs under the root, to the mean of the squares.",
)
exercise.slip(
    NORM,
    "eps_left_out_on_the_way_back",
    SAVED,
    f"{SAVED}\n        r = x.square().mean(dim=-1, keepdim=True).rsqrt()",
    "backward makes the root anew, without eps.",
)
exercise.slip(
    NORM,
    "sum_for_mean",
    ROOT,
    "r = (x.square().sum(dim=-1, keepdim=True) + eps).rsqrt()",
    "Under the root there is the sum of the squares; it is their mean.",
)
exercise.slip(
    NORM,
    "gain_left_out",
    OUT,
    "return x * r",
    "The output is not multiplied by the gain.",
)
exercise.slip(
    NORM,
    "writes_into_what_was_saved",
    BOTH,
    "normed, h = x.mul_(r), dout * gain",
    "backward writes into a saved tensor: into x, which belongs to the caller, and the second "
    "backward finds something else there.",
)
exercise.slip(
    NORM,
    "writes_into_dout",
    BOTH,
    "normed, (dout, h) = x * r, (dout.clone(), dout.mul_(gain))",
    "backward writes into dout. Others may read it, and it may be one number that pretends to be "
    "an array.",
)
exercise.slip(
    NORM,
    "writes_into_x",
    OUT,
    "return x.mul_(r) * gain",
    "forward writes into x, which belongs to the caller.",
)
exercise.slip(
    NORM,
    "computes_in_float64",
    BOTH,
    "normed, h = x.double() * r, dout.double() * gain",
    "The gradients are float64 for float32 inputs. They have the dtype of the inputs.",
)
exercise.slip(
    NORM,
    "returns_float64",
    OUT,
    "return x.double() * r * gain",
    "The output is float64 for a float32 x.",
)


@exercise.mistake(NORM)
class lets_pytorch_differentiate(autograd.RMSNormFunction):
    """backward lets PyTorch differentiate: torch.autograd.grad, .backward() or the like. That is
    switched off when this page is graded. Write the gradient yourself, from the formula."""

    @staticmethod
    def forward(ctx, x, gain, eps):
        ctx.save_for_backward(x, gain)
        ctx.eps = eps
        return functional.rms_norm(x, gain.shape, gain, eps)

    @staticmethod
    def backward(ctx, dout):
        x, gain = (saved.detach().requires_grad_() for saved in ctx.saved_tensors)
        with torch.enable_grad():
            out = functional.rms_norm(x, gain.shape, gain, ctx.eps)
        return *torch.autograd.grad(out, (x, gain), dout), None


# Mistakes: rmsnorm

CALL = "RMSNormFunction.apply(x, gain, eps)  # type: ignore[no-untyped-call]"

exercise.slip(
    "rmsnorm",
    "recorded_by_pytorch",
    CALL,
    "x * (x.square().mean(dim=-1, keepdim=True) + eps).rsqrt() * gain",
    "The output is not one of RMSNormFunction: PyTorch has recorded the operations by itself. Call "
    "apply with the arguments.",
)
exercise.slip(
    "rmsnorm",
    "cut_off",
    CALL,
    "RMSNormFunction.apply(x, gain, eps).detach()",
    "The output wants no gradient: somebody has detached it, or taken it out of the record.",
)
exercise.slip(
    "rmsnorm",
    "eps_stays_here",
    CALL,
    "RMSNormFunction.apply(x, gain, 1e-5)",
    "The eps that is given has no effect.",
)
exercise.slip(
    "rmsnorm",
    "another_default",
    "eps: float = 1e-5",
    "eps: float = 1e-6",
    "eps is 1e-5 unless it is given; yours is another number.",
)
exercise.slip(
    "rmsnorm",
    "gain_twice",
    CALL,
    "RMSNormFunction.apply(x, gain, eps) * gain",
    "The gain is multiplied twice: RMSNormFunction has done it already.",
)
exercise.slip(
    "rmsnorm",
    "inputs_cut_off",
    CALL,
    "RMSNormFunction.apply(x, gain, eps) if not x.requires_grad else "
    "RMSNormFunction.apply(x * 1, gain, eps)",
    "Something happens to x before apply gets it. Hand the arguments on as they are.",
)


# Mistakes: RoPEFunction

BACK = "return _turned(dout, -positions, ctx.theta), None, None"
THERE = "return _turned(x, positions, theta)"
STACKED = "torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)"
ANGLES = "positions[..., None, None] * theta ** (-pairs / x.shape[-1])"
ROUNDED = "cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)"

exercise.slip(
    TURN,
    "turns_on",
    BACK,
    "return _turned(dout, positions, ctx.theta), None, None",
    "backward turns in the same direction as forward. The transpose of a rotation turns back.",
)
exercise.slip(
    TURN,
    "hands_dout_on",
    BACK,
    "return dout.clone(), None, None",
    "backward gives dout as it is. It has to be turned.",
)
exercise.slip(
    TURN,
    "only_the_cosines",
    BACK,
    "return 0.5 * (_turned(dout, positions, ctx.theta) + _turned(dout, -positions, ctx.theta)), "
    "None, None",
    "Each feature gets only the gradient of its own output. It acts on that of its partner as "
    "well.",
)
exercise.slip(
    TURN,
    "theta_forgotten_on_the_way_back",
    BACK,
    "return _turned(dout, -positions, 10000.0), None, None",
    "backward turns by another theta than forward.",
)
exercise.slip(
    TURN,
    "positions_counted_on_the_way_back",
    BACK,
    "return _turned(dout, -torch.arange(dout.shape[1]), ctx.theta), None, None",
    "backward takes the positions 0, 1, 2, ... instead of those that forward was given. Save them.",
)
exercise.slip(
    TURN,
    "a_gradient_too_few",
    BACK,
    BACK.removesuffix(", None"),
    "Two values are returned for three arguments. What has no gradient gets None.",
)
exercise.slip(
    TURN,
    "positions_get_a_gradient",
    BACK,
    "return _turned(dout, -positions, ctx.theta), 0.0 * positions, None",
    "positions get a gradient. They are not learned; their place is None.",
)
exercise.slip(
    TURN,
    "wrong_direction",
    STACKED,
    "torch.stack((a * cos + b * sin, b * cos - a * sin), dim=-1).flatten(-2)",
    "Both ways turn in the wrong direction: (a, b) becomes (a cos - b sin, a sin + b cos).",
    within="_turned",
)
exercise.slip(
    TURN,
    "pairs_of_halves",
    STACKED,
    "(lambda a, b: torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1))(*x.chunk(2, -1))",
    "Feature i is paired with i + d_head / 2, as in Hugging Face's code. Here neighbours are a "
    "pair, 2i and 2i + 1.",
    within="_turned",
)
exercise.slip(
    TURN,
    "put_back_in_another_order",
    STACKED,
    "torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)",
    "The turned pairs are not put back where they came from: first features and second features "
    "alternate.",
    within="_turned",
)
exercise.slip(
    TURN,
    "frequencies_too_low",
    ANGLES,
    "positions[..., None, None] * theta ** (-2 * pairs / x.shape[-1])",
    "The exponent is twice what it should be: -2i / d_head for pair i, where 2i runs 0, 2, 4, ...",
    within="_turned",
)
exercise.slip(
    TURN,
    "theta_is_fixed",
    THERE,
    "return _turned(x, positions, 10000.0)",
    "forward turns by theta = 10,000 whatever it is given.",
)
exercise.slip(
    TURN,
    "positions_of_the_first_row",
    ANGLES,
    "(positions if positions.ndim == 1 else positions[0])[:, None, None] * theta ** (-pairs / "
    "x.shape[-1])",
    "All rows of the batch get the positions of the first one.",
    within="_turned",
)
exercise.slip(
    TURN,
    "angles_in_float32",
    "dtype=torch.float64",
    "dtype=torch.float32",
    "The angles are computed in float32. At large positions, and for a float64 x everywhere, that "
    "is too few digits.",
    within="_turned",
)
exercise.slip(
    TURN,
    "returns_float64",
    ROUNDED,
    "cos, sin = angles.cos(), angles.sin()",
    "Cosines and sines stay float64, and make float64 of a float32 x. They get the dtype of x "
    "before they meet it.",
    within="_turned",
)
exercise.slip(
    TURN,
    "writes_into_x",
    "return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)",
    "return x.copy_(torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2))",
    "x, or dout on the way back, is overwritten. It belongs to somebody else.",
    within="_turned",
)
exercise.slip(
    TURN,
    "writes_into_the_positions",
    BACK,
    "return _turned(dout, positions.neg_(), ctx.theta), None, None",
    "backward writes into a saved tensor: the second time it turns in the other direction.",
)
exercise.slip(
    TURN,
    "counts_on_the_way_there",
    THERE,
    "positions += 1\n        return _turned(x, positions - 1, theta)",
    "The positions are changed by the call. The next layer reads them again.",
)


@exercise.mistake(TURN)
class lets_pytorch_turn_back(autograd.RoPEFunction):
    """backward lets PyTorch differentiate: torch.autograd.grad, .backward() or the like. That is
    switched off when this page is graded. Write the gradient yourself: which way does it turn?"""

    @staticmethod
    def backward(ctx, dout):
        (positions,) = ctx.saved_tensors
        with torch.enable_grad():
            x = torch.zeros_like(dout).requires_grad_()
            out = autograd._turned(x, positions, ctx.theta)
        return *torch.autograd.grad(out, x, dout), None, None


# Mistakes: rope

CALL = "RoPEFunction.apply(x, positions, theta)  # type: ignore[no-untyped-call]"

exercise.slip(
    "rope",
    "recorded_by_pytorch",
    CALL,
    "_turned(x, positions, theta)",
    "The output is not one of RoPEFunction: PyTorch has recorded the operations by itself. Call "
    "apply with the arguments.",
)
exercise.slip(
    "rope",
    "cut_off",
    CALL,
    "RoPEFunction.apply(x, positions, theta).detach()",
    "The output wants no gradient: somebody has detached it, or taken it out of the record.",
)
exercise.slip(
    "rope",
    "theta_stays_here",
    CALL,
    "RoPEFunction.apply(x, positions, 10000.0)",
    "The theta that is given has no effect.",
)
exercise.slip(
    "rope",
    "another_default",
    "theta: float = 10000.0",
    "theta: float = 1000.0",
    "theta is 10,000 unless it is given; yours is another number.",
)
exercise.slip(
    "rope",
    "positions_stay_here",
    CALL,
    "RoPEFunction.apply(x, torch.arange(x.shape[1]), theta)",
    "The positions that are given have no effect.",
)


# Mistakes: CrossEntropyFunction

COUNT = "n = kept.sum().clamp(min=1)"
PUSH = "return dlogits * (kept[..., None] * (dout / n)), None, None"
HIT = "dlogits.scatter_add_(-1, labels, -torch.ones_like(dlogits[..., :1]))"
MEAN = "return (losses * kept).sum() / n"
LOG = "log_probs = logits.log_softmax(dim=-1)"
OUT_OF_RANGE = (
    "With large logits an exponential overflows, or a probability underflows and has the logarithm "
    "minus infinity. Shift every row by its maximum, and stay with log-probabilities."
)
PICK = "losses = -log_probs.gather(-1, labels)[..., 0]"

exercise.slip(
    LOSS,
    "dout_left_out",
    PUSH,
    "return dlogits * (kept[..., None] * (1 / n)), None, None",
    "dout is left out: backward pretends that it is 1. It is the derivative of whatever is made of "
    "this loss.",
)
exercise.slip(
    LOSS,
    "not_a_mean_on_the_way_back",
    PUSH,
    "return dlogits * (kept[..., None] * dout), None, None",
    "The gradient is that of a sum. The loss is a mean: where does 1 / n go?",
)
exercise.slip(
    LOSS,
    "divides_by_every_target",
    COUNT,
    "n = targets.numel()",
    "It is divided by the number of all targets. Those that do not count are not part of the mean.",
)
exercise.slip(
    LOSS,
    "divides_by_every_target_on_the_way_back",
    PUSH,
    "return dlogits * (kept[..., None] * (dout / kept.numel())), None, None",
    "The gradient is divided by the number of all targets. Those that do not count are not part of "
    "the mean.",
)
exercise.slip(
    LOSS,
    "a_sum_for_the_mean",
    MEAN,
    "return (losses * kept).sum()",
    "The loss is a sum. It is the mean over the targets that count.",
)
exercise.slip(
    LOSS,
    "mean_of_the_sequences",
    MEAN,
    "return ((losses * kept).sum(-1) / kept.sum(-1).clamp(min=1)).mean()",
    "The loss is a mean of the sequences' means. Every target that counts has the same weight.",
)
exercise.slip(
    LOSS,
    "target_left_out",
    HIT,
    "pass",
    "The gradient is the probabilities alone. The logit of the target has another term.",
)
exercise.slip(
    LOSS,
    "wrong_sign",
    PUSH,
    "return -dlogits * (kept[..., None] * (dout / n)), None, None",
    "The gradient has the wrong sign: it should lower the logits of words that are too likely when "
    "it is subtracted.",
)
exercise.slip(
    LOSS,
    "rows_that_do_not_count_learn",
    PUSH,
    "return dlogits * (dout / n), None, None",
    "Rows whose target does not count have a gradient. It is exactly 0 there.",
)
exercise.slip(
    LOSS,
    "only_the_target_learns",
    "dlogits = log_probs.exp()",
    "dlogits = log_probs.exp() * torch.zeros_like(log_probs).scatter_(-1, labels, 1.0)",
    "Only the logit of the target gets a gradient. All others get their probability.",
)
exercise.slip(
    LOSS,
    "log_probabilities_for_probabilities",
    "dlogits = log_probs.exp()",
    "dlogits = log_probs.clone()",
    "The gradient is made of log-probabilities. It is made of probabilities.",
)
exercise.slip(
    LOSS,
    "mark_is_fixed",
    "kept = targets != ignore_index",
    "kept = targets != -100\n        targets = targets.clamp(min=0)",
    "Only -100 is taken for a mark. The mark is ignore_index, whatever that is.",
)
exercise.slip(
    LOSS,
    "everything_counts",
    "kept = targets != ignore_index",
    "kept = targets == targets",
    "Targets that are ignore_index count as well.",
)
exercise.slip(
    LOSS,
    "empty_batch_divides_by_zero",
    COUNT,
    "n = kept.sum()",
    "If no target counts, 0 is divided by 0. The loss is 0.0 then, and so is the gradient.",
)
exercise.slip(
    LOSS,
    "logarithm_of_probabilities",
    LOG,
    "log_probs = logits.softmax(dim=-1).log()",
    OUT_OF_RANGE,
)
exercise.slip(
    LOSS,
    "small_number_added",
    LOG,
    "log_probs = (logits.softmax(dim=-1) + 1e-8).log()",
    "A small number is added to the probabilities, which caps the loss and bends every gradient.",
)
exercise.slip(
    LOSS,
    "exponentials_overflow",
    LOG,
    "log_probs = logits - logits.exp().sum(dim=-1, keepdim=True).log()",
    OUT_OF_RANGE,
)
exercise.slip(
    LOSS,
    "softmax_over_the_wrong_axis",
    LOG,
    "log_probs = logits.log_softmax(dim=0)",
    "The softmax is taken over another axis than the last one.",
)
exercise.slip(
    LOSS,
    "loss_of_the_logit",
    PICK,
    "losses = -logits.gather(-1, labels)[..., 0]",
    "The loss is minus the logit of the target. It is minus its log-probability.",
)
exercise.slip(
    LOSS,
    "a_gradient_too_few",
    PUSH,
    PUSH.removesuffix(", None"),
    "Two values are returned for three arguments. What has no gradient gets None.",
)
exercise.slip(
    LOSS,
    "writes_into_what_was_saved",
    "dlogits = log_probs.exp()",
    "dlogits = log_probs.exp_()",
    "backward writes into a saved tensor: the second time it finds something else there.",
)
exercise.slip(
    LOSS,
    "writes_into_the_logits",
    LOG,
    "log_probs = logits.sub_(logits.logsumexp(dim=-1, keepdim=True))",
    "forward writes into the logits, which belong to the caller.",
)
exercise.slip(
    LOSS,
    "writes_into_the_targets",
    "labels = torch.where(kept, targets, 0)[..., None]",
    "labels = targets.masked_fill_(~kept, 0)[..., None]",
    "forward writes into the targets, which belong to the caller.",
)
exercise.slip(
    LOSS,
    "computes_in_float64",
    LOG,
    "log_probs = logits.double().log_softmax(dim=-1)",
    "The loss is float64 for float32 logits. It has their dtype, and so has the gradient.",
)


@exercise.mistake(LOSS)
class lets_pytorch_find_it(autograd.CrossEntropyFunction):
    """backward lets PyTorch differentiate: torch.autograd.grad, .backward() or the like. That is
    switched off when this page is graded. Write the gradient yourself, from the formula."""

    @staticmethod
    def backward(ctx, dout):
        log_probs, labels, kept, n = ctx.saved_tensors
        with torch.enable_grad():
            logits = log_probs.detach().requires_grad_()
            losses = -logits.log_softmax(dim=-1).gather(-1, labels)[..., 0]
            loss = (losses * kept).sum() / n
        return *torch.autograd.grad(loss, logits, dout), None, None


# Mistakes: cross_entropy

CALL = """CrossEntropyFunction.apply(  # type: ignore[no-untyped-call]
        logits, targets, ignore_index
    )"""

exercise.slip(
    "cross_entropy",
    "recorded_by_pytorch",
    CALL,
    "(lambda kept: -(logits.log_softmax(-1).gather(-1, torch.where(kept, targets, 0)[..., None])"
    "[..., 0] * kept).sum() / kept.sum())(targets != ignore_index)",
    "The loss is not one of CrossEntropyFunction: PyTorch has recorded the operations by itself. "
    "Call apply with the arguments.",
)
exercise.slip(
    "cross_entropy",
    "cut_off",
    CALL,
    "CrossEntropyFunction.apply(logits, targets, ignore_index).detach()",
    "The loss wants no gradient: somebody has detached it, or taken it out of the record.",
)
exercise.slip(
    "cross_entropy",
    "mark_stays_here",
    CALL,
    "CrossEntropyFunction.apply(logits, targets.clamp(min=-100) - 93 * (targets == -7), -100)",
    "The ignore_index that is given has no effect.",
)
exercise.slip(
    "cross_entropy",
    "a_number",
    CALL,
    "torch.tensor(CrossEntropyFunction.apply(logits, targets, ignore_index).item())",
    "The loss has become a number and then a tensor again, which wants no gradient. Return what "
    "apply gives.",
)
