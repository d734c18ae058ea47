"""Hidden checks for vol2_pytorch/resume.

A run lives on the student's side and is driven by handles. What it should be after so many steps is
known from the same run made here, in plain PyTorch. Processes are ended, and files kept from
growing, at chosen points, from outside; files are looked at from outside, too.
"""

import contextlib
import json
from functools import cache

import numpy as np
import safetensors.torch

from autograder import (
    Exercise,
    LocalBackend,
    Student,
    StudentDied,
    StudentRaised,
    derived,
    raises,
)
from solutions.vol2_pytorch import resume

exercise = Exercise(
    "vol2_pytorch/resume",
    solution=resume,
    arrays="torch",
    difficulty=4,
    minutes=120,
    scratch=4 << 20,
    inputs={"seeds": derived(lambda rng: [int(s) for s in rng.integers(1, 2**31, size=3)])},
    sizes={},
)
# More renames and removals than any sensible save has.
MOST_STEPS = 16
CUTS = ("empty", "half", "one byte short", "something else")


class Run:
    """A small run: two layers with dropout, AdamW, a cosine, four generators.

    Args:
        layers: What the model consists of, made by `linear` and others; the usual ones if None.
        optimizer: Makes the optimizer from the parameters.
    """

    def __init__(self, student, seed, layers=None, optimizer=None):
        self.student, self.library = student, student.library
        self.library("torch.default_generator.manual_seed")(seed)
        self.library("numpy.random.seed")(seed)
        self.library("random.seed")(seed)
        self.layers = layers(self) if layers else self.usual()
        self.model = student.keep(self.library("torch.nn.Sequential"), *self.layers)
        make = optimizer or adamw
        self.optimizer = make(self)
        cosine = self.library("torch.optim.lr_scheduler.CosineAnnealingLR")
        self.scheduler = student.keep(cosine, self.optimizer, 20)
        self.generator = student.keep(self.library("torch.Generator"))
        student.keep(self.generator.manual_seed, seed + 1)

    def usual(self):
        dropout = self.student.keep(self.library("torch.nn.Dropout"), 0.5)
        return [self.linear(3, 4), dropout, self.linear(4, 1)]

    def linear(self, d_in, d_out, dtype="float64", **kwargs):
        kind = self.library(f"torch.{dtype}")
        return self.student.keep(self.library("torch.nn.Linear"), d_in, d_out, dtype=kind, **kwargs)

    def train(self, steps):
        """Steps that use everything there is to lose."""
        keep, double = self.student.keep, self.library("torch.float64")
        for _ in range(steps):
            x = keep(self.library("torch.randn"), 8, 3, generator=self.generator, dtype=double)
            scale = self.library("random.random")() + self.library("numpy.random.rand")()
            out = keep(self.model, keep(x.mul, scale))
            loss = keep(keep(out.pow, 2).mean)
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            self.optimizer.zero_grad()
        return self

    @property
    def parts(self):
        return self.model, self.optimizer, self.scheduler

    def save(self, path, step, student=None):
        return (student or self.student).save(path, *self.parts, step, self.generator)

    def load(self, path):
        return self.student.load(path, *self.parts, self.generator)

    def weights(self):
        """Parameters and buffers by name."""
        return self.library("builtins.dict")(self.student.keep(self.model.state_dict))

    def vector(self):
        """All of its state as numbers, draws of each generator included; they go on by that."""
        whole = self.optimizer.state_dict()
        each = sorted(whole["state"].items())
        moments = [value for _, parts in each for _, value in sorted(parts.items())]
        schedule = self.scheduler.state_dict()
        values = [
            *self.weights().values(),
            *moments,
            *[group["lr"] for group in whole["param_groups"]],
            schedule["last_epoch"],
            schedule["_last_lr"],
            self.library("torch.rand")(2),
            self.library("torch.rand")(2, generator=self.generator),
            self.library("numpy.random.normal")(),
            self.library("random.gauss")(0, 1),
        ]
        return np.concatenate([np.ravel(np.asarray(v, dtype=np.float64)) for v in values])


