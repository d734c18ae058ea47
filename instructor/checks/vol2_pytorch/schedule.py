"""Hidden checks for vol2_pytorch/schedule.

Optimizers, schedulers and parameters stay with the student's code and are known by handles. A loss
with its graph cannot come over: `loss_fn` is a callback that builds it over there, by handles, and
sees on the way when it is called. Clipping is compared to 2e-6: who adds 1e-6 to a norm above 5, as
the library does, is right, too.
"""

import math

import numpy as np
import torch
from torch import nn

from autograder import Callback, Exercise, array, derived
from solutions.vol2_pytorch import schedule

CLIPPED = 2e-6
STEPS = 4


def uniform(low, high):
    """A float for each student."""
    return derived(lambda rng: float(rng.uniform(low, high)))


def draw_grads(rng, M, N):
    """Gradients of three shapes with a common norm well above 5."""
    grads = [rng.standard_normal((M, N)), rng.standard_normal(N), rng.standard_normal((N, 1, M))]
    return [g * (rng.uniform(6, 60) / norm_of(grads)) for g in grads]


def norm_of(arrays):
    """The common norm, by a function that no student's code is compared with."""
    return float(np.linalg.norm(np.concatenate([np.ravel(a) for a in arrays])))


exercise = Exercise(
    "vol2_pytorch/schedule",
    solution=schedule,
    arrays="torch",
    difficulty=3,
    minutes=60,
    inputs={
        "lrs": derived(lambda rng: [float(r) for r in rng.uniform([0.5, 1.1], [0.9, 2.0])]),
        "min_lr": uniform(0.1, 0.3),
        "warmup": derived(lambda rng: int(rng.integers(3, 6))),
        "total": derived(lambda rng, warmup: warmup + int(rng.integers(5, 9))),
        "grads": derived(draw_grads),
        "part": uniform(0.3, 0.7),
        "w": array("2 3"),
        "bias": array("2"),
        "xs": array("4 5 3"),
        "ys": array("4 5 2"),
        "lr": uniform(0.1, 0.2),
        "gamma": uniform(0.5, 0.7),
    },
    sizes={"M": [2], "N": [3]},
)
TWO = {"draw": [0, 1]}


# warmup_cosine


def rates(lrs, min_lr, warmup, total, steps):
    """The rate of each group at each step, by the formula of the handout."""

    def rate(step, lr):
        if step >= total:
            return min_lr
        if step < warmup:
            return lr * step / warmup
        angle = math.pi * (step - warmup) / (total - warmup)
        return (lr + min_lr) / 2 + (lr - min_lr) / 2 * math.cos(angle)

    return np.array([[rate(step, lr) for lr in lrs] for step in range(steps)])


class Run:
    """An optimizer with one group per rate, and the student's scheduler on it."""

    def __init__(self, student, lrs, min_lr, warmup, total):
        self.student = student
        make = student.library("torch.nn.Parameter")
        groups = [{"params": [student.keep(make, np.ones(1))], "lr": lr} for lr in lrs]
        self.optimizer = student.library("torch.optim.SGD")(groups)
        self.scheduler = student.keep(student.warmup_cosine, self.optimizer, min_lr, warmup, total)
        # A scheduler warns if it is ahead of its optimizer.
        student.keep(self.optimizer.step)
        self.item = student.library("operator.getitem")
        inside = student.part(self.optimizer, "param_groups")
        self.groups = [student.keep(self.item, inside, i) for i in range(len(lrs))]

    def now(self):
        """The rate of each group, as the optimizer reads it."""
        return [self.item(group, "lr") for group in self.groups]

    def follow(self, steps):
        """The rates of this and the following steps; then it is that many steps further."""
        out = []
        step = self.scheduler.step
        for _ in range(steps):
            out.append(self.now())
            self.student.keep(step)
        return np.array(out, dtype=np.float64)


@exercise.satisfies("warmup_cosine", kind="R", points=3, sizes=TWO)
def every_rate_is_right(student, lrs, min_lr, warmup, total):
    """Each group has its rate at every step from 0 to `total`."""
    settings = (lrs, min_lr, warmup, total)
    return Run(student, *settings).follow(total + 1), rates(*settings, total + 1)


