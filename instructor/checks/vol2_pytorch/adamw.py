"""Hidden checks for vol2_pytorch/adamw.

What is expected comes from the library's own AdamW, which runs on the trusted side. Parameters stay
with the student's code; between two steps a check overwrites their gradients, as backward does.
"""

import numpy as np
import torch

from autograder import Callback, Exercise, derived
from solutions.vol2_pytorch import adamw


def draw_arrays(rng, M, N):
    """Four shapes, one of them without axes."""
    shapes = ((M, N), (N,), (M, 1, N), ())
    return [np.asarray(rng.standard_normal(shape)) for shape in shapes]


def uniform(low, high):
    """A float for each student."""
    return derived(lambda rng: float(rng.uniform(low, high)))


def draw_settings(rng):
    """Settings all of which matter."""
    return {
        "lr": float(rng.uniform(0.05, 0.2)),
        "betas": (float(rng.uniform(0.6, 0.8)), float(rng.uniform(0.85, 0.95))),
        "eps": float(rng.uniform(0.1, 0.2)),
        "weight_decay": float(rng.uniform(0.5, 1.0)),
    }


exercise = Exercise(
    "vol2_pytorch/adamw",
    solution=adamw,
    arrays="torch",
    difficulty=3,
    minutes=60,
    inputs={
        "values": derived(draw_arrays),
        "history": derived(lambda rng, M, N, steps: [draw_arrays(rng, M, N) for _ in range(steps)]),
        "settings": derived(draw_settings),
        "others": derived(draw_settings),
        "weight_decay": uniform(0.1, 0.4),
    },
    sizes={"M": [2, 3], "N": [4, 3], "steps": [20, 2]},
)
ONE = {"M": [2], "N": [3], "steps": [5]}
RTOL = 1e-11


# Driving an optimizer by handles


def parameters(student, values):
    """New parameters with these values."""
    parameter = student.library("torch.nn.Parameter")
    return [student.keep(parameter, student.hold(v)) for v in values]


def give(student, held, grads):
    """Hand every parameter its gradient for the next step; None for none."""
    put = student.library("builtins.setattr")
    for p, grad in zip(held, grads, strict=True):
        put(p, "grad", grad)


def now(student, held):
    """What the parameters have become."""
    return tuple(student.fetch(p) for p in held)


def take(student, optimizer, held, history):
    """One step for each entry of the history; the parameters after the last."""
    for grads in history:
        give(student, held, grads)
        student.keep(optimizer.step)
    return now(student, held)


def set_in_group(student, optimizer, number, **settings):
    """Change settings of a group, as a schedule does."""
    groups = student.part(optimizer, "param_groups")
    group = student.keep(student.library("operator.getitem"), groups, number)
    for name, value in settings.items():
        student.library("operator.setitem")(group, name, value)


class Library:
    """The library's AdamW on the trusted side, in float64, on the same numbers."""

    def __init__(self, values, groups=None, **settings):
        self.params = [torch.nn.Parameter(torch.tensor(v, dtype=torch.float64)) for v in values]
        places = [{"params": range(len(values))}] if groups is None else groups
        chosen = [g | {"params": [self.params[i] for i in g["params"]]} for g in places]
        self.optimizer = torch.optim.AdamW(chosen, foreach=False, **settings)

    def take(self, history):
        for grads in history:
            for p, grad in zip(self.params, grads, strict=True):
                p.grad = None if grad is None else torch.tensor(grad, dtype=torch.float64)
            self.optimizer.step()
        return tuple(p.detach().numpy().copy() for p in self.params)


def sparse(history):
    """The history with gradients missing here and there, and one parameter that never has one."""
    return [
        [
            None if place == 3 or (step + place) % 3 == 0 else grad
            for place, grad in enumerate(grads)
        ]
        for step, grads in enumerate(history)
    ]


# AdamW


@exercise.satisfies("AdamW", kind="R", points=4, rtol=RTOL)
def equals_the_library_over_20_steps(student, values, history, settings):
    """After 20 steps the parameters are those that the library's AdamW gives."""
    held, library = parameters(student, values), Library(values, **settings)
    optimizer = student.AdamW(held, **settings)
    for part in (history[:1], history[1:2], history[2:]):
        yield take(student, optimizer, held, part), library.take(part)


