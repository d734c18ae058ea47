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
    resumed.load_state_dict(student.keep(optimizer.state_dict))
    want = library.take(gaps[3:])
    yield take(student, resumed, there, gaps[3:]), want
    # The two share nothing: the first one goes on by itself.
    yield take(student, optimizer, held, gaps[3:]), want


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
