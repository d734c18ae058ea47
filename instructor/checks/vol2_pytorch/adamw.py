"""Hidden checks for vol2_pytorch/adamw.

Parameters and optimizers stay with the student's code and are known by handles. Gradients are set
from here, so no graph is needed; what is compared are the parameters after each step. Expected is
what torch.optim.AdamW does with the same numbers on the trusted side.
"""

import numpy as np
import torch
from torch import nn

from autograder import Callback, Exercise, derived
from solutions.vol2_pytorch import adamw

STEPS = 20


def draw_values(rng, M, N):
    """Parameters of three shapes."""
    return [rng.standard_normal((M, N)), rng.standard_normal(N), rng.standard_normal((N, 1, M))]


def draw_history(rng, M, N):
    """The gradients of twenty steps."""
    return [draw_values(rng, M, N) for _ in range(STEPS)]


def draw_settings(rng):
    """Settings far from the defaults, which show in every step."""
    return {
        "lr": float(rng.uniform(0.05, 0.2)),
        "betas": (float(rng.uniform(0.6, 0.8)), float(rng.uniform(0.85, 0.95))),
        "eps": float(rng.uniform(0.1, 0.2)),
        "weight_decay": float(rng.uniform(0.5, 1.0)),
    }


# What the library does, in float64. Drawn once per case and not for every version that is graded.


def tensors(values):
    """Parameters on this side."""
    return [nn.Parameter(torch.tensor(v, dtype=torch.float64)) for v in values]


def library_steps(optimizer, ours, history):
    """Take steps with an optimizer of the library; the parameters after each."""
    path = []
    for grads in history:
        for p, g in zip(ours, grads, strict=True):
            p.grad = None if g is None else torch.tensor(g, dtype=torch.float64)
        optimizer.step()
        path.append(tuple(p.detach().numpy().copy() for p in ours))
    return path


def library_path(values, history, settings):
    """The parameters after each step of the library."""
    ours = tensors(values)
    return library_steps(torch.optim.AdamW(ours, **settings), ours, history)


def with_gaps(history):
    """The first parameter sits out steps 3 and 4, the second joins late, the third leaves early."""
    out = []
    for i, (a, b, c) in enumerate(history):
        out.append([None if 2 <= i < 4 else a, None if i < 3 else b, None if i >= 4 else c])
    return out


def own_settings(settings, others):
    """Two groups, by the numbers of their parameters; the first has settings of its own."""
    return [((0, 1), {k: others[k] for k in ("betas", "weight_decay")}), ((2,), {})]


def changes(settings, others):
    """What is written into the first group halfway."""
    return {"betas": settings["betas"], "eps": others["eps"], "weight_decay": 0.1}


def group_path(values, history, settings, others, rates):
    """Two groups; the rate of the first changes at each of four steps, then its other settings."""
    ours = tensors(values)
    groups = [
        {"params": [ours[i] for i in numbers], **own}
        for numbers, own in own_settings(settings, others)
    ]
    library = torch.optim.AdamW(groups, **settings)
    path = []
    for i, grads in enumerate(history[:6]):
        if i < 4:
            library.param_groups[0]["lr"] = rates[i]
        if i == 4:
            library.param_groups[0].update(changes(settings, others))
        path += library_steps(library, ours, [grads])
    return path


def later_path(values, history, settings, others):
    """The third parameter is added after two steps."""
    ours = tensors(values)
    library = torch.optim.AdamW(ours[:2], **settings)
    library_steps(library, ours[:2], [grads[:2] for grads in history[:2]])
    library.add_param_group({"params": [ours[2]], "lr": others["lr"]})
    return library_steps(library, ours, history[2:4])


def overwritten_path(values, history, settings):
    """After two steps somebody writes 0.5 into all parameters; two more steps."""
    ours = tensors(values)
    library = torch.optim.AdamW(ours, **settings)
    library_steps(library, ours, history[:2])
    for p in ours:
        p.data.fill_(0.5)
    return library_steps(library, ours, history[2:4])


def default_moves(values, history):
    """How far the parameters come in two steps with the default settings."""
    settings = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}
    moved = library_path(values, history[:2], settings)[-1]
    return [after - before for after, before in zip(moved, values, strict=True)]


exercise = Exercise(
    "vol2_pytorch/adamw",
    solution=adamw,
    arrays="torch",
    difficulty=3,
    minutes=60,
    inputs={
        "values": derived(draw_values),
        "history": derived(draw_history),
        "settings": derived(draw_settings),
        "others": derived(draw_settings),
        "rates": derived(lambda rng: [float(r) for r in rng.uniform(0.02, 0.2, size=4)]),
        "path": derived(library_path),
        "gaps": derived(lambda history: with_gaps(history[:7])),
        "gap_path": derived(
            lambda values, gaps, settings: library_path(values, gaps, settings),
        ),
        "other_path": derived(
            lambda values, history, others: library_path(values, history[:3], others)
        ),
        "group_path": derived(group_path),
        "later_path": derived(later_path),
        "overwritten_path": derived(overwritten_path),
        "default_moves": derived(default_moves),
    },
    # The rule works number by number; shapes do not matter much.
    sizes={"M": [2], "N": [3]},
)


