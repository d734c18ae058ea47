"""Hidden checks for vol2_pytorch/memory.

Models are small, made of torch.nn parts on the student's side and nobody's solution. What they give
is known from the same parts here. How much memory is used is seen from outside the process.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder import Exercise, LocalBackend, Student, array, derived
from solutions.vol2_pytorch import memory

V, D = 5, 4


def ragged(rng):
    """Pieces of all shapes; targets that do not count are spread unevenly, one has no others."""
    pieces = []
    for shape, share in (((2, 3), 0.0), ((1, 7), 0.7), ((3, 2), 1.0), ((2, 5), 0.3)):
        x, y = rng.integers(0, V, size=(2, *shape))
        y = np.where(rng.random(shape) < share, -100, y)
        pieces.append((x, y))
    pieces[1][1][0, :2] = [-100, 1]
    return pieces


def weights(rng):
    """Of an embedding and a head with a bias."""
    shapes = {"0.weight": (V, D), "2.weight": (V, D), "2.bias": (V,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


exercise = Exercise(
    "vol2_pytorch/memory",
    solution=memory,
    arrays="torch",
    difficulty=4,
    minutes=120,
    inputs={
        "pieces": derived(ragged),
        "weights": derived(weights),
        "x": array("N D"),
        "dout": array("N D"),
        "seed": derived(lambda rng: int(rng.integers(2**31))),
        "deltas": derived(lambda rng: rng.permutation([0.2, 0.5, 0.8, 1.1, 1.4]) * 2.0**-10),
        "signs": derived(lambda rng: rng.choice([-1.0, 1.0], size=8)),
    },
    sizes={"N": [6], "D": [D]},
)


class Here:
    """Modules on a student's side, by handles."""

    def __init__(self, student):
        self.student, self.keep, self.library = student, student.keep, student.library

    def nn(self, name, *args, dtype="float64", **kwargs):
        if name in ("Linear", "Embedding", "Bilinear"):
            kwargs["dtype"] = self.library(f"torch.{dtype}")
        return self.keep(self.library(f"torch.nn.{name}"), *args, **kwargs)

    def language_model(self, weights, dtype="float64"):
        layers = (
            self.nn("Embedding", V, D, dtype=dtype),
            self.nn("Tanh"),
            self.nn("Linear", D, V, dtype=dtype),
        )
        model = self.nn("Sequential", *layers)
        model.load_state_dict({n: w.astype(dtype) for n, w in weights.items()})
        return model

    def gradients(self, model):
        """By name; a gradient that is not there is zero."""
        named = self.keep(self.library("builtins.dict"), model.named_parameters())
        found = {}
        for name in self.library("builtins.list")(named):
            p = self.keep(self.library("operator.getitem"), named, name)
            grad = self.student.part(p, "grad")
            there = self.library("operator.is_not")(grad, None)
            found[name] = self.student.fetch(grad) if there else 0 * self.student.fetch(p)
        return found

    def seed(self, number):
        self.library("torch.default_generator.manual_seed")(number)

    def draws(self):
        return self.library("torch.rand")(2)

    def leaf(self, x):
        return self.keep(self.library("torch.Tensor.requires_grad_"), self.student.hold(x))


def expected(weights, pieces):
    """Loss and gradients of all pieces as one batch, in plain PyTorch."""
    model = nn.Sequential(nn.Embedding(V, D), nn.Tanh(), nn.Linear(D, V)).double()
    model.load_state_dict({n: torch.from_numpy(w) for n, w in weights.items()})
    logits = torch.cat([model(torch.from_numpy(x)).flatten(0, 1) for x, _ in pieces])
    targets = torch.cat([torch.from_numpy(y).flatten() for _, y in pieces])
    kept = targets != -100
    loss = F.cross_entropy(logits[kept], targets[kept])
    loss.backward()
    return loss.item(), {n: p.grad.numpy() for n, p in model.named_parameters()}


def double(values):
    """Arrays of any float dtype in float64, to be compared by value alone."""
    return tuple(np.asarray(v, dtype=np.float64) for v in values)


def both(loss, gradients):
    """A loss and gradients as one tuple, to be compared together."""
    return (loss, *[gradients[name] for name in sorted(gradients)])


