"""What a graded function reaches stays; everything else goes."""

from typing import Any

import pytest

from autograder.effects import first_line, statements
from autograder.reach import Reach
from autograder.syntax import Code, parse


def kept(source: str, *names: str) -> str:
    """The kept statements of a module of one cell, without blank lines and comments."""
    code = parse(source)
    assert isinstance(code, Code), code
    module = statements(code, 0)
    indices, _ = Reach(module).closure(names or ("f",))
    lines = source.split("\n")
    found = [module[i].node for i in indices]
    return "\n".join("\n".join(lines[first_line(n) - 1 : n.end_lineno]) for n in found)


def gone(source: str, *names: str) -> list[str]:
    """The lines that are not kept."""
    stays = kept(source, *names).split("\n")
    return [line for line in source.split("\n") if line and line not in stays]


def test_plots_prints_and_unused_imports_go() -> None:
    assert gone(
        "import numpy as np\n"
        "import matplotlib.pyplot as plt\n"
        "def f(x):\n    return np.exp(x)\n"
        "print(f(np.ones(3)))\n"
        "plt.plot(f(np.ones(3)))\n"
        "plt.show()\n"
        "f(np.ones(3))\n"
        "assert f(0) == 1\n"
        "np.testing.assert_allclose(f(0), 1)\n"
    ) == [
        "import matplotlib.pyplot as plt",
        "print(f(np.ones(3)))",
        "plt.plot(f(np.ones(3)))",
        "plt.show()",
        "f(np.ones(3))",
        "assert f(0) == 1",
        "np.testing.assert_allclose(f(0), 1)",
    ]


def test_a_training_run_and_a_timing_loop_go() -> None:
    assert gone(
        "def f(x):\n    return x\n"
        "def train(n):\n    return [f(i) for i in range(n)]\n"
        "params = train(10**9)\n"
        "for i in range(10**9):\n    f(i)\n"
    ) == [
        "def train(n):",
        "    return [f(i) for i in range(n)]",
        "params = train(10**9)",
        "for i in range(10**9):",
        "    f(i)",
    ]


def test_a_loop_that_fills_a_table_stays() -> None:
    source = "TABLE = []\nfor i in range(9):\n    TABLE.append(i)\ndef f(i):\n    return TABLE[i]"
    assert kept(source) == source


@pytest.mark.parametrize(
    "change",
    [
        "TABLE[0] = 1",
        "TABLE[0][1].x = 1",
        "TABLE += [1]",
        "TABLE.append(1)",
        "fill(TABLE)",
        "fill(x=TABLE)",
        "_ = fill_all()",
        "fill_all()",
        "np.put(TABLE, 0, 1)",
        "del TABLE[0]",
        "del TABLE",
        "with a: TABLE[0] = 1",
        "TABLE = sorted(TABLE)",
        "row = TABLE[0]\nrow[1] = 1",
        "for row in TABLE:\n    row.append(1)",
        "if a:\n    TABLE = [2]",
        "(TABLE := [3])",
        "[TABLE.append(i) for i in range(3)]",
        "rebind()",
    ],
)
def test_what_changes_a_reached_table_stays(change: str) -> None:
    source = (
        "import numpy as np\na = None\nTABLE = [[]]\n"
        "def fill(x):\n    x.append(1)\n"
        "def fill_all():\n    fill_more()\n"
        "def fill_more():\n    TABLE.append(2)\n"
        "def rebind():\n    global TABLE\n    TABLE = [4]\n"
        "def f(i):\n    return TABLE[i]\n"
    )
    assert kept(source + change).endswith(change)


@pytest.mark.parametrize(
    "use",
    [
        "print(TABLE)",
        "plt.imshow(TABLE)",
        "ax.plot(TABLE)",
        "show_it(TABLE)",
        "x = TABLE[0]",
        "len(TABLE)",
        "y = sum(TABLE)",
        "other = {}\nother['a'] = TABLE",
        "[print(t) for t in TABLE]",
        "train(OTHER, TABLE)",
    ],
)
def test_what_only_looks_at_a_reached_table_goes(use: str) -> None:
    source = (
        "import matplotlib.pyplot as plt\nax = plt.gca()\nTABLE = [[]]\nOTHER = []\n"
        "def show_it(x):\n    print(x)\n"
        "def train(model, table):\n    model.append(table[0])\n"
        "def f(i):\n    return TABLE[i]\n"
    )
    assert use.split("\n")[-1] not in kept(source + use)