@exercise.satisfies("warmup_cosine", points=1)
def the_fall_mirrors_itself(student, lrs, min_lr, warmup, total):
    """The cosine falls throughout, by as much at its beginning as at its end."""
    falling = Run(student, lrs, min_lr, warmup, total).follow(total + 1)[warmup:]
    yield falling + falling[::-1], np.tile(np.array(lrs) + min_lr, (len(falling), 1))
    yield bool(np.all(np.diff(falling, axis=0) < 0))


@exercise.satisfies("warmup_cosine", points=1)
def all_groups_end_at_one_rate(student, lrs, min_lr, warmup, total):
    """From step `total` on every group has the rate `min_lr`, for ever."""
    run = Run(student, lrs, min_lr, warmup, total)
    run.follow(total)
    return run.follow(6), np.full((6, 2), min_lr)


@exercise.satisfies("warmup_cosine", points=1)
def a_saved_scheduler_goes_on(student, lrs, min_lr, warmup, total):
    """A scheduler that loads the state of another one goes on as that one would have."""
    settings = (lrs, min_lr, warmup, total)
    first, second = Run(student, *settings), Run(student, *settings)
    first.follow(warmup + 1)
    second.scheduler.load_state_dict(student.keep(first.scheduler.state_dict))
    student.keep(second.scheduler.step)
    return second.follow(total - warmup), rates(*settings, total + 2)[warmup + 2 :]


@exercise.satisfies("warmup_cosine", kind="E", points=1)
def the_warm_up_may_be_left_out(student, lrs, min_lr, warmup, total):
    """With warmup = 0 the first rate is the group's own."""
    settings = (lrs, min_lr, 0, total)
    return Run(student, *settings).follow(total + 2), rates(*settings, total + 2)


@exercise.satisfies("warmup_cosine", kind="E", points=1)
def the_cosine_may_be_left_out(student, lrs, min_lr, warmup):
    """With warmup = total there is the rise, and then `min_lr`."""
    settings = (lrs, min_lr, warmup, warmup)
    return Run(student, *settings).follow(warmup + 3), rates(*settings, warmup + 3)


@exercise.satisfies("warmup_cosine", kind="E", points=1)
def it_is_a_lambda_lr(student, lrs, min_lr, warmup, total):
    """It is a LambdaLR on that optimizer, at step 0; a floor of 0 and a single group are fine."""
    run = Run(student, lrs[:1], 0.0, warmup, total)
    kind = student.library("torch.optim.lr_scheduler.LambdaLR")
    yield student.library("builtins.isinstance")(run.scheduler, kind)
    owner = student.part(run.scheduler, "optimizer")
    yield student.library("operator.is_")(owner, run.optimizer)
    yield run.scheduler.last_epoch == 0
    yield run.follow(total + 2), rates(lrs[:1], 0.0, warmup, total, total + 2)


@exercise.null("warmup_cosine")
def constant_rate(optimizer, min_lr, warmup, total):
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)


@exercise.null("warmup_cosine")
def the_library_s_cosine(optimizer, min_lr, warmup, total):
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(total, 1), min_lr)