# accumulate


@exercise.satisfies("accumulate", kind="R", points=4)
def pieces_are_one_batch(student, weights, pieces):
    """Loss and gradients are those of all pieces as one batch, every token with equal weight."""
    here = Here(student)
    model = here.language_model(weights)
    loss = student.accumulate(model, pieces)
    return both(loss, here.gradients(model)), both(*expected(weights, pieces))


@exercise.satisfies("accumulate", points=1)
def any_cut_gives_the_same(student, weights, pieces):
    """One token to a piece, and all in one piece, give the same loss and gradients."""
    here = Here(student)
    flat = [(x.reshape(1, -1), y.reshape(1, -1)) for x, y in pieces]
    whole = [tuple(np.concatenate(parts, axis=1) for parts in zip(*flat, strict=True))]
    single = [(x[:, i : i + 1], y[:, i : i + 1]) for x, y in whole for i in range(0, x.size)]
    for cut in (whole, single):
        model = here.language_model(weights)
        loss = student.accumulate(model, cut)
        yield both(loss, here.gradients(model)), both(*expected(weights, pieces))


@exercise.satisfies("accumulate", points=1)
def gradients_from_before_are_dropped(student, weights, pieces):
    """A second call gives what the first one gave; parameters have not moved."""
    here = Here(student)
    model = here.language_model(weights)
    for _ in range(2):
        loss = student.accumulate(model, pieces)
    yield both(loss, here.gradients(model)), both(*expected(weights, pieces))
    yield tuple(here.library("builtins.list")(model.parameters())), tuple(weights.values())


@exercise.satisfies("accumulate", kind="E", points=1)
def without_targets_there_is_nothing(student, weights, pieces):
    """If no target counts, loss and gradients are 0.0, not NaN; one alone is not halved."""
    here = Here(student)
    model = here.language_model(weights)
    loss = student.accumulate(model, [(x, np.full_like(y, -100)) for x, y in pieces])
    got = both(loss, here.gradients(model))
    yield got, tuple(np.zeros_like(g) for g in got)
    yield isinstance(loss, float)
    x, y = pieces[0][0][:1, :2], np.array([[-100, 1]])
    model = here.language_model(weights)
    loss = student.accumulate(model, [(x, y)])
    yield both(loss, here.gradients(model)), both(*expected(weights, [(x, y)]))


WIDE = 256


@exercise.measures("accumulate", bands={60: 2}, seconds=4)
def megabytes_for_thirty_pieces(student):
    """Thirty pieces of 4 MB of activations each take at most {} MB of memory at a time."""
    here = Here(student)
    layers = (
        here.nn("Embedding", 16, WIDE, dtype="float32"),
        here.nn("Tanh"),
        here.nn("Linear", WIDE, 8, dtype="float32"),
    )
    model = here.nn("Sequential", *layers)
    ids = np.arange(4096).reshape(64, 64)
    piece = (ids % 16, ids % 8)
    student.accumulate(model, [piece])
    before = student.peak_memory()
    many = here.library("operator.mul")
    held = here.keep(here.library("builtins.list"), [student.hold(a) for a in piece])
    pairs = here.keep(many, here.keep(here.library("builtins.list"), [held]), 30)
    student.accumulate(model, pairs)
    return (student.peak_memory() - before) / 2**20


# autocast_step


def narrow(student, deltas, signs):
    """A model whose logits are equal in bfloat16 and differ in float32; its weights."""
    here = Here(student)
    table, head = 16 * np.tile(signs, (3, 1)), 8 * (1 + deltas[:, None]) * signs
    values = {"0.weight": table.astype(np.float32), "1.weight": head.astype(np.float32)}
    layers = (
        here.nn("Embedding", 3, 8, dtype="float32"),
        here.nn("Linear", 8, V, dtype="float32", bias=False),
    )
    model = here.nn("Sequential", *layers)
    model.load_state_dict(values)
    return here, model, values


X, Y = np.array([[0, 1, 2, 1]]), np.array([[2, -100, 1, 2]])


