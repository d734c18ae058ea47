"""Hidden checks for vol2_pytorch/lora.

All of this runs on the trusted side. A layer, its base and their parameters stay with the student's
code and are known by handles; what is compared are numbers that come back.
"""

import copy

import numpy as np
import torch
from torch import nn

from autograder import Exercise, array, derived, raises
from solutions.vol2_pytorch import lora


def strength(rng, r):
    """An alpha whose alpha / r is far from 1, from alpha, from r / alpha and from alpha // r."""
    low, high = rng.choice([[0.35, 0.65], [1.35, 1.65]])
    return float(r * rng.uniform(low, high))


exercise = Exercise(
    "vol2_pytorch/lora",
    solution=lora,
    arrays="torch",
    difficulty=3,
    minutes=90,
    inputs={
        "x": array("N d_in"),
        "w": array("d_out d_in"),
        "bias": array("d_out"),
        "a": array("r d_in"),
        "b": array("d_out r"),
        "dout": array("N d_out"),
        "alpha": derived(strength),
    },
    # The square case has rows enough for dropout to show in it. No case has a single output: where
    # terms cancel, right code misses one float32 number by more than the tolerance.
    sizes={"N": [40, 2, 7], "d_in": [4, 6, 3], "d_out": [4, 5, 1], "r": [4, 3, 1]},
)
SMALL = {"N": [4], "d_in": [6], "d_out": [5], "r": [3]}
SQUARE_FIRST = {"N": [3, 2], "d_in": [4, 6], "d_out": [4, 5], "r": [2, 3]}
# What nn.Linear makes unless told otherwise; a wrong dtype costs the check of dtypes only.
FLOAT32 = {"dtype": "float32"}


# Driving a module by handles


def write(student, tensor, values):
    """Overwrite a tensor in place, unseen by autograd."""
    student.keep(student.library("torch.Tensor.copy_"), student.part(tensor, "data"), values)


def linear(student, w, bias, dtype="float32"):
    """A torch.nn.Linear with these weights; `bias` None for none."""
    d_out, d_in = w.shape
    kind = student.library(f"torch.{dtype}")
    base = student.library("torch.nn.Linear")(d_in, d_out, bias=bias is not None, dtype=kind)
    base.load_state_dict({"weight": w} if bias is None else {"weight": w, "bias": bias})
    return base


def seed(student, number):
    """Seed PyTorch on the CPU; torch.manual_seed asks every accelerator first, for 0.1 ms."""
    student.library("torch.default_generator.manual_seed")(number)


def adapt(student, base, alpha, a, b):
    """A LoRALinear on `base` with its matrices overwritten by `a` and `b`."""
    layer = student.LoRALinear(base, len(a), alpha)
    for name, values in (("lora_A", a), ("lora_B", b)):
        tensor = student.part(layer, name)
        found = student.fetch(tensor, record=False)
        if not isinstance(found, np.ndarray) or found.shape != values.shape:
            raise ValueError(f"{name} is not a tensor of shape {values.shape}")
        write(student, tensor, values)
    # Should the layer draw anything from here on, two runs of one mistake draw the same.
    seed(student, 0)
    return layer


def output(w, bias, a, b, alpha, x):
    """What the layer gives, in float64."""
    w, a, b, x = (np.asarray(v, dtype=np.float64) for v in (w, a, b, x))
    return x @ w.T + (0 if bias is None else bias) + alpha / len(a) * (x @ a.T @ b.T)


def gradients(w, a, b, alpha, x, dout):
    """dx, da, db in float64."""
    w, a, b, x, dout = (np.asarray(v, dtype=np.float64) for v in (w, a, b, x, dout))
    dh = alpha / len(a) * (dout @ b)
    return dout @ w + dh @ a, dh.T @ x, alpha / len(a) * (dout.T @ (x @ a.T))


def merged_weight(w, a, b, alpha):
    """The weight after a merge, in float64."""
    return w.astype(np.float64) + alpha / len(a) * (b.astype(np.float64) @ a)


# Values