# Driving an optimizer by handles


class Held:
    """Parameters on the student's side."""

    def __init__(self, student, values):
        self.student = student
        make = student.library("torch.nn.Parameter")
        self.each = [student.keep(make, v) for v in values]
        self.together = student.hold(self.each)

    def set_gradients(self, grads):
        """Set `.grad` of each parameter, None included."""
        write = self.student.library("builtins.setattr")
        for p, g in zip(self.each, grads, strict=False):
            self.student.keep(write, p, "grad", g)

    def walk(self, optimizer, history):
        """Take a step with each list of gradients."""
        for grads in history:
            self.set_gradients(grads)
            self.student.keep(optimizer.step)

    def now(self):
        """What the parameters have become."""
        return self.student.fetch(self.together)

    def overwrite(self, number):
        """Fill all parameters with one number."""
        for p in self.each:
            data = self.student.part(p, "data")
            self.student.keep(self.student.library("torch.Tensor.fill_"), data, number)


def write_group(student, optimizer, number, **values):
    """Change settings of a group, as a scheduler does it."""
    groups = student.part(optimizer, "param_groups")
    group = student.keep(student.library("operator.getitem"), groups, number)
    student.keep(student.library("builtins.dict.update"), group, values)


# AdamW: values


@exercise.satisfies("AdamW", kind="R", points=4)
def twenty_steps_equal_the_library(student, values, history, settings, path):
    """The parameters are right all along 20 steps."""
    held = Held(student, values)
    optimizer = student.AdamW(held.each, **settings)
    for start, end in ((0, 1), (1, 2), (2, 5), (5, 20)):
        held.walk(optimizer, history[start:end])
        yield held.now(), path[end - 1]


@exercise.satisfies("AdamW", kind="R", points=2)
def groups_have_their_own_settings(student, values, history, settings, others, rates, group_path):
    """Rate, betas, eps and decay are those of the group, and what a group leaves out the default.
    A setting that is changed between two steps counts from the next one on."""
    held = Held(student, values)
    groups = [
        {"params": [held.each[i] for i in numbers], **own}
        for numbers, own in own_settings(settings, others)
    ]
    optimizer = student.AdamW(groups, **settings)
    for i, (grads, want) in enumerate(zip(history[:6], group_path, strict=True)):
        if i < 4:
            write_group(student, optimizer, 0, lr=rates[i])
        if i == 4:
            write_group(student, optimizer, 0, **changes(settings, others))
        held.walk(optimizer, [grads])
        yield held.now(), want


@exercise.satisfies("AdamW", kind="R", points=2)
def without_a_gradient_nothing_happens(student, values, gaps, settings, gap_path):
    """A parameter whose gradient is None keeps its value, its means and its own count of steps."""
    held = Held(student, values)
    optimizer = student.AdamW(held.each, **settings)
    for grads, want in zip(gaps, gap_path, strict=True):
        held.walk(optimizer, [grads])
        yield held.now(), want


# AdamW: properties


@exercise.satisfies("AdamW", points=1)
def zeros_decay_only(student, values, settings):
    """With gradients of zero every step multiplies the parameters by the same factor below 1."""
    held = Held(student, values)
    optimizer = student.AdamW(held.each, **settings)
    factor = 1 - settings["lr"] * settings["weight_decay"]
    held.walk(optimizer, 2 * [[np.zeros_like(v) for v in values]])
    return held.now(), tuple(factor**2 * v for v in values)


@exercise.satisfies("AdamW", points=1)
def the_first_step_is_the_sign(student, values, history, settings):
    """Without decay the first step moves every number by the learning rate."""
    held, lr, eps = Held(student, values), settings["lr"], 1e-14
    held.walk(student.AdamW(held.each, lr, settings["betas"], eps, 0.0), history[:1])
    # The sign, except for a gradient that happens to be next to nothing.
    signs = (g / (np.abs(g) + eps) for g in history[0])
    return held.now(), tuple(v - lr * s for v, s in zip(values, signs, strict=True))


@exercise.satisfies("AdamW", points=2)
def a_saved_state_goes_on(student, values, gaps, settings, others, gap_path):
    """An optimizer that loads another one's state_dict goes on as that one would have."""
    held = Held(student, values)
    optimizer = student.AdamW(held.each, **settings)
    held.walk(optimizer, gaps[:4])
    fresh = student.AdamW(held.each, **others)
    fresh.load_state_dict(student.keep(optimizer.state_dict))
    held.walk(fresh, gaps[4:])
    return held.now(), gap_path[-1]


@exercise.satisfies("AdamW", points=1)
def two_optimizers_share_nothing(student, values, history, settings, others, path, other_path):
    """Two optimizers that take turns do what each would do alone."""
    one, two = Held(student, values), Held(student, values)
    pair = [(student.AdamW(h.each, **s), h) for h, s in ((one, settings), (two, others))]
    for grads in history[:3]:
        for optimizer, held in pair:
            held.walk(optimizer, [grads])
    yield one.now(), path[2]
    yield two.now(), other_path[2]