def step_of(values):
    """The gradient of the head: logits are all equal, so the probabilities are 1 / V."""
    kept = [t for t in range(Y.size) if Y[0, t] >= 0]
    dlogits = [(np.full(V, 1 / V) - np.eye(V)[Y[0, t]]) / len(kept) for t in kept]
    tokens = [values["0.weight"][X[0, t]].astype(np.float64) for t in kept]
    return sum(np.outer(d, h) for d, h in zip(dlogits, tokens, strict=True))


@exercise.satisfies("autocast_step", kind="R", points=3, rtol=1e-5)
def products_are_in_bfloat16(student, deltas, signs):
    """The loss is that of logits whose factors are rounded to bfloat16, itself in float32."""
    here, model, _ = narrow(student, deltas, signs)
    sgd = here.keep(here.library("torch.optim.SGD"), model.parameters(), lr=1e-4)
    return student.autocast_step(model, X, Y, sgd), np.log(V)


@exercise.satisfies("autocast_step", points=3, rtol=0.03)
def small_steps_add_up(student, deltas, signs):
    """Weights move by less than bfloat16 could tell, as far as the gradients say."""
    here, model, values = narrow(student, deltas, signs)
    sgd = here.keep(here.library("torch.optim.SGD"), model.parameters(), lr=1e-4)
    student.autocast_step(model, X, Y, sgd)
    after = here.library("builtins.dict")(here.keep(model.state_dict))
    want = step_of(values)
    head = values["1.weight"].astype(np.float64)
    return (head - after["1.weight"]) / 1e-4, want


@exercise.satisfies("autocast_step", points=1)
def everything_that_adds_up_is_float32(student, deltas, signs):
    """Parameters, gradients and moments are float32 before and after."""
    here, model, _ = narrow(student, deltas, signs)
    adam = here.keep(here.library("torch.optim.AdamW"), model.parameters(), lr=1e-4)
    student.autocast_step(model, X, Y, adam)
    state = here.keep(adam.state_dict)
    moments = here.keep(here.library("operator.getitem"), state, "state")
    first = here.keep(here.library("operator.getitem"), moments, 0)
    weight = here.keep(here.library("operator.getitem"), here.keep(model.state_dict), "1.weight")
    layer = here.keep(here.library("operator.getitem"), model, 1)
    gradient = student.part(student.part(layer, "weight"), "grad")
    moment = here.keep(here.library("operator.getitem"), first, "exp_avg")
    for tensor in (weight, gradient, moment):
        yield here.library("builtins.str")(student.part(tensor, "dtype")) == "torch.float32"


@exercise.satisfies("autocast_step", points=1, rtol=0.03)
def gradients_from_before_do_not_count(student, deltas, signs):
    """A second step with a learning rate of zero sees the gradients of one batch, not of two."""
    here, model, values = narrow(student, deltas, signs)
    sgd = here.keep(here.library("torch.optim.SGD"), model.parameters(), lr=0.0)
    for _ in range(2):
        student.autocast_step(model, X, Y, sgd)
    return double([here.gradients(model)["1.weight"]]), (step_of(values),)


@exercise.satisfies("autocast_step", kind="E", points=1)
def without_targets_nothing_moves(student, deltas, signs):
    """If no target counts, the loss is 0.0 and weights stay; one alone is not halved."""
    here, model, values = narrow(student, deltas, signs)
    sgd = here.keep(here.library("torch.optim.SGD"), model.parameters(), lr=1.0)
    loss = student.autocast_step(model, X, np.full_like(Y, -100), sgd)
    yield isinstance(loss, float) and loss == 0.0
    yield double(here.library("builtins.list")(model.parameters())), double(values.values())
    yield not here.library("torch.is_autocast_enabled")("cpu")
    loss = student.autocast_step(model, X, np.array([[-100, -100, 1, -100]]), sgd)
    yield abs(loss - np.log(V)) < 1e-4


# Checkpointed


def noisy_block(here, weights):
    """Linear layers with dropout between them."""
    layers = []
    for number in range(3):
        layers += [here.nn("Linear", D, D), here.nn("Dropout", 0.5), here.nn("Tanh")]
        w = weights["0.weight"][:D] * (1 + number / 4)
        layers[-3].load_state_dict({"weight": w, "bias": weights["2.bias"][:D]})
    return here.nn("Sequential", *layers)