@exercise.satisfies("LoRALinear", kind="R", points=3, **FLOAT32)
def adds_the_low_rank_change(student, w, bias, a, b, alpha, x):
    """The output is that of the base layer plus alpha / r times x through A and B."""
    layer = adapt(student, linear(student, w, bias), alpha, a, b)
    return layer(x), output(w, bias, a, b, alpha, x)


@exercise.satisfies("LoRALinear", kind="R", points=3, sizes=SQUARE_FIRST, **FLOAT32)
def both_matrices_get_their_gradients(student, w, bias, a, b, alpha, x, dout):
    """Backward gives lora_A and lora_B the gradients that the chain rule gives them."""
    layer = adapt(student, linear(student, w, bias), alpha, a, b)
    wrt = [student.part(layer, name) for name in ("lora_A", "lora_B")]
    yield all([tensor.requires_grad for tensor in wrt])
    grad = student.library("torch.autograd.grad")
    got = grad(student.keep(layer, x), wrt, dout, allow_unused=True)
    yield got, gradients(w, a, b, alpha, x, dout)[1:]


@exercise.satisfies("LoRALinear", kind="R", points=2, sizes=SQUARE_FIRST, **FLOAT32)
def merge_adds_the_change_in_place(student, w, bias, a, b, alpha, x):
    """merge() adds the scaled product to the base layer's own weight: its output is the layer's."""
    base = linear(student, w, bias)
    weight = student.part(base, "weight")
    merged = student.keep(adapt(student, base, alpha, a, b).merge)
    yield student.fetch(weight), merged_weight(w, a, b, alpha)
    yield merged(x), output(w, bias, a, b, alpha, x)


# Properties


@exercise.satisfies("LoRALinear", points=1, sizes=SMALL, **FLOAT32)
def starts_as_the_base_layer(student, w, bias, a, b, alpha, x):
    """A new LoRALinear gives exactly what its base layer gives."""
    layer = student.LoRALinear(linear(student, w, bias), len(a), alpha)
    return student.fetch(student.keep(layer, x), record=False), output(w, bias, a, 0 * b, alpha, x)


@exercise.satisfies("LoRALinear", points=1, sizes=SMALL, **FLOAT32)
def matrices_start_random_and_zero(student, w, bias, r, alpha, rng):
    """lora_A is drawn anew for each layer from PyTorch's generator and has rank r; lora_B is 0."""
    base, number = linear(student, w, bias), int(rng.integers(2**31))
    drawn = []
    for reseed in (True, False, True):
        if reseed:
            seed(student, number)
        layer = student.LoRALinear(base, r, alpha)
        drawn.append(
            [student.fetch(student.part(layer, n), record=False) for n in ("lora_A", "lora_B")]
        )
    (one, zeros), (two, _), (again, _) = drawn
    facts = [
        (one.shape, zeros.shape) == ((r, w.shape[1]), (w.shape[0], r)),
        int(np.linalg.matrix_rank(one)),
        not zeros.any(),
        not np.array_equal(one, two),
        np.array_equal(one, again),
    ]
    # In the place of the random numbers, so that mistakes can be told apart.
    student.transcript.append(facts)
    return facts == [True, min(r, w.shape[1]), True, True, True]


@exercise.satisfies("LoRALinear", points=1, sizes=SMALL, **FLOAT32)
def only_the_matrices_are_trained(student, w, bias, a, b, alpha, x, dout):
    """An optimizer over layer.parameters() moves lora_A and lora_B and nothing else."""
    base = linear(student, w, bias)
    layer = adapt(student, base, alpha, a, b)
    named = student.keep(student.library("builtins.dict"), layer.named_parameters())
    item = student.library("operator.getitem")
    names = student.library("builtins.list")(named)
    trained = {name for name in names if student.keep(item, named, name).requires_grad}
    yield trained == {"lora_A", "lora_B"}
    sgd = student.library("torch.optim.SGD")(layer.parameters(), lr=0.5)
    student.keep(student.library("torch.Tensor.backward"), student.keep(layer, x), dout)
    sgd.step()
    _, da, db = gradients(w, a, b, alpha, x, dout)
    yield base.weight, w
    yield base.bias, bias
    yield layer.lora_A, a - 0.5 * da
    yield layer.lora_B, b - 0.5 * db