FLOOR = "floor = min_lr / lr"
LINE = "return step / warmup"
DONE = "(step - warmup) / (total - warmup)"
COSINE = "floor + 0.5 * (1 - floor) * (1 + math.cos(math.pi * done))"
FACTORS = '[factor(group["lr"]) for group in optimizer.param_groups]'
END = "            if step >= total:\n                return floor\n"
exercise.slip(
    "warmup_cosine",
    "the_floor_is_a_factor",
    FLOOR,
    "floor = min_lr",
    "`min_lr` is used as a factor, so each group ends at its own rate times that. It is a rate, "
    "the "
    "same for all groups: which factor gives it?",
)
exercise.slip(
    "warmup_cosine",
    "factors_of_the_first_group",
    FACTORS,
    '[factor(optimizer.param_groups[0]["lr"]) for _ in optimizer.param_groups]',
    "All groups have the factors of the first one, so the others do not end at `min_lr`.",
)
exercise.slip(
    "warmup_cosine",
    "factors_of_the_last_group",
    FACTORS,
    '[factor(optimizer.param_groups[-1]["lr"]) for _ in optimizer.param_groups]',
    "All groups have the factors of the last one. Are your functions made in a loop? They share "
    "its "
    "variable; a function that makes each of them helps.",
)
exercise.slip(
    "warmup_cosine",
    "rates_for_factors",
    "        return at\n",
    "        return lambda step: lr * at(step)\n",
    "The functions return rates. LambdaLR multiplies by the group's rate, so they return factors.",
)
exercise.slip(
    "warmup_cosine",
    "starts_at_one",
    LINE,
    "return (step + 1) / warmup",
    "The warm-up is one step ahead: the line starts from 0 at step 0 and reaches the rate at step "
    "`warmup`.",
)
exercise.slip(
    "warmup_cosine",
    "warms_up_from_the_floor",
    LINE,
    "return floor + (1 - floor) * step / warmup",
    "The warm-up starts from `min_lr`. It starts from 0.",
)
exercise.slip(
    "warmup_cosine",
    "no_warm_up",
    f"            if step < warmup:\n                {LINE}\n",
    "            step = max(step, warmup)\n"
    "            if step >= total:\n                return floor\n",
    "There is no rise: the rate is the largest from the first step on.",
)
exercise.slip(
    "warmup_cosine",
    "whole_numbers_only",
    LINE,
    "return step // warmup",
    "`//` divides whole numbers and drops the rest: the rate stays 0 during the whole warm-up.",
)
exercise.slip(
    "warmup_cosine",
    "cosine_from_step_zero",
    DONE,
    "step / total",
    "The cosine is already under way when the warm-up ends, so the rate jumps. Its beginning is "
    "step `warmup`.",
)
exercise.slip(
    "warmup_cosine",
    "forgets_that_the_warm_up_takes_time",
    DONE,
    "(step - warmup) / total",
    "The cosine is stretched over `total` steps, but it only has those after the warm-up.",
)
exercise.slip(
    "warmup_cosine",
    "ends_one_step_early",
    DONE,
    "min(1.0, (step - warmup) / max(1, total - warmup - 1))",
    "The cosine reaches `min_lr` one step too early: it ends at step `total`.",
)
exercise.slip(
    "warmup_cosine",
    "falls_to_zero",
    COSINE,
    "0.5 * (1 + math.cos(math.pi * done))",
    "The cosine falls to 0. It ends at `min_lr`: both numbers of a + b cos change.",
)
exercise.slip(
    "warmup_cosine",
    "cuts_the_cosine_off",
    COSINE,
    "max(floor, 0.5 * (1 + math.cos(math.pi * done)))",
    "The cosine falls towards 0 and is cut off at `min_lr`. It should be spread between the two "
    "rates.",
)
exercise.slip(
    "warmup_cosine",
    "starts_above_the_largest_rate",
    "0.5 * (1 - floor)",
    "0.5",
    "The cosine starts above the group's rate: between the two rates there is only their "
    "difference "
    "to fall.",
)
exercise.slip(
    "warmup_cosine",
    "forgets_pi",
    "math.pi * done",
    "done",
    "The angle runs from 0 to 1. Half a cosine takes an angle from 0 to pi.",
)
exercise.slip(
    "warmup_cosine",
    "a_whole_period",
    "math.pi * done",
    "2 * math.pi * done",
    "The cosine runs through a whole period and comes up again. Half of one goes from top to "
    "bottom.",
)
exercise.slip(
    "warmup_cosine",
    "a_straight_line_down",
    COSINE,
    "1 - (1 - floor) * done",
    "The rate falls in a straight line. The fall is half a cosine, flat at both ends.",
)
exercise.slip(
    "warmup_cosine",
    "comes_up_again",
    END,
    "            if step >= total == warmup:\n                return floor\n",
    "After step `total` the cosine rises again. From there on the rate is `min_lr`.",
)
exercise.slip(
    "warmup_cosine",
    "stops_at_the_end",
    END,
    "            if step >= total:\n                return 0.0\n",
    "The rate is 0 from step `total` on. It stays at `min_lr`.",
)
exercise.slip(
    "warmup_cosine",
    "at_least_one_step_of_warm_up",
    "            if step < warmup:\n                return step / warmup\n",
    "            if step < max(warmup, 1):\n                return step / max(warmup, 1)\n",
    "With warmup = 0 there still is one step of warm-up, whose rate is 0. Without a warm-up the "
    "first rate is the group's own.",
)
exercise.slip(
    "warmup_cosine",
    "a_step_of_cosine_in_any_case",
    f"{END}            if step < warmup:\n                {LINE}\n            done = {DONE}\n",
    f"            if step < warmup:\n                {LINE}\n"
    "            done = min(1.0, (step - warmup) / max(1, total - warmup))\n",
    "With warmup = total the rate at that step is the group's own. From step `total` on it is "
    "`min_lr`, in this case, too.",
)


