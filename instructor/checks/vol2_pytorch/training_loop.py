"""Hidden checks for vol2_pytorch/training_loop.

The model that is trained is a small one of torch.nn parts, made on the student's side and nobody's
solution. What a run gives is known from the reference on the same parts here.
"""

import json
import math
import time
from functools import cache
from types import SimpleNamespace

import numpy as np
import safetensors.torch

from autograder import (
    Exercise,
    LocalBackend,
    Student,
    StudentDied,
    StudentRaised,
    array,
    derived,
    raises,
)
from solutions.vol2_pytorch import training_loop

V, D = 6, 4
BASE = {
    "steps": 7,
    "batch_size": 3,
    "T": 4,
    "max_lr": 0.05,
    "min_lr": 0.01,
    "warmup": 3,
    "weight_decay": 0.3,
    "max_norm": 0.2,
    "eval_every": 3,
    "patience": 0,
    "device": "cpu",
    "dtype": "float32",
}
COLUMNS = ("step", "loss", "val_loss", "lr")

exercise = Exercise(
    "vol2_pytorch/training_loop",
    solution=training_loop,
    arrays="torch",
    difficulty=3,
    minutes=120,
    scratch=4 << 20,
    inputs={
        "seed": derived(lambda rng: int(rng.integers(1, 2**31))),
        "deltas": derived(lambda rng: rng.permutation([0.2, 0.4, 0.6, 0.8, 1.0, 1.2]) * 2.0**-10),
        "signs": derived(lambda rng: rng.choice([-1.0, 1.0], size=8)),
        "table": array("V V"),
    },
    sizes={"V": [V]},
)


class Here:
    """A model on a student's side, and runs of it."""

    def __init__(self, student, seed):
        self.student, self.keep, self.library = student, student.keep, student.library
        self.seed = seed
        rng = np.random.default_rng(seed)
        self.train_ids = rng.integers(0, V, size=41)
        self.val_ids = rng.integers(0, V, size=31)
        self.weights = {
            "0.weight": rng.standard_normal((V, D)),
            "2.weight": rng.standard_normal((D, D)),
            "2.bias": rng.standard_normal(D),
            "3.weight": rng.standard_normal((V, D)),
        }

    def nn(self, name, *args, dtype="float64", **kwargs):
        if name in ("Linear", "Embedding"):
            kwargs["dtype"] = self.library(f"torch.{dtype}")
        return self.keep(self.library(f"torch.nn.{name}"), *args, **kwargs)

    def model(self, dropout=0.3):
        """An embedding, dropout and two layers, in float64, with weights of this seed."""
        layers = (
            self.nn("Embedding", V, D),
            self.nn("Dropout", dropout),
            self.nn("Linear", D, D),
            self.nn("Linear", D, V, bias=False),
        )
        model = self.nn("Sequential", *layers)
        model.load_state_dict(self.weights)
        return model

    def settings(self, folder="run", **changes):
        out = f"{self.student.folder}/{folder}"
        return SimpleNamespace(**{**BASE, "seed": self.seed % 1000, "out": out, **changes})

    def run(self, model=None, folder="run", train_ids=None, val_ids=None, **changes):
        """Train; the records as a table, and the weights afterwards."""
        model = model or self.model()
        self.library("torch.default_generator.manual_seed")(self.seed)
        train_ids = self.train_ids if train_ids is None else train_ids
        val_ids = self.val_ids if val_ids is None else val_ids
        # Kept apart from what is compared: tokens per second differ each time.
        train = self.student.train
        records = self.keep(train, model, train_ids, val_ids, self.settings(folder, **changes))
        records = self.student.fetch(records, record=False)
        table = np.array([[record[c] for c in COLUMNS] for record in records], dtype=np.float64)
        self.student.transcript.append(table)
        return records, table, self.state(model)

    def state(self, model):
        """Parameters and buffers by name."""
        return self.library("builtins.dict")(self.keep(model.state_dict))