def run(here, module, block, x, dout, seed):
    """Output and gradients, and numbers drawn after forward and after backward."""
    here.seed(seed)
    leaf = here.leaf(x)
    out = here.keep(module, leaf)
    between = here.draws()
    here.keep(here.library("torch.Tensor.backward"), out, dout)
    grads = here.gradients(block)
    got = here.student.fetch(out)
    return got, leaf.grad, *[grads[n] for n in sorted(grads)], between, here.draws()


def plainly(weights, x, dout, seed, runs=1):
    """The same without checkpointing, here."""
    here = Here(Student(LocalBackend({}, arrays="torch")))
    block = noisy_block(here, weights)
    for _ in range(runs):
        result = run(here, block, block, x, dout, seed)
    return result


@exercise.satisfies("Checkpointed", kind="R", points=4)
def gradients_are_those_of_the_block(student, weights, x, dout, seed):
    """Output and all gradients are the block's own, with the same dropout."""
    here = Here(student)
    block = noisy_block(here, weights)
    got = run(here, student.keep(student.Checkpointed, block), block, x, dout, seed)
    return got[:-2], plainly(weights, x, dout, seed)[:-2]


@exercise.satisfies("Checkpointed", points=2)
def random_numbers_go_on_as_without(student, weights, x, dout, seed):
    """What is drawn after forward, and after backward, is what would be drawn without."""
    here = Here(student)
    block = noisy_block(here, weights)
    got = run(here, student.keep(student.Checkpointed, block), block, x, dout, seed)
    return double(got[-2:]), double(plainly(weights, x, dout, seed)[-2:])


def kept_bytes(here, module, x):
    """Bytes that are kept for backward, as hooks see them."""
    sizes = []

    def pack(tensor):
        sizes.append(int(np.asarray(tensor).nbytes))
        return tensor

    hooks = "torch.autograd.graph.saved_tensors_hooks"
    context = here.keep(here.library(hooks), pack, lambda tensor: tensor)
    here.keep(here.library(hooks + ".__enter__"), context)
    try:
        here.keep(module, here.leaf(x))
    finally:
        here.keep(here.library(hooks + ".__exit__"), context)
    return sum(sizes)


@exercise.satisfies("Checkpointed", gate=True, x=array("400 D"))
def only_the_input_is_kept(student, weights, x):
    """What is kept for backward is no more than the input and what the generators need."""
    here = Here(student)
    module = student.keep(student.Checkpointed, noisy_block(here, weights))
    found = kept_bytes(here, module, x)
    student.transcript.append(found)
    return found <= x.nbytes + 6000


@exercise.satisfies("Checkpointed", points=1)
def an_input_without_gradient_is_no_obstacle(student, weights, x, dout, seed):
    """The first block of a model, whose input needs no gradient, is trained as well."""
    here = Here(student)
    block = noisy_block(here, weights)
    module = student.keep(student.Checkpointed, block)
    here.seed(seed)
    here.keep(here.library("torch.Tensor.backward"), here.keep(module, x), dout)
    grads = here.gradients(block)
    want = plainly(weights, x, dout, seed)[2:-2]
    return tuple(grads[n] for n in sorted(grads)), want


@exercise.satisfies("Checkpointed", points=1)
def blocks_stand_in_a_row(student, weights, x, dout, seed):
    """Two checkpointed blocks after each other, one of them used twice."""
    results = []
    for wrap in (lambda block: block, lambda block: student.keep(student.Checkpointed, block)):
        here = Here(student)
        blocks = [noisy_block(here, weights), noisy_block(here, weights)]
        one, two = map(wrap, blocks)
        here.seed(seed)
        leaf = here.leaf(x)
        out = here.keep(one, here.keep(two, here.keep(one, leaf)))
        here.keep(here.library("torch.Tensor.backward"), out, dout)
        grads = [here.gradients(block) for block in blocks]
        results.append((leaf.grad, *[g[n] for g in grads for n in sorted(g)]))
    return tuple(results[::-1])