@exercise.satisfies("AdamW", points=1)
def parameters_may_be_added_later(student, values, history, settings, others, later_path):
    """add_param_group brings a new group, which starts with step 1."""
    held = Held(student, values)
    optimizer = student.AdamW(held.each[:2], **settings)
    held.walk(optimizer, [grads[:2] for grads in history[:2]])
    optimizer.add_param_group({"params": [held.each[2]], "lr": others["lr"]})
    for grads, want in zip(history[2:4], later_path, strict=True):
        held.walk(optimizer, [grads])
        yield held.now(), want


# AdamW: edges


@exercise.satisfies("AdamW", kind="E", points=1)
def a_closure_is_called_once_and_first(student, values, history, settings, path):
    """step(closure) calls it once, with autograd on, uses the gradients that it leaves and returns
    what it returns; step() returns None."""
    held = Held(student, values)
    optimizer = student.AdamW(held.each, **settings)
    enabled = student.library("torch.is_grad_enabled")
    for i, loss in enumerate((3.25, 0.0)):
        seen = []

        def closure(i=i, loss=loss, seen=seen):
            seen.append(enabled())
            held.set_gradients(history[i])
            return loss

        yield optimizer.step(Callback(closure)), loss
        yield seen == [True]
        yield held.now(), path[i]
    yield optimizer.step(), None


@exercise.satisfies("AdamW", kind="E", points=1)
def the_defaults_are_those_of_the_library(student, values, history, default_moves):
    """AdamW(params) has the library's default settings; params may be an iterator."""
    held = Held(student, values)
    optimizer = student.AdamW(student.keep(student.library("builtins.iter"), held.each))
    held.walk(optimizer, history[:2])
    # The rate is small: compare how far the parameters have come.
    yield [after - before for after, before in zip(held.now(), values, strict=True)], default_moves
    defaults = student.part(optimizer, "defaults")
    item = student.library("operator.getitem")
    want = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}
    yield tuple(item(defaults, name) for name in want), tuple(want.values())


@exercise.satisfies("AdamW", kind="E", points=1)
def gradients_are_left_alone(student, values, history, settings, path):
    """The gradients are not changed, and may be overwritten between two steps."""
    held = Held(student, values)
    optimizer = student.AdamW(held.each, **settings)
    for grads in history[:2]:
        given = [student.hold(g) for g in grads]
        held.set_gradients(given)
        student.keep(optimizer.step)
        for g, before in zip(given, grads, strict=True):
            yield student.fetch(g), before
            student.keep(student.library("torch.Tensor.fill_"), g, 7.0)
    yield held.now(), path[1]


@exercise.satisfies("AdamW", kind="E", points=1)
def the_tensors_themselves_are_updated(student, values, history, settings, overwritten_path):
    """Parameters stay the same leaves in the same memory, also when somebody else writes into
    them between two steps."""
    held = Held(student, values)
    address = student.library("torch.Tensor.data_ptr")
    before = [student.keep(address, p) for p in held.each]
    optimizer = student.AdamW(held.each, **settings)
    held.walk(optimizer, history[:2])
    equal = student.library("operator.eq")
    yield all([equal(b, student.keep(address, p)) for b, p in zip(before, held.each, strict=True)])
    yield all([p.requires_grad and p.is_leaf for p in held.each])
    held.overwrite(0.5)
    held.walk(optimizer, history[2:4])
    yield held.now(), overwritten_path[-1]


@exercise.satisfies("AdamW", kind="E", points=1, dtype="float32")
def float32_stays_float32(student, values, history, settings, path):
    """float32 parameters stay float32, and come out as exactly as that allows."""
    held = Held(student, values)
    held.walk(student.AdamW(held.each, **settings), history[:4])
    return held.now(), path[3]


@exercise.satisfies("AdamW", kind="E", points=1)
def it_is_an_optimizer(student, values, settings):
    """It is a torch.optim.Optimizer whose groups hold every setting, so that schedulers work."""
    optimizer = student.AdamW(Held(student, values).each, **settings)
    base = student.library("torch.optim.Optimizer")
    yield student.library("builtins.isinstance")(optimizer, base)
    item = student.library("operator.getitem")
    group = student.keep(item, student.part(optimizer, "param_groups"), 0)
    yield tuple(item(group, name) for name in settings), tuple(settings.values())


# Solutions that know nothing


@exercise.null("AdamW")
class forgets_everything(adamw.AdamW):
    def step(self, closure=None):
        return None if closure is None else closure()


@exercise.null("AdamW")
class plain_descent(adamw.AdamW):
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p -= group["lr"] * p.grad


# Mistakes: the rule