# clip_grad_norm


class Held:
    """Parameters whose gradients are held, too: it is these tensors that have to change."""

    def __init__(self, student, grads, *, missing=()):
        self.student = student
        make, write = student.library("torch.nn.Parameter"), student.library("builtins.setattr")
        self.parameters = [student.keep(make, np.ones_like(g)) for g in grads]
        self.grads = [student.hold(g) for g in grads]
        for i, (p, g) in enumerate(zip(self.parameters, self.grads, strict=True)):
            student.keep(write, p, "grad", None if i in missing else g)
        self.together = student.hold(self.grads)

    def now(self):
        """What the gradients have become."""
        return self.student.fetch(self.together)


def norm_returned(found):
    """A norm as a float, be it a number or a tensor with one."""
    if np.size(found) != 1:
        raise ValueError("the norm is not one number")
    return float(np.ravel(found)[0])


@exercise.satisfies("clip_grad_norm", kind="R", points=2, rtol=CLIPPED)
def long_gradients_are_shortened(student, grads, part):
    """Gradients that are too long are scaled by one factor; the norm before is returned."""
    norm, held = norm_of(grads), Held(student, grads)
    found = student.clip_grad_norm(held.parameters, part * norm)
    yield norm_returned(found), norm
    yield [p.grad for p in held.parameters], tuple(part * g for g in grads)
    yield held.now(), tuple(part * g for g in grads)


@exercise.satisfies("clip_grad_norm", points=1)
def short_gradients_are_not_touched(student, grads, part):
    """Below the limit nothing changes, not even by rounding."""
    norm, held = norm_of(grads), Held(student, grads)
    found = student.clip_grad_norm(held.parameters, norm / part)
    yield norm_returned(found), norm
    after = held.now()
    yield after, tuple(grads)
    yield all(np.array_equal(a, g) for a, g in zip(after, grads, strict=True))


@exercise.satisfies("clip_grad_norm", points=1, rtol=CLIPPED)
def how_they_are_cut_does_not_matter(student, grads, part):
    """The same numbers in other pieces are clipped in the same way."""
    flat = np.concatenate([np.ravel(g) for g in grads])
    norm = norm_of(grads)
    for pieces in ([flat], np.split(flat, [1, 7]), [flat.reshape(-1, 3)]):
        held = Held(student, pieces)
        found = student.clip_grad_norm(held.parameters, part * norm)
        yield norm_returned(found), norm
        yield held.now(), tuple(part * p for p in pieces)


@exercise.satisfies("clip_grad_norm", kind="E", points=1, rtol=CLIPPED)
def a_generator_is_enough(student, grads, part):
    """`parameters` may be a generator, which can be gone through once."""
    norm, held = norm_of(grads), Held(student, grads)
    once = student.keep(student.library("builtins.iter"), held.parameters)
    found = student.clip_grad_norm(once, part * norm)
    yield norm_returned(found), norm
    yield held.now(), tuple(part * g for g in grads)


@exercise.satisfies("clip_grad_norm", kind="E", points=1, rtol=CLIPPED)
def none_has_no_part_in_it(student, grads, part):
    """Parameters without a gradient are passed over; without any gradient the norm is 0."""
    for missing, there in (((0,), (1, 2)), ((1, 2), (0,))):
        held = Held(student, grads, missing=missing)
        norm = norm_of([grads[i] for i in there])
        found = student.clip_grad_norm(held.parameters, part * norm)
        yield norm_returned(found), norm
        yield held.now(), tuple(part * g if i in there else g for i, g in enumerate(grads))
        yield all([held.parameters[i].grad is None for i in missing])
    held = Held(student, grads, missing=(0, 1, 2))
    yield norm_returned(student.clip_grad_norm(held.parameters, part)), 0.0
    yield norm_returned(student.clip_grad_norm([], part)), 0.0


@exercise.satisfies("clip_grad_norm", kind="E", points=1)
def zeros_stay_zeros(student, grads):
    """A norm of zero changes nothing."""
    zeros = [np.zeros_like(g) for g in grads]
    held = Held(student, zeros)
    yield norm_returned(student.clip_grad_norm(held.parameters, 0.5)), 0.0
    yield held.now(), tuple(zeros)


