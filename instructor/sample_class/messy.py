"""Students whose notebooks are a mess and right: every one of them earns full points."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from handin import (
    LORA,
    OPTIMIZERS,
    SOFTMAX,
    Notebook,
    Sources,
    Student,
    answer_cell,
    code_cell,
    dumped,
    folder,
)

Mess = Callable[[Notebook], None]

PLOT = """%matplotlib inline
import matplotlib.pyplot as plt
import seaborn as sns

fig, ax = plt.subplots(figsize=(6, 3))
ax.bar(range(5), softmax(np.arange(5.0)))
plt.show();
"""
MAGICS = [
    "!pip install --quiet numpy matplotlib\n%load_ext autoreload\n%autoreload 2",
    "%%time\nslow = [softmax(np.random.randn(8, 8)) for _ in range(1000)]",
    "?np.exp\nsoftmax??\nfiles = !ls -la\n%timeit softmax(np.ones(3))",
    "%%bash\necho 'not Python at all' | grep -c Python || true",
    "%env OMP_NUM_THREADS=1\nx = np.arange(7) % 3; print(f'{x[0] % 2} %matplotlib !ls')",
]
LOUD = """
import logging
import sys
import warnings

PRINTED = []


def softmax_jacobian(probs):
    if not PRINTED:
        PRINTED.append(True)
        for _ in range(20):
            print("x" * 1_000_000)
    print("probs", probs, file=sys.stderr)
    logging.warning("building a matrix of %d entries", probs.size**2)
    warnings.warn("this is large", stacklevel=1)
    return np.diag(probs) - np.outer(probs, probs)
"""
TRAINING = """w = np.zeros(3)
step = 0
while True:  # stopped by hand when it had converged
    p = softmax(w)
    w -= 0.1 * softmax_backward(p - np.array([0.0, 0.0, 1.0]), p)
    step += 1
    print(step, p)
"""
COLAB = """# @title Setup { display-mode: "form" }
from google.colab import drive, files
drive.mount("/content/drive")
%cd /content/drive/MyDrive/course
!pip -q install -U numpy
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
"""
CONDITIONAL = """
try:
    from fast_softmax import softmax
except ImportError:

    def softmax(x, axis=-1):
        if DEBUG:
            plt.matshow(x)
        shifted = x - x.max(axis=axis, keepdims=True)
        return exp(shifted) / sum(exp(shifted), axis=axis, keepdims=True)


import sys
from numpy import *

if sys.version_info >= (3, 8):
    DEBUG = False
else:
    DEBUG = True
"""
PATCHED = """
def init(self, params, lr, betas, eps, weight_decay):
    self.groups = [[p, np.zeros_like(p), np.zeros_like(p), 0] for p in params]
    self.options = lr, betas, eps, weight_decay


def step(self, grads):
    lr, (b1, b2), eps, decay = self.options
    for group, g in zip(self.groups, grads):
        if g is not None:
            p, m, v, t = group
            m += (1 - b1) * (g - m)
            v += (1 - b2) * (g * g - v)
            group[3] = t = t + 1
            p -= lr * decay * p
            p -= lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)


AdamW.__init__, AdamW.step = init, step
opt = AdamW([np.ones(3)], 0.1, (0.9, 0.999), 1e-8, 0.01)
opt.step([np.ones(3)])
"""
HABITS = """import torch.nn.functional as F
from torch.utils.tensorboard import SummaryWriter
from tqdm.auto import tqdm

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
torch.manual_seed(0)
torch.backends.cudnn.benchmark = True
writer = SummaryWriter()
for step in tqdm(range(10)):
    layer = LoRALinear(nn.Linear(4, 3), 2, 4.0).to(device)
    writer.add_scalar("loss", layer(torch.randn(2, 4)).sum(), step)
