"""Students whose work is right, in many styles and in every way to hand it in; and the partial."""

import ast
from collections.abc import Iterator, Mapping, Sequence

from handin import (
    RMSNORM,
    SOFTMAX,
    Sources,
    Student,
    alone,
    dumped,
    folder,
    weights,
    with_weights,
    zipped,
)

CLASSES = {
    "softmax": '''
def softmax(x, axis=-1):
    return Row(axis).forward(x)


import functools
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """Knows everything about softmax along one axis."""

    axis: int = -1

    def total(self, x):
        return functools.partial(np.sum, axis=self.axis, keepdims=True)(x)

    def forward(self, x):
        exps = np.exp(x - np.max(x, axis=self.axis, keepdims=True))
        return exps / self.total(exps)

    def backward(self, dout, probs):
        return (dout - self.total(dout * probs)) * probs

    @staticmethod
    def outer(p):
        return p[:, None] * p[None, :]
''',
    "softmax_jacobian": """
def softmax_jacobian(probs):
    return np.diagflat(probs) - Row.outer(probs)
""",
    "softmax_backward": """
def softmax_backward(dout, probs, axis=-1):
    row = Row(axis=axis)
    return row.backward(dout, probs)
""",
}
LAMBDAS = {
    "softmax": """
import functools


def shifted(f):
    @functools.wraps(f)
    def wrapper(x, axis=-1):
        return f(x - x.max(axis, keepdims=True), axis)

    return wrapper


@shifted
def softmax(x, axis=-1):
    exps = np.exp(x)
    exps /= exps.sum(axis, keepdims=True)
    return exps
""",
    "softmax_jacobian": "softmax_jacobian = lambda probs: np.diag(probs) - probs[:, None] * probs",
    "softmax_backward": """
def _backward(dout, probs, axis=-1):
    weighted = dout * probs
    return weighted - probs * weighted.sum(axis, keepdims=True)


softmax_backward = _backward
""",
}
FLOAT32 = {
    "softmax": """
def softmax(x, axis=-1):
    one = x.dtype.type(1)  # np.float64(1) would promote float32 scores
    exps = np.exp(x - np.max(x, axis=axis, keepdims=True), dtype=x.dtype)
    return exps * (one / np.sum(exps, axis=axis, keepdims=True, dtype=x.dtype))
""",
    "softmax_jacobian": """
def softmax_jacobian(probs):
    jacobian = np.empty((probs.size, probs.size), dtype=probs.dtype)
    np.multiply(-probs[:, None], probs[None, :], out=jacobian)
    jacobian[np.diag_indices(probs.size)] += probs
    return jacobian
""",
    "softmax_backward": """
def softmax_backward(dout, probs, axis=-1):
    dx = np.array(dout, dtype=dout.dtype)
    dx -= np.sum(dout * probs, axis=axis, keepdims=True, dtype=dout.dtype)
    dx *= probs
    return dx
""",
}


def students(sources: Sources) -> Iterator[Student]:
    """Everybody of this chapter."""
    right = {s: sources.module(s) for s in sources.slugs}
    books = {s: dumped(sources.notebook(s)) for s in sources.slugs}
    story = "the references as .py in a folder per volume"
    yield with_weights(sources, folder("reference", story, right, ".py"))
    story = "the references as notebooks"
    yield with_weights(sources, folder("reference-notebooks", story, books, ".ipynb"))
    packed = {f"hedy/homework/{s}.ipynb": books[s] for s in sources.quick}
    packed |= {f"hedy/homework/{s}.safetensors": data for s, data in weights(sources).items()}
    noise = {"__MACOSX/hedy/._softmax.ipynb": b"\0\5\26\7", "hedy/.DS_Store": b"\0\0\0\1Bud1"}
    yield alone("zipped-on-a-mac", "the notebooks in one zip", ".zip", zipped(packed | noise))
    yield from _other_styles(sources)
    for name, story, answers in (
        ("classes", "a dataclass with methods, defined below its first use", CLASSES),
        ("lambdas", "a decorator, a lambda, a function under a second name", LAMBDAS),
        ("float32", "takes care of float32, preallocates, writes with out=", FLOAT32),
    ):
        data = sources.module(SOFTMAX, answers)
        yield folder(name, story, {SOFTMAX: data}, ".py")
    yield alone("one-notebook", "one notebook named after the student", ".ipynb", books[SOFTMAX])
    yield alone("one-module", "one module named after the student", ".py", right[RMSNORM])
    yield from _partly(sources)