def adamw(run):
    return run.student.keep(
        run.library("torch.optim.AdamW"), run.model.parameters(), lr=0.03, weight_decay=0.1
    )


@cache
def plain(seed, steps):
    """The state of the usual run after so many steps, made here."""
    return Run(Student(LocalBackend({}, arrays="torch")), seed).train(steps).vector()


def where(vector, states):
    """Which of the known states this is: its name, or "neither"."""
    for name, state in states.items():
        if vector.shape == state.shape and np.allclose(vector, state, rtol=0, atol=1e-9):
            return name
    return "neither"


def noted(student, value):
    """`value`, which another process gave, as part of what this student did."""
    student.transcript.append(value)
    return value


def saved(student, call, *args):
    """Does a save come to its end? What it raises counts as a wrong value."""
    try:
        call(*args)
    except StudentRaised as error:
        if error.exception == "NotImplementedError":
            raise
        return False
    return True


# save


@exercise.satisfies("save", kind="R", points=4, rtol=1e-9)
def five_and_five_steps_are_ten(student, seeds):
    """Five steps, a save, a load in a new process and five more steps give what ten steps give."""
    path = student.folder + "/run"
    Run(student, seeds[0]).train(5).save(path, 5)
    again = Run(student.restarted(), seeds[1])
    step = noted(student, again.load(path))
    yield step == 5
    yield noted(student, again.train(5).vector()), plain(seeds[0], 10)


@exercise.satisfies("save", points=1)
def a_later_save_takes_the_place_of_an_earlier_one(student, seeds):
    """After two saves into one folder, load finds the second."""
    path, run = student.folder + "/run", Run(student, seeds[0])
    for steps in (1, 2):
        run.train(steps).save(path, steps)
    again = Run(student, seeds[1])
    yield again.load(path) == 2
    yield again.vector(), plain(seeds[0], 3)


@exercise.satisfies("save", points=1, rtol=1e-9)
def saving_changes_nothing(student, seeds):
    """A run that goes on after save does what it would have done without."""
    run = Run(student, seeds[0]).train(2)
    run.save(student.folder + "/run", 2)
    return run.train(1).vector(), plain(seeds[0], 3)


class Interrupted:
    """Saves step 1 whole, and then step 2 again and again with an interruption."""

    def __init__(self, student, seeds):
        self.student, self.seeds, self.count = student, seeds, 0
        self.states = {"old": plain(seeds[0], 1), "new": plain(seeds[0], 2)}
        self.whole = student.folder + "/whole"
        Run(student, seeds[0]).train(1).save(self.whole, 1)
        self.finder = Run(student, seeds[2])

    def found(self, **how):
        """What load finds afterwards ("old", "new", or what is wrong), and whether save ended."""
        self.count += 1
        path = f"{self.student.folder}/{self.count}"
        self.student.keep(self.student.library("shutil.copytree"), self.whole, path)
        other = Run(self.student.restarted(**how), self.seeds[1])
        try:
            other.load(path)
            other.train(1).save(path, 2)
            ended = True
        except (StudentDied, StudentRaised):
            ended = False
        try:
            step = self.finder.load(path)
        except StudentRaised:
            return "nothing", ended
        found = where(self.finder.vector(), self.states)
        if found == "neither" or step != {"old": 1, "new": 2}[found]:
            return "neither", ended
        return ("lost" if ended and found == "old" else found), ended


def only_whole(student, found):
    """Whether only whole states were found."""
    return not noted(student, sorted({name for name in found} - {"old", "new"}))


@exercise.satisfies("save", points=3)
def killed_at_any_step_nothing_is_lost(student, seeds):
    """Killed before any renaming or removing that save does: the old or the new state, whole."""
    trial, found = Interrupted(student, seeds), []
    for at in range(MOST_STEPS):
        name, ended = trial.found(stop_at=at)
        found.append(name)
        if ended or name not in ("old", "new"):
            break
    return only_whole(student, found)