FIRST = "m.mul_(beta1).add_(g, alpha=1 - beta1)"
SECOND = "v.mul_(beta2).addcmul_(g, g, value=1 - beta2)"
DECAY = 'p.mul_(1 - lr * group["weight_decay"])'
MOVE = 'p.addcdiv_(m_hat, v_hat.sqrt() + group["eps"], value=-lr)'
BEFORE = "        m.mul_(beta1)"

exercise.slip(
    "AdamW",
    "penalty_in_the_gradient",
    f"        {FIRST}\n        {SECOND}\n        {DECAY}\n",
    f'        g = g + group["weight_decay"] * p\n        {FIRST}\n        {SECOND}\n',
    "The decay is added to the gradient (L2), so the means contain it and the step divides it by "
    "the root of v. AdamW shrinks the weight beside the step.",
)
exercise.slip(
    "AdamW",
    "no_decay",
    DECAY,
    "pass",
    "`weight_decay` does nothing.",
)
exercise.slip(
    "AdamW",
    "decay_without_the_rate",
    DECAY,
    'p.mul_(1 - group["weight_decay"])',
    "The decay ignores the learning rate. The factor is the one that plain gradient descent with a "
    "penalty gives.",
)
exercise.slip(
    "AdamW",
    "decays_after_the_step",
    f"        {DECAY}\n"
    "        m_hat = m / (1 - beta1**t)\n"
    "        v_hat = v / (1 - beta2**t)\n"
    f"        {MOVE}",
    "        m_hat = m / (1 - beta1**t)\n"
    "        v_hat = v / (1 - beta2**t)\n"
    f"        {MOVE}\n        {DECAY}",
    "The decay comes after the step and shrinks the step as well. It comes first.",
)
exercise.slip(
    "AdamW",
    "decay_grows",
    DECAY,
    'p.mul_(1 + lr * group["weight_decay"])',
    "The weights grow: the sign of the decay is reversed.",
)
exercise.slip(
    "AdamW",
    "climbs",
    "value=-lr)",
    "value=lr)",
    "The step goes up the hill: its sign is reversed.",
)
exercise.slip(
    "AdamW",
    "no_correction",
    "        m_hat = m / (1 - beta1**t)\n        v_hat = v / (1 - beta2**t)\n",
    "        m_hat, v_hat = m, v\n",
    "The means are used uncorrected; in the first steps they are too small.",
)
exercise.slip(
    "AdamW",
    "corrects_the_first_mean_only",
    "v_hat = v / (1 - beta2**t)",
    "v_hat = v",
    "The mean of the squares is not corrected. It needs the same treatment, with its own beta.",
)
exercise.slip(
    "AdamW",
    "corrects_the_second_mean_only",
    "m_hat = m / (1 - beta1**t)",
    "m_hat = m",
    "The mean of the gradients is not corrected.",
)
exercise.slip(
    "AdamW",
    "corrects_as_in_the_first_step",
    "        m_hat = m / (1 - beta1**t)\n        v_hat = v / (1 - beta2**t)\n",
    "        m_hat = m / (1 - beta1)\n        v_hat = v / (1 - beta2)\n",
    "The correction is that of the first step for ever: the power t is missing.",
)
exercise.slip(
    "AdamW",
    "counts_from_zero",
    't, m, v = state["step"], state["m"], state["v"]',
    't, m, v = max(state["step"] - 1, 1), state["m"], state["v"]',
    "The correction lags a step behind: at the first update t is 1, at the second 2.",
)
exercise.slip(
    "AdamW",
    "corrects_in_place",
    "        m_hat = m / (1 - beta1**t)\n        v_hat = v / (1 - beta2**t)\n",
    "        m_hat = m.div_(1 - beta1**t)\n        v_hat = v.div_(1 - beta2**t)\n",
    "The corrected means are written back, so the next step corrects them once more. m and v stay "
    "uncorrected.",
)
exercise.slip(
    "AdamW",
    "eps_inside_the_root",
    'v_hat.sqrt() + group["eps"]',
    '(v_hat + group["eps"]).sqrt()',
    "eps is under the root. It is added to the root.",
)
exercise.slip(
    "AdamW",
    "eps_before_the_correction",
    f"        v_hat = v / (1 - beta2**t)\n        {MOVE}",
    '        p.addcdiv_(m_hat, (v.sqrt() + group["eps"]) / (1 - beta2**t) ** 0.5, value=-lr)',
    "eps is added before the correction and is scaled by it. It is added to the root of the "
    "corrected mean.",
)
exercise.slip(
    "AdamW",
    "forgets_the_root",
    "v_hat.sqrt()",
    "v_hat",
    "The step divides by the mean of the squares. Its root is missing.",
)
exercise.slip(
    "AdamW",
    "betas_swapped",
    "(beta1, beta2)",
    "(beta2, beta1)",
    "The two betas have changed places: the first belongs to the mean of the gradients.",
)
exercise.slip(
    "AdamW",
    "squares_are_missing",
    "addcmul_(g, g,",
    "addcmul_(g.abs(), torch.ones_like(g),",
    "The second mean is that of the absolute values. It is that of the squares.",
)
exercise.slip(
    "AdamW",
    "sums_instead_of_means",
    FIRST,
    "m.mul_(beta1).add_(g)",
    "The new gradient enters the mean with weight 1, not with 1 - beta1.",
)
exercise.slip(
    "AdamW",
    "weights_of_the_mean_swapped",
    FIRST,
    "m.mul_(1 - beta1).add_(g, alpha=beta1)",
    "The mean keeps 1 - beta1 of itself. It keeps beta1, and takes up 1 - beta1 of the new "
    "gradient.",
)
exercise.slip(
    "AdamW",
    "nesterov",
    "m_hat = m / (1 - beta1**t)",
    "m_hat = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)",
    "The present gradient enters the step once more (that is NAdam). The step uses the mean as it "
    "is.",
)
exercise.slip(
    "AdamW",
    "largest_so_far",
    "v_hat = v / (1 - beta2**t)",
    'state["max"] = torch.maximum(v, state.get("max", v))\n'
    '        v_hat = state["max"] / (1 - beta2**t)',
    "The step divides by the largest v so far (that is AMSGrad). It divides by the present one.",
)