def _other_styles(sources: Sources) -> Iterator[Student]:
    """One student per alternative, each handing in another kind of file."""
    texts = {slug: sources.alternatives(slug) for slug in sources.quick}
    for number in range(max(map(len, texts.values()))):
        mine = {slug: each[number] for slug, each in texts.items() if len(each) > number}
        modules = {slug: text.encode() for slug, text in mine.items()}
        name, story = f"style-{number + 1}", "each exercise in another style than the reference"
        if number % 3 == 1:
            books = {
                slug: dumped(sources.notebook(slug, split(text, sources.pages[slug].functions)))
                for slug, text in mine.items()
            }
            yield with_weights(sources, folder(name, f"{story}, as notebooks", books, ".ipynb"))
        elif number % 3 == 2:
            members = {f"{slug}.py": data for slug, data in modules.items()}
            beside = {s: data for s, data in weights(sources).items() if s in modules}
            members |= {f"{slug}.safetensors": data for slug, data in beside.items()}
            yield alone(name, f"{story}, in one zip", ".zip", zipped(members))
        else:
            yield with_weights(sources, folder(name, f"{story}, as .py", modules, ".py"))


def split(module: str, functions: Sequence[str]) -> dict[str, str]:
    """A module as answer cells: each of `functions` in its own, all else in the first."""
    pieces: dict[str, list[str]] = {name: [] for name in functions}
    for node in ast.parse(module).body:
        name = getattr(node, "name", "")
        if not (isinstance(node, ast.ImportFrom) and node.level):  # a notebook has `mine(...)`
            home = name if name in pieces else functions[0]
            pieces[home].append(ast.get_source_segment(module, node) or "")
    return {name: "\n\n\n".join(texts) for name, texts in pieces.items()}


def _partly(sources: Sources) -> Iterator[Student]:
    """Students who did a part, or did it in one form only."""
    stubs = {slug: sources.module(slug, {}) for slug in sources.slugs}
    empty = {slug: dumped(sources.notebook(slug, {})) for slug in sources.slugs}
    yield folder("untouched", "handed everything in as it was handed out", empty, ".ipynb")
    yield folder("untouched-modules", "the same as .py", stubs, ".py")
    first = {"softmax": sources.right(SOFTMAX)["softmax"]}
    one = dumped(sources.notebook(SOFTMAX, first))
    yield folder("one-function", "wrote the first function only", {SOFTMAX: one}, ".ipynb")
    data = sources.module(RMSNORM)
    yield folder(
        "one-exercise", "wrote one exercise, the others are stubs", stubs | {RMSNORM: data}
    )
    both: dict[str, bytes] = {}
    for slug in sources.quick:
        both |= {f"starter_code/{slug}.py": sources.module(slug)}
        both |= {f"assignments/{slug}.ipynb": empty[slug]}
    yield _whole_course(sources, "only-modules", "everything in .py, notebooks untouched", both)
    other = {f"starter_code/{slug}.py": stubs[slug] for slug in sources.quick}
    other |= {f"assignments/{s}.ipynb": dumped(sources.notebook(s)) for s in sources.quick}
    yield _whole_course(sources, "only-notebooks", "everything in notebooks, .py untouched", other)


def _whole_course(sources: Sources, name: str, story: str, files: Mapping[str, bytes]) -> Student:
    beside = {f"assignments/{slug}.safetensors": data for slug, data in weights(sources).items()}
    return Student(name, story, {f"{name}/{p}": data for p, data in {**files, **beside}.items()})
