"""Hidden checks for vol2_pytorch/autograd.

Values and gradients come from Volume 1. Every gradient is asked for with PyTorch's engine, from
here; before, the graph behind the output is walked, and has to consist of the student's Functions.
In the worker the library does not differentiate for the student's own code (`own_gradients`).
"""

import numpy as np
import torch

from autograder import Exercise, array, derived, integers, raises, recorded
from solutions.vol1_numpy.cross_entropy import cross_entropy, cross_entropy_backward
from solutions.vol1_numpy.rmsnorm import rmsnorm, rmsnorm_backward
from solutions.vol1_numpy.rope import rope, rope_backward
from solutions.vol2_pytorch import autograd

EXACT = 1e-11


def draw_targets(rng, B, T, V):
    """Some do not count, not as many in one sequence as in another."""
    targets = rng.integers(0, V, size=(B, T))
    targets[rng.integers(B), rng.integers(T)] = -100
    return targets


def draw_positions(rng, B, T):
    """Rows that stand at different places, with gaps."""
    return rng.integers(1, 5, size=(B, T)).cumsum(axis=1)


exercise = Exercise(
    "vol2_pytorch/autograd",
    solution=autograd,
    arrays="torch",
    difficulty=3,
    minutes=90,
    inputs={
        "x": array("B T d"),
        "gain": array("d", mean=1.0, scale=0.5),
        "eps": derived(lambda rng: float(rng.uniform(0.1, 0.4))),
        "dout": array("B T d"),
        "w": array("B T d"),
        "heads": array("B T n_heads d_head"),
        "dheads": array("B T n_heads d_head"),
        "positions": derived(draw_positions),
        "theta": derived(lambda rng: float(rng.uniform(5.0, 30.0))),
        "logits": array("B T V"),
        "targets": derived(draw_targets),
        "dloss": derived(lambda rng: np.array(rng.uniform(1.3, 2.7) * rng.choice([-1.0, 1.0]))),
        "others": integers("B T", "V"),
    },
    # Every size distinct; square ones; width 2.
    sizes={
        "B": [2, 3, 2],
        "T": [3, 3, 4],
        "d": [5, 3, 2],
        "n_heads": [2, 3, 1],
        "d_head": [6, 2, 4],
        "V": [7, 3, 2],
    },
)
ONE = {name: [size] for name, size in exercise.sizes[0].items()}
FLOAT32 = {"dtype": "float32"}


# Driving autograd by handles


def leaf(student, values):
    """A tensor that wants a gradient, on the student's side."""
    return student.keep(student.library("torch.Tensor.requires_grad_"), student.hold(values))


def call(student, name, *args):
    """The output, left on the student's side."""
    return student.keep(getattr(student, name), *args)


def is_own(student, out):
    """Are all nodes behind `out` Functions of the student's, changes of layout aside?"""
    return recorded(student, out) == ""


def pulled(student, out, wrt, dout, **kwargs):
    """What comes back for `wrt`; None where nothing does, and for an output that is not own."""
    if not is_own(student, out):
        return None
    grad = student.library("torch.autograd.grad")
    return grad(out, wrt, dout, allow_unused=True, **kwargs)


def second(student, out, x, dout, onto, by):
    """The derivative of sum(dx * onto) by the tensors `by` and by dout; None if it is refused."""
    held = leaf(student, dout)
    grad, kept = student.library("torch.autograd.grad"), {}

    def ask():
        found = student.keep(grad, out, [x], held, create_graph=True)
        dx = student.keep(student.library("operator.getitem"), found, 0)
        kept["got"] = grad(dx, [*by, held], onto)

    return None if raises(RuntimeError, ask) else kept["got"]


def differentiated_twice(forward, arrays, dout, onto):
    """The same by autograd, here."""
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    held = torch.tensor(dout, requires_grad=True)
    (dx,) = torch.autograd.grad(forward(*leaves), leaves[:1], held, create_graph=True)
    found = torch.autograd.grad(dx, [*leaves, held], torch.tensor(onto))
    return tuple(one.numpy() for one in found)


def apart(student, values):
    """The same numbers, the last two axes exchanged in memory."""
    turned = student.hold(np.ascontiguousarray(values.swapaxes(-1, -2)))
    return student.keep(student.library("torch.Tensor.transpose"), turned, -1, -2)


def changed_in_place(student, held):
    """Overwrite a tensor with its cosine, in a way that PyTorch can notice."""
    same = student.keep(student.library("torch.Tensor.detach"), held)
    student.keep(student.library("torch.Tensor.cos_"), same)


def noticed_or_right(student, out, wrt, changed, dout, want):
    """When an argument changes after forward, backward refuses, or is right all the same."""
    if not is_own(student, out):
        return False
    changed_in_place(student, changed)
    grad, kept = student.library("torch.autograd.grad"), {}

    def ask():
        kept["got"] = grad(out, wrt, dout, allow_unused=True)

    if raises(RuntimeError, ask):
        return True
    return all(
        g is not None and g.shape == w.shape and np.abs(g - w).max() < 1e-9
        for g, w in zip(kept["got"], want, strict=True)
    )