@cache
def expected(seed, **changes):
    """Table and weights of the usual run with some settings changed."""
    return reference(seed).run(**changes)[1:]


@cache
def reference(seed):
    """The reference, on the usual model."""
    names = {**vars(training_loop)}
    return Here(Student(LocalBackend(names, arrays="torch")), seed)


def values(state):
    """Tensors of a state as a tuple, by name."""
    return tuple(state[name] for name in sorted(state))


# evaluate


def windows_loss(table, ids, T):
    """Nats per token of a bigram table, over whole windows."""
    log_probs = table - np.log(np.exp(table).sum(-1, keepdims=True))
    n = (len(ids) - 1) // T * T
    return -log_probs[ids[:n], ids[1 : n + 1]].mean()


def bigram(here, table):
    make = here.library("torch.nn.Embedding.from_pretrained")
    return here.keep(make, table, freeze=False)


@exercise.satisfies("evaluate", kind="R", points=3)
def every_token_counts_once(student, table, seed):
    """The mean over all tokens of all whole windows, the last batch being smaller."""
    here = Here(student, seed)
    for T, batch_size in ((4, 4), (7, 3), (1, 16), (5, 1)):
        got = student.evaluate(bigram(here, table), here.val_ids, batch_size, T)
        yield got, windows_loss(table, here.val_ids, T)


@exercise.satisfies("evaluate", points=1)
def batch_size_does_not_matter(student, table, seed):
    """Any batch size gives the same loss, one larger than the data, too."""
    here = Here(student, seed)
    model = bigram(here, table)
    for batch_size in (1, 2, 5, 100):
        got = student.evaluate(model, here.val_ids, batch_size, 4)
        yield got, windows_loss(table, here.val_ids, 4)


@exercise.satisfies("evaluate", points=2)
def mode_and_gradients_are_left_alone(student, seed):
    """Dropout is off meanwhile; the mode is restored, and gradients are as they were."""
    here = Here(student, seed)
    model = here.model()
    layer = here.keep(here.library("operator.getitem"), model, 3)
    weight = student.part(layer, "weight")
    put = here.library("builtins.setattr")
    put(weight, "grad", here.weights["3.weight"])
    without = student.evaluate(here.model(dropout=0.0), here.val_ids, 3, 4)
    for training in (True, False):
        model.train(training)
        here.library("torch.default_generator.manual_seed")(seed)
        yield student.evaluate(model, here.val_ids, 3, 4), without
        yield model.training == training
        yield layer.training == training
    yield weight.grad, here.weights["3.weight"]


@exercise.satisfies("evaluate", points=1)
def nothing_is_recorded(student, table, seed):
    """The model runs without recording for backward, and recording is on again afterwards."""
    here = Here(student, seed)
    recording, seen = here.library("torch.is_grad_enabled"), []

    def look(module, args, out):
        seen.append(recording())

    model = bigram(here, table)
    model.register_forward_hook(look)
    student.evaluate(model, here.val_ids, 3, 4)
    yield bool(seen) and not any(seen)
    yield recording()


@exercise.satisfies("evaluate", kind="E", points=1)
def too_few_tokens_are_refused(student, table, seed):
    """T + 1 tokens make one window; T tokens raise ValueError. The result is a float."""
    here = Here(student, seed)
    model, ids = bigram(here, table), here.val_ids[:6]
    loss = student.evaluate(model, ids, 2, 5)
    yield loss, windows_loss(table, ids, 5)
    yield isinstance(loss, float)
    yield raises(ValueError, student.evaluate, model, ids, 2, 6)


# train


@exercise.satisfies("train", kind="R", points=4, rtol=1e-7)
def records_and_weights_are_right(student, seed):
    """Step, losses and learning rate of every record, and the weights after the last update."""
    _, table, state = Here(student, seed).run()
    want, weights = expected(seed)
    yield table, want
    yield values(state), values(weights)


