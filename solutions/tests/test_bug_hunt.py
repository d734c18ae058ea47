"""The hunt on layers whose bugs are known, with PyTorch as the judge of what is wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from solutions.vol1_numpy.bug_hunt import find_the_bug
from solutions.vol1_numpy.rmsnorm import rmsnorm, rmsnorm_backward
from solutions.vol1_numpy.softmax import softmax, softmax_backward

Floats = NDArray[np.floating[Any]]
Backward = Callable[..., tuple[Any, ...]]


def module(forward: Callable[..., Any], backward: Backward, **inputs: Any) -> dict[str, Any]:
    return {"forward": forward, "backward": backward, "inputs": inputs}


def norm_module(backward: Backward) -> dict[str, Any]:
    x = np.random.default_rng(0).standard_normal((2, 3))
    return module(rmsnorm, backward, x=x, gain=np.ones(3))


def test_right_layers_are_cleared() -> None:
    assert find_the_bug(norm_module(rmsnorm_backward)) is None
    probs = module(
        softmax, lambda dout, x: (softmax_backward(dout, softmax(x)),), x=np.zeros((2, 4))
    )
    assert find_the_bug(probs) is None


def test_a_missing_factor_that_is_one_in_a_new_layer_is_found() -> None:
    def no_gain(dout: Floats, x: Floats, gain: Floats) -> tuple[Floats, Floats]:
        ones = np.ones_like(gain)
        return rmsnorm_backward(dout, x, ones)[0], rmsnorm_backward(dout, x, gain)[1]

    wrong = norm_module(no_gain)
    dout = np.random.default_rng(1).standard_normal((2, 3))
    given = wrong["inputs"].values()
    np.testing.assert_array_equal(no_gain(dout, *given)[0], rmsnorm_backward(dout, *given)[0])
    assert find_the_bug(wrong) == "x"


@pytest.mark.parametrize("bad", [lambda g: -g, lambda g: 1.001 * g, lambda g: None, np.atleast_2d])
def test_each_tensor_is_named_for_each_kind_of_bug(bad: Callable[[Floats], Any]) -> None:
    def gain_wrong(*args: Any) -> tuple[Any, ...]:
        dx, dgain = rmsnorm_backward(*args)
        return dx, bad(dgain)

    assert find_the_bug(norm_module(gain_wrong)) == "gain"


def test_ids_have_a_name_but_no_gradient() -> None:
    def backward(dout: Floats, ids: Any, table: Floats) -> tuple[Floats]:
        dtable = np.zeros_like(table)
        dtable[ids] = dout  # the last of equal ids wins
        return (dtable,)

    table = np.zeros((3, 2))
    wrong = module(lambda ids, table: table[ids], backward, ids=np.array([0, 2, 0]), table=table)
    assert find_the_bug(wrong) == "table"
    assert not table.any()


def test_autograd_is_cleared_and_a_broken_autograd_is_not() -> None:
    torch = pytest.importorskip("torch")

    def forward(x: Floats, w: Floats, b: Floats) -> Floats:
        return np.tanh(x @ w + b)

    def backward(dout: Floats, *inputs: Floats) -> tuple[Floats, ...]:
        x, w, b = (torch.tensor(a, requires_grad=True) for a in inputs)
        torch.tanh(x @ w + b).backward(torch.tensor(dout))
        return tuple(t.grad.numpy() for t in (x, w, b))

    shapes = {"x": np.zeros((3, 2)), "w": np.eye(2), "b": np.zeros(2)}
    assert find_the_bug(module(forward, backward, **shapes)) is None

    def transposed(dout: Floats, x: Floats, w: Floats, b: Floats) -> tuple[Floats, ...]:
        return backward(dout, x, w.T, b)[0], *backward(dout, x, w, b)[1:]

    assert find_the_bug(module(forward, transposed, **shapes)) == "x"