def wide(*values):
    """The same in float64."""
    return [v.astype(np.float64) for v in values]


# RMSNorm


@exercise.satisfies("rmsnorm", kind="R", points=1, rtol=EXACT)
def norm_has_its_values(student, x, gain, eps):
    """The output is that of rmsnorm in Volume 1."""
    yield student.rmsnorm(x, gain, eps), rmsnorm(x, gain, eps)
    yield student.rmsnorm(x[0, 0], gain, eps), rmsnorm(x[0, 0], gain, eps)
    small = 0.003 * x
    yield student.rmsnorm(small, gain), rmsnorm(small, gain)


@exercise.satisfies("rmsnorm", gate=True, sizes=ONE)
def norm_is_a_function_of_yours(student, x, gain, eps):
    """The output comes from a torch.autograd.Function of yours, and autograd records nothing."""
    return is_own(student, call(student, "rmsnorm", leaf(student, x), leaf(student, gain), eps))


@exercise.satisfies("rmsnorm", kind="R", points=4, rtol=EXACT)
def norm_has_its_gradients(student, x, gain, eps, dout):
    """x and gain get the gradients of Volume 1; so does x with three axes and with one."""
    for one, grad in ((x, dout), (x[1, 0], dout[1, 0])):
        held = leaf(student, one), leaf(student, gain)
        got = pulled(student, call(student, "rmsnorm", *held, eps), list(held), grad)
        yield got, rmsnorm_backward(grad, one, gain, eps)


@exercise.satisfies("rmsnorm", points=1, rtol=EXACT, sizes=ONE)
def norm_runs_backward_twice(student, x, gain, eps, dout):
    """With retain_graph, a second backward gives the same; dout and the arguments are left."""
    held, held_dout = (leaf(student, x), leaf(student, gain)), student.hold(dout)
    out = call(student, "rmsnorm", *held, eps)
    want = rmsnorm_backward(dout, x, gain, eps)
    yield pulled(student, out, list(held), held_dout, retain_graph=True), want
    yield student.fetch(out), rmsnorm(x, gain, eps)
    yield pulled(student, out, list(held), held_dout), want
    for one, before in ((held[0], x), (held[1], gain), (held_dout, dout)):
        yield student.fetch(one), before


@exercise.satisfies("rmsnorm", points=1, sizes=ONE)
def norm_saves_properly(student, x, gain, eps, dout):
    """If x or gain changes in place before backward, PyTorch notices, or nothing is wrong."""
    want = rmsnorm_backward(dout, x, gain, eps)
    for number in (0, 1):
        held = leaf(student, x), leaf(student, gain)
        out = call(student, "rmsnorm", *held, eps)
        yield noticed_or_right(student, out, list(held), held[number], dout, want)


@exercise.satisfies("rmsnorm", kind="E", points=1, rtol=EXACT, sizes=ONE)
def norm_takes_any_layout(student, x, gain, eps, dout):
    """x and dout may be transposed, dout expanded, and only one of both may want a gradient."""
    strange = student.keep(student.library("torch.Tensor.requires_grad_"), apart(student, x))
    out = call(student, "rmsnorm", strange, gain, eps)
    dx, dgain = rmsnorm_backward(dout, x, gain, eps)
    yield pulled(student, out, [strange], apart(student, dout)), (dx,)
    held = leaf(student, gain)
    out = call(student, "rmsnorm", x, held, eps)
    yield pulled(student, out, [held], dout), (dgain,)
    expand = student.library("torch.Tensor.expand")
    row = student.keep(expand, student.hold(dout[0, 0]), *x.shape)
    want = rmsnorm_backward(np.broadcast_to(dout[0, 0], x.shape), x, gain, eps)
    held = leaf(student, x), leaf(student, gain)
    yield pulled(student, call(student, "rmsnorm", *held, eps), list(held), row), want


@exercise.satisfies("rmsnorm", kind="E", points=1, sizes=ONE)
def norm_twice_is_right_or_refused(student, x, gain, eps, dout, w):
    """A second derivative is right or an error, never just wrong."""
    held = [leaf(student, x), leaf(student, gain)]
    got = second(student, call(student, "rmsnorm", *held, eps), held[0], dout, w, held)
    if got is None:
        yield True
        return

    def forward(x, gain):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * gain

    yield got, differentiated_twice(forward, (x, gain), dout, w)


@exercise.satisfies("rmsnorm", kind="E", points=1, sizes=ONE, **FLOAT32)
def norm_follows_the_dtype(student, x, gain, eps, dout):
    """float32 arguments give float32 results, forward and backward."""
    held = leaf(student, x), leaf(student, gain)
    out = call(student, "rmsnorm", *held, eps)
    yield student.fetch(out), rmsnorm(*wide(x, gain), eps)
    want = rmsnorm_backward(*wide(dout, x, gain), eps)
    yield pulled(student, out, list(held), dout), want


# RoPE