@exercise.satisfies("AdamW", kind="R", points=2, sizes=ONE, rtol=RTOL)
def groups_have_settings_of_their_own(student, values, history, settings, others):
    """Every group steps with its own lr, betas, eps and weight decay; what it lacks is default."""
    places = [{"params": [0, 2], **others}, {"params": [1]}, {"params": [3], "lr": others["lr"]}]
    held, library = parameters(student, values), Library(values, places, **settings)
    groups = [group | {"params": [held[i] for i in group["params"]]} for group in places]
    optimizer = student.AdamW(groups, **settings)
    return take(student, optimizer, held, history), library.take(history)


@exercise.satisfies("AdamW", kind="R", points=1, sizes=ONE, rtol=RTOL)
def steps_are_counted_for_each_parameter(student, values, history, settings):
    """A parameter without a gradient is left as it is, and so is its count of steps."""
    held, library = parameters(student, values), Library(values, **settings)
    got = take(student, student.AdamW(held, **settings), held, sparse(history))
    yield got, library.take(sparse(history))
    yield got[3], values[3]


@exercise.satisfies("AdamW", points=1, sizes=ONE, rtol=RTOL)
def a_schedule_changes_the_settings(student, values, history, settings, others):
    """What a schedule writes into a group between two steps counts from then on."""
    held, library = parameters(student, values), Library(values, **settings)
    optimizer = student.AdamW(held, **settings)
    take(student, optimizer, held, history[:2])
    library.take(history[:2])
    set_in_group(student, optimizer, 0, **others)
    library.optimizer.param_groups[0].update(others)
    return take(student, optimizer, held, history[2:]), library.take(history[2:])


@exercise.satisfies("AdamW", points=2, sizes=ONE, rtol=RTOL)
def a_saved_state_goes_on_as_if_nothing_had_happened(student, values, history, settings):
    """state_dict holds all that is remembered: another optimizer that loads it goes on the same."""
    held, library = parameters(student, values), Library(values, **settings)
    optimizer, gaps = student.AdamW(held, **settings), sparse(history)
    take(student, optimizer, held, gaps[:3])
    library.take(gaps[:3])
    there = parameters(student, now(student, held))
    resumed = student.AdamW(there, lr=1.0)
    # A copy, as if it had been on a disk.
    state = student.keep(student.library("copy.deepcopy"), student.keep(optimizer.state_dict))
    resumed.load_state_dict(state)
    return take(student, resumed, there, gaps[3:]), library.take(gaps[3:])


@exercise.satisfies("AdamW", points=1, sizes=ONE, rtol=1e-9)
def decay_is_no_gradient(student, values, settings):
    """With gradients of zero every parameter shrinks by 1 - lr * weight_decay, and nothing else."""
    held = parameters(student, values)
    zeros = [[0 * v for v in values]]
    got = take(student, student.AdamW(held, **settings), held, zeros * 3)
    factor = 1 - settings["lr"] * settings["weight_decay"]
    return got, tuple(factor**3 * v for v in values)


@exercise.satisfies("AdamW", points=1, sizes=ONE, rtol=1e-9)
def the_scale_of_the_loss_does_not_matter(student, values, history, settings):
    """Without eps, gradients a thousand times as large give the same steps."""
    ends = []
    for scale in (1.0, 1000.0):
        held = parameters(student, values)
        optimizer = student.AdamW(held, **settings | {"eps": 0.0})
        ends.append(take(student, optimizer, held, [[scale * g for g in gs] for gs in history]))
    return ends[1], ends[0]


@exercise.satisfies("AdamW", points=1, sizes=ONE, rtol=RTOL)
def a_closure_is_called_once_and_recorded(student, values, history, settings):
    """step(closure) calls it once, lets it record, uses its gradients and returns its loss."""
    held, library = parameters(student, values), Library(values, **settings)
    optimizer = student.AdamW(held, **settings)
    recording = []

    def closure():
        recording.append(student.library("torch.is_grad_enabled")())
        give(student, held, history[0])
        return np.array(1.5)

    given = Callback(closure)
    yield optimizer.step(given), np.array(1.5)
    yield recording == [True]
    yield now(student, held), library.take(history[:1])
    give(student, held, history[1])
    yield optimizer.step() is None
    yield now(student, held), library.take(history[1:2])
    yield len(recording) == 1