@exercise.satisfies("LoRALinear", points=1, sizes=SMALL, **FLOAT32)
def gradients_reach_the_layers_before(student, w, bias, a, b, alpha, x, dout):
    """The gradient with respect to x comes through the base layer and through both matrices."""
    layer = adapt(student, linear(student, w, bias), alpha, a, b)
    held = student.keep(student.library("torch.Tensor.requires_grad_"), student.hold(x))
    grad = student.library("torch.autograd.grad")
    (dx,) = grad(student.keep(layer, held), [held], dout, allow_unused=True)
    return dx, gradients(w, a, b, alpha, x, dout)[0]


@exercise.satisfies("LoRALinear", points=1, sizes=SMALL, other=array("d_out d_in"), **FLOAT32)
def base_is_that_very_layer(student, w, bias, a, b, alpha, x, other):
    """`.base` is the layer that was given, not a copy: when its weight changes, outputs do."""
    base = linear(student, w, bias)
    layer = adapt(student, base, alpha, a, b)
    base.load_state_dict({"weight": other, "bias": bias})
    yield layer(x), output(other, bias, a, b, alpha, x)
    yield student.library("operator.is_")(layer.base, base)


@exercise.satisfies("LoRALinear", points=1, sizes=SMALL, **FLOAT32)
def merging_again_changes_nothing(student, w, bias, a, b, alpha):
    """A second merge() neither adds the change again nor takes it out."""
    base = linear(student, w, bias)
    layer = adapt(student, base, alpha, a, b)
    for _ in range(2):
        student.keep(layer.merge)
    return base.weight, merged_weight(w, a, b, alpha)


@exercise.satisfies("LoRALinear", points=1, sizes=SMALL, **FLOAT32)
def outputs_survive_the_merge(student, w, bias, a, b, alpha, x):
    """The LoRALinear itself gives after merge() what it gave before."""
    layer = adapt(student, linear(student, w, bias), alpha, a, b)
    student.keep(layer.merge)
    return layer(x), output(w, bias, a, b, alpha, x)


@exercise.satisfies("LoRALinear", points=1, sizes=SMALL, **FLOAT32)
def merge_returns_the_frozen_base(student, w, bias, a, b, alpha):
    """merge() returns the base layer, whose weight and bias still require no gradient."""
    base = linear(student, w, bias)
    merged = student.keep(adapt(student, base, alpha, a, b).merge)
    yield student.library("operator.is_")(merged, base)
    yield not any([student.part(base, name).requires_grad for name in ("weight", "bias")])


# Edges


def rounded(values):
    """float32 values that bfloat16 has, too."""
    return (values.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)


def has_bfloat16(values):
    """Are these float32 numbers all ones that bfloat16 has?"""
    return values.dtype == np.float32 and np.array_equal(rounded(values), values)


@exercise.satisfies("LoRALinear", kind="E", points=1, sizes=SMALL)
def follows_the_dtype_of_its_base(student, w, bias, a, b, alpha, x):
    """On a float64 or a bfloat16 layer, the matrices and the output are of that dtype."""
    base = linear(student, w, bias, "float64")
    layer = student.LoRALinear(base, len(a), alpha)
    for name in ("lora_A", "lora_B"):
        yield student.fetch(student.part(layer, name), record=False).dtype == np.float64
    layer = adapt(student, base, alpha, a, b)
    yield layer(x), output(w, bias, a, b, alpha, x)
    student.keep(layer.merge)
    yield base.weight, merged_weight(w, a, b, alpha)
    yield layer(x), output(w, bias, a, b, alpha, x)

    w, bias, a, b, x = (rounded(v) for v in (w, bias, a, b, x))
    layer = student.LoRALinear(linear(student, w, bias, "bfloat16"), len(a), alpha)
    yield has_bfloat16(student.fetch(student.part(layer, "lora_A"), record=False))
    layer = adapt(student, layer.base, alpha, a, b)
    held = student.keep(student.library("torch.Tensor.bfloat16"), student.hold(x))
    got, want = layer(held), output(w, bias, a, b, alpha, x)
    yield has_bfloat16(got)
    yield np.abs(got - want).max() < 0.1 * np.abs(want).max()