@exercise.satisfies("train", points=2, rtol=1e-7)
def every_setting_counts(student, seed):
    """Without warm-up, without clipping, with other sizes and betas of long runs."""
    for changes in (
        {"warmup": 0, "min_lr": 0.03, "steps": 4},
        {"T": 6, "batch_size": 5, "steps": 3, "device": "auto", "max_norm": 1e6, "eval_every": 1},
    ):
        _, table, state = Here(student, seed).run(**changes)
        want, weights = expected(seed, **changes)
        yield table, want
        yield values(state), values(weights)


WORSE = {"steps": 8, "max_lr": 0.5, "min_lr": 0.5, "warmup": 0, "max_norm": 9.0, "eval_every": 1}
WORSE |= {"batch_size": 8, "weight_decay": 0.0}


def getting_worse(here, patience, folder="run"):
    """A run whose validation loss falls and then rises: its rule has more exceptions there."""
    train_ids = np.arange(41) % V
    val_ids = np.cumsum([0, *[1, 1, 3] * 13]) % V
    model = bigram(here, np.zeros((V, V)))
    return here.run(model, folder, train_ids=train_ids, val_ids=val_ids, patience=patience, **WORSE)


@cache
def worse(seed, patience):
    """What the reference records there, and the tensors of its two checkpoints."""
    here = reference(seed)
    _, table, state = getting_worse(here, patience)
    return table, state, checkpoints(here.student, "run")


def checkpoints(student, folder):
    """The tensors of best and last, None for what is not a safetensors file."""
    files = student.files()
    return [tensors_of(files.get(f"{folder}/{n}.safetensors")) for n in ("best", "last")]


def tensors_of(data):
    """Tensors by name as arrays; None if these bytes are something else."""
    try:
        return {n: t.numpy() for n, t in safetensors.torch.load(data).items()}
    except Exception:  # whatever the parser says to bytes that are a student's
        return None


@exercise.satisfies("train", points=2, rtol=1e-6)
def training_stops_in_time(student, seed):
    """It stops when the best validation loss is `patience` evaluations old, and never with 0."""
    for patience in (2, 0):
        _, table, _ = getting_worse(Here(student, seed), patience)
        yield table[:, [0, 3]], worse(seed, patience)[0][:, [0, 3]]


@exercise.satisfies("train", points=2, rtol=1e-6)
def best_and_last_are_kept(student, seed):
    """best.safetensors holds the weights of the best evaluation, last.safetensors the last."""
    getting_worse(Here(student, seed), 0)
    found, wanted = checkpoints(student, "run"), worse(seed, 0)[2]
    for got, want in zip(found, wanted, strict=True):
        yield got is not None and got.keys() == want.keys()
        student.transcript.append(values(got))
        yield values(got), values(want)


def lines_of(student, folder="run"):
    """The objects in metrics.jsonl."""
    text = student.files()[f"{folder}/metrics.jsonl"].decode()
    try:
        return [json.loads(line) for line in text.splitlines()]
    except RecursionError:
        raise ValueError("nested too deeply") from None


@exercise.satisfies("train", points=1)
def metrics_are_the_records(student, seed):
    """metrics.jsonl holds one JSON object a line, those of the last run alone, as returned."""
    here = Here(student, seed)
    here.run(steps=2)
    start = time.perf_counter()
    records, _, _ = here.run(steps=4)
    seconds = time.perf_counter() - start
    lines = lines_of(student)
    facts = [
        lines == records,
        all(set(line) == {*COLUMNS, "tokens_per_second"} for line in lines),
        all(0 < line["tokens_per_second"] < math.inf for line in lines),
        all(type(line["step"]) is int for line in lines),
        # Training is a part of the call, so that it cannot have taken longer.
        sum(n / line["tokens_per_second"] for n, line in zip((36, 12), lines, strict=True))
        <= seconds,
    ]
    student.transcript.append(facts)
    return all(facts)