@exercise.satisfies("rope", kind="R", points=1, rtol=EXACT)
def rotation_has_its_values(student, heads, positions, theta):
    """The output is that of rope in Volume 1, for both kinds of positions."""
    yield student.rope(heads, positions[0], theta), rope(heads, positions[0], theta)
    yield student.rope(heads, positions, theta), rope(heads, positions, theta)
    yield student.rope(heads, 50 * positions), rope(heads, 50 * positions)


@exercise.satisfies("rope", gate=True, sizes=ONE)
def rotation_is_a_function_of_yours(student, heads, positions, theta):
    """The output comes from a torch.autograd.Function of yours, and autograd records nothing."""
    return is_own(student, call(student, "rope", leaf(student, heads), positions, theta))


@exercise.satisfies("rope", kind="R", points=3, rtol=EXACT)
def rotation_has_its_gradient(student, heads, positions, theta, dheads):
    """x gets the gradient of Volume 1, for both kinds of positions."""
    for where in (positions[0], positions):
        held = leaf(student, heads)
        got = pulled(student, call(student, "rope", held, where, theta), [held], dheads)
        yield got, (rope_backward(dheads, where, theta),)


@exercise.satisfies("rope", points=1, rtol=EXACT, sizes=ONE)
def rotation_runs_backward_twice(student, heads, positions, theta, dheads):
    """With retain_graph, a second backward gives the same; dout and the arguments are left."""
    held, held_dout, where = leaf(student, heads), student.hold(dheads), student.hold(positions)
    out = call(student, "rope", held, where, theta)
    want = (rope_backward(dheads, positions, theta),)
    yield pulled(student, out, [held], held_dout, retain_graph=True), want
    yield pulled(student, out, [held], held_dout), want
    yield student.fetch(out), rope(heads, positions, theta)
    for one, before in ((held, heads), (held_dout, dheads), (where, positions)):
        yield student.fetch(one), before


@exercise.satisfies("rope", points=1, sizes=ONE)
def rotation_does_not_need_x(student, heads, positions, theta, dheads):
    """The gradient does not depend on x: x may change before backward. Positions are saved."""
    held = leaf(student, heads)
    out = call(student, "rope", held, positions, theta)
    yield is_own(student, out)
    changed_in_place(student, held)
    yield pulled(student, out, [held], dheads), (rope_backward(dheads, positions, theta),)
    held, where = leaf(student, heads), student.hold(positions)
    out = call(student, "rope", held, where, theta)
    want = (rope_backward(dheads, positions, theta),)
    student.keep(student.library("torch.Tensor.add_"), where, 1)
    grad, kept = student.library("torch.autograd.grad"), {}

    def ask():
        kept["got"] = grad(out, [held], dheads)

    yield raises(RuntimeError, ask) or np.abs(kept["got"][0] - want[0]).max() < 1e-9


@exercise.satisfies("rope", kind="E", points=1, rtol=EXACT, sizes=ONE)
def rotation_takes_any_layout(student, heads, positions, theta, dheads):
    """x and dout may be transposed, dout expanded."""
    strange = student.keep(student.library("torch.Tensor.requires_grad_"), apart(student, heads))
    out = call(student, "rope", strange, positions, theta)
    want = (rope_backward(dheads, positions, theta),)
    yield pulled(student, out, [strange], apart(student, dheads)), want
    expand = student.library("torch.Tensor.expand")
    row = student.keep(expand, student.hold(dheads[0, 0, 0]), *heads.shape)
    want = (rope_backward(np.broadcast_to(dheads[0, 0, 0], heads.shape), positions, theta),)
    held = leaf(student, heads)
    yield pulled(student, call(student, "rope", held, positions, theta), [held], row), want


@exercise.satisfies("rope", kind="E", points=1, sizes=ONE)
def rotation_twice_is_right_or_refused(student, heads, positions, theta, dheads):
    """A second derivative is right or an error, never just wrong."""
    held = leaf(student, heads)
    out = call(student, "rope", held, positions, theta)
    got = second(student, out, held, dheads, heads + dheads, [])
    yield True if got is None else (got, (rope(heads + dheads, positions, theta),))


@exercise.satisfies("rope", kind="E", points=1, sizes=ONE, **FLOAT32)
def rotation_follows_the_dtype(student, heads, positions, theta, dheads):
    """float32 arguments give float32 results, exact even at positions of 100,000."""
    held, far = leaf(student, heads), positions + 100_000
    out = call(student, "rope", held, far, theta)
    yield student.fetch(out), rope(*wide(heads), far, theta)
    want = rope_backward(*wide(dheads), far, theta)
    yield pulled(student, out, [held], dheads), (want,)


# Cross-entropy


@exercise.satisfies("cross_entropy", kind="R", points=1, rtol=EXACT)
def loss_has_its_value(student, logits, targets, others):
    """The loss is that of cross_entropy in Volume 1, for any number of leading axes."""
    yield student.cross_entropy(logits, targets), cross_entropy(logits, targets)
    yield student.cross_entropy(logits[0], others[0]), cross_entropy(logits[0], others[0])
    ignored = int(others[0, 0])
    want = cross_entropy(logits, others, ignored)
    yield student.cross_entropy(logits, others, ignored), want