@exercise.satisfies("save", points=2)
def a_write_that_fails_loses_nothing(student, seeds):
    """If the disk is full after any number of bytes, save raises and the old state is whole."""
    trial = Interrupted(student, seeds)
    sizes = {len(data) - 1 for data in student.files().values()} - {-1}
    found = [trial.found(file_bytes=most)[0] for most in sorted({0, *sizes})]
    return only_whole(student, found)


@exercise.satisfies("save", points=1)
def files_are_replaced_and_not_written_over(student, seeds):
    """No file of a finished save is opened for writing again: new ones take their places."""
    path, run = student.folder + "/run", Run(student, seeds[0])
    run.save(path, 0)
    held = student.held_files()
    try:
        run.train(1).save(path, 1)
    finally:
        changed = held.changed()
    return not noted(student, changed)


def tensors_in(data):
    """The tensors of a safetensors file, None if it is something else."""
    try:
        return list(safetensors.torch.load(data).values())
    except Exception:  # whatever the parser says to bytes that are a student's
        return None


def is_json(data):
    """Are these bytes JSON?"""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


@exercise.satisfies("save", points=1)
def tensors_are_safetensors_and_the_rest_json(student, seeds):
    """In the folder, and nowhere else, are safetensors files with all tensors, and JSON."""
    run = Run(student, seeds[0]).train(1)
    run.save(student.folder + "/run", 1)
    files = student.files()
    found = {name: tensors_in(data) for name, data in files.items()}
    facts = [
        all(name.startswith("run/") for name in files),
        all(found[name] is not None or is_json(data) for name, data in files.items()),
    ]
    tensors = [t.numpy() for part in found.values() for t in part or () if t.is_floating_point()]
    wanted = [*run.weights().values(), run.optimizer.state_dict()["state"][0]["exp_avg"]]
    for value in wanted:
        facts.append(any(t.shape == value.shape and np.allclose(t, value) for t in tensors))
    noted(student, facts)
    return all(facts)


def special(run):
    """A tied weight, a weight that is not contiguous, buffers, three dtypes."""
    one, two, three = run.linear(3, 3), run.linear(3, 3), run.linear(3, 3, bias=False)
    half = run.linear(3, 3, "bfloat16")
    norm = run.student.keep(run.library("torch.nn.BatchNorm1d"), 3)
    put = run.library("builtins.setattr")
    put(two, "weight", run.student.part(one, "weight"))
    turned = run.student.keep(run.student.part(run.student.part(one, "weight"), "data").t)
    put(three, "weight", run.student.keep(run.library("torch.nn.Parameter"), turned))
    return [one, two, three, half, norm]


@exercise.satisfies("save", kind="E", points=1)
def any_tensors_can_be_saved(student, seeds):
    """Tied weights, weights that are not contiguous, buffers, bfloat16 and int64 tensors."""
    run, path = Run(student, seeds[0], special), student.folder + "/run"
    yield saved(student, run.save, path, 0)
    again = Run(student, seeds[1], special)
    again.load(path)
    yield tuple(again.weights().values()), tuple(run.weights().values())
    kinds = [
        [str_of(r.student, r.student.part(v, "dtype")) for v in tensors_of(r)] for r in (run, again)
    ]
    yield kinds[0] == kinds[1]


def tensors_of(run):
    """Handles of the tensors of a model's state."""
    keep, item = run.student.keep, run.library("operator.getitem")
    state = keep(run.model.state_dict)
    return [keep(item, state, name) for name in run.library("builtins.list")(state)]


def str_of(student, handle):
    """What Python prints for an object."""
    return student.library("builtins.str")(handle)


def two_groups(run):
    """SGD with momentum over two groups with learning rates of their own."""
    groups = [
        {"params": run.student.keep(layer.parameters), "lr": lr}
        for layer, lr in zip(run.layers[::2], (0.1, 0.02), strict=True)
    ]
    return run.student.keep(run.library("torch.optim.SGD"), groups, momentum=0.9)