@exercise.satisfies("train", points=1)
def one_batch_is_learned_by_heart(student, seed):
    """With one window, the loss starts at ln V and goes to zero."""
    here = Here(student, seed)
    model = bigram(here, np.zeros((V, V)))
    ids = np.random.default_rng(seed).permutation(V)
    _, table, _ = here.run(
        model,
        train_ids=ids,
        val_ids=ids,
        T=V - 1,
        steps=15,
        max_lr=0.5,
        max_norm=9.0,
        warmup=1,
        eval_every=1,
        weight_decay=0.0,
    )
    yield table[0, 1], math.log(V)
    yield table[-1, 1] < 0.05


@exercise.satisfies("train", points=1)
def mode_is_training(student, seed):
    """The model is trained in training mode, in whatever mode it comes."""
    here = Here(student, seed)
    model = here.model()
    model.eval()
    return here.run(model)[1], expected(seed)[0]


@exercise.satisfies("train", kind="E", points=1)
def nothing_else_is_drawn(student, seed):
    """PyTorch's global generator is where it was, if the model does not draw."""
    here = Here(student, seed)
    here.run(here.model(dropout=0.0))
    drawn = here.library("torch.rand")(3)
    here.library("torch.default_generator.manual_seed")(seed)
    return tuple(map(float, drawn)), tuple(map(float, here.library("torch.rand")(3)))


@exercise.satisfies("train", kind="E", points=2)
def killed_runs_leave_whole_files(student, seed):
    """Killed before any renaming or removing: the checkpoints are whole, and so are the lines."""
    _, want, _ = reference(seed).run(eval_every=2, steps=4)
    kinds = set()
    for at in range(4):
        other = Here(student.restarted(stop_at=at), seed)
        try:
            other.run(folder=f"r{at}", eval_every=2, steps=4)
            ended = True
        except StudentDied:
            ended = False
        files = {n: d for n, d in student.files().items() if n.startswith(f"r{at}/")}
        for name in ("best", "last"):
            data = files.get(f"r{at}/{name}.safetensors")
            kinds.add("whole" if data is None or tensors_of(data) else "torn")
        lines = lines_of(student, f"r{at}")
        same = [line["step"] for line in lines] == [int(s) for s in want[: len(lines), 0]]
        kinds.add("whole" if same and (ended or at == 0 or lines) else "lines lost")
        if ended:
            break
    student.transcript.append(sorted(kinds))
    return kinds == {"whole"}


@exercise.satisfies("train", kind="E", points=1)
def checkpoints_are_replaced(student, seed):
    """A checkpoint is not written over in place: a new file takes its place."""
    here = Here(student, seed)
    here.run(steps=2)
    held = student.held_files()
    try:
        here.run(steps=3)
    finally:
        changed = [name for name in held.changed() if name.endswith(".safetensors")]
    student.transcript.append(changed)
    return not changed


@exercise.satisfies("train", kind="E", points=1)
def tied_and_frozen_parameters(student, seed):
    """A tied head is saved under both names; parameters without gradient stay as they are."""
    here = Here(student, seed)
    table, head = here.nn("Embedding", V, D), here.nn("Linear", D, V, bias=False)
    middle = here.nn("Linear", D, D)
    middle.load_state_dict({"weight": here.weights["2.weight"], "bias": here.weights["2.bias"]})
    table.load_state_dict({"weight": here.weights["0.weight"]})
    here.library("builtins.setattr")(head, "weight", student.part(table, "weight"))
    middle.requires_grad_(False)
    try:
        _, _, state = here.run(here.nn("Sequential", table, middle, head), steps=3)
    except StudentRaised as error:
        if error.exception == "NotImplementedError":
            raise
        yield False
        return
    yield state["1.weight"], here.weights["2.weight"]
    yield (state["0.weight"] != here.weights["0.weight"]).all()
    last = checkpoints(student, "run")[1]
    yield last is not None and last.keys() == state.keys()
    yield values(last), values(state)


