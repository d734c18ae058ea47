"""Work that the last exercise of Volume 3 counts is seen from outside, whatever an engine says.

Each of these engines gives right tokens. Those that read the past again do so out of sight of one
of the counters, and another one sees them.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.course import Course
from autograder.grading import grade_module
from autograder.inputs import Seed
from autograder.submission import RawFile, read_module

COURSE = Course(Path(__file__).parents[2])
SLUG = "vol3_inference/kv_cache_generation"
FORWARD = "every_token_goes_through_forward_once"
TABLE = "every_token_is_looked_up_once"
TIME = "a_late_step_costs_what_an_early_one_does_4"
MEMORY = "the_cache_takes_what_the_formula_says"

AGAIN = """
        text = tokens if self.text is None else np.concatenate([self.text, tokens], axis=1)
        Plain.reset(self)
        logits = Plain.forward(self, text)
        self.text = text
        return logits[:, -tokens.shape[1] :]
"""

# It looks rows up once and computes every layer again; what `cache_nbytes` says is a formula.
REMEMBERS = """
        if np.min(tokens) < 0 or np.max(tokens) >= self.config.vocab_size:
            raise ValueError("unknown")
        if self.rows not in (0, len(tokens)) or self.length + tokens.shape[1] > self.config.max_T:
            raise ValueError("too many")
        new = self.params["embedding"][tokens]
        x = new if self.text is None else np.concatenate([self.text, new], axis=1)
        self.text, self.rows, self.length = x, len(x), x.shape[1]
        config, positions = self.config, np.arange(x.shape[1])
        for i in range(config.n_layers):
            room = (config.n_layers, len(x), config.n_kv_heads, config.max_T)
            cache = KVCache(*room, config.d_model // config.n_heads, x.dtype)
            x = _block(self, cache, i, x, positions)
        x = rmsnorm(x, self.params["final_norm"], config.norm_eps)
        head = self.params["embedding"].T if config.tied else self.params["head"]
        return (x @ head)[:, -tokens.shape[1] :]
"""

CLASS = """

Plain = Engine


class Engine(Plain):
    def reset(self):
        Plain.reset(self)
        self.text = None

    def forward(self, tokens):{body}
"""

PREFILLED = """

Plain = Engine


class Engine(Plain):
    def generate(self, prompt, max_new_tokens, *args, **kwargs):
        if prompt.size and max_new_tokens and prompt.shape[1] <= self.config.max_T:
            hidden = Plain(self)
            hidden.forward(prompt)
        return Plain.generate(self, prompt, max_new_tokens, *args, **kwargs)
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Any]:
    if sys.platform != "linux":
        pytest.skip("isolation needs Linux")
    from autograder.sandbox import Sandbox

    with Sandbox("auto") as found:
        yield found


def failed(sandbox: Any, more: str) -> list[str]:
    """The checks of the engine that the reference with `more` behind it does not pass."""
    source = (COURSE.root / "solutions" / f"{SLUG}.py").read_text(encoding="utf-8")
    mark = "\n# %%\nfrom itertools import pairwise\n"
    assert source.count(mark) == 1
    data = source.replace(mark, f"{more}\n{mark}").encode()
    name = f"{SLUG.rpartition('/')[2]}.py"
    module = read_module(RawFile(name, name, data), COURSE.stub(SLUG), COURSE.rules(SLUG))
    page, exercise = COURSE.page(SLUG), COURSE.exercise(SLUG)
    result = grade_module(
        COURSE, exercise, page, module, sandbox, Seed(b"steps"), only="Engine"
    ).functions[0]
    return [check.name for check in result.checks if check.status != "passed"]


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        ("", []),
        (CLASS.format(body=AGAIN), [TABLE, TIME]),
        (CLASS.format(body=REMEMBERS), [TIME]),
        (PREFILLED, [TABLE]),
    ],
    ids=["with a cache", "again", "again from remembered rows", "twice the prompt"],
)
def test_what_is_computed_again_is_seen(more: str, seen: list[str], sandbox: Any) -> None:
    assert failed(sandbox, more) == seen