@exercise.satisfies("Checkpointed", kind="E", points=1)
def frozen_parameters_stay_so(student, weights, x, dout, seed):
    """Parameters that require no gradient get none, and the others get theirs."""
    here = Here(student)
    block = noisy_block(here, weights)
    first = here.keep(here.library("operator.getitem"), block, 0)
    first.requires_grad_(False)
    got = run(here, student.keep(student.Checkpointed, block), block, x, dout, seed)
    want = list(plainly(weights, x, dout, seed))
    want[2], want[3] = 0 * want[2], 0 * want[3]  # 0.bias, 0.weight
    yield double(got), double(want)
    # A parameter that the block does not use.
    spare = here.keep(here.library("torch.nn.Parameter"), student.hold(np.ones(2)))
    first.register_parameter("spare", spare)
    got = run(here, student.keep(student.Checkpointed, block), block, x, dout, seed)
    yield double(got[:2]), double(want[:2])


@exercise.satisfies("Checkpointed", kind="E", points=1, rtol=1e-6)
def autocast_holds_in_the_second_run(student, weights, x, dout, seed):
    """A block that ran under autocast, or not, runs so again, though backward does not."""
    for dtype in ("bfloat16", "float32"):
        yield under(student, weights, x, dout, dtype)


def under(student, weights, x, dout, dtype):
    """Output and gradients of a checkpointed block under autocast to a dtype, and of the block."""
    results = []
    for wrap in (False, True):
        here = Here(student)
        block = here.nn("Linear", D, D, dtype="float32")
        w = weights["0.weight"][:D].astype(np.float32)
        block.load_state_dict({"weight": w, "bias": w[0]})
        block = here.nn("Sequential", block, here.nn("Tanh"))
        module = student.keep(student.Checkpointed, block) if wrap else block
        context = here.keep(
            here.library("torch.autocast"),
            "cpu",
            dtype=here.library("torch.bfloat16"),
            enabled=dtype == "bfloat16",
        )
        here.keep(here.library("torch.autocast.__enter__"), context)
        try:
            leaf = here.leaf(x.astype(np.float32))
            out = here.keep(here.keep(module, leaf).float)
        finally:
            here.keep(here.library("torch.autocast.__exit__"), context, None, None, None)
        here.keep(here.library("torch.Tensor.backward"), out, dout.astype(np.float32))
        grads = here.gradients(block)
        results.append(double((student.fetch(out), leaf.grad, *[grads[n] for n in sorted(grads)])))
    return tuple(results[::-1])


@exercise.satisfies("Checkpointed", kind="E", points=1)
def further_arguments_and_no_grad(student, weights, x, dout):
    """Further arguments reach the block; without gradients asked for, the output is the same."""
    here = Here(student)
    bilinear = here.nn("Bilinear", D, D, D)
    w, b = np.stack([weights["0.weight"][:D]] * D), weights["2.bias"][:D]
    bilinear.load_state_dict({"weight": w, "bias": b})
    module = student.keep(student.Checkpointed, bilinear)
    want = np.einsum("ni,oij,nj->no", x, w, dout) + b
    yield module(x, dout), want
    no_grad = here.library("torch.set_grad_enabled")
    here.keep(no_grad, False)
    try:
        out = here.keep(module, here.leaf(x), dout)
    finally:
        here.keep(no_grad, True)
    yield student.fetch(out), want
    yield not out.requires_grad


@exercise.measures("Checkpointed", bands={90: 2}, seconds=4)
def megabytes_for_twelve_blocks(student):
    """Twelve blocks that keep 12 MB each without it take at most {} MB of memory."""
    here = Here(student)
    layers = []
    for _ in range(12):
        parts = [here.nn("Linear", 8, 8, dtype="float32"), *[here.nn("ReLU") for _ in range(5)]]
        layers.append(student.keep(student.Checkpointed, here.nn("Sequential", *parts)))
    model = here.nn("Sequential", *layers)
    rows = here.library("torch.ones")

    def backward(n):
        out = here.keep(model, here.keep(rows, n, 8))
        here.keep(here.keep(out.sum).backward)

    backward(8)
    before = student.peak_memory()
    backward(1 << 16)
    return (student.peak_memory() - before) / 2**20


# Known mistakes