@exercise.satisfies("AdamW", kind="E", points=1, sizes=ONE, rtol=RTOL)
def works_in_the_memory_that_is_there(student, values, history, settings):
    """Parameters change in place; gradients do not change and are not kept; two share nothing."""
    held, library = parameters(student, values), Library(values, **settings)
    places = [student.part(p, "data_ptr")() for p in held]
    optimizer = student.AdamW(held, **settings)
    others = parameters(student, values)
    student.keep(student.AdamW, others, **settings)
    give(student, held, history[0])
    copy = student.library("torch.Tensor.copy_")
    for grads in history:
        for p, grad in zip(held, grads, strict=True):  # into the buffers of the first step
            student.keep(copy, student.part(p, "grad"), grad)
        student.keep(optimizer.step)
        yield tuple(student.fetch(student.part(p, "grad")) for p in held), tuple(grads)
    yield now(student, held), library.take(history)
    yield [student.part(p, "data_ptr")() for p in held] == places
    yield now(student, others), tuple(values)


@exercise.satisfies("AdamW", kind="E", points=1, sizes=ONE, rtol=RTOL)
def defaults_are_those_of_the_library(student, values, history):
    """lr 1e-3, betas (0.9, 0.999), eps 1e-8, weight decay 0.01; by place in this order."""
    small = [[1e-8 * g for g in grads] for grads in history]
    held, library = parameters(student, values), Library(values)
    got, want = take(student, student.AdamW(held), held, small), library.take(small)
    yield (
        [g - v for g, v in zip(got, values, strict=True)],
        [w - v for w, v in zip(want, values, strict=True)],
    )
    held = parameters(student, values)
    library = Library(values, lr=0.1, betas=(0.7, 0.8), eps=0.2, weight_decay=0.3)
    got = take(student, student.AdamW(held, 0.1, (0.7, 0.8), 0.2, 0.3), held, history)
    yield got, library.take(history)


@exercise.satisfies("AdamW", kind="E", points=1, sizes=ONE, dtype="float32")
def keeps_float32(student, values, history, settings):
    """float32 parameters stay float32, and so does what is remembered of them."""
    held, library = parameters(student, values), Library(values, **settings)
    optimizer = student.AdamW(held, **settings)
    yield take(student, optimizer, held, history), library.take(history)
    state = student.keep(
        student.library("operator.getitem"), student.part(optimizer, "state"), held[0]
    )
    kinds = {
        v.dtype.name
        for v in student.library("builtins.list")(student.keep(student.part(state, "values")))
        if isinstance(v, np.ndarray) and v.size > 1
    }
    yield kinds == {"float32"}


# decay_groups


def draw_model(rng):
    """Values for parameters of a model, all of different shapes."""
    shapes = {"linear": (3, 4), "bias": (3,), "gain": (5,), "table": (6, 2), "kernel": (2, 7, 1, 1)}
    shapes |= {"scalar": (), "frozen": (4, 5), "still": (8,)}
    return {name: np.asarray(rng.standard_normal(shape)) for name, shape in shapes.items()}


WIDE, NARROW = ("linear", "table", "kernel"), ("bias", "gain", "scalar")


def model_of(student, named, tied=True):
    """A module with these parameters; linear twice if tied, frozen and still frozen."""
    held = dict(zip(named, parameters(student, named.values()), strict=True))
    for name in ("frozen", "still"):
        if name in held:
            held[name].requires_grad_(False)
    first = student.library("torch.nn.ParameterDict")(held)
    again = student.library("torch.nn.ParameterDict")({"again": held["linear"]} if tied else {})
    return student.library("torch.nn.ModuleList")([first, again]), held


def contents(student, groups, number):
    """The values in a group, by shape, and its decay."""
    item = student.library("operator.getitem")
    group = student.keep(item, groups, number)
    values = student.fetch(
        student.keep(student.library("builtins.list"), student.keep(item, group, "params"))
    )
    decay = student.keep(item, group, "weight_decay")
    return tuple(sorted(values, key=np.shape)), student.fetch(decay)


def of_shapes(named, names):
    return tuple(sorted((named[name] for name in names), key=np.shape))