@exercise.satisfies("cross_entropy", gate=True, sizes=ONE)
def loss_is_a_function_of_yours(student, logits, targets):
    """The loss comes from a torch.autograd.Function of yours, and autograd records nothing."""
    return is_own(student, call(student, "cross_entropy", leaf(student, logits), targets))


@exercise.satisfies("cross_entropy", kind="R", points=4, rtol=EXACT)
def loss_has_its_gradient(student, logits, targets, dloss, others):
    """The logits get the gradient of Volume 1 times the dout that arrives."""
    held = leaf(student, logits)
    got = pulled(student, call(student, "cross_entropy", held, targets), [held], dloss)
    yield got, (dloss * cross_entropy_backward(logits, targets),)
    ignored = int(others[0, 0])
    got = pulled(student, call(student, "cross_entropy", held, others, ignored), [held], dloss)
    yield got, (dloss * cross_entropy_backward(logits, others, ignored),)
    row = leaf(student, logits[0])
    got = pulled(student, call(student, "cross_entropy", row, others[0]), [row], dloss)
    yield got, (dloss * cross_entropy_backward(logits[0], others[0]),)


@exercise.satisfies("cross_entropy", points=1, rtol=EXACT, sizes=ONE)
def loss_runs_backward_twice(student, logits, targets, dloss):
    """With retain_graph, a second backward gives the same; dout and the arguments are left."""
    held, held_dout, labels = leaf(student, logits), student.hold(dloss), student.hold(targets)
    loss = call(student, "cross_entropy", held, labels)
    want = (dloss * cross_entropy_backward(logits, targets),)
    yield pulled(student, loss, [held], held_dout, retain_graph=True), want
    yield pulled(student, loss, [held], held_dout), want
    yield student.fetch(loss), cross_entropy(logits, targets)
    for one, before in ((held, logits), (held_dout, dloss), (labels, targets)):
        yield student.fetch(one), before


@exercise.satisfies("cross_entropy", points=1, sizes=ONE)
def loss_saves_properly(student, logits, targets, dloss):
    """If the logits change in place before backward, PyTorch notices, or nothing is wrong."""
    held = leaf(student, logits)
    loss = call(student, "cross_entropy", held, targets)
    want = (dloss * cross_entropy_backward(logits, targets),)
    yield noticed_or_right(student, loss, [held], held, dloss, want)


@exercise.satisfies("cross_entropy", kind="E", points=1, rtol=EXACT, sizes=ONE)
def loss_takes_extremes(student, logits, targets, dloss):
    """Logits of thousands stay finite; if no target counts, loss and gradient are zero."""
    large = 3000.0 * logits
    held = leaf(student, large)
    loss = call(student, "cross_entropy", held, targets)
    yield student.fetch(loss), np.asarray(cross_entropy(large, targets))
    want = (dloss * cross_entropy_backward(large, targets),)
    yield pulled(student, loss, [held], dloss), want
    loss = call(student, "cross_entropy", held, np.full_like(targets, -100))
    yield student.fetch(loss), np.zeros(())
    yield pulled(student, loss, [held], dloss), (0.0 * logits,)


@exercise.satisfies("cross_entropy", kind="E", points=1, rtol=EXACT, sizes=ONE)
def loss_takes_one_of_each(student, logits, others, dloss):
    """A single target that counts, and a vocabulary of a single word."""
    single = np.full_like(others, -100)
    single[-1, 0] = others[-1, 0]
    held = leaf(student, logits)
    loss = call(student, "cross_entropy", held, single)
    yield student.fetch(loss), np.asarray(cross_entropy(logits, single))
    want = (dloss * cross_entropy_backward(logits, single),)
    yield pulled(student, loss, [held], dloss), want
    word = leaf(student, logits[..., :1])
    loss = call(student, "cross_entropy", word, np.where(single < 0, -100, 0))
    yield student.fetch(loss), np.zeros(())
    yield pulled(student, loss, [word], dloss), (0.0 * logits[..., :1],)


@exercise.satisfies("cross_entropy", kind="E", points=1, rtol=EXACT, sizes=ONE)
def loss_takes_any_layout(student, logits, targets, dloss):
    """Logits and targets may be transposed."""
    strange = student.keep(student.library("torch.Tensor.requires_grad_"), apart(student, logits))
    loss = call(student, "cross_entropy", strange, apart(student, targets))
    yield student.fetch(loss), np.asarray(cross_entropy(logits, targets))
    want = (dloss * cross_entropy_backward(logits, targets),)
    yield pulled(student, loss, [strange], dloss), want


