"""What happens to notebooks, each as a change to a right one: none of it costs a point."""

import copy
from collections.abc import Callable
from typing import Any

from handin import Notebook, answer_cell, code_cell

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
SPLIT = (
    "def softmax_backward(dout, probs, axis=-1):\n    weighted = dout * probs\n",
    "    total = weighted.sum(axis=axis, keepdims=True)\n    return weighted - probs * total",
)


def own_cell(source: str) -> dict[str, Any]:
    """A cell that a student added; its id follows from its text."""
    return code_cell(source, f"own-{sum(i * ord(c) for i, c in enumerate(source)):x}")


def _plots_and_magics(book: Notebook) -> None:
    for source in (PLOT, *MAGICS):
        book["cells"].append(own_cell(source))
    book["cells"].insert(2, own_cell(MAGICS[0]))
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
    book["cells"].append(own_cell("def small(value):\n    return np.float64(value).item()"))


def _redefines(book: Notebook) -> None:
    first = answer_cell(book, "softmax")
    right = copy.deepcopy(first)
    right["id"] = "own-second-try"
    right["metadata"] = {}
    first["source"] = "def softmax(x, axis=-1):\n    return np.exp(x) / np.exp(x).sum()"
    book["cells"].append(own_cell("# it overflows, next try\nsoftmax(np.array([1000.0]))"))
    book["cells"].append(right)


def _broken_cell_beside(book: Notebook) -> None:
    book["cells"].insert(4, own_cell("softmax(np.array([1.0, 2.0)\nfor"))
    book["cells"].append(own_cell("def plot_it(x:\n    pass"))
    book["cells"].append(own_cell("raise ValueError('scratch')\nundefined_name + 1"))
    book["cells"].append(own_cell("1 / 0"))


def _lost_one(book: Notebook) -> None:
    cell = answer_cell(book, "softmax_jacobian")
    cell["metadata"], cell["id"] = {}, "a1b2c3d4"


def lose_all_metadata(book: Notebook) -> None:
    """No cell keeps its metadata or its id."""
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
    book["cells"].insert(0, own_cell(COLAB))


def _conditional(book: Notebook) -> None:
    answer_cell(book, "softmax")["source"] = CONDITIONAL


def _no_checks(book: Notebook) -> None:
    book["cells"] = [
        c for c in book["cells"] if "-answer-" in c["id"] or c["cell_type"] == "markdown"
    ]


def _only_answers(book: Notebook) -> None:
    cells = [c for c in book["cells"] if "-answer-" in c["id"]]
    text = "\n\n".join(c["source"] for c in cells)
    book["cells"] = [own_cell("import numpy as np\nfrom typing import Any\nFloats = Any\n" + text)]


def _edited_points(book: Notebook) -> None:
    for cell in book["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade"):
            mark["points"], mark["locked"] = 1000, False
            cell["source"] = "print(1000.0)\n1000.0"


def _hangs_at_top_level(book: Notebook) -> None:
    book["cells"].append(own_cell(TRAINING))


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
    ("lost-all", "no cell has metadata or its id", lose_all_metadata),
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