@exercise.satisfies("LoRALinear", kind="E", points=1, sizes=SMALL, **FLOAT32)
def any_number_of_leading_axes(student, w, bias, a, b, alpha, x, rng):
    """x is one vector, or has two or three axes before the last; it is left as it was."""
    layer = adapt(student, linear(student, w, bias), alpha, a, b)
    many = rng.standard_normal((2, 3, 4, w.shape[1])).astype(np.float32)
    for one in (x, many[0], many[0, 0, 0], many):
        held = student.hold(one)
        yield layer(held), output(w, bias, a, b, alpha, one)
        yield student.fetch(held), one


@exercise.satisfies("LoRALinear", kind="E", points=1, sizes=SMALL, **FLOAT32)
def a_base_without_bias(student, w, a, b, alpha, x):
    """A base layer without a bias is adapted and merged as well, and gets none."""
    base = linear(student, w, None)
    layer = adapt(student, base, alpha, a, b)
    yield layer(x), output(w, None, a, b, alpha, x)
    yield base.bias is None
    student.keep(layer.merge)
    yield base.weight, merged_weight(w, a, b, alpha)


@exercise.satisfies("LoRALinear", kind="E", points=1, sizes=SMALL, **FLOAT32)
def refuses_a_rank_below_one(student, w, bias):
    """r < 1 raises ValueError and leaves the base layer as it was, not yet frozen."""
    student.LoRALinear(linear(student, w, bias), 1, 1.0)
    base = linear(student, w, bias)
    yield all([raises(ValueError, student.LoRALinear, base, r, 1.0) for r in (0, -1)])
    yield all([student.part(base, name).requires_grad for name in ("weight", "bias")])


# Solutions that know nothing


@exercise.null("LoRALinear")
class only_the_base(lora.LoRALinear):
    def forward(self, x):
        return self.base(x)

    def merge(self):
        return self.base


@exercise.null("LoRALinear")
class zeros(only_the_base):
    def forward(self, x):
        return self.base(x) * 0


@exercise.null("LoRALinear")
class trains_the_base(only_the_base):
    def __init__(self, base, r, alpha):
        super().__init__(base, r, alpha)
        base.requires_grad_(True)


@exercise.null("LoRALinear")
class adds_noise(only_the_base):
    def forward(self, x):
        h = x @ torch.randn_like(self.lora_A).T
        return self.base(x) + h @ torch.randn_like(self.lora_B).T


# Mistakes: the output

SCALE = "self.scale = alpha / r"
CHANGE = "self.scale * (x @ self.lora_A.T @ self.lora_B.T)"

exercise.slip(
    "LoRALinear",
    "forgets_the_scale",
    SCALE,
    "self.scale = 1.0",
    "The product of A and B is added as it is. It has to be scaled by alpha / r.",
)
exercise.slip(
    "LoRALinear",
    "alpha_undivided",
    SCALE,
    "self.scale = alpha",
    "The change is scaled by alpha alone. The product is a sum of r terms; dividing by r makes it"
    " a mean.",
)
exercise.slip(
    "LoRALinear",
    "scale_upside_down",
    SCALE,
    "self.scale = r / alpha",
    "The scale is the wrong way up: it should grow with alpha and shrink with r.",
)
exercise.slip(
    "LoRALinear",
    "whole_division",
    SCALE,
    "self.scale = alpha // r",
    "`//` throws the fraction away: with alpha = 4 and r = 8 the change would vanish. Use `/`.",
)
exercise.slip(
    "LoRALinear",
    "square_root_of_the_rank",
    SCALE,
    "self.scale = alpha / r**0.5",
    "This is the scale of rank-stabilised LoRA. Here alpha is divided by r itself, without the "
    "root.",
)
exercise.slip(
    "LoRALinear",
    "scales_the_base_as_well",
    f"out + {CHANGE}",
    "self.scale * (out + x @ self.lora_A.T @ self.lora_B.T)",
    "The base layer's output is scaled, too. Only the change is.",
)
exercise.slip(
    "LoRALinear",
    "only_the_change",
    f"out + {CHANGE}",
    CHANGE,
    "The output of the base layer is missing: the change is added to it.",
)
exercise.slip(
    "LoRALinear",
    "forgets_the_bias",
    "= self.base(x)",
    "= x @ self.base.weight.T",
    "The bias of the base layer is missing. Calling the layer applies weight and bias.",
)
exercise.slip(
    "LoRALinear",
    "transposes_missing",
    "(x @ self.lora_A.T @ self.lora_B.T)",
    "(x @ self.lora_A @ self.lora_B)",
    "A and B are stored as (out, in), like the weight of nn.Linear: rows of x meet their "
    "transposes.",
)
exercise.slip(
    "LoRALinear",
    "has_dropout",
    "(x @ self.lora_A.T",
    "(nn.functional.dropout(x, 0.1, self.training) @ self.lora_A.T",
    "There is dropout on the way through A and B; this layer has none.",
)