@exercise.satisfies("cross_entropy", kind="E", points=1, sizes=ONE)
def loss_twice_is_right_or_refused(student, logits, targets, dloss):
    """A second derivative is right or an error, never just wrong."""
    held = leaf(student, logits)
    loss = call(student, "cross_entropy", held, targets)
    got = second(student, loss, held, dloss, logits, [held])
    if got is None:
        yield True
        return

    def forward(rows):
        flat, labels = rows.flatten(0, -2), torch.tensor(targets.reshape(-1))
        return torch.nn.functional.cross_entropy(flat, labels)

    yield got, differentiated_twice(forward, (logits,), dloss, logits)


@exercise.satisfies("cross_entropy", kind="E", points=1, sizes=ONE, **FLOAT32)
def loss_follows_the_dtype(student, logits, targets, dloss):
    """float32 logits give a float32 loss and gradient."""
    held = leaf(student, logits)
    loss = call(student, "cross_entropy", held, targets)
    yield student.fetch(loss), np.asarray(cross_entropy(*wide(logits), targets))
    want = wide(dloss)[0] * cross_entropy_backward(*wide(logits), targets)
    yield pulled(student, loss, [held], dloss), (want,)


# Solutions that know nothing


class _Zero(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 0.0 * x

    @staticmethod
    def backward(ctx, dout):
        return dout


@exercise.null("rmsnorm")
def norm_of_zeros(x, gain, eps=1e-5):
    return _Zero.apply(x)


@exercise.null("rope")
def no_rotation(x, positions, theta=10000.0):
    return _Zero.apply(x)


@exercise.null("cross_entropy")
def no_loss(logits, targets, ignore_index=-100):
    return _Zero.apply(logits).sum()


# Mistakes: RMSNorm

DX = "(weighted - normed * (weighted * normed).mean(dim=-1, keepdim=True)) * r"
DGAIN = "(dout * normed).reshape(-1, x.shape[-1]).sum(dim=0)"


def norm_slip(name, old, new, hint):
    """A mistake in the class."""
    exercise.slip("rmsnorm", name, old, new, hint, within="RMSNormFunction")


norm_slip(
    "only_the_direct_path",
    DX,
    "weighted * r",
    "Only the direct path is there. x also acts through the root mean square, which every output "
    "of the token depends on.",
)
norm_slip(
    "second_path_added",
    DX,
    "(weighted + normed * (weighted * normed).mean(dim=-1, keepdim=True)) * r",
    "The second path has the wrong sign: a larger x makes r smaller.",
)
norm_slip(
    "sum_in_the_second_path",
    DX,
    "(weighted - normed * (weighted * normed).sum(dim=-1, keepdim=True)) * r",
    "The second path has a sum where a mean belongs: the mean of the squares brings a 1/d.",
)
norm_slip(
    "gain_missing_in_the_second_path",
    DX,
    "(weighted - normed * (dout * normed).mean(dim=-1, keepdim=True)) * r",
    "In the second path dout goes without its gain.",
)
norm_slip(
    "gain_missing_in_dx",
    "weighted = dout * gain",
    "weighted = dout",
    "dx lacks the gain: the output is the gain times x-hat.",
)
norm_slip(
    "r_missing",
    DX,
    "weighted - normed * (weighted * normed).mean(dim=-1, keepdim=True)",
    "dx lacks the factor r: x is divided by its root mean square on the way forward.",
)
norm_slip(
    "mean_of_products_over_everything",
    DX,
    "(weighted - normed * (weighted * normed).mean()) * r",
    "The mean in dx is over all tokens. Each token has its own.",
)
norm_slip(
    "x_for_its_normed_form",
    DX,
    "(weighted - x * (weighted * normed).mean(dim=-1, keepdim=True)) * r",
    "x stands where x-hat belongs: count the powers of r in the second path.",
)
norm_slip(
    "gain_gets_x",
    DGAIN,
    "(dout * x).reshape(-1, x.shape[-1]).sum(dim=0)",
    "dgain is taken with x. The gain is multiplied by x-hat.",
)
norm_slip(
    "gain_averaged",
    DGAIN,
    "(dout * normed).reshape(-1, x.shape[-1]).mean(dim=0)",
    "dgain is a mean over the tokens. Each of them adds to it.",
)
norm_slip(
    "gain_of_the_first_sequence",
    DGAIN,
    "(dout * normed).reshape(-1, x.shape[-1])[: x.shape[-2] if x.ndim > 1 else 1].sum(dim=0)",
    "dgain comes from the first sequence of the batch only.",
)
norm_slip(
    "eps_outside_the_root",
    "torch.rsqrt((x * x).mean(dim=-1, keepdim=True) + eps)",
    "1.0 / ((x * x).mean(dim=-1, keepdim=True).sqrt() + eps)",
    "eps is added to the root. It belongs under it.",
)
norm_slip(
    "centred",
    "return x * r * gain",
    "return (x - x.mean(dim=-1, keepdim=True)) * r * gain",
    "The mean is taken off, as in LayerNorm. RMSNorm does not.",
)
norm_slip(
    "wrong_twice",
    "@once_differentiable\n    ",
    "",
    "The second derivative is wrong without an error: r comes from forward and does not know that "
    "it depends on x. Mark backward @once_differentiable, or compute r again in it.",
)
norm_slip(
    "changes_dout",
    "weighted = dout * gain",
    "weighted = dout.data.mul_(gain)",
    "dout is changed in place. It belongs to autograd, which may use it again.",
)
norm_slip(
    "changes_what_was_saved",
    "normed = x * r",
    "normed = x.data.mul_(r)",
    "backward changes x, which was saved: the caller's x, and what a second backward reads.",
)
norm_slip(
    "only_in_float32",
    "x, gain, r = ctx.saved_tensors",
    "x, gain, r = (one.float() for one in ctx.saved_tensors)",
    "backward computes in float32 whatever the dtype of x is.",
)
norm_slip(
    "result_in_float64",
    "return x * r * gain",
    "return x.double() * r * gain",
    "The result is float64 for float32 arguments. It follows the dtype of x.",
)
norm_slip(
    "gradients_only_for_both",
    "if ctx.needs_input_grad[0]:",
    "if all(ctx.needs_input_grad[:2]):",
    "dx is computed only if gain wants a gradient as well. They are asked for one by one.",
)
exercise.slip(
    "rmsnorm",
    "another_default_eps",
    "eps: float = 1e-5",
    "eps: float = 1e-6",
    "eps has another default than 1e-5.",
)


@exercise.mistake("rmsnorm")
def norm_recorded_by_autograd(x, gain, eps=1e-5):
    """Autograd has recorded the operations and differentiates them. Call a Function by .apply."""
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + eps) * gain