# Mistakes: settings, state, None

exercise.slip(
    "AdamW",
    "settings_of_the_first_group",
    "self._update(p, group)",
    "self._update(p, self.param_groups[0])",
    "All parameters get the settings of the first group. Each group has its own.",
)
exercise.slip(
    "AdamW",
    "settings_from_the_start",
    'lr, (beta1, beta2) = group["lr"], group["betas"]',
    'lr, (beta1, beta2) = self.defaults["lr"], group["betas"]',
    "The learning rate is the one from the start. A scheduler changes group['lr'] between two "
    "steps, and groups may differ.",
)
exercise.slip(
    "AdamW",
    "betas_from_the_start",
    'group["betas"]',
    'self.defaults["betas"]',
    "The betas are the defaults, whatever the group says.",
)
exercise.slip(
    "AdamW",
    "eps_from_the_start",
    'v_hat.sqrt() + group["eps"]',
    'v_hat.sqrt() + self.defaults["eps"]',
    "eps is the default, whatever the group says.",
)
exercise.slip(
    "AdamW",
    "decay_from_the_start",
    'lr * group["weight_decay"]',
    'lr * self.defaults["weight_decay"]',
    "The decay is the default, whatever the group says. Then decay_groups has no effect.",
)


@exercise.mistake("AdamW")
class OneCountForAll(adamw.AdamW):
    """One count of steps serves all parameters. A parameter without a gradient does not count the
    step, and one that joins late begins with 1: the count belongs into its state."""

    def step(self, closure=None):
        loss = None if closure is None else torch.enable_grad()(closure)()
        group = self.param_groups[0]
        group["t"] = group.get("t", 0) + 1
        for each in self.param_groups:
            for p in each["params"]:
                if p.grad is not None:
                    self._count(p, group["t"])
                    with torch.no_grad():
                        self._update(p, each)
        return loss

    def _count(self, p, t):
        state = self.state[p]
        if not state:
            state["m"], state["v"] = torch.zeros_like(p), torch.zeros_like(p)
        state["step"] = t - 1


@exercise.mistake("AdamW")
class KeepsItsStateElsewhere(adamw.AdamW):
    """What has to survive is not in `self.state`, so state_dict() does not save it, and a resumed
    run starts anew."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.own = {}

    def step(self, closure=None):
        loss = None if closure is None else torch.enable_grad()(closure)()
        saved, self.state = self.state, self.own
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.own.setdefault(p, {})
                    with torch.no_grad():
                        self._update(p, group)
        self.state = saved
        return loss


@exercise.mistake("AdamW")
class CountsElsewhere(adamw.AdamW):
    """The count of steps is an attribute, so state_dict() does not save it: a resumed run corrects
    its means as if it had just begun. The count belongs into `self.state`."""

    counts = None

    def step(self, closure=None):
        if self.counts is None:
            self.counts = {}
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    if self.state[p]:
                        self.state[p]["step"] = self.counts.get(p, 0)
                    self.counts[p] = self.counts.get(p, 0) + 1
                    with torch.no_grad():
                        self._update(p, group)
        return loss


@exercise.mistake("AdamW")
class StateOfTheFirstParameters(adamw.AdamW):
    """The state is made once, for the parameters that there are at the start, so later ones (from
    add_param_group) are not updated. Make it at a parameter's first update."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.first = [p for group in self.param_groups for p in group["params"]]

    def step(self, closure=None):
        loss = None if closure is None else torch.enable_grad()(closure)()
        known = {id(p) for p in self.first}
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and id(p) in known:
                    with torch.no_grad():
                        self._update(p, group)
        return loss