@exercise.mistake("LoRALinear")
class names_swapped(lora.LoRALinear):
    """A and B have changed places: lora_A is (r, d_in) and meets x, lora_B is (d_out, r)."""

    def __init__(self, base, r, alpha):
        super().__init__(base, r, alpha)
        self.lora_A, self.lora_B = self.lora_B, self.lora_A

    def forward(self, x):
        out = self.base(x)
        return out if self.merged else out + self.scale * (x @ self.lora_B.T @ self.lora_A.T)

    def merge(self):
        if not self.merged:
            with torch.no_grad():
                self.base.weight += self.scale * (self.lora_A @ self.lora_B)
        self.merged = True
        return self.base


@exercise.mistake("LoRALinear")
class layers_for_matrices(lora.LoRALinear):
    """lora_A and lora_B are nn.Linear layers here. They should be the matrices: nn.Parameter."""

    def __init__(self, base, r, alpha):
        super().__init__(base, r, alpha)
        del self.lora_A, self.lora_B
        self.lora_A = nn.Linear(base.in_features, r, bias=False)
        self.lora_B = nn.Linear(r, base.out_features, bias=False)
        nn.init.zeros_(self.lora_B.weight)

    def forward(self, x):
        out = self.base(x)
        return out if self.merged else out + self.scale * self.lora_B(self.lora_A(x))

    def merge(self):
        if not self.merged:
            with torch.no_grad():
                self.base.weight += self.scale * (self.lora_B.weight @ self.lora_A.weight)
        self.merged = True
        return self.base


@exercise.mistake("LoRALinear")
class product_computed_once(lora.LoRALinear):
    """The product of A and B is computed when the layer is made; it changes with every step."""

    def __init__(self, base, r, alpha):
        super().__init__(base, r, alpha)
        self.change = (self.scale * (self.lora_B @ self.lora_A)).detach()

    def forward(self, x):
        return self.base(x) if self.merged else self.base(x) + x @ self.change.T

    def merge(self):
        if not self.merged:
            self.base.weight.data += self.change
        self.merged = True
        return self.base


# Mistakes: the start

DRAW = "nn.init.normal_(self.lora_A, std=base.in_features**-0.5)"

exercise.slip(
    "LoRALinear",
    "both_zero",
    DRAW,
    "nn.init.zeros_(self.lora_A)",
    "A and B both start at zero. Look at their gradients in section 3: then both are zero, and "
    "stay zero for ever.",
)
exercise.slip(
    "LoRALinear",
    "random_and_zero_swapped",
    DRAW,
    "nn.init.zeros_(self.lora_A)\n        nn.init.normal_(self.lora_B)",
    "A starts at zero and B at random. It is the other way round: A random, B zero.",
)
exercise.slip(
    "LoRALinear",
    "both_random",
    ".new_zeros(base.out_features, r)",
    ".new_empty(base.out_features, r).normal_()",
    "B starts at random, so a new layer does not give what its base gives. Which start of B makes"
    " the change zero?",
)
exercise.slip(
    "LoRALinear",
    "equal_rows",
    DRAW,
    "nn.init.constant_(self.lora_A, 0.1)",
    "lora_A is not random: its rows are equal, so all r directions are the same one and learn the "
    "same.",
)
exercise.slip(
    "LoRALinear",
    "seeds_the_generator_itself",
    DRAW,
    f"torch.manual_seed(0)\n        {DRAW}",
    "Every new layer gets the same lora_A, as if the generator were seeded inside. Seeding is up "
    "to the caller.",
)
exercise.slip(
    "LoRALinear",
    "another_generator",
    DRAW,
    "self.lora_A.data.copy_(torch.from_numpy(__import__('numpy').random.randn(r, "
    "base.in_features)))",
    "lora_A does not follow torch.manual_seed, so a run cannot be repeated. Draw it with PyTorch.",
)