def test_a_run_that_only_fills_a_reached_functions_own_cache_goes() -> None:
    assert "run(10**9)" not in kept(
        "CACHE = {}\n"
        "def f(n):\n    if n not in CACHE:\n        CACHE[n] = n\n    return CACHE[n]\n"
        "def run(n):\n    for i in range(n):\n        f(i)\n"
        "result = run(10**9)\n"
    )


@pytest.mark.parametrize(
    "setting",
    [
        "np.seterr(all='raise')",
        "old = np.seterr(all='ignore')",
        "np.random.seed(0)",
        "_ = np.random.seed(0)",
        "np.set_printoptions(precision=3)",
        "np.testing.assert_allclose = lambda *a: None",
        "np.core.x.y = 3",
    ],
)
def test_settings_and_patches_of_a_used_library_stay(setting: str) -> None:
    assert (
        kept(f"import numpy as np\n{setting}\ndef f(x):\n    return np.exp(x)\n").split("\n")[1]
        == setting
    )


def test_settings_of_an_unused_library_go() -> None:
    assert kept("import torch\ntorch.manual_seed(0)\ndef f(x):\n    return x\n") == (
        "def f(x):\n    return x"
    )


def test_a_star_import_stays() -> None:
    source = "from numpy import *\ndef f(x):\n    return exp(x)"
    assert kept(source) == source


def test_a_guarded_import_stays_only_if_it_is_used() -> None:
    guarded = "try:\n    import torch\nexcept ImportError:\n    torch = None\n"
    assert kept(guarded + "def f(x):\n    return x") == "def f(x):\n    return x"
    source = guarded + "def f(x):\n    return torch is None"
    assert kept(source) == source


def test_decorators_defaults_bases_and_annotations_count() -> None:
    source = (
        "from functools import wraps as w\n"
        "D = 3\nE = 4\nA = int\nR = float\n"
        "def deco(g):\n    return w(g)(g)\n"
        "class Base:\n    pass\n"
        "class K(Base):\n    size = E\n"
        "@deco\ndef f(x: A, y=D) -> R:\n    return K()"
    )
    assert kept(source) == source


def test_a_registry_filled_by_a_decorator_stays() -> None:
    source = (
        "OPS = {}\n"
        "def register(name):\n    def inner(g):\n        OPS[name] = g\n"
        "        return g\n    return inner\n"
        "@register('add')\ndef add(a, b):\n    return a + b\n"
        "def f(x):\n    return OPS['add'](x, x)"
    )
    assert kept(source) == source


def test_local_names_do_not_count_as_global() -> None:
    source = (
        "x = slow()\ni = slow()\ny = slow()\nz = slow()\n"
        "def f(x):\n    y = [i for i in x]\n    g = lambda z: z\n    return g(y)\n"
    )
    assert "slow" not in kept(source)


def test_local_names_of_top_level_comprehensions_and_lambdas_do_not_count() -> None:
    source = "x = slow()\nT = [x for x in range(3)]\nU = lambda x: x\ndef f():\n    return T, U\n"
    assert "slow" not in kept(source)
    source = "n = 3\nT = [x for x in range(n)]\nU = lambda x: n2\nn2 = 4\ndef f():\n    return T, U"
    assert kept(source) == source


def test_names_within_nested_functions_and_methods_count() -> None:
    source = (
        "A = 1\nB = 2\n"
        "class K:\n    def m(self):\n        return [A for _ in range(3)]\n"
        "def f():\n    def g():\n        return lambda: B + K().m()\n    return g"
    )
    assert kept(source) == source


def test_a_global_statement_binds_for_everybody() -> None:
    source = "N = 0\ndef count():\n    global N\n    N += 1\ndef f():\n    count()\n    return N"
    assert kept(source) == source


def test_mutual_recursion_is_followed_once() -> None:
    source = "def f(n):\n    return g(n)\ndef g(n):\n    return f(n)"
    assert kept(source) == source


def test_each_function_has_its_own_closure() -> None:
    source = "A = 1\nB = 2\ndef f():\n    return A\ndef g():\n    return B\n"
    assert kept(source, "g") == "B = 2\ndef g():\n    return B"


def test_statements_on_one_line_are_told_apart() -> None:
    code = parse("a = 1; b = [i for i in c]; d = 2\ndef f(): return b\n")
    assert isinstance(code, Code)
    indices, names = Reach(statements(code, 0)).closure(["f"])
    assert 1 in indices
    assert 2 not in indices
    assert "c" in names