@exercise.satisfies("train", kind="E", points=1, rtol=1e-5)
def bfloat16_is_for_products(student, seed, deltas, signs):
    """With dtype "bfloat16" factors are rounded, losses are not, and weights stay float32."""
    here = Here(student, seed)
    layers = (
        here.nn("Embedding", V, 8, dtype="float32"),
        here.nn("Linear", 8, V, dtype="float32", bias=False),
    )
    model = here.nn("Sequential", *layers)
    head = (8 * (1 + deltas[:, None]) * signs).astype(np.float32)
    model.load_state_dict({"0.weight": np.tile(16 * signs, (V, 1)), "1.weight": head})
    _, table, state = here.run(
        model, dtype="bfloat16", steps=2, warmup=2, max_lr=1e-4, eval_every=1, weight_decay=0.0
    )
    # Logits that differ in float32 only are equal; the first update has a rate of zero.
    yield table[0, [1, 2]], np.full(2, math.log(V))
    yield table[1, 1], math.log(V)
    weight = student.part(layers[1], "weight")
    yield here.library("builtins.str")(student.part(weight, "dtype")) == "torch.float32"
    # A row whose token is as frequent as all others on average has a gradient of nearly zero.
    moved = np.abs(state["1.weight"] - head)
    yield moved.any() and moved.max() < 1e-3


# Known mistakes

exercise.slip(
    "evaluate",
    "mean_of_means",
    '"sum").item()',
    '"mean").item() * T * count / -(-count // batch_size)',
    """The means of the batches are averaged, but the last batch is smaller: its tokens count more.
    Add up sums over tokens and divide by the number of tokens.""",
)
exercise.slip(
    "evaluate",
    "targets_not_shifted",
    "y = ids[1 : count * T + 1]",
    "y = ids[: count * T]",
    """The targets are the inputs themselves. The target of a token is the one after it.""",
)
exercise.slip(
    "evaluate",
    "shifted_by_two",
    "    x = ids[: count * T].view(count, T)\n    y = ids[1 : count * T + 1]",
    "    count = (len(ids) - 2) // T\n    x = ids[: count * T].view(count, T)\n"
    "    y = ids[2 : count * T + 2]",
    """The targets are two tokens later; the target of a token is the one right after it.""",
)
exercise.slip(
    "evaluate",
    "drops_the_last_batch",
    "range(0, count, batch_size):",
    "range(0, count - batch_size + 1, batch_size):",
    """Windows that do not fill a batch are left out. The last batch may be smaller.""",
)
exercise.slip(
    "evaluate",
    "one_window_less",
    "count = (len(ids) - 1) // T",
    "count = len(ids) // T - 1",
    """A window is missing: T + 1 tokens make one window, and N tokens (N - 1) // T.""",
)
exercise.slip(
    "evaluate",
    "stays_in_training_mode",
    "    model.eval()\n",
    "",
    """Dropout is on while evaluating: call model.eval() before, and put the mode back after.""",
)
exercise.slip(
    "evaluate",
    "mode_not_restored",
    "        model.train(was)",
    "        pass",
    """The model stays in eval mode: training goes on without dropout. Put back the mode that it
    had.""",
)
exercise.slip(
    "evaluate",
    "always_back_to_training",
    "        model.train(was)",
    "        model.train()",
    """A model that came in eval mode leaves in training mode. Put back the mode that it had.""",
)
exercise.slip(
    "evaluate",
    "records",
    "with torch.no_grad():",
    "with torch.enable_grad():",
    """Everything is recorded for a backward that never comes: memory for nothing. Use
    torch.no_grad().""",
)
exercise.slip(
    "evaluate",
    "perplexity",
    "    return total / (count * T)",
    "    return math.exp(total / (count * T))",
    """This is the perplexity, the exponential of the loss. Return nats per token.""",
)
exercise.slip(
    "evaluate",
    "bits",
    "    return total / (count * T)",
    "    return total / (count * T) / math.log(2)",
    """This is bits per token. Nats come from the natural logarithm, without a further factor.""",
)
exercise.slip(
    "evaluate",
    "nothing_is_refused",
    "    if count < 1:\n",
    "    if count < 1:\n        return 0.0\n    if count < 0:\n",
    """Too few tokens for one window pass without a word. Raise ValueError.""",
)
exercise.slip(
    "evaluate",
    "clears_gradients",
    "    model.eval()\n",
    "    model.eval()\n    model.zero_grad()\n",
    """Gradients are gone after an evaluation. Leave .grad alone.""",
)