def no_momentum(run):
    """SGD whose state holds None for every parameter."""
    return run.student.keep(run.library("torch.optim.SGD"), run.model.parameters(), lr=0.1)


@exercise.satisfies("save", kind="E", points=1)
def any_optimizer_can_be_saved(student, seeds):
    """Optimizers with several groups, before their first step, and with None in their state."""
    for make, steps in ((two_groups, 1), (no_momentum, 1), (adamw, 0)):
        path = f"{student.folder}/deep/{steps}/{make.__name__}"
        run = Run(student, seeds[0], optimizer=make).train(steps)
        yield saved(student, run.save, path, steps)
        expected = run.train(1).vector()
        again = Run(student, seeds[1], optimizer=make)
        again.load(path)
        yield again.train(1).vector(), expected
    run = Run(student, seeds[0]).train(1)
    for name, value in (("count", 3), ("nothing", None)):
        own = run.library("operator.getitem")
        first = student.part(run.layers[0], "weight")
        put = run.library("operator.setitem")
        put(student.keep(own, student.part(run.optimizer, "state"), first), name, value)
    yield saved(student, run.save, student.folder + "/plain", 1)
    again = Run(student, seeds[1])
    again.load(student.folder + "/plain")
    state = again.optimizer.state_dict()["state"][0]
    yield state["count"] == 3 and state["nothing"] is None


# load


@exercise.satisfies("load", kind="R", points=4, rtol=1e-9)
def everything_is_as_it_was(student, seeds):
    """In a new process, load brings back weights, moments, schedule, generators and the step."""
    path = student.folder + "/run"
    Run(student, seeds[0]).train(3).save(path, 3)
    again = Run(student.restarted(), seeds[1]).train(1)
    step = noted(student, again.load(path))
    yield type(step) is int and step == 3
    yield noted(student, again.vector()), plain(seeds[0], 3)


@exercise.satisfies("load", points=1)
def the_parts_go_on_together(student, seeds):
    """After load, the optimizer and the schedule still work on the model that was given."""
    path = student.folder + "/run"
    Run(student, seeds[0]).train(1).save(path, 1)
    again = Run(student, seeds[1])
    again.load(path)
    return again.train(1).vector(), plain(seeds[0], 2)


def refused(student, seeds, path, **how):
    """Is `path` refused with a ValueError, and is everything as it was before?"""
    run = Run(student, seeds[2], **how).train(0 if how else 1)
    weights = tuple(run.weights().values())
    error = raises(ValueError, run.load, path)
    if how:
        after = tuple(run.weights().values())
        same = all(map(np.array_equal, weights, after))
    else:
        same = where(run.vector(), {"before": plain(seeds[2], 1)}) == "before"
    return noted(student, [error, same])


@exercise.satisfies("load", points=1)
def a_missing_folder_is_refused(student, seeds):
    """A folder that is not there, or empty, raises ValueError and changes nothing."""
    student.library("os.mkdir")(student.folder + "/empty")
    for name in ("none", "empty"):
        yield refused(student, seeds, f"{student.folder}/{name}") == [True, True]