@exercise.satisfies("decay_groups", kind="R", points=2, sizes=ONE, named=derived(draw_model))
def divides_by_the_number_of_axes(student, named, weight_decay):
    """Tensors with two axes or more decay, the others do not; every trained one is there once."""
    model, _ = model_of(student, named)
    groups = student.keep(student.decay_groups, model, weight_decay)
    for number, names, decay in ((0, WIDE, weight_decay), (1, NARROW, 0.0)):
        values, found = contents(student, groups, number)
        yield values, of_shapes(named, names)
        yield float(found), decay
    yield student.library("builtins.len")(groups) == 2


@exercise.satisfies("decay_groups", points=1, sizes=ONE, named=derived(draw_model))
def an_optimizer_moves_the_model(student, named, weight_decay):
    """The groups hold the parameters themselves: an optimizer that is given them moves the "
    "model."""
    model, held = model_of(student, named)
    groups = student.keep(student.decay_groups, model, weight_decay)
    give(student, held.values(), [0 * value for value in named.values()])
    student.library("torch.optim.SGD")(groups, lr=0.5).step()
    shrunk = {name: (1 - 0.5 * weight_decay * (name in WIDE)) * v for name, v in named.items()}
    yield tuple(student.fetch(p) for p in held.values()), tuple(shrunk.values())
    yield not held["frozen"].requires_grad and held["gain"].requires_grad


@exercise.satisfies("decay_groups", kind="E", points=1, sizes=ONE, named=derived(draw_model))
def a_group_may_be_empty(student, named, weight_decay):
    """A model of matrices alone gives a second group without parameters."""
    some = {name: named[name] for name in WIDE}
    model, _ = model_of(student, some, tied=False)
    groups = student.keep(student.decay_groups, model, weight_decay)
    yield contents(student, groups, 0)[0], of_shapes(named, WIDE)
    yield len(contents(student, groups, 1)[0]) == 0


# Solutions that know nothing


@exercise.null("AdamW")
class plain_descent(adamw.AdamW):
    def step(self, closure=None):
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p -= group["lr"] * p.grad


@exercise.null("decay_groups")
def all_decay(model, weight_decay):
    return [{"params": list(model.parameters()), "weight_decay": weight_decay}]


# Mistakes: AdamW

INIT = "super().__init__(params, defaults)"
EACH = "_update(p, p.grad, self.state[p], **group)"
FRESH = "state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))"
COUNT = 'state["step"] += 1'
FIRST, SECOND = "m.lerp_(g, 1 - betas[0])", "v.lerp_(g * g, 1 - betas[1])"
DECAY = "p.mul_(1 - lr * weight_decay)"
CORRECT = "m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)"
MOVE = "p.sub_(lr * m_hat / (v_hat.sqrt() + eps))"


def update_slip(name, old, new, hint):
    """A mistake in the update of one parameter."""
    exercise.slip("AdamW", name, old, new, hint, within="_update")