# Mistakes: what is trained

FREEZE = "self.base = base.requires_grad_(False)"

exercise.slip(
    "LoRALinear",
    "base_is_trained",
    FREEZE,
    "self.base = base",
    "The base layer is not frozen: the optimizer changes its weight and bias.",
)
exercise.slip(
    "LoRALinear",
    "bias_is_trained",
    FREEZE,
    "self.base = base\n        base.weight.requires_grad_(False)",
    "The weight of the base layer is frozen, its bias is not.",
)
exercise.slip(
    "LoRALinear",
    "everything_is_frozen",
    "self.merged = False",
    "self.merged = False\n        self.requires_grad_(False)",
    "lora_A and lora_B are frozen, too, so nothing learns. Freeze the base layer only.",
)
exercise.slip(
    "LoRALinear",
    "base_cut_off",
    "= self.base(x)",
    "= self.base(x).detach()",
    "The base layer is cut out of the graph (detach, no_grad). Its weights get no gradient "
    "anyway, but the layers before it need the one that passes through.",
)
exercise.slip(
    "LoRALinear",
    "change_cut_off",
    "(x @ self.lora_A.T",
    "(x.detach() @ self.lora_A.T",
    "x is detached on its way through A and B: the layers before get only the base layer's share "
    "of the gradient.",
)


@exercise.mistake("LoRALinear")
class tensors_for_parameters(lora.LoRALinear):
    """lora_A and lora_B are plain tensors, which no optimizer finds. Make them nn.Parameter."""

    def __init__(self, base, r, alpha):
        super().__init__(base, r, alpha)
        for name in ("lora_A", "lora_B"):
            values = getattr(self, name).detach()
            delattr(self, name)
            setattr(self, name, values.requires_grad_())


@exercise.mistake("LoRALinear")
class trains_a_scale(lora.LoRALinear):
    """Something else than lora_A and lora_B is trained as well; the scale is a fixed number."""

    def __init__(self, base, r, alpha):
        super().__init__(base, r, alpha)
        self.scale = nn.Parameter(base.weight.new_tensor(alpha / r))


# Mistakes: the merge

UPDATE = "self.base.weight += self.scale * (self.lora_B @ self.lora_A)"