def damage(student, path, name, how, size):
    """Cut a file, or put something else in its place."""
    file = f"{path}/{name}"
    if how == "something else":
        with_text = student.keep(student.library("pathlib.Path"), file)
        with_text.write_text("[1, 2")
    else:
        length = {"empty": 0, "half": size // 2, "one byte short": size - 1}[how]
        student.library("os.truncate")(file, length)


@exercise.satisfies("load", points=2)
def damage_is_refused(student, seeds):
    """A file that is cut short, or something else: ValueError, and nothing changes."""
    whole = student.folder + "/whole"
    Run(student, seeds[0]).train(3).save(whole, 3)
    files = {n.partition("/")[2]: len(data) for n, data in student.files().items()}
    for number, (name, size) in enumerate(sorted(files.items())):
        for how in CUTS:
            path = f"{student.folder}/{number} {how}"
            student.keep(student.library("shutil.copytree"), whole, path)
            damage(student, path, name, how, size)
            yield refused(student, seeds, path) == [True, True] or finds(student, seeds, path)


def finds(student, seeds, path):
    """Does load find the whole state all the same? What was cut did not matter then."""
    run = Run(student, seeds[1])
    with contextlib.suppress(StudentRaised):
        if run.load(path) == 3:
            return where(run.vector(), {"whole": plain(seeds[0], 3)}) == "whole"
    return False


def wider(run):
    return [run.linear(3, 4), run.linear(4, 2)]


def deeper(run):
    return [*run.usual(), run.linear(1, 1)]


def shorter(run):
    return run.usual()[:1]


@exercise.satisfies("load", points=2)
def another_model_is_refused(student, seeds):
    """A checkpoint of a model with other layers or other shapes: ValueError, nothing changes."""
    path = student.folder + "/run"
    Run(student, seeds[0]).train(1).save(path, 1)
    for layers in (wider, deeper, shorter):
        yield refused(student, seeds, path, layers=layers) == [True, True]


@exercise.satisfies("load", kind="E", points=1)
def a_save_that_was_killed_is_no_hindrance(student, seeds):
    """What a killed save has left over disturbs neither the next save nor the next load."""
    path = student.folder + "/run"
    Run(student, seeds[0]).train(1).save(path, 1)
    other = Run(student.restarted(file_bytes=100), seeds[1])
    with contextlib.suppress(StudentRaised, StudentDied):
        other.save(path, 7)
    for steps in (1, 2):
        again = Run(student, seeds[1])
        yield again.load(path) == steps
        yield again.vector(), plain(seeds[0], steps)
        Run(student, seeds[0]).train(2).save(path, 2)


# Known mistakes


def forgets(name, old, new, hint):
    """A mistake in what is gathered to be saved."""
    exercise.slip("save", name, old, new, hint, within="_gather")


forgets(
    "forgets_the_moments",
    'in whole["state"].items()',
    "in {}.items()",
    """The moments and step counts of the optimizer are missing: AdamW would start as if it had
    never seen a gradient. They are under "state" in optimizer.state_dict().""",
)
forgets(
    "forgets_the_first_moment",
    '.{name}"] = parts[name]',
    '.{name}"] = parts[name] * (name != "exp_avg")',
    """The first moment of the optimizer comes back as zero. Save every entry of the state of every
    parameter.""",
)
forgets(
    "forgets_dropout",
    'tensors["random.torch"] = torch.get_rng_state()',
    'tensors["random.torch"] = torch.Generator().get_state()',
    """PyTorch's global generator is missing: dropout draws other masks after the load. Save
    torch.get_rng_state().""",
)
forgets(
    "forgets_the_position_in_the_data",
    'tensors["random.generator"] = generator.get_state()',
    'tensors["random.generator"] = torch.Generator().get_state()',
    """The generator that draws the batches starts anew: the run sees again what it has seen. Save
    generator.get_state().""",
)
forgets(
    "saves_the_wrong_generator",
    'tensors["random.generator"] = generator.get_state()',
    'tensors["random.generator"] = torch.get_rng_state()',
    """The generator that draws the batches gets the state of the global one. It is a generator of
    its own: generator.get_state().""",
)
forgets(
    "forgets_numpy",
    "np.random.get_state(legacy=False)",
    "np.random.RandomState(0).get_state(legacy=False)",
    """NumPy's global generator is missing. Save np.random.get_state(): the array, the position in
    it and the number that a normal draw may have left over.""",
)
forgets(
    "forgets_the_position_of_numpy",
    '"numpy": numpy_state,',
    '"numpy": {**numpy_state, "state": {"pos": 624}},',
    """NumPy's generator goes on from another place: its state is not the array of 624 numbers
    alone, but the position in that array as well.""",
)
forgets(
    "forgets_python",
    "random.getstate()",
    "random.Random(0).getstate()",
    """Python's global generator is missing. Save random.getstate().""",
)
forgets(
    "forgets_the_schedule",
    '"scheduler": scheduler.state_dict()',
    '"scheduler": {**scheduler.state_dict(), "last_epoch": 0}',
    """The schedule starts anew: the learning rate goes back to that of its first steps. Save
    scheduler.state_dict().""",
)
forgets(
    "forgets_the_learning_rate",
    '"groups": whole["param_groups"]',
    '"groups": [{**g, "lr": optimizer.defaults["lr"]} for g in whole["param_groups"]]',
    """The learning rate that the schedule has reached is lost. It is in the param_groups of
    optimizer.state_dict(), one for each group.""",
)
forgets(
    "saves_in_half_precision",
    "t.detach().clone(memory_format=order)",
    "(t.float() if t.dtype == torch.float64 else t.clone(memory_format=order))",
    """Tensors come back rounded: something is written in a smaller dtype than it has. Save each
    tensor in its own dtype, else the run is not the same bit for bit.""",
)
forgets(
    "does_not_copy_tied_weights",
    "t.detach().clone(memory_format=order)",
    "t.detach().contiguous()",
    """save fails where two names share one tensor, as with a tied head. safetensors stores each
    tensor by itself: write a copy of each.""",
)
exercise.slip(
    "save",
    "writes_in_place",
    'beside = path.with_suffix(".new")',
    "beside = path",
    """The file is written over in place: opening it for writing empties it, and who is killed then
    has neither the old state nor the new one. Write beside it and move the new file there.""",
)
exercise.slip(
    "save",
    "removes_the_old_one_first",
    "    os.replace(beside, path)",
    "    path.unlink(missing_ok=True)\n    os.replace(beside, path)",
    """There is a moment when the old checkpoint is gone and the new one not there yet. os.replace
    takes the place of an existing file: do not remove that first.""",
)
exercise.slip(
    "save",
    "leaves_a_trace_in_the_generators",
    'beside = path.with_suffix(".new")',
    'beside = path.with_suffix(f".{random.random()}")',
    """Saving draws a random number: a run that saves goes on otherwise than one that does not. Use
    a name that needs no global generator.""",
)
exercise.slip(
    "save",
    "keeps_the_first_one",
    "    path.parent.mkdir(parents=True, exist_ok=True)",
    "    path.parent.mkdir(parents=True, exist_ok=True)\n    if path.exists():\n        return",
    """A second save into the same folder does nothing; load finds the state of the first. Replace
    what is there.""",
)
exercise.slip(
    "save",
    "writes_beside_the_folder",
    'beside = path.with_suffix(".new")',
    'beside = path.with_suffix(".new")\n    Path(f"{folder}.new").write_text("[]")',
    """Something is left outside the folder. Everything that save writes lies in the folder that it
    is given, what it writes for a moment too.""",
)
exercise.slip(
    "save",
    "pickles_the_rest",
    "    os.replace(beside, path)",
    '    os.replace(beside, path)\n    torch.save(state["groups"], path.with_suffix(".pt"))',
    """There is a file that is neither safetensors nor JSON. A pickle runs code when it is loaded:
    put tensors into safetensors and everything else into JSON.""",
)
exercise.slip(
    "save",
    "two_renames",
    "    beside.write_bytes(safetensors.torch.save(tensors, metadata))",
    """    if path.exists():
        with safe_open(path, framework="pt") as file:
            earlier = file.metadata()
        beside.write_bytes(safetensors.torch.save(tensors, earlier))
        os.replace(beside, path)
    beside.write_bytes(safetensors.torch.save(tensors, metadata))""",
    """Killed between two renames, the folder holds tensors of one step and the rest of another. One
    rename has to decide everything: put all into one file, or have one small file say which others
    count.""",
)
exercise.slip(
    "save",
    "saves_the_next_step",
    '"step": step}',
    '"step": step + 1}',
    """load returns another step than the one that was saved. Write `step` as it is.""",
)
exercise.slip(
    "save",
    "swallows_the_error",
    "    beside.write_bytes(safetensors.torch.save(tensors, metadata))",
    """    try:
        beside.write_bytes(safetensors.torch.save(tensors, metadata))
    except OSError:
        pass""",
    """When a write fails, what was written so far takes the place of the old checkpoint. Let the
    error out before anything is renamed.""",
)

exercise.slip(
    "load",
    "returns_the_next_step",
    'return int(state["step"])',
    'return int(state["step"]) + 1',
    """load returns another step than the one that was saved: return `step` as it was given.""",
)
exercise.slip(
    "load",
    "leaves_what_was_loaded_so_far",
    "        _apply(old_tensors, old_state, *run)\n",
    "",
    """A checkpoint that does not fit is refused too late: load_state_dict has copied the tensors
    that do fit before it complains. Look at everything first, or keep what was there and put it
    back.""",
)
exercise.slip(
    "load",
    "another_exception",
    "raise ValueError(f",
    "raise LookupError(f",
    """What cannot be loaded is refused with another exception than the ValueError that is asked
    for.""",
)
exercise.slip(
    "load",
    "begins_anew_without_a_folder",
    "    run = (model, optimizer, scheduler, generator)\n",
    "    run = (model, optimizer, scheduler, generator)\n"
    "    if not Path(folder).exists() or not os.listdir(folder):\n        return 0\n",
    """A folder that is missing or empty is taken for a run at step 0. It may as well be a wrong
    path, and days of training would begin anew: raise ValueError.""",
)
for name, line, hint in (
    (
        "forgets_dropout",
        '    torch.set_rng_state(tensors["random.torch"])\n',
        "PyTorch's global generator is not brought back: dropout draws other masks. Call "
        "torch.set_rng_state.",
    ),
    (
        "forgets_the_position_in_the_data",
        '    generator.set_state(tensors["random.generator"])',
        "The generator that draws the batches stays as it is, so the run sees other data than it "
        "would have. Call generator.set_state.",
    ),
    (
        "forgets_python",
        "    random.setstate((version, tuple(numbers), gauss))\n",
        "Python's global generator is not brought back. Call random.setstate, with tuples.",
    ),
    (
        "forgets_numpy",
        '    np.random.set_state({**state["numpy"], "state": {**state["numpy"]["state"], '
        '"key": key}})\n',
        "NumPy's global generator is not brought back. Call np.random.set_state.",
    ),
    (
        "forgets_the_schedule",
        '    scheduler.load_state_dict(state["scheduler"])\n',
        "The schedule is not brought back: it goes on counting where the new one stands. Call "
        "scheduler.load_state_dict.",
    ),
    (
        "forgets_the_optimizer",
        '    optimizer.load_state_dict({"state": moments, "param_groups": state["groups"]})\n',
        "The optimizer is not brought back: moments, step counts and learning rates are those of "
        "a new one. Call optimizer.load_state_dict.",
    ),
    (
        "forgets_the_model",
        "    model.load_state_dict(named)\n",
        "The weights are not brought back. Call model.load_state_dict.",
    ),
):
    exercise.slip("load", name, line, "", hint, within="_apply")
exercise.slip(
    "load",
    "takes_what_fits",
    "model.load_state_dict(named)",
    "model.load_state_dict(named, strict=False)",
    """A checkpoint of a model with other layers is loaded as far as it goes. With strict=False,
    layers that are missing stay as they were drawn, without a word: refuse it.""",
    within="_apply",
)
exercise.slip(
    "load",
    "draws_a_number",
    "        _apply(old_tensors, old_state, *run)\n",
    "        _apply(old_tensors, old_state, *run)\n        random.random()\n",
    """A load that is refused leaves another state behind than it found: a random number has been
    drawn.""",
)