update_slip(
    "climbs",
    MOVE,
    "p.add_(lr * m_hat / (v_hat.sqrt() + eps))",
    "The step goes up the hill. It goes against the gradient.",
)
update_slip(
    "no_bias_correction",
    CORRECT,
    "m_hat, v_hat = m, v",
    "The running means are not corrected. They begin at zero and are too small at first.",
)
update_slip(
    "corrects_only_the_first",
    CORRECT,
    "m_hat, v_hat = m / (1 - betas[0] ** t), v",
    "The second mean is not corrected. Both begin at zero.",
)
update_slip(
    "corrects_only_the_second",
    CORRECT,
    "m_hat, v_hat = m, v / (1 - betas[1] ** t)",
    "The first mean is not corrected. Both begin at zero.",
)
update_slip(
    "corrects_for_good",
    CORRECT,
    "m_hat, v_hat = m.div_(1 - betas[0] ** t), v.div_(1 - betas[1] ** t)",
    "The correction is written into the running means themselves, so that the next step corrects "
    "again. Correct into new tensors.",
)
update_slip(
    "betas_exchanged",
    f"{FIRST}\n    {SECOND}",
    "m.lerp_(g, 1 - betas[1])\n    v.lerp_(g * g, 1 - betas[0])",
    "The two betas have changed places: the first one belongs to the mean of the gradient.",
)
update_slip(
    "keeps_too_little",
    FIRST,
    "m.lerp_(g, betas[0])",
    "beta and 1 - beta have changed places: beta is the part of the mean that is kept.",
)
update_slip(
    "adds_the_whole_gradient",
    FIRST,
    "m.mul_(betas[0]).add_(g)",
    "The gradient is added whole to the mean. Its part is 1 - beta.",
)
update_slip(
    "square_left_out",
    SECOND,
    "v.lerp_(g.abs(), 1 - betas[1])",
    "The second mean is one of the gradient's size. It is of its square.",
)
update_slip(
    "root_left_out",
    MOVE,
    "p.sub_(lr * m_hat / (v_hat + eps))",
    "The step is divided by the second mean. It is its root.",
)
update_slip(
    "eps_under_the_root",
    MOVE,
    "p.sub_(lr * m_hat / (v_hat + eps).sqrt())",
    "eps stands under the root. It is added to the root.",
)
update_slip(
    "eps_added_before_the_correction",
    MOVE,
    "p.sub_(lr * m_hat / ((v.sqrt() + eps) / (1 - betas[1] ** t) ** 0.5))",
    "eps is added before the correction, which then scales it, too. It is added to the root of the "
    "corrected mean.",
)
update_slip(
    "eps_left_out",
    MOVE,
    "p.sub_(lr * m_hat / v_hat.sqrt().clamp(min=1e-30))",
    "eps is missing. It is added to the root.",
)
update_slip(
    "decay_in_the_gradient",
    DECAY,
    "g = g + weight_decay * p\n    m.copy_(state['m']), v.copy_(state['v'])",
    "There is no decay at all: it was added to a gradient that is not used any more. Shrink the "
    "parameter itself.",
)
update_slip(
    "adam_with_l2",
    f"{FIRST}\n    {SECOND}\n    {DECAY}",
    "g = g + weight_decay * p\n    m.lerp_(g, 1 - betas[0])\n    v.lerp_(g * g, 1 - betas[1])",
    "The decay is added to the gradient: that is Adam with an L2 penalty. AdamW shrinks the "
    "parameter itself and keeps the decay out of both means.",
)
update_slip(
    "decay_without_the_rate",
    DECAY,
    "p.mul_(1 - weight_decay)",
    "The decay is not multiplied by lr.",
)
update_slip(
    "decay_after_the_step",
    f"{DECAY}\n    {CORRECT}\n    {MOVE}",
    f"{CORRECT}\n    {MOVE}\n    {DECAY}",
    "The parameter is decayed after the step, so that the step is decayed as well. Decay comes "
    "first.",
)
update_slip(
    "grows_instead_of_decaying",
    DECAY,
    "p.mul_(1 + lr * weight_decay)",
    "The weights grow. The factor is 1 minus lr times the decay.",
)
update_slip(
    "counts_from_zero",
    CORRECT,
    "t = max(t - 1, 1)\n    " + CORRECT,
    "The count of steps is one behind: at a parameter's first update it is 1.",
)
update_slip(
    "count_stands_still",
    COUNT,
    'state["step"] = 1',
    "The count of steps stays 1, so that the means are corrected as at the first step for ever.",
)
update_slip(
    "remembers_nothing",
    "if not state:",
    "if True:",
    "The means begin anew at every step. Make the state once, when it is empty.",
)
update_slip(
    "first_mean_is_the_gradient",
    FRESH,
    "state.update(step=0, m=g, v=torch.zeros_like(p))",
    "The first mean *is* the gradient of the first step, the same tensor: when one changes, so "
    "does the other. And it begins at zero.",
)
update_slip(
    "binds_a_new_tensor",
    f"{DECAY}\n    {CORRECT}\n    {MOVE}",
    f"{CORRECT}\n    p = p * (1 - lr * weight_decay) - lr * m_hat / (v_hat.sqrt() + eps)",
    "The parameters do not change. `p = ...` gives a name inside the function to a new tensor; "
    "write into the one that is there.",
)
update_slip(
    "new_memory",
    f"{DECAY}\n    {CORRECT}\n    {MOVE}",
    f"{CORRECT}\n    p.data = p * (1 - lr * weight_decay) - lr * m_hat / (v_hat.sqrt() + eps)",
    "The parameter gets new memory at each step. Whoever shares the old one is left behind: write "
    "into it.",
)
update_slip(
    "writes_into_the_gradient",
    SECOND,
    "v.lerp_(g.square_(), 1 - betas[1])",
    "The gradient is changed by the step. Others may read it.",
)
update_slip(
    "remembers_in_float64",
    FRESH,
    "state.update(step=0, m=torch.zeros_like(p).double(), v=torch.zeros_like(p).double())\n"
    "    g = g.double()",
    "The means are float64 for a float32 parameter, and take twice the memory. They have its "
    "dtype.",
)