exercise.slip(
    "LoRALinear",
    "copies_the_base",
    FREEZE,
    "import copy\n        self.base = copy.deepcopy(base).requires_grad_(False)",
    "The layer works on a copy of its base. Keep the layer that was given, or merge() never "
    "reaches it.",
)
exercise.slip(
    "LoRALinear",
    "merges_without_the_scale",
    UPDATE,
    "self.base.weight += self.lora_B @ self.lora_A",
    "merge() forgets alpha / r: the merged layer gives other outputs than the one that was "
    "trained.",
)
exercise.slip(
    "LoRALinear",
    "merges_the_transpose",
    UPDATE,
    "self.base.weight += self.scale * (self.lora_B @ self.lora_A).T",
    "merge() adds the transpose. The weight is (d_out, d_in), and so is the product without it.",
)
exercise.slip(
    "LoRALinear",
    "merges_every_time",
    "if not self.merged:",
    "if True:",
    "A second merge() adds the change once more. Remember that it has been added.",
)
exercise.slip(
    "LoRALinear",
    "forward_still_adds_the_change",
    "if self.merged:",
    "if False:",
    "After merge() the change is in the base layer's weight, and forward adds it once more.",
)
exercise.slip(
    "LoRALinear",
    "forgets_that_it_is_merged",
    "self.merged = True",
    "pass",
    "Nothing remembers that the change has been merged: a second merge() adds it again, and so "
    "does forward.",
)
exercise.slip(
    "LoRALinear",
    "replaced_by_a_parameter",
    UPDATE,
    "self.base.weight = nn.Parameter(self.base.weight + self.scale * (self.lora_B @ self.lora_A))",
    "merge() puts a new parameter in the place of the weight: it requires a gradient, and whoever "
    "shares the old one keeps it. Change the weight in place.",
)
exercise.slip(
    "LoRALinear",
    "replaced_by_a_frozen_parameter",
    UPDATE,
    "self.base.weight = nn.Parameter(self.base.weight + self.scale * (self.lora_B @ self.lora_A),"
    " requires_grad=False)",
    "merge() puts a new parameter in the place of the weight, and whoever shares the old one "
    "keeps it. Change the weight in place.",
)
exercise.slip(
    "LoRALinear",
    "merge_is_recorded",
    f"with torch.no_grad():\n                {UPDATE}",
    "self.base.weight.add_(self.scale * (self.lora_B @ self.lora_A))",
    "Autograd records the sum in merge(), so the base weight now depends on A and B and requires a "
    "gradient.",
)
exercise.slip(
    "LoRALinear",
    "thaws_the_base",
    "return self.base",
    "return self.base.requires_grad_(True)",
    "merge() makes the base layer trainable again; it stays frozen.",
)
exercise.slip(
    "LoRALinear",
    "merge_returns_nothing",
    "return self.base",
    "return None",
    "merge() returns nothing. It gives back the base layer.",
)
exercise.slip(
    "LoRALinear",
    "merge_returns_itself",
    "return self.base",
    "return self",
    "merge() returns the LoRALinear. It gives back the base layer, a plain nn.Linear.",
)


@exercise.mistake("LoRALinear")
class merges_into_a_new_layer(lora.LoRALinear):
    """merge() returns a new layer. It should add to the weight of the base, and return the base."""

    def merge(self):
        merged = copy.deepcopy(self.base)
        merged.weight.data += self.scale * (self.lora_B @ self.lora_A)
        return merged


@exercise.mistake("LoRALinear")
class merge_toggles(lora.LoRALinear):
    """A second merge() takes the change out again. It should change nothing."""

    def merge(self):
        sign = -1.0 if self.merged else 1.0
        with torch.no_grad():
            self.base.weight += sign * self.scale * (self.lora_B @ self.lora_A)
        self.merged = not self.merged
        return self.base


# Mistakes: edges

exercise.slip(
    "LoRALinear",
    "always_float32",
    "base.weight.new_empty(r, base.in_features)",
    "torch.empty(r, base.in_features)",
    "The matrices have PyTorch's default dtype. They should follow the dtype and the device of "
    "base.weight.",
)
exercise.slip(
    "LoRALinear",
    "computes_in_float32",
    CHANGE,
    "self.scale * (x.float() @ self.lora_A.float().T @ self.lora_B.float().T)",
    "The change is computed in float32 whatever the dtype of the layer is.",
)
exercise.slip(
    "LoRALinear",
    "returns_flat_rows",
    "out: torch.Tensor = self.base(x)",
    "out: torch.Tensor = self.base(x := x.reshape(-1, x.shape[-1]))",
    "The leading axes of x are flattened into one and not restored. `@` and nn.Linear take any "
    "number of them as they are.",
)
exercise.slip(
    "LoRALinear",
    "scales_the_input_in_place",
    CHANGE,
    "(x.mul_(self.scale) @ self.lora_A.T @ self.lora_B.T)",
    "x is changed by the call. Other layers still read it: work on new tensors.",
)
exercise.slip(
    "LoRALinear",
    "gives_the_base_a_bias",
    FREEZE,
    "if base.bias is None:\n"
    "            base.bias = nn.Parameter(base.weight.new_zeros(base.out_features))\n"
    f"        {FREEZE}",
    "A base layer without a bias gets one. Leave it without.",
)
exercise.slip(
    "LoRALinear",
    "accepts_any_rank",
    "if r < 1:",
    "if False:",
    "A rank below 1 should raise ValueError.",
)
exercise.slip(
    "LoRALinear",
    "refuses_too_late",
    "if r < 1:",
    "base.requires_grad_(False)\n        if r < 1:",
    "When r is refused, the base layer has already been frozen. Look at the arguments first.",
)