@exercise.satisfies("clip_grad_norm", kind="E", points=1, dtype="float32")
def float32_gradients_stay_float32(student, grads, part):
    """float32 gradients are clipped as float32, the parameters are left alone."""
    norm, held = norm_of([g.astype(np.float64) for g in grads]), Held(student, grads)
    found = student.clip_grad_norm(held.parameters, part * norm)
    yield np.abs(norm_returned(found) / norm - 1) < 1e-5
    yield held.now(), tuple(np.float32(part) * g for g in grads)
    yield student.fetch(held.parameters[0]), np.ones_like(grads[0])


@exercise.null("clip_grad_norm")
def says_the_limit(parameters, max_norm):
    return float(max_norm)


GRADS = "[p.grad for p in parameters if p.grad is not None]"
NORM = "math.sqrt(sum(float(g.square().sum()) for g in grads))"
LIMIT = "    if norm > max_norm:  # so a norm of zero never divides\n"
SCALE = "g.mul_(max_norm / norm)"
LOOP = f"{LIMIT}        for g in grads:\n            {SCALE}\n"
WHOLE = f"    grads = {GRADS}\n    norm = {NORM}\n{LOOP}"
exercise.slip(
    "clip_grad_norm",
    "goes_through_the_generator_twice",
    WHOLE,
    "    norm = math.sqrt(\n"
    "        sum(float(p.grad.square().sum()) for p in parameters if p.grad is not None)\n"
    "    )\n"
    "    if norm > max_norm:\n"
    "        for p in parameters:\n"
    "            if p.grad is not None:\n"
    "                p.grad.mul_(max_norm / norm)\n",
    "`parameters` is gone through twice. A generator, as model.parameters() is one, has nothing "
    "left the second time: keep its items in a list.",
)
exercise.slip(
    "clip_grad_norm",
    "each_gradient_on_its_own",
    LOOP,
    "    for g in grads:\n        g.mul_(min(1.0, max_norm / float(g.norm() or 1.0)))\n",
    "Every gradient is limited by its own norm, which turns the step into another direction. There "
    "is one norm, of all gradients together, and one factor.",
)
exercise.slip(
    "clip_grad_norm",
    "adds_up_the_norms",
    NORM,
    "sum(math.sqrt(float(g.square().sum())) for g in grads)",
    "The norms of the gradients are added. Add the squares of all numbers, and take one root at "
    "the end.",
)
exercise.slip(
    "clip_grad_norm",
    "forgets_the_root",
    NORM,
    "float(sum(float(g.square().sum()) for g in grads))",
    "The sum of squares is the norm squared: the root is missing.",
)
exercise.slip(
    "clip_grad_norm",
    "always_rescales",
    LIMIT,
    "    if norm > 0:\n",
    "Short gradients are stretched to `max_norm`. The factor is never larger than 1.",
)
exercise.slip(
    "clip_grad_norm",
    "returns_the_norm_afterwards",
    "return norm",
    "return min(norm, max_norm)",
    "The norm after clipping is returned. The one from before is what a training log needs.",
)
exercise.slip(
    "clip_grad_norm",
    "clips_every_number",
    SCALE,
    "g.clamp_(-max_norm / norm, max_norm / norm)",
    "Single numbers are cut off, which changes the direction. Multiply everything by one factor.",
)
exercise.slip(
    "clip_grad_norm",
    "binds_new_tensors",
    SCALE,
    "g = g * (max_norm / norm)",
    "The gradients do not change: `g = ...` makes a new tensor. Write into the old one.",
)
exercise.slip(
    "clip_grad_norm",
    "replaces_the_gradients",
    WHOLE,
    "    some = [p for p in parameters if p.grad is not None]\n"
    "    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in some))\n"
    "    if norm > max_norm:\n"
    "        for p in some:\n"
    "            p.grad = p.grad * (max_norm / norm)\n",
    "`.grad` is replaced by a new tensor. Whoever holds the old one sees no clipping: scale it in "
    "place.",
)
exercise.slip(
    "clip_grad_norm",
    "divides_by_the_norm_only",
    SCALE,
    "g.div_(norm)",
    "The clipped gradient has norm 1, whatever `max_norm` is.",
)
exercise.slip(
    "clip_grad_norm",
    "factor_upside_down",
    SCALE,
    "g.mul_(norm / max_norm)",
    "The factor is upside down: a gradient that is too long becomes longer.",
)
exercise.slip(
    "clip_grad_norm",
    "mean_square",
    NORM,
    "math.sqrt(sum(float(g.square().mean()) for g in grads))",
    "The squares are averaged. A norm is the root of their sum, however many there are.",
)
exercise.slip(
    "clip_grad_norm",
    "largest_number",
    NORM,
    "max((float(g.abs().max()) for g in grads), default=0.0)",
    "This is the largest entry. The norm is the root of the sum of all squares.",
)
exercise.slip(
    "clip_grad_norm",
    "divides_zero_by_zero",
    LOOP,
    "    for g in grads:\n"
    "        g.mul_(torch.tensor(min(norm, max_norm)) / torch.tensor(norm, dtype=torch.float64))\n",
    "With a norm of zero this divides zero by zero, and every gradient becomes nan. When there is "
    "nothing to clip, do nothing.",
)
exercise.slip(
    "clip_grad_norm",
    "none_ends_it",
    GRADS,
    "[]\n"
    "    for p in parameters:\n"
    "        if p.grad is None:\n"
    "            break\n"
    "        grads.append(p.grad)",
    "At the first parameter without a gradient the rest is left out. Pass over it and go on.",
)
exercise.slip(
    "clip_grad_norm",
    "none_becomes_zeros",
    GRADS,
    "[]\n"
    "    for p in parameters:\n"
    "        if p.grad is None:\n"
    "            p.grad = torch.zeros_like(p)\n"
    "        grads.append(p.grad)",
    "Parameters without a gradient get one of zeros, so the optimizer will move and decay them. "
    "None stays None.",
)