def test_matches_and_handlers_bind() -> None:
    source = (
        "match 3:\n    case [a, *b]:\n        pass\n    case {'k': c, **d}:\n        pass\n"
        "    case e:\n        pass\ndef f():\n    return a, b, c, d, e"
    )
    assert kept(source) == source


def cells(*sources: str) -> list[int]:
    """The order in which the cells are loaded."""
    module = []
    for i, source in enumerate(sources):
        code = parse(source)
        assert isinstance(code, Code)
        module += statements(code, i)
    reach = Reach(module)
    return reach.order(reach.closure(["f"])[0])


def test_cells_keep_their_order() -> None:
    assert cells("import numpy as np", "def f():\n    return g()", "def g():\n    return np") == [
        *[0, 1, 2]
    ]


def test_a_cell_moves_before_the_one_that_needs_it_to_load() -> None:
    assert cells(
        "def f(x=T):\n    return x", "T = build()", "def build():\n    return n", "n = 3"
    ) == [*[2, 3, 1, 0]]


def test_cells_that_need_each_other_end() -> None:
    assert sorted(cells("a = b\ndef f():\n    return a", "b = a")) == [0, 1]


def test_ten_thousand_alias_steps_end() -> None:
    source = "\n".join(["a0 = [[]]", *(f"a{i} = a{i - 1}" for i in range(1, 900))])
    source += "\n" + "\n".join(f"a{i}[0] = 1" for i in range(900))
    assert "a899[0] = 1" in kept(source + "\ndef f():\n    return a0\n")


def module_of(source: str) -> Reach:
    code = parse(source)
    assert isinstance(code, Code), code
    return Reach(statements(code, 0))


def test_a_loop_over_many_names_makes_no_alias_for_every_pair() -> None:
    targets, sources = (",\n".join(f"{c}{i}" for i in range(2_000)) for c in "ab")
    reach = module_of(f"for (\n{targets}) in (\n{sources}): pass\n")
    assert sum(map(len, reach.aliases.values())) == 4_000


def test_what_a_loop_changes_by_another_name_stays() -> None:
    source = "A, B = [], []\nfor x, y in zip(A, B): x.append(y)\ndef f(): return A"
    assert kept(source) == source


def test_a_chain_of_aliases_is_followed_once_for_all_that_change_it() -> None:
    chain = "if 1:\n a0 = []\n" + "".join(f" a{i} = a{i - 1}\n" for i in range(1, 2_000))
    changes = "".join("a1999.x = 1\n" for _ in range(500))
    reach = module_of(f"{chain}{changes}def f(): return a0\n")
    asked: list[str] = []
    reach.changing = Asked(reach.changing, asked)
    indices, _ = reach.closure(["f"])
    assert len(indices) == 502
    assert len(asked) == len(set(asked)) > 2_000


class Asked(dict[str, list[int]]):
    """A dictionary that notes what is asked for."""

    def __init__(self, what: dict[str, list[int]], asked: list[str]) -> None:
        super().__init__(what)
        self.asked = asked

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.append(key)
        return super().get(key, default)


def test_functions_that_call_each_other_are_each_looked_at_once_a_round() -> None:
    size = 300
    functions = "".join(
        f"def g{i}():\n    g{i + 1}()\n    g{i * 7 % size}()\n" for i in range(size)
    )
    last = f"def g{size}(): T.append(1)\n" + "g0()\n" * 200 + "def f(): return T\n"
    reach = module_of("T = []\n" + functions + last)
    asked: list[str] = []
    body = reach._body
    reach._body = lambda name: asked.append(name) or body(name)  # type: ignore[method-assign,func-returns-value]
    indices, _ = reach.closure(["f"])
    assert len(indices) == size + 203
    assert len(asked) <= 3 * (size + 1)


def test_the_order_of_cells_is_given_up_where_it_costs_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells = ["a = g()", "def g(): return late", "late = 3"]
    found = [s for i, c in enumerate(cells) for s in statements(parsed(c), i)]
    assert Reach(found).order([0, 1, 2]) == [1, 2, 0]
    monkeypatch.setattr("autograder.reach.MAX_FOLLOWED", 0)
    assert Reach(found).order([0, 1, 2]) == [0, 1, 2]


def parsed(source: str) -> Code:
    code = parse(source)
    assert isinstance(code, Code)
    return code