@exercise.mistake("AdamW")
class one_count_for_all(adamw.AdamW):
    """There is one count of steps for all parameters. Each has its own: what had no gradient has
    not stepped."""

    def step(self, closure=None):
        rest = super().step
        latest = max([s["step"] for s in self.state.values()], default=0)
        for s in self.state.values():
            s["step"] = latest
        return rest(closure)


@exercise.mistake("AdamW")
class counts_every_parameter(adamw.AdamW):
    """One count of steps is advanced once for every parameter, instead of one count each."""

    def step(self, closure=None):
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.total = self.__dict__.get("total", 0) + 1
                    if self.state[p]:
                        self.state[p]["step"] = self.total - 1
                    with torch.no_grad():
                        adamw._update(p, p.grad, self.state[p], **group)
        return loss


@exercise.mistake("AdamW")
class settings_from_the_start(adamw.AdamW):
    """Settings are read once, when the optimizer is made. Read them from the group at each step:
    a schedule writes them there, and every group has its own."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, weight_decay)
        self.first = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def step(self, closure=None):
        for group in self.param_groups:
            group.update(self.first)
        return super().step(closure)


@exercise.mistake("AdamW")
class rate_from_the_start(adamw.AdamW):
    """lr is read once, when the optimizer is made. Read it from the group at each step: a schedule
    writes it there."""

    def step(self, closure=None):
        for group in self.param_groups:
            group["lr"] = group.setdefault("lr_at_first", group["lr"])
        return super().step(closure)


@exercise.mistake("AdamW")
class state_of_its_own(adamw.AdamW):
    """What is remembered is in attributes of the optimizer, where state_dict does not find it. It
    belongs into self.state[p]."""

    def step(self, closure=None):
        mine = self.__dict__.setdefault("mine", {})
        loss = None if closure is None else closure()
        with torch.no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        adamw._update(p, p.grad, mine.setdefault(p, {}), **group)
        return loss


@exercise.mistake("AdamW")
class count_of_its_own(adamw.AdamW):
    """The counts of steps are an attribute of the optimizer, where state_dict does not find them:
    a resumed run corrects its means as at the first step. They belong into self.state[p]."""

    def step(self, closure=None):
        counts = self.__dict__.setdefault("counts", {})
        for p, state in self.state.items():
            state["step"] = counts.get(p, 0)
        loss = super().step(closure)
        for p, state in self.state.items():
            counts[p] = state["step"]
            state["step"] = 0
        return loss


@exercise.mistake("AdamW")
class only_the_first_group(adamw.AdamW):
    """Only the first group is updated."""

    def step(self, closure=None):
        every, self.param_groups = self.param_groups, self.param_groups[:1]
        loss = super().step(closure)
        self.param_groups = every
        return loss


@exercise.mistake("AdamW")
class none_is_zero(adamw.AdamW):
    """A parameter without a gradient is treated as if its gradient were zero: it decays, and its
    count goes on. It is left alone."""

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    p.grad = torch.zeros_like(p)
        return super().step(closure)


exercise.slip(
    "AdamW",
    "closure_is_not_recorded",
    "with torch.enable_grad():\n                loss = closure()",
    "with torch.no_grad():\n                loss = closure()",
    "The closure is called while nothing is recorded, so that it cannot compute gradients. Let it "
    "record: torch.enable_grad.",
)
exercise.slip(
    "AdamW",
    "closure_is_ignored",
    "if closure is not None:",
    "if False:",
    "The closure is never called.",
)
exercise.slip(
    "AdamW",
    "closure_after_the_step",
    "return loss",
    "return closure() if closure is not None else None",
    "The closure is called after the step once more. It comes first, and once.",
)
exercise.slip(
    "AdamW",
    "loss_is_not_returned",
    "return loss",
    "return None",
    "step(closure) does not return what the closure returned.",
)
exercise.slip(
    "AdamW",
    "another_rate_by_default",
    "lr: float = 1e-3",
    "lr: float = 1e-2",
    "lr is 1e-3 unless it is given; yours is another number.",
)
exercise.slip(
    "AdamW",
    "another_eps_by_default",
    "eps: float = 1e-8",
    "eps: float = 1e-6",
    "eps is 1e-8 unless it is given; yours is another number.",
)
exercise.slip(
    "AdamW",
    "other_betas_by_default",
    "(0.9, 0.999)",
    "(0.9, 0.95)",
    "The betas are 0.9 and 0.999 unless they are given; yours are others.",
)
exercise.slip(
    "AdamW",
    "no_decay_by_default",
    "weight_decay: float = 0.01",
    "weight_decay: float = 0.0",
    "weight_decay is 0.01 unless it is given; yours is another number.",
)
exercise.slip(
    "AdamW",
    "settings_exchanged",
    "lr: float = 1e-3,\n        betas: tuple[float, float] = (0.9, 0.999),\n        "
    "eps: float = 1e-8,\n        weight_decay: float = 0.01",
    "lr: float = 1e-3,\n        betas: tuple[float, float] = (0.9, 0.999),\n        "
    "weight_decay: float = 0.01,\n        eps: float = 1e-8",
    "The settings come in another order than on the page: params, lr, betas, eps, weight_decay.",
)


# Mistakes: decay_groups

TRAINED = "trained = [p for p in model.parameters() if p.requires_grad]"
WIDE_ONES = '{"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay}'
REST = '{"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0}'

exercise.slip(
    "decay_groups",
    "frozen_ones_too",
    TRAINED,
    "trained = list(model.parameters())",
    "Frozen parameters are in a group. What does not want a gradient belongs in none.",
)
exercise.slip(
    "decay_groups",
    "tied_ones_twice",
    TRAINED,
    "trained = [p for m in model.modules() for p in m.parameters(recurse=False) if "
    "p.requires_grad]",
    "A tied parameter is in a group twice, and would be updated twice. model.parameters() knows "
    "each of them once.",
)
exercise.slip(
    "decay_groups",
    "everything_decays",
    REST,
    REST.replace("0.0", "weight_decay"),
    "Gains and biases decay, too. Their group has weight_decay 0.0.",
)
exercise.slip(
    "decay_groups",
    "the_other_way_round",
    f"{WIDE_ONES},\n        {REST}",
    f"{WIDE_ONES.replace('>= 2', '< 2')},\n        {REST.replace('< 2', '>= 2')}",
    "Gains and biases decay, and matrices do not. It is the other way round.",
)
exercise.slip(
    "decay_groups",
    "two_axes_exactly",
    f"{WIDE_ONES},\n        {REST}",
    f"{WIDE_ONES.replace('>= 2', '== 2')},\n        {REST.replace('< 2', '!= 2')}",
    "Tensors with more than two axes do not decay. The rule is: two axes or more.",
)
exercise.slip(
    "decay_groups",
    "numbers_decay",
    f"{WIDE_ONES},\n        {REST}",
    f"{WIDE_ONES.replace('>= 2', '!= 1')},\n        {REST.replace('< 2', '== 1')}",
    "A parameter without axes decays. The rule is: two axes or more.",
)
exercise.slip(
    "decay_groups",
    "rest_left_out",
    f"{WIDE_ONES},\n        {REST},\n    ]",
    f"{WIDE_ONES},\n    ]",
    "There is one group. Gains and biases are in the second one, without decay; in none they would "
    "not learn.",
)
exercise.slip(
    "decay_groups",
    "decay_is_default",
    WIDE_ONES,
    '{"params": [p for p in trained if p.ndim >= 2], "weight_decay": 0.01}',
    "The decay of the first group is a fixed number. It is the one that is given.",
)
exercise.slip(
    "decay_groups",
    "copies",
    TRAINED,
    "trained = [nn.Parameter(p.detach().clone()) for p in model.parameters() if p.requires_grad]",
    "The groups hold copies of the parameters: an optimizer moves the copies and not the model.",
)
exercise.slip(
    "decay_groups",
    "empty_group_left_out",
    "    return [\n",
    "    if all(p.ndim >= 2 for p in trained):\n        return [{'params': trained, "
    "'weight_decay': weight_decay}]\n    return [\n",
    "An empty group is left out. There are always two.",
)
exercise.slip(
    "decay_groups",
    "thaws_the_model",
    TRAINED,
    f"{TRAINED}\n    model.requires_grad_(True)",
    "What was frozen is trainable afterwards. The model is left as it is.",
)