"""
SPLIT = (
    "def softmax_backward(dout, probs, axis=-1):\n    weighted = dout * probs\n",
    "    total = weighted.sum(axis=axis, keepdims=True)\n    return weighted - probs * total",
)


def students(sources: Sources) -> Iterator[Student]:
    """Everybody of this chapter; strange names go with strange notebooks."""
    for name, story, mess in MESSES:
        book = sources.notebook(SOFTMAX)
        mess(book)
        yield folder(name, story, {"softmax": dumped(book)}, ".ipynb")
    plain = dumped(sources.notebook(SOFTMAX))
    stale = dumped(sources.notebook(SOFTMAX, {}))
    files = {"softmax (1)": plain, ".ipynb_checkpoints/softmax-checkpoint": stale}
    yield folder("copy (1)", "downloaded twice, beside a checkpoint of Jupyter", files, ".ipynb")
    yield folder(
        "renamed", "no ids, a name that says nothing", {"hw1 FINAL v2": _bare(sources)}, ".ipynb"
    )
    exported = {"softmax": _exported(sources.notebook(SOFTMAX))}
    yield folder("exported", "the notebook exported as a script", exported)
    book = sources.notebook(OPTIMIZERS)
    answer_cell(book, "AdamW")["source"] = answer_cell(sources.notebook(OPTIMIZERS, {}), "AdamW")[
        "source"
    ]
    book["cells"].append(_code(PATCHED))
    patched = {OPTIMIZERS: dumped(book)}
    yield folder("patched-class", "methods put into the class from outside", patched, ".ipynb")
    book = sources.notebook(LORA)
    book["cells"].insert(2, _code(HABITS))
    book["cells"].append(_code(HABITS))
    yield folder("torch-habits", "device, seed, progress bar, logs", {LORA: dumped(book)}, ".ipynb")
    windows = b"\xef\xbb\xbf" + sources.module(SOFTMAX).replace(b"\n", b"\r\n")
    yield folder("windows", "a module with a byte order mark and CRLF", {"softmax": windows})
    for name in STRANGE_NAMES:
        yield folder(
            name, "a right module under a strange name", {SOFTMAX: sources.module(SOFTMAX)}
        )


STRANGE_NAMES = (
    "=1+1",
    "@SUM(1+9)*cmd",
    "<b>bold<img src=x onerror=alert(1)>",
    "[red]markup",
    "`rm -rf` | $(ls) & co",
    "--workers",
    "Łucja Żółć 李小龍 🦙",
    " two  spaces ",
    "\u202egnp.eman",
)


def _code(source: str) -> dict[str, Any]:
    return code_cell(source, f"own-{sum(i * ord(c) for i, c in enumerate(source)):x}")


def _plots_and_magics(book: Notebook) -> None:
    for source in (PLOT, *MAGICS):
        book["cells"].append(_code(source))
    book["cells"].insert(2, _code(MAGICS[0]))
    cell = answer_cell(book, "softmax_backward")
    cell["source"] = "%%time\n# so that I know how long it takes\n" + cell["source"] + "\n%pdb off"
    image = {"image/png": "iVBORw0KGgo" * 20_000, "text/plain": ["<Figure>"]}
    output = {"data": image, "metadata": {}, "output_type": "display_data"}
    answer_cell(book, "softmax")["outputs"] = [output]


def _imports_in_an_answer(book: Notebook) -> None:
    cell = answer_cell(book, "softmax")
    cell["source"] = "import matplotlib.pyplot as plt\nimport pandas as pd\n\n" + cell["source"]
    cell["source"] += "\n\n\nplt.plot(softmax(np.linspace(-3, 3)))\nprint(pd.DataFrame())"


def _prints_everything(book: Notebook) -> None:
    answer_cell(book, "softmax_jacobian")["source"] = LOUD


def _out_of_order(book: Notebook) -> None:
    cell = answer_cell(book, "softmax_backward")
    cell["source"] = (
        "TABLE = [small(1.0)]\n\n\ndef softmax_backward(dout, probs, axis=-1):\n"
        "    return probs * (dout - TABLE[0] * (dout * probs).sum(axis=axis, keepdims=True))"
    )
    book["cells"].reverse()
    book["cells"].append(_code("def small(value):\n    return np.float64(value).item()"))


def _redefines(book: Notebook) -> None:
    first = answer_cell(book, "softmax")
    right = copy.deepcopy(first)
    right["id"] = "own-second-try"
    right["metadata"] = {}
    first["source"] = "def softmax(x, axis=-1):\n    return np.exp(x) / np.exp(x).sum()"
    book["cells"].append(_code("# it overflows, next try\nsoftmax(np.array([1000.0]))"))
    book["cells"].append(right)


def _broken_cell_beside(book: Notebook) -> None:
    book["cells"].insert(4, _code("softmax(np.array([1.0, 2.0)\nfor"))
    book["cells"].append(_code("def plot_it(x:\n    pass"))
    book["cells"].append(_code("raise ValueError('scratch')\nundefined_name + 1"))
    book["cells"].append(_code("1 / 0"))


def _lost_one(book: Notebook) -> None:
    cell = answer_cell(book, "softmax_jacobian")
    cell["metadata"], cell["id"] = {}, "a1b2c3d4"


def _lost_all(book: Notebook) -> None:
    book["metadata"] = {}
    for number, cell in enumerate(book["cells"]):
        cell["metadata"], cell["id"] = {}, f"{number:08x}"


def _duplicated(book: Notebook) -> None:
    book["cells"] = [copy.deepcopy(cell) for cell in book["cells"] for _ in range(2)]


def _old_format(book: Notebook) -> None:
    book["nbformat_minor"] = 4
    for cell in book["cells"]:
        del cell["id"]


def _oldest_format(book: Notebook) -> None:
    book["nbformat"], book["nbformat_minor"] = 3, 0
    cells = book.pop("cells")
    for cell in cells:
        del cell["id"]
        if cell["cell_type"] == "code":
            cell["input"], cell["language"] = cell.pop("source"), "python"
    book["worksheets"] = [{"cells": cells, "metadata": {}}]


def _other_kernel(book: Notebook) -> None:
    name = {"display_name": "Julia 1.10", "language": "julia", "name": "julia-1.10"}
    book["metadata"]["kernelspec"] = name
    book["metadata"]["language_info"] = {"name": "julia"}


def _as_markdown(book: Notebook) -> None:
    cell = answer_cell(book, "softmax")
    cell["cell_type"] = "markdown"
    del cell["outputs"], cell["execution_count"]


def _split(book: Notebook) -> None:
    cell = answer_cell(book, "softmax_backward")
    rest = copy.deepcopy(cell)
    cell["source"], rest["source"] = SPLIT
    rest["id"] = "own-rest"
    book["cells"].insert(book["cells"].index(cell) + 1, rest)


def _colab(book: Notebook) -> None:
    book["metadata"] = {"colab": {"provenance": [], "gpuType": "T4"}, "accelerator": "GPU"}
    for number, cell in enumerate(book["cells"]):
        cell["metadata"] |= {"id": f"Zq{number:010}", "colab": {"base_uri": "https://"}}
        del cell["id"]
    book["cells"].insert(0, _code(COLAB))


def _conditional(book: Notebook) -> None:
    answer_cell(book, "softmax")["source"] = CONDITIONAL


def _bare(sources: Sources) -> bytes:
    book = sources.notebook(SOFTMAX)
    _lost_all(book)
    return dumped(book)


def _exported(book: Notebook) -> bytes:
    """What `jupyter nbconvert --to script` makes of a notebook."""
    parts = ["#!/usr/bin/env python\n# coding: utf-8"]
    for number, cell in enumerate([*book["cells"], _code("x = 1")], start=1):
        if cell["cell_type"] == "code":
            parts.append(f"# In[{number}]:\n\n\n{cell['source']}")
        else:
            parts.append("# " + cell["source"].replace("\n", "\n# "))
    parts.append("get_ipython().run_line_magic('matplotlib', 'inline')\nplt.plot(softmax(x))")
    return ("\n\n\n".join(parts) + "\n").encode()


def _no_checks(book: Notebook) -> None:
    book["cells"] = [
        c for c in book["cells"] if "-answer-" in c["id"] or c["cell_type"] == "markdown"
    ]


def _only_answers(book: Notebook) -> None:
    cells = [c for c in book["cells"] if "-answer-" in c["id"]]
    text = "\n\n".join(c["source"] for c in cells)
    book["cells"] = [_code("import numpy as np\nfrom typing import Any\nFloats = Any\n" + text)]


def _edited_points(book: Notebook) -> None:
    for cell in book["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade"):
            mark["points"], mark["locked"] = 1000, False
            cell["source"] = "print(1000.0)\n1000.0"


def _hangs_at_top_level(book: Notebook) -> None:
    book["cells"].append(_code(TRAINING))


def _list_sources(book: Notebook) -> None:
    for cell in book["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
        cell["metadata"] |= {"tags": ["ünïcödé"], "collapsed": False}


MESSES: tuple[tuple[str, str, Mess], ...] = (
    ("plots-and-magics", "plots, magics, shell commands, a saved picture", _plots_and_magics),
    ("imports-that-fail", "imports in an answer that are not installed", _imports_in_an_answer),
    ("prints-everything", "prints 20 MB, warns and logs in a function", _prints_everything),
    ("out-of-order", "cells from the last to the first", _out_of_order),
    ("redefines", "wrong first, right later", _redefines),
    ("broken-cell", "broken scratch cells beside right answers", _broken_cell_beside),
    ("lost-one", "one answer cell without its metadata", _lost_one),
    ("lost-all", "no cell has metadata or its id", _lost_all),
    ("duplicated", "every cell twice, same ids", _duplicated),
    ("old-format", "nbformat 4.4: cells have no ids", _old_format),
    ("oldest-format", "nbformat 3: worksheets and inputs", _oldest_format),
    ("other-kernel", "saved for another kernel", _other_kernel),
    ("as-markdown", "one answer turned into a Markdown cell", _as_markdown),
    ("colab", "from Colab: other ids, a mounted drive", _colab),
    ("conditional", "defined in an except, a star import, a plot for debugging", _conditional),
    ("split", "one function in two cells", _split),
    ("no-checks", "check cells, grade cells and imports deleted", _no_checks),
    ("one-cell", "all functions moved into one cell", _only_answers),
    ("edited-points", "gives themselves 1000 points a cell", _edited_points),
    ("hangs-at-top-level", "a training loop that never ends", _hangs_at_top_level),
    ("lists-of-lines", "sources as lists of lines, more metadata", _list_sources),
)