TOTAL = 'F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum") / kept'
exercise.slip(
    "accumulate",
    "mean_of_means",
    TOTAL,
    "F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction='sum') "
    "/ max(int((y != -100).sum()), 1) / len(pieces)",
    """Each piece is divided by its own number of tokens, and then by the number of pieces: tokens
    of short pieces count more. Divide every piece's sum by the number of tokens of all pieces.""",
)
exercise.slip(
    "accumulate",
    "sum_of_means",
    TOTAL,
    "F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction='sum') "
    "/ max(int((y != -100).sum()), 1)",
    """The losses of the pieces are added as means: the result grows with the number of pieces.
    Divide every piece's sum by the number of tokens of all pieces.""",
)
exercise.slip(
    "accumulate",
    "divides_by_all_tokens",
    "sum(int((y != -100).sum()) for _, y in pieces)",
    "sum(y.numel() for _, y in pieces)",
    """Targets of -100 are counted in the denominator. They do not count: divide by the number of
    the others.""",
)
exercise.slip(
    "accumulate",
    "ignores_nothing",
    'y.flatten(), reduction="sum")',
    'y.flatten().clamp(min=0), reduction="sum")',
    """Targets of -100 are taken for tokens. They do not count, neither in the sum nor in the
    number that it is divided by.""",
)
exercise.slip(
    "accumulate",
    "keeps_old_gradients",
    "    model.zero_grad()\n",
    "",
    """Gradients from before the call are still in .grad, and backward adds to them. Clear them
    first.""",
)
exercise.slip(
    "accumulate",
    "clears_for_every_piece",
    "        loss.backward()",
    "        model.zero_grad()\n        loss.backward()",
    """Only the last piece is in the gradients: they are cleared for every piece. Clear them once,
    before the first.""",
)
exercise.slip(
    "accumulate",
    "returns_the_last_loss",
    "total += loss.item()",
    "total = loss.item()",
    """The loss is that of the last piece alone. Add those of all pieces.""",
)
exercise.slip(
    "accumulate",
    "divides_by_zero",
    "max(sum(int((y != -100).sum()) for _, y in pieces), 1)",
    "sum((y != -100).sum() for _, y in pieces)",
    """If no target counts, 0 / 0 makes everything NaN. The loss is 0.0 then, with gradients of
    zero.""",
)
exercise.slip(
    "accumulate",
    "counts_one_less",
    "for _, y in pieces), 1)",
    "for _, y in pieces) - 1, 1)",
    """The sum is divided by one token less than there are. Divide by the number of targets that
    are not -100.""",
)
exercise.slip(
    "accumulate",
    "scales_the_gradients_only",
    "total += loss.item()",
    "total += loss.item() * kept / len(pieces)",
    """The gradients are right and the loss that is returned is not: return the same loss whose
    gradients they are.""",
)

exercise.slip(
    "autocast_step",
    "no_autocast",
    "dtype=torch.bfloat16)",
    "dtype=torch.bfloat16, enabled=False)",
    """Everything is computed in float32. Run the model under torch.autocast with
    dtype=torch.bfloat16.""",
)
exercise.slip(
    "autocast_step",
    "converts_the_model",
    "    optimizer.zero_grad()\n",
    "    optimizer.zero_grad()\n    model.bfloat16()\n",
    """The parameters themselves are bfloat16: steps smaller than one part in 256 are lost. Leave
    the model float32; autocast casts the arguments of products as they come.""",
)
exercise.slip(
    "autocast_step",
    "rounds_the_parameters",
    "    optimizer.step()\n",
    "    optimizer.step()\n    for p in model.parameters():\n"
    "        p.data = p.data.bfloat16().float()\n",
    """The parameters are rounded to bfloat16: steps smaller than one part in 256 are lost. Keep
    them in float32.""",
)
exercise.slip(
    "autocast_step",
    "loss_in_bfloat16",
    "return loss.item()",
    "return loss.bfloat16().item()",
    """The loss has the few digits of bfloat16. Take the logits to float32 before the
    cross-entropy.""",
)
exercise.slip(
    "autocast_step",
    "keeps_old_gradients",
    "    optimizer.zero_grad()\n",
    "",
    """Gradients of the step before are still there, and backward adds to them. Clear them
    first.""",
)
exercise.slip(
    "autocast_step",
    "divides_by_all_tokens",
    "max(int((y != -100).sum()), 1)",
    "y.numel()",
    """Targets of -100 are counted in the denominator: loss and steps are too small.""",
)
exercise.slip(
    "autocast_step",
    "forgets_the_step",
    "    optimizer.step()\n",
    "",
    """The weights stay where they are: call optimizer.step() after backward.""",
)
exercise.slip(
    "autocast_step",
    "clears_too_late",
    "    loss.backward()  # type: ignore[no-untyped-call]\n",
    "    loss.backward()\n    optimizer.zero_grad(set_to_none=False)\n",
    """The gradients are cleared between backward and the step, so nothing moves. Clear them before
    backward.""",
)
exercise.slip(
    "autocast_step",
    "divides_by_zero",
    "max(int((y != -100).sum()), 1)",
    "(y != -100).sum()",
    """If no target counts, 0 / 0 makes loss and weights NaN. The loss is 0.0 then, with gradients
    of zero.""",
)
exercise.slip(
    "autocast_step",
    "sums_the_loss",
    "loss = total / kept",
    "loss = total",
    """The loss is the sum over the tokens: divide by the number of targets that count.""",
)