# train_step


class Fit:
    """A linear layer, an idle parameter, an optimizer of two groups and a scheduler."""

    def __init__(self, student, w, bias, lr):
        self.student = student
        make = student.library
        kind = make("torch.float64")
        self.layer = make("torch.nn.Linear")(3, 2, dtype=kind)
        self.layer.load_state_dict({"weight": w, "bias": bias})
        self.weight, self.bias = (student.part(self.layer, name) for name in ("weight", "bias"))
        self.idle = student.keep(make("torch.nn.Parameter"), np.ones(2))
        self.all = student.hold([self.weight, self.bias, self.idle])
        groups = [{"params": [self.weight]}, {"params": [self.bias, self.idle], "lr": lr / 2}]
        self.optimizer = make("torch.optim.SGD")(groups, lr=lr, momentum=0.5)
        self.seen = []

    def halving(self, gamma):
        """A scheduler that multiplies all rates by `gamma`."""
        make = self.student.library("torch.optim.lr_scheduler.ExponentialLR")
        return make(self.optimizer, gamma=gamma)

    def loss_fn(self, x, y):
        """The mean squared error, computed over there; notes whether autograd is on."""
        student = self.student
        mse = student.library("torch.nn.functional.mse_loss")
        enabled = student.library("torch.is_grad_enabled")

        def compute():
            self.seen.append(enabled())
            return student.keep(mse, student.keep(self.layer, x), y)

        return Callback(compute)

    def step(self, x, y, scheduler, max_norm):
        """One call of the student's function."""
        loss_fn = self.loss_fn(x, y)
        loss = self.student.train_step(loss_fn, self.optimizer, scheduler, max_norm)
        # For the transcript: what is left tells mistakes apart.
        self.student.fetch(self.student.part(self.weight, "grad"))
        return loss

    def now(self):
        """The parameters: weight, bias and the idle one."""
        return self.student.fetch(self.all)


def expected(w, bias, xs, ys, lr, factors, max_norm):
    """Per step the loss and the parameters, on this side; `factors` are those of the rates."""
    weight, b = (nn.Parameter(torch.tensor(v, dtype=torch.float64)) for v in (w, bias))
    optimizer = torch.optim.SGD([{"params": [weight]}, {"params": [b]}], lr=lr, momentum=0.5)
    out = []
    for x, y, factor in zip(xs, ys, factors, strict=False):
        loss = nn.functional.mse_loss(torch.tensor(x) @ weight.T + b, torch.tensor(y))
        grads = torch.autograd.grad(loss, (weight, b))
        norm = norm_of([g.numpy() for g in grads])
        for p, g, share in zip((weight, b), grads, (1.0, 0.5), strict=True):
            p.grad = g * min(1.0, max_norm / norm)
            optimizer.param_groups[share < 1]["lr"] = lr * share * factor
        optimizer.step()
        after = tuple(p.detach().numpy().copy() for p in (weight, b))
        out.append((loss.item(), (*after, np.ones(2))))
    return out


