"""Students whose notebooks are a mess and right: every one of them earns full points."""

from collections.abc import Iterator

from accidents import MESSES, lose_all_metadata, own_cell
from handin import (
    LORA,
    OPTIMIZERS,
    SOFTMAX,
    Notebook,
    Sources,
    Student,
    answer_cell,
    dumped,
    folder,
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
    book["cells"].append(own_cell(PATCHED))
    patched = {OPTIMIZERS: dumped(book)}
    yield folder("patched-class", "methods put into the class from outside", patched, ".ipynb")
    book = sources.notebook(LORA)
    book["cells"].insert(2, own_cell(HABITS))
    book["cells"].append(own_cell(HABITS))
    yield folder("torch-habits", "device, seed, progress bar, logs", {LORA: dumped(book)}, ".ipynb")
    windows = b"\xef\xbb\xbf" + sources.module(SOFTMAX).replace(b"\n", b"\r\n")
    yield folder("windows", "a module with a byte order mark and CRLF", {"softmax": windows})
    for name in STRANGE_NAMES:
        yield folder(
            name, "a right module under a strange name", {SOFTMAX: sources.module(SOFTMAX)}
        )


def _bare(sources: Sources) -> bytes:
    book = sources.notebook(SOFTMAX)
    lose_all_metadata(book)
    return dumped(book)


def _exported(book: Notebook) -> bytes:
    """What `jupyter nbconvert --to script` makes of a notebook."""
    parts = ["#!/usr/bin/env python\n# coding: utf-8"]
    for number, cell in enumerate([*book["cells"], own_cell("x = 1")], start=1):
        if cell["cell_type"] == "code":
            parts.append(f"# In[{number}]:\n\n\n{cell['source']}")
        else:
            parts.append("# " + cell["source"].replace("\n", "\n# "))
    parts.append("get_ipython().run_line_magic('matplotlib', 'inline')\nplt.plot(softmax(x))")
    return ("\n\n\n".join(parts) + "\n").encode()