exercise.slip(
    "Checkpointed",
    "keeps_everything",
    "out: torch.Tensor = _Recompute.apply(*parts)",
    "out: torch.Tensor = self.block(x, *rest)",
    """The block keeps all of its activations for backward, as without checkpointing. Run it without
    recording, keep x, and run it again in backward.""",
)


def recompute(name, old, new, hint):
    """A mistake in the function behind Checkpointed."""
    exercise.slip("Checkpointed", name, old, new, hint, within="_Recompute")


recompute(
    "keeps_the_output_too",
    "        ctx.save_for_backward(x)\n        return block(x, *rest)",
    "        out = block(x, *rest)\n        ctx.save_for_backward(x, out)\n        return out",
    """More than the input is kept for backward. The output is computed again: keep x alone.""",
)
recompute(
    "draws_other_masks",
    "        torch.set_rng_state(ctx.random)\n",
    "",
    """Dropout draws other masks in the second run, so the gradients belong to another output. Set
    the generator to where it was before the first run.""",
)
recompute(
    "leaves_the_generator_behind",
    "        torch.set_rng_state(after)\n",
    "",
    """After backward the generator stands where it stood in forward: later layers and batches see
    random numbers twice. Put back the state that it had when backward began.""",
)
recompute(
    "keeps_the_state_after_forward",
    "        ctx.save_for_backward(x)\n        return block(x, *rest)",
    "        ctx.save_for_backward(x)\n        out = block(x, *rest)\n"
    "        ctx.random = torch.get_rng_state()\n        return out",
    """The state of the generator is kept after the first run instead of before it, so the second
    run draws other masks.""",
)
recompute(
    "forgets_dout",
    "wanted, dout, allow_unused=True",
    "wanted, torch.ones_like(dout), allow_unused=True",
    """dout is not used: the gradients are those of the sum of the output. Pass dout to
    torch.autograd.grad.""",
)
recompute(
    "forgets_the_parameters",
    "return None, dx, None, *dparameters",
    "return None, dx, None, *[None for _ in dparameters]",
    """The parameters of the block get no gradients: they go through apply, too, and backward
    returns one gradient for each.""",
)
recompute(
    "forgets_x",
    "return None, dx, None, *dparameters",
    "return None, None, None, *dparameters",
    """The input gets no gradient, so that nothing before this block is trained.""",
)
recompute(
    "forgets_autocast",
    "enabled=ctx.casts)",
    "enabled=False)",
    """A block that ran under autocast is run in float32 the second time: its gradients belong to
    another output. Keep whether autocast was on, and with which dtype.""",
)
exercise.slip(
    "Checkpointed",
    "cuts_the_graph",
    "(self.block, x, rest,",
    "(self.block, x.detach(), rest,",
    """The graph ends at this block: x is detached before apply. Detach the saved one, in
    backward.""",
)
exercise.slip(
    "Checkpointed",
    "drops_further_arguments",
    "(self.block, x, rest,",
    "(self.block, x, (x,) * len(rest),",
    """Further arguments do not reach the block. Pass them on, in both runs.""",
)