exercise.slip(
    "AdamW",
    "none_is_zero",
    "                if p.grad is not None:\n                    self._update(p, group)\n",
    "                if p.grad is None:\n"
    "                    p.grad = torch.zeros_like(p)\n"
    "                self._update(p, group)\n",
    "A gradient None is taken for zeros: the parameter decays and moves on. Without a gradient it "
    "is not touched at all.",
)
exercise.slip(
    "AdamW",
    "stops_at_the_first_none",
    "                if p.grad is not None:\n                    self._update(p, group)\n",
    "                if p.grad is None:\n"
    "                    break\n"
    "                self._update(p, group)\n",
    "At the first parameter without a gradient the rest of the group is left out. Go on with the "
    "next one.",
)
exercise.slip(
    "AdamW",
    "decays_without_a_gradient",
    "                if p.grad is not None:\n                    self._update(p, group)\n",
    "                if p.grad is None:\n"
    '                    p.mul_(1 - group["lr"] * group["weight_decay"])\n'
    "                    continue\n"
    "                self._update(p, group)\n",
    "A parameter without a gradient decays all the same. It is not touched at all.",
)
exercise.slip(
    "AdamW",
    "means_start_at_the_first_gradient",
    'state["m"], state["v"] = torch.zeros_like(p), torch.zeros_like(p)',
    'state["m"], state["v"] = g.clone(), g * g',
    "The means start with the first gradient. They start at zero, which is what the correction "
    "assumes.",
)

# Mistakes: closure, memory, defaults

exercise.slip(
    "AdamW",
    "closure_without_autograd",
    "            with torch.enable_grad():\n                loss = closure()\n",
    "            loss = closure()\n",
    "Inside the closure autograd is off, since @torch.no_grad() holds for all of step. Switch it "
    "on there.",
)
exercise.slip(
    "AdamW",
    "closure_is_ignored",
    "        if closure is not None:\n"
    "            with torch.enable_grad():\n                loss = closure()\n",
    "",
    "The closure is not called.",
)
exercise.slip(
    "AdamW",
    "closure_afterwards",
    "        return loss\n",
    "        if closure is not None:\n"
    "            with torch.enable_grad():\n                loss = closure()\n"
    "        return loss\n",
    "The closure is called once more after the update. It is called once, before it.",
)
exercise.slip(
    "AdamW",
    "loss_is_not_returned",
    "        return loss\n",
    "        return None\n",
    "step() does not return what the closure returned.",
)
exercise.slip(
    "AdamW",
    "squares_the_gradient_in_place",
    SECOND,
    "v.mul_(beta2).add_(g.pow_(2), alpha=1 - beta2)",
    "The values are right, but the gradient is squared in place. Leave `.grad` as it is.",
)
exercise.slip(
    "AdamW",
    "clears_the_gradients",
    MOVE,
    f"{MOVE}\n        g.zero_()",
    "step() sets the gradients to zero. That is for the training loop to decide.",
)
exercise.slip(
    "AdamW",
    "replaces_the_data",
    MOVE,
    'p.data = p - lr * m_hat / (v_hat.sqrt() + group["eps"])',
    "The parameter gets new memory (p.data = ...). Whoever shares the old one, a tied layer or "
    "another process, does not see the step: change it in place.",
)
exercise.slip(
    "AdamW",
    "float32_everywhere",
    'state["m"], state["v"] = torch.zeros_like(p), torch.zeros_like(p)',
    'state["m"], state["v"] = torch.zeros(p.shape), torch.zeros(p.shape)',
    "The means have PyTorch's default dtype, whatever that of the parameter is.",
)
exercise.slip(
    "AdamW",
    "the_decay_of_adam",
    "weight_decay: float = 0.01",
    "weight_decay: float = 0.0",
    "The default of weight_decay is 0. For AdamW it is 0.01.",
)
exercise.slip(
    "AdamW",
    "eps_is_not_a_setting",
    '"eps": eps, ',
    '"eps": 1e-8, ',
    "`eps` is a constant, whatever is passed.",
)


@exercise.mistake("AdamW")
class KeepsItsOwnCopy(adamw.AdamW):
    """The optimizer continues from a copy of the parameters, so it undoes what others write into
    them (loading a checkpoint, say). A step starts from what the tensors hold now."""

    def step(self, closure=None):
        loss = None if closure is None else torch.enable_grad()(closure)()
        if not hasattr(self, "copies"):
            self.copies = {}
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.copy_(self.copies.get(p, p))
                        self._update(p, group)
                        self.copies[p] = p.clone()
        return loss


# decay_groups