def within(name, where, old, new, hint):
    """A mistake in what `train` uses."""
    exercise.slip("train", name, old, new, hint, within=where)


CLIP = "            nn.utils.clip_grad_norm_(model.parameters(), settings.max_norm)\n"
within(
    "no_clipping",
    "train",
    CLIP,
    "",
    """Gradients are not clipped. Limit their joint norm to max_norm between backward and step.""",
)
within(
    "clips_values",
    "train",
    "clip_grad_norm_(model.parameters()",
    "clip_grad_value_(model.parameters()",
    """Each number is clipped by itself, which turns the gradient. Clip the joint norm.""",
)
within(
    "never_clears",
    "train",
    "            optimizer.zero_grad()\n",
    "",
    """Gradients of earlier updates are still there, and backward adds to them. Clear them each
    time.""",
)
within(
    "rate_of_the_next_update",
    "train",
    "_rate(step, settings)",
    "_rate(step + 1, settings)",
    """The learning rates are one update early. Update s uses the rate of step s, from 0 on.""",
)
within(
    "cosine_over_all_steps",
    "_rate",
    "way = (step - settings.warmup) / (settings.steps - settings.warmup)",
    "way = step / settings.steps",
    """The cosine begins at step 0 and so is already on its way down after the warm-up. It goes from
    the end of the warm-up to `steps`.""",
)
within(
    "falls_to_zero",
    "_rate",
    "settings.min_lr + 0.5 * height",
    "0.5 * settings.max_lr",
    """The cosine falls to zero. It ends at min_lr.""",
)
within(
    "min_lr_on_top",
    "_rate",
    "height = settings.max_lr - settings.min_lr",
    "height = settings.max_lr",
    """The rate after warm-up is max_lr + min_lr: the height of the cosine is their difference.""",
)
within(
    "no_warmup",
    "_rate",
    "if step < settings.warmup:",
    "if step < 0:",
    """There is no warm-up. Below `warmup` the rate is max_lr s / warmup.""",
)
within(
    "usual_betas",
    "_optimizer",
    "betas=(0.9, 0.95)",
    "betas=(0.9, 0.999)",
    """The second beta of AdamW is another one. Here it is 0.95.""",
)
within(
    "decays_everything",
    "_optimizer",
    '"weight_decay": 0.0}',
    '"weight_decay": settings.weight_decay}',
    """Biases and gains are shrunk, too. weight_decay is for parameters with at least 2 axes.""",
)
within(
    "decays_nothing",
    "_optimizer",
    '            "weight_decay": settings.weight_decay,',
    '            "weight_decay": 0.0,',
    """weight_decay has no effect. It applies to parameters with at least 2 axes.""",
)
within(
    "targets_not_shifted",
    "_batch",
    "return windows[:, :-1], windows[:, 1:]",
    "return windows[:, :-1], windows[:, :-1]",
    """The targets of the batches are the inputs themselves. The target of a token is the one after
    it.""",
)
within(
    "last_window_never_drawn",
    "_batch",
    "torch.randint(len(ids) - settings.T,",
    "torch.randint(len(ids) - settings.T - 1,",
    """The last window is never drawn: there are len(ids) - T of them.""",
)
within(
    "global_generator",
    "_batch",
    ", generator=generator)",
    ")",
    """Batches are drawn from the global generator. Use one of your own, seeded with
    settings.seed.""",
)
within(
    "same_batch_each_time",
    "train",
    "x, y = _batch(train_ids, settings, generator)",
    "x, y = _batch(train_ids, settings, torch.Generator().manual_seed(settings.seed))",
    """Every update sees the same batch: the generator is seeded again each time. Seed it once.""",
)
within(
    "last_loss_only",
    "train",
    "mean, lr = sum(losses) / len(losses)",
    "mean, lr = losses[-1]",
    """`loss` is that of the last update alone. Record the mean since the record before.""",
)
within(
    "mean_since_the_start",
    "train",
    "losses, seconds = [], 0.0",
    "seconds = 0.0",
    """`loss` is the mean over all updates so far. Record the mean since the record before.""",
)
within(
    "no_last_evaluation",
    "train",
    " or step + 1 == settings.steps:",
    ":",
    """The last updates are never evaluated. Evaluate after the last one, too.""",
)
within(
    "counts_from_zero",
    "train",
    "log.add(model, step + 1,",
    "log.add(model, step,",
    """`step` is one too small: it counts the updates that have been made.""",
)
within(
    "evaluates_on_training_data",
    "train",
    "evaluate(model, val_ids,",
    "evaluate(model, train_ids,",
    """`val_loss` is a loss on the training data. Evaluate on val_ids.""",
)
within(
    "mode_is_what_it_was",
    "train",
    "    model.train()\n",
    "",
    """A model that comes in eval mode is trained without dropout. Call model.train() first.""",
)
within(
    "stops_one_later",
    "_Log",
    "self.age == self.patience > 0",
    "self.age > self.patience > 0",
    """Training stops an evaluation late: as soon as the best is `patience` evaluations old.""",
)
within(
    "never_stops",
    "_Log",
    "self.age == self.patience > 0",
    "False",
    """Training goes on though the validation loss has long been better. Stop after `patience`
    evaluations without a new best.""",
)
within(
    "compares_with_the_one_before",
    "_Log",
    "self.best, self.age = val_loss, 0",
    "self.age = 0",
    """The best loss is never remembered, so that every evaluation is a new best. Keep it.""",
)
within(
    "patience_of_zero_stops",
    "_Log",
    "self.age == self.patience > 0",
    "self.age >= max(self.patience, 1)",
    """A patience of 0 stops at the first evaluation that is not a new best. It means never.""",
)
within(
    "best_is_the_last",
    "_Log",
    "        if val_loss < self.best:\n",
    '        _checkpoint(model, self.out / "best.safetensors")\n        if val_loss < self.best:\n',
    """best.safetensors holds the weights of the last evaluation. Write it at a new best only.""",
)
within(
    "last_is_the_best",
    "_Log",
    '        _checkpoint(model, self.out / "last.safetensors")\n        self.age += 1\n'
    "        if val_loss < self.best:\n",
    "        self.age += 1\n        if val_loss < self.best:\n"
    '            _checkpoint(model, self.out / "last.safetensors")\n',
    """last.safetensors holds older weights. Write it at every evaluation.""",
)
within(
    "lines_of_earlier_runs",
    "_Log",
    '        (self.out / "metrics.jsonl").write_text("")\n',
    "",
    """metrics.jsonl still has the lines of an earlier run. It starts anew with each run.""",
)
within(
    "written_in_place",
    "_checkpoint",
    'beside = path.with_suffix(".new")',
    "beside = path",
    """A checkpoint is written over in place: who is killed then has neither the old one nor the new
    one. Write beside it and use os.replace.""",
)
within(
    "tied_tensors",
    "_checkpoint",
    "t.detach().cpu().clone(memory_format=order)",
    "t.detach().cpu().contiguous()",
    """A tied head cannot be saved: safetensors stores each tensor by itself. Write copies.""",
)
within(
    "no_autocast",
    "train",
    'enabled=settings.dtype == "bfloat16"',
    "enabled=False",
    """dtype="bfloat16" has no effect. Run the model under torch.autocast then.""",
)
within(
    "losses_in_bfloat16",
    "_loss",
    "logits if logits.dtype == torch.float64 else logits.float()",
    "logits * 1",
    """Losses are computed in bfloat16, which has two or three digits. Use logits.float().""",
)