def powers(gamma):
    """The factors that `halving` gives."""
    return [gamma**i for i in range(STEPS)]


@exercise.satisfies("train_step", kind="R", points=3)
def updates_and_losses_are_right(student, w, bias, xs, ys, lr, gamma):
    """Without clipping, each of four steps moves the parameters as it should and returns the loss
    from before the move."""
    fit, want = Fit(student, w, bias, lr), expected(w, bias, xs, ys, lr, powers(gamma), 1e9)
    scheduler = fit.halving(gamma)
    for x, y, (loss, after) in zip(xs, ys, want, strict=True):
        yield float(fit.step(x, y, scheduler, 1e9)), loss
        yield fit.now(), after


@exercise.satisfies("train_step", kind="R", points=2, rtol=CLIPPED)
def the_gradient_is_clipped_in_between(student, w, bias, xs, ys, lr, gamma, part):
    """The gradient of all groups together is clipped after backward and before the update."""
    # Targets far away give a norm well above 5; each group alone is too long as well.
    far = ys + 40.0
    error = xs[0] @ w.T + bias - far[0]
    limit = part * min(norm_of([error.T @ xs[0]]), norm_of([error.sum(0)])) * 2 / error.size
    fit, want = Fit(student, w, bias, lr), expected(w, bias, xs, far, lr, powers(gamma), limit)
    scheduler = fit.halving(gamma)
    for x, y, (loss, after) in zip(xs, far, want, strict=True):
        yield float(fit.step(x, y, scheduler, limit)), loss
        yield fit.now(), after


@exercise.satisfies("train_step", points=1)
def the_first_update_has_the_first_rate(student, w, bias, xs, ys, lr):
    """With a rate of 0 at step 0 the first call moves nothing, the second one does."""
    fit, factors = Fit(student, w, bias, lr), [0.0, 1.0, 0.5]
    make = student.library("torch.optim.lr_scheduler.LambdaLR")
    scheduler = make(fit.optimizer, Callback(lambda step: factors[step]))
    want = expected(w, bias, xs, ys, lr, factors, 1e9)
    for x, y, (_, after) in zip(xs[:2], ys, want, strict=False):
        fit.step(x, y, scheduler, 1e9)
        yield fit.now(), after
    yield tuple(scheduler.get_last_lr()), (0.5 * lr, 0.25 * lr)


@exercise.satisfies("train_step", points=1)
def the_loss_is_computed_once(student, w, bias, xs, ys, lr, gamma):
    """loss_fn is called once per step, with autograd on."""
    fit = Fit(student, w, bias, lr)
    scheduler = fit.halving(gamma)
    for n in range(1, 3):
        fit.step(xs[n], ys[n], scheduler, 1e9)
        yield fit.seen == [True] * n


@exercise.satisfies("train_step", points=1)
def old_gradients_do_not_count(student, w, bias, xs, ys, lr, gamma):
    """Gradients that are there before the call are cleared, also those of parameters that have no
    part in the loss."""
    fit, want = Fit(student, w, bias, lr), expected(w, bias, xs, ys, lr, [1.0], 1e9)
    for p, v in ((fit.weight, w), (fit.bias, bias), (fit.idle, np.ones(2))):
        student.library("builtins.setattr")(p, "grad", np.full_like(v, 30.0))
    fit.step(xs[0], ys[0], fit.halving(gamma), 1e9)
    return fit.now(), want[0][1]


@exercise.satisfies("train_step", kind="E", points=1)
def a_number_comes_back(student, w, bias, xs, ys, lr, gamma):
    """It returns a float, not a tensor, which would keep its graph."""
    fit = Fit(student, w, bias, lr)
    return type(fit.step(xs[0], ys[0], fit.halving(gamma), 1e9)) is float


@exercise.satisfies("train_step", kind="E", points=1)
def idle_parameters_stay_idle(student, w, bias, xs, ys, lr, gamma, part):
    """A parameter without a gradient neither disturbs the clipping nor moves."""
    fit = Fit(student, w, bias, lr)
    scheduler = fit.halving(gamma)
    for x, y in zip(xs[:2], ys, strict=False):
        fit.step(x, y, scheduler, 1e-3 * part)
    yield student.fetch(fit.idle), np.ones(2)
    moved = [after - before for after, before in zip(fit.now()[:2], (w, bias), strict=True)]
    yield norm_of(moved) < 1e-2 * lr