def model_of(student, d, *, tied=True):
    """Layers of all kinds, one frozen, a head tied to the embedding, and a lone number.

    Returns:
        model: The handle of the model.
        handles: Of each distinct parameter, filled with 1, 2, 3, ...
        decayed: Their numbers, those that decay; then those that do not.
    """
    make = student.library
    embedding, norm = make("torch.nn.Embedding")(7, d), make("torch.nn.LayerNorm")(d)
    first, frozen = make("torch.nn.Linear")(d, d), make("torch.nn.Linear")(d, 2)
    filters, head = make("torch.nn.Conv1d")(d, 2, 3), make("torch.nn.Linear")(d, 7, bias=False)
    student.keep(frozen.requires_grad_, False)
    if tied:
        weight = student.part(embedding, "weight")
        student.keep(make("builtins.setattr"), head, "weight", weight)
    lone = student.keep(make("torch.nn.Parameter"), np.full((), 0.5, dtype=np.float32))
    inner = make("torch.nn.Sequential")(first, norm)
    student.keep(inner.register_parameter, "lone", lone)
    model = make("torch.nn.Sequential")(embedding, inner, frozen, filters, head)
    names = [
        (embedding, "weight"),
        (first, "weight"),
        (first, "bias"),
        (norm, "weight"),
        (norm, "bias"),
        (inner, "lone"),
        (frozen, "weight"),
        (frozen, "bias"),
        (filters, "weight"),
        (filters, "bias"),
        (head, "weight"),
    ]
    handles = [student.part(owner, name) for owner, name in names[: 10 if tied else 11]]
    refill(student, handles, 1)
    return model, handles, ([1, 2, 9] if tied else [1, 2, 9, 11]), [3, 4, 5, 6, 10]


def refill(student, handles, start):
    """Fill each parameter with a number of its own."""
    for i, handle in enumerate(handles):
        student.keep(
            student.library("torch.Tensor.fill_"), student.part(handle, "data"), float(start + i)
        )


def settle(student, groups):
    """Two groups with their parameters as lists, still on the student's side."""
    item, as_list = student.library("operator.getitem"), student.library("builtins.list")
    each = [student.keep(item, groups, i) for i in range(student.library("builtins.len")(groups))]
    return [(g, student.keep(as_list, student.keep(item, g, "params"))) for g in each]


def sorted_values(student, settled):
    """Per group the numbers that its parameters are filled with, sorted."""
    found = [[float(np.ravel(p)[0]) for p in student.fetch(ps, record=False)] for _, ps in settled]
    student.transcript.append([sorted(values) for values in found])
    return [sorted(values) for values in found]


def decays(student, settled):
    """The weight_decay of each group."""
    item = student.library("operator.getitem")
    return tuple(item(group, "weight_decay") for group, _ in settled)


@exercise.satisfies("decay_groups", kind="R", points=2, sizes={"M": [3], "N": [4]})
def tensors_of_two_axes_decay(student, M, N, settings):
    """First the tensors with at least two axes, with weight_decay, then the others with 0."""
    make, decay = student.library, settings["weight_decay"]
    layers = [
        make("torch.nn.Embedding")(5, M),
        make("torch.nn.Linear")(M, N),
        make("torch.nn.LayerNorm")(N),
        make("torch.nn.Conv1d")(N, 2, 3),
    ]
    model = make("torch.nn.Sequential")(*layers)
    refill(student, [student.part(layer, "weight") for layer in layers], 1)
    refill(student, [student.part(layer, "bias") for layer in layers[1:]], 5)
    settled = settle(student, student.keep(student.decay_groups, model, decay))
    yield decays(student, settled), (decay, 0.0)
    yield sorted_values(student, settled) == [[1, 2, 4], [3, 5, 6, 7]]


@exercise.satisfies("decay_groups", points=2, sizes={"M": [3]})
def each_trained_parameter_once(student, M, settings):
    """Tied parameters come once, frozen ones not at all, and a number without axes does not
    decay."""
    for tied in (True, False):
        model, _, matrices, others = model_of(student, M, tied=tied)
        settled = settle(student, student.keep(student.decay_groups, model, 0.3))
        yield sorted_values(student, settled) == [matrices, others]


@exercise.satisfies("decay_groups", points=1, dtype="float32", sizes={"M": [3]})
def an_optimizer_decays_the_matrices_alone(student, M, settings):
    """An optimizer on these groups shrinks the model's matrices and leaves the rest alone."""
    model, handles, matrices, others = model_of(student, M)
    decay = settings["weight_decay"]
    groups = student.keep(student.decay_groups, model, decay)
    # By default this optimizer decays; a group has to say that it does not.
    optimizer = student.library("torch.optim.SGD")(groups, lr=0.1, weight_decay=0.7)
    refill(student, handles, 20)
    for i in (*matrices, *others):
        zeros = student.keep(student.library("torch.zeros_like"), handles[i - 1])
        student.keep(student.library("builtins.setattr"), handles[i - 1], "grad", zeros)
    student.keep(optimizer.step)
    for i, handle in enumerate(handles, start=1):
        factor = 1 - 0.1 * decay if i in matrices else 1.0
        found = student.fetch(handle)
        yield found, np.full(found.shape, (19 + i) * factor)


@exercise.satisfies("decay_groups", kind="E", points=1, sizes={"M": [3]})
def a_group_may_be_empty(student, M):
    """A model without matrices, and one without vectors, give two groups as well."""
    norm = student.library("torch.nn.LayerNorm")(M)
    linear = student.library("torch.nn.Linear")(M, M, bias=False)
    refill(student, [student.part(norm, n) for n in ("weight", "bias")], 1)
    refill(student, [student.part(linear, "weight")], 1)
    for model, want in ((norm, [[], [1, 2]]), (linear, [[1], []])):
        settled = settle(student, student.keep(student.decay_groups, model, 0.2))
        yield sorted_values(student, settled) == want
        yield decays(student, settled), (0.2, 0.0)