class _Through(torch.autograd.Function):
    """Hands everything on, forward and back."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, dout):
        return dout


@exercise.mistake("rmsnorm")
def norm_behind_an_empty_function(x, gain, eps=1e-5):
    """Autograd has recorded the operations and differentiates them. Call a Function by .apply."""
    return _Through.apply(norm_recorded_by_autograd(x, gain, eps))


class _NormOnCtx(autograd.RMSNormFunction):
    @staticmethod
    def forward(ctx, x, gain, eps):
        r = torch.rsqrt((x * x).mean(dim=-1, keepdim=True) + eps)
        ctx.kept = x, gain, r
        return x * r * gain

    @staticmethod
    def backward(ctx, dout):
        if torch.is_grad_enabled():
            raise RuntimeError("only once")
        x, gain, r = ctx.kept
        weighted, normed = dout * gain, x * r
        dx = (weighted - normed * (weighted * normed).mean(dim=-1, keepdim=True)) * r
        return dx, (dout * normed).reshape(-1, x.shape[-1]).sum(dim=0), None


@exercise.mistake("rmsnorm")
def norm_keeps_on_ctx(x, gain, eps=1e-5):
    """Arguments are kept as attributes of ctx, so nobody notices when they change before backward.
    Use ctx.save_for_backward."""
    return _NormOnCtx.apply(x, gain, eps)


# Mistakes: RoPE

BACK = "RoPEFunction.apply(dout, -positions, ctx.theta)"


def rope_slip(name, old, new, hint, within="RoPEFunction"):
    """A mistake in the class or in the rotation."""
    exercise.slip("rope", name, old, new, hint, within=within)


rope_slip(
    "turned_the_same_way",
    BACK,
    "RoPEFunction.apply(dout, positions, ctx.theta)",
    "dout is turned the same way as x. The transpose of a rotation turns back.",
)
rope_slip(
    "dout_not_turned",
    BACK,
    "dout.clone()",
    "dout comes back as it is: the rotation is missing from the gradient.",
)
rope_slip(
    "theta_forgotten",
    BACK,
    "RoPEFunction.apply(dout, -positions, 10000.0)",
    "backward turns with another theta than forward did. Keep it as an attribute of ctx.",
)
rope_slip(
    "first_row_for_all",
    BACK,
    "RoPEFunction.apply(dout, -positions.reshape(-1, dout.shape[1])[0], ctx.theta)",
    "backward uses the positions of the first row for all rows.",
)
rope_slip(
    "positions_changed",
    BACK,
    "RoPEFunction.apply(dout, positions.data.neg_(), ctx.theta)",
    "backward changes the positions in place: the caller's, and what a second backward reads.",
)
rope_slip(
    "turns_dout_in_place",
    BACK,
    "dout.data.copy_(RoPEFunction.apply(dout, -positions, ctx.theta))",
    "dout is changed in place. It belongs to autograd, which may use it again.",
)
rope_slip(
    "halves_for_neighbours",
    "a, b = x[..., 0::2], x[..., 1::2]",
    "a, b = x.chunk(2, dim=-1)",
    "Features i and i + d_head / 2 make a pair here. Neighbours do, 2i and 2i + 1.",
    within="_turned",
)
rope_slip(
    "turned_the_other_way",
    "[a * cos - b * sin, a * sin + b * cos]",
    "[a * cos + b * sin, b * cos - a * sin]",
    "The pairs turn the other way round; look at the signs.",
    within="_turned",
)
rope_slip(
    "half_the_frequencies",
    "theta ** (-pairs / d_head)",
    "theta ** (-pairs / d_head / 2)",
    "The frequencies are wrong: pair i turns by theta**(-2i / d_head) per position.",
    within="_turned",
)
rope_slip(
    "angles_in_float32",
    "dtype=torch.float64",
    "dtype=torch.float32",
    "The angles are computed in float32, and far positions lose their digits.",
    within="_turned",
)
rope_slip(
    "halves_come_back",
    "torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)",
    "torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)",
    "The results come back as two halves. Each feature goes back to its own place.",
    within="_turned",
)
rope_slip(
    "rotation_in_float64",
    "angles.cos().to(x.dtype), angles.sin().to(x.dtype)",
    "angles.cos(), angles.sin()",
    "The result is float64 for a float32 x. Cosine and sine go to the dtype of x.",
    within="_turned",
)
rope_slip(
    "slightly_longer",
    BACK,
    "RoPEFunction.apply(dout, -positions, ctx.theta) * 2**0.5",
    "The gradient is longer than dout. A rotation keeps lengths.",
)
exercise.slip(
    "rope",
    "another_default_theta",
    "theta: float = 10000.0",
    "theta: float = 1000.0",
    "theta has another default than 10000.",
)


@exercise.mistake("rope")
def rotation_recorded_by_autograd(x, positions, theta=10000.0):
    """Autograd has recorded the operations and differentiates them. Call a Function by .apply."""
    return autograd._turned(x, positions, theta)


@exercise.mistake("rope")
def rotation_behind_an_empty_function(x, positions, theta=10000.0):
    """Autograd has recorded the operations and differentiates them. Call a Function by .apply."""
    return _Through.apply(autograd._turned(x, positions, theta))


class _TurnOnCtx(autograd.RoPEFunction):
    @staticmethod
    def forward(ctx, x, positions, theta):
        ctx.kept = positions, theta
        return autograd._turned(x, positions, theta)

    @staticmethod
    def backward(ctx, dout):
        positions, theta = ctx.kept
        return autograd._turned(dout, -positions, theta), None, None


@exercise.mistake("rope")
def rotation_keeps_on_ctx(x, positions, theta=10000.0):
    """Positions are kept as an attribute of ctx, so nobody notices when they change before
    backward. Use ctx.save_for_backward."""
    return _TurnOnCtx.apply(x, positions, theta)


# Mistakes: cross-entropy

SCALED = "dlogits *= (kept * (dout / count)).unsqueeze(-1)"
ONE_OFF = "dlogits.scatter_add_(-1, labels, torch.full_like(lse, -1.0))"


def loss_slip(name, old, new, hint):
    """A mistake in the class."""
    exercise.slip("cross_entropy", name, old, new, hint, within="CrossEntropyFunction")


loss_slip(
    "dout_ignored",
    SCALED,
    "dlogits *= (kept / count).unsqueeze(-1)",
    "dout is not used. The loss may be scaled or be one of several: multiply by what arrives.",
)
loss_slip(
    "not_divided",
    SCALED,
    "dlogits *= (kept * dout).unsqueeze(-1)",
    "The gradient is not divided by the number of targets that count: the loss is their mean.",
)
loss_slip(
    "divided_by_all",
    SCALED,
    "dlogits *= (kept * (dout / kept.numel())).unsqueeze(-1)",
    "The gradient is divided by the number of all targets. Only those that count do.",
)
loss_slip(
    "ignored_rows_get_gradients",
    SCALED,
    "dlogits *= dout / count",
    "Rows whose target does not count get a gradient. It is zero there.",
)
loss_slip(
    "probabilities_alone",
    ONE_OFF,
    "pass",
    "The 1 at the place of the target is not subtracted.",
)
loss_slip(
    "target_added",
    ONE_OFF,
    "dlogits.scatter_add_(-1, labels, torch.full_like(lse, 1.0))",
    "The 1 at the place of the target is added; look at the sign of the second term.",
)
loss_slip(
    "target_overwritten",
    ONE_OFF,
    "dlogits.scatter_(-1, labels, -1.0)",
    "The entry of the target is set to -1. It is its probability minus 1.",
)
loss_slip(
    "the_opposite",
    "return dlogits, None, None",
    "return -dlogits, None, None",
    "The gradient has the wrong sign: a step against it should raise the target's logit.",
)
loss_slip(
    "logits_for_probabilities",
    "dlogits = torch.exp(logits - lse)",
    "dlogits = logits - lse",
    "The log-probabilities stand where the probabilities belong.",
)
loss_slip(
    "probabilities_not_normalised",
    "dlogits = torch.exp(logits - lse)",
    "dlogits = torch.exp(logits - logits.amax(-1, keepdim=True))",
    "The exponentials are not divided by their sum.",
)
loss_slip(
    "sum_for_mean",
    "torch.where(kept, losses, 0.0).sum() / count",
    "torch.where(kept, losses, 0.0).sum()",
    "The loss is a sum. It is the mean over the targets that count.",
)
loss_slip(
    "mean_of_all",
    "torch.where(kept, losses, 0.0).sum() / count",
    "torch.where(kept, losses, 0.0).mean()",
    "The loss is divided by the number of all targets. Only those that count do.",
)
loss_slip(
    "nothing_counts",
    "kept.sum().clamp(min=1)",
    "kept.sum()",
    "If no target counts, something is divided by zero. Loss and gradient are 0 then.",
)
loss_slip(
    "at_least_two",
    "kept.sum().clamp(min=1)",
    "kept.sum().clamp(min=2)",
    "With a single target that counts, the loss is divided by 2. Only if there is none, the "
    "divisor must not be 0.",
)
loss_slip(
    "always_minus_100",
    "kept = targets != ignore_index",
    "kept = targets >= 0",
    "ignore_index is not used. It may be any number, an id as well.",
)
loss_slip(
    "overflows",
    "logits.logsumexp(dim=-1, keepdim=True)",
    "logits.exp().sum(dim=-1, keepdim=True).log()",
    "The exponentials overflow for large logits. logsumexp shifts by the maximum.",
)
loss_slip(
    "bits_for_nats",
    "losses = (lse - logits.gather(-1, labels)).squeeze(-1)",
    "losses = (lse - logits.gather(-1, labels)).squeeze(-1) / 0.6931471805599453",
    "The loss is in bits. The logarithm is the natural one.",
)
loss_slip(
    "writes_into_the_logits",
    "dlogits = torch.exp(logits - lse)",
    "dlogits = logits.data.sub_(lse).exp_()",
    "backward overwrites the logits, which were saved: the caller's, and what a second backward "
    "reads.",
)
loss_slip(
    "loss_in_float32",
    "logits, labels, kept, lse, count = ctx.saved_tensors",
    "logits, labels, kept, lse, count = ctx.saved_tensors\n        lse = lse.float()\n"
    "        logits = logits.float()",
    "backward computes in float32 whatever the dtype of the logits is.",
)
loss_slip(
    "loss_in_float64",
    "lse = logits.logsumexp(dim=-1, keepdim=True)",
    "lse = logits.double().logsumexp(dim=-1, keepdim=True)",
    "The loss is float64 for float32 logits.",
)


@exercise.mistake("cross_entropy")
def loss_recorded_by_autograd(logits, targets, ignore_index=-100):
    """Autograd has recorded the operations and differentiates them. Call a Function by .apply."""
    kept = targets != ignore_index
    labels = torch.where(kept, targets, 0).unsqueeze(-1)
    losses = -torch.log_softmax(logits, -1).gather(-1, labels).squeeze(-1)
    return torch.where(kept, losses, 0.0).sum() / kept.sum().clamp(min=1)


@exercise.mistake("cross_entropy")
def library_loss(logits, targets, ignore_index=-100):
    """Autograd has recorded the operations and differentiates them. Call a Function by .apply."""
    rows, labels = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    loss = torch.nn.functional.cross_entropy(
        rows, labels, ignore_index=ignore_index, reduction="sum"
    )
    return loss / (labels != ignore_index).sum().clamp(min=1)


class _LossOnCtx(autograd.CrossEntropyFunction):
    @staticmethod
    def forward(ctx, logits, targets, ignore_index):
        kept = targets != ignore_index
        ctx.kept = logits, torch.where(kept, targets, 0).unsqueeze(-1), kept
        losses = -torch.log_softmax(logits, -1).gather(-1, ctx.kept[1]).squeeze(-1)
        return torch.where(kept, losses, 0.0).sum() / kept.sum().clamp(min=1)

    @staticmethod
    def backward(ctx, dout):
        if torch.is_grad_enabled():
            raise RuntimeError("only once")
        logits, labels, kept = ctx.kept
        dlogits = torch.softmax(logits, -1)
        dlogits.scatter_add_(-1, labels, torch.full_like(dlogits[..., :1], -1.0))
        return dlogits * (kept * (dout / kept.sum().clamp(min=1))).unsqueeze(-1), None, None


@exercise.mistake("cross_entropy")
def loss_keeps_on_ctx(logits, targets, ignore_index=-100):
    """The logits are kept as an attribute of ctx, so nobody notices when they change before
    backward. Use ctx.save_for_backward."""
    return _LossOnCtx.apply(logits, targets, ignore_index)


class _LossTwice(autograd.CrossEntropyFunction):
    @staticmethod
    def backward(ctx, dout):
        logits, labels, kept, lse, count = ctx.saved_tensors
        right = torch.zeros_like(logits).scatter(-1, labels, 1.0)
        dlogits = (torch.exp(logits - lse) - right) * (kept * (dout / count)).unsqueeze(-1)
        return dlogits, None, None


@exercise.mistake("cross_entropy")
def loss_wrong_twice(logits, targets, ignore_index=-100):
    """The second derivative is wrong without an error: what forward computed (lse, say) does not
    know that it depends on the logits. Mark backward @once_differentiable, or compute it again."""
    return _LossTwice.apply(logits, targets, ignore_index)