@exercise.null("train_step")
def only_the_loss(loss_fn, optimizer, scheduler, max_norm):
    return loss_fn().item()


CLEAR = "    optimizer.zero_grad()\n"
BACK = "    loss.backward()  # type: ignore[no-untyped-call]\n"
CLIP = (
    '    clip_grad_norm((p for group in optimizer.param_groups for p in group["params"]),'
    " max_norm)\n"
)
MOVE, NEXT, GIVE = "    optimizer.step()\n", "    scheduler.step()\n", "    return loss.item()"
exercise.slip(
    "train_step",
    "never_clears",
    CLEAR,
    "",
    "The gradients are never cleared: each backward adds to those of all steps before.",
)
exercise.slip(
    "train_step",
    "clears_afterwards_only",
    CLEAR + "    loss = loss_fn()\n" + BACK + CLIP + MOVE,
    "    loss = loss_fn()\n" + BACK + CLIP + MOVE + CLEAR,
    "The gradients are cleared at the end of a step, so what was there before the first one "
    "counts. "
    "Clear them before backward.",
)
exercise.slip(
    "train_step",
    "clears_after_backward",
    BACK,
    BACK + CLEAR,
    "The gradients are cleared after backward, so there is nothing left to step with.",
)
exercise.slip(
    "train_step",
    "does_not_clip",
    CLIP,
    "",
    "The optimizer reads a gradient that is not clipped: clip_grad_norm is missing, or stands "
    "before "
    "backward, where there is no gradient of this step yet.",
)
exercise.slip(
    "train_step",
    "clips_after_the_update",
    CLIP + MOVE,
    MOVE + CLIP,
    "Clipping comes after the update, when the long gradient has done its work.",
)
exercise.slip(
    "train_step",
    "clips_each_group",
    CLIP,
    '    for group in optimizer.param_groups:\n        clip_grad_norm(group["params"], max_norm)\n',
    "Each group is clipped by its own norm. There is one norm, over all groups.",
)
exercise.slip(
    "train_step",
    "clips_the_first_group",
    CLIP,
    '    clip_grad_norm(optimizer.param_groups[0]["params"], max_norm)\n',
    "Only the first group is clipped.",
)
exercise.slip(
    "train_step",
    "clips_each_parameter",
    CLIP,
    "    for group in optimizer.param_groups:\n"
    '        for p in group["params"]:\n'
    "            if p.grad is not None:\n"
    "                clip_grad_norm([p], max_norm * (p.ndim + 1) / 3)\n",
    "Each parameter is clipped on its own. There is one norm, of all gradients together.",
)
exercise.slip(
    "train_step",
    "scheduler_before_the_update",
    MOVE + NEXT,
    NEXT + MOVE,
    "The scheduler is stepped before the optimizer, so the rate of step 0 is skipped.",
)
exercise.slip(
    "train_step",
    "forgets_the_scheduler",
    NEXT,
    "",
    "The scheduler is not stepped: the rate stays what it is, 0 after a warm-up's first step.",
)
exercise.slip(
    "train_step",
    "forgets_the_update",
    MOVE,
    "",
    "The optimizer's step is missing.",
)
exercise.slip(
    "train_step",
    "updates_twice",
    MOVE,
    MOVE + MOVE,
    "There are two updates with one gradient.",
)
exercise.slip(
    "train_step",
    "loss_after_the_update",
    GIVE,
    "    return loss_fn().item()",
    "The loss is computed anew after the update. Return the one that the gradient belongs to.",
)
exercise.slip(
    "train_step",
    "computes_the_loss_twice",
    BACK,
    "    loss_fn().backward()\n",
    "loss_fn is called twice in one step: twice the work, and with dropout two different losses.",
)
exercise.slip(
    "train_step",
    "returns_a_tensor",
    GIVE,
    "    return loss",
    "The loss is returned as a tensor, which keeps the graph of the step in memory. Return a "
    "float.",
)
exercise.slip(
    "train_step",
    "returns_the_norm",
    CLIP + MOVE + NEXT + GIVE,
    CLIP.replace("clip_grad_norm(", "norm = clip_grad_norm(", 1) + MOVE + NEXT + "    return norm",
    "The norm is returned. It is the loss that is asked for.",
)