MATRICES = "matrices = [p for p in trained if p.ndim >= 2]"
OTHERS = "others = [p for p in trained if p.ndim < 2]"
TRAINED = "trained = [p for p in model.parameters() if p.requires_grad]"
exercise.slip(
    "decay_groups",
    "everything_decays",
    '{"params": others, "weight_decay": 0.0}',
    '{"params": others, "weight_decay": weight_decay}',
    "Gains and biases decay, too. The second group has a weight_decay of 0.",
)
exercise.slip(
    "decay_groups",
    "second_group_says_nothing",
    '{"params": others, "weight_decay": 0.0}',
    '{"params": others}',
    "The second group says nothing of weight_decay, so it gets the optimizer's default, which is "
    "not 0.",
)
exercise.slip(
    "decay_groups",
    "groups_swapped",
    '        {"params": matrices, "weight_decay": weight_decay},\n'
    '        {"params": others, "weight_decay": 0.0},\n',
    '        {"params": others, "weight_decay": weight_decay},\n'
    '        {"params": matrices, "weight_decay": 0.0},\n',
    "The vectors decay and the matrices do not: the groups have changed places.",
)
exercise.slip(
    "decay_groups",
    "undecayed_first",
    '        {"params": matrices, "weight_decay": weight_decay},\n'
    '        {"params": others, "weight_decay": 0.0},\n',
    '        {"params": others, "weight_decay": 0.0},\n'
    '        {"params": matrices, "weight_decay": weight_decay},\n',
    "The group that decays comes first.",
)
exercise.slip(
    "decay_groups",
    "two_axes_exactly",
    f"{MATRICES}\n    {OTHERS}",
    "matrices = [p for p in trained if p.ndim == 2]\n"
    "    others = [p for p in trained if p.ndim != 2]",
    "Tensors with three axes (convolutions) are not decayed. All with at least two are.",
)
exercise.slip(
    "decay_groups",
    "vectors_decay",
    f"{MATRICES}\n    {OTHERS}",
    "matrices = [p for p in trained if p.ndim >= 1]\n"
    "    others = [p for p in trained if p.ndim < 1]",
    "Vectors decay, too. Only tensors with two axes or more do.",
)
exercise.slip(
    "decay_groups",
    "forgets_numbers_without_axes",
    OTHERS,
    "others = [p for p in trained if p.ndim == 1]",
    "A parameter without axes (a single number) is in no group, so it is never trained.",
)
exercise.slip(
    "decay_groups",
    "by_the_name_bias",
    f"{MATRICES}\n    {OTHERS}",
    "named = {id(p): n for n, p in model.named_parameters()}\n"
    '    matrices = [p for p in trained if not named[id(p)].endswith("bias")]\n'
    '    others = [p for p in trained if named[id(p)].endswith("bias")]',
    "The groups go by the name: a norm's gain is called `weight`, too. Count axes.",
)
exercise.slip(
    "decay_groups",
    "embeddings_do_not_decay",
    f"{MATRICES}\n    {OTHERS}",
    "tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}\n"
    "    matrices = [p for p in trained if p.ndim >= 2 and id(p) not in tables]\n"
    "    others = [p for p in trained if p.ndim < 2 or id(p) in tables]",
    "Embeddings are not decayed. They have two axes, and the rule goes by that alone.",
)
exercise.slip(
    "decay_groups",
    "tied_parameters_twice",
    TRAINED,
    "trained = [p for m in model.modules() for p in m.parameters(recurse=False)"
    " if p.requires_grad]",
    "A parameter that two layers share comes twice, and would be updated twice.",
)
exercise.slip(
    "decay_groups",
    "frozen_parameters_too",
    TRAINED,
    "trained = list(model.parameters())",
    "Frozen parameters (requires_grad False) are in a group. Only what is trained belongs there.",
)
exercise.slip(
    "decay_groups",
    "top_level_only",
    TRAINED,
    "trained = [p for m in model.children() for p in m.parameters(recurse=False)"
    " if p.requires_grad] or [p for p in model.parameters(recurse=False) if p.requires_grad]",
    "Parameters of layers inside layers are missing. model.parameters() goes through all of them.",
)
exercise.slip(
    "decay_groups",
    "leaves_out_empty_groups",
    '    return [\n        {"params": matrices, "weight_decay": weight_decay},\n'
    '        {"params": others, "weight_decay": 0.0},\n    ]',
    "    groups = [(matrices, weight_decay), (others, 0.0)]\n"
    '    return [{"params": p, "weight_decay": d} for p, d in groups if p]',
    "A group without parameters is left out. There are always two, so that checkpoints fit.",
)
exercise.slip(
    "decay_groups",
    "copies",
    TRAINED,
    "trained = [nn.Parameter(p.detach().clone()) for p in model.parameters() if p.requires_grad]",
    "The groups hold copies: the model's own parameters would never be trained.",
)
