"""LoRALinear against numbers worked by hand, properties, and PyTorch's own linear layer."""

import copy
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from solutions.vol2_pytorch.lora import LoRALinear  # noqa: E402


def adapted(
    *, d_in: int = 5, d_out: int = 4, r: int = 3, alpha: float = 7.0, bias: bool = True
) -> tuple[Any, Any]:
    """A base layer and a LoRALinear on it whose B is not zero, in float64."""
    base = torch.nn.Linear(d_in, d_out, bias=bias, dtype=torch.float64)
    layer = LoRALinear(base, r, alpha)
    torch.nn.init.normal_(layer.lora_B)
    return base, layer


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(20)


def test_the_output_is_that_of_a_layer_worked_by_hand() -> None:
    base = torch.nn.Linear(2, 2)
    layer = LoRALinear(base, 1, 2.0)
    with torch.no_grad():
        base.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        base.bias.copy_(torch.tensor([0.5, -0.5]))
        layer.lora_A.copy_(torch.tensor([[1.0, -1.0]]))
        layer.lora_B.copy_(torch.tensor([[2.0], [3.0]]))
    # base: [5.5, 10.5]; A x = -1; the change is 2 / 1 * [-2, -3].
    torch.testing.assert_close(layer(torch.tensor([1.0, 2.0])), torch.tensor([1.5, 4.5]))
    assert layer.merge().weight.tolist() == [[5.0, -2.0], [9.0, -2.0]]


def test_a_new_layer_gives_exactly_what_its_base_gives() -> None:
    base = torch.nn.Linear(6, 3)
    x = torch.randn(2, 4, 6)
    before = base(x)
    assert torch.equal(LoRALinear(base, 2, 8.0)(x), before)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("r", "alpha"), [(1, 3.0), (3, 1.0), (8, 16)])
def test_values_and_gradients_equal_those_of_a_linear_layer_with_the_summed_weight(
    r: int, alpha: float, bias: bool
) -> None:
    base, layer = adapted(r=r, alpha=alpha, bias=bias)
    x = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    dout = torch.randn(2, 3, 4, dtype=torch.float64)
    a, b = (p.detach().clone().requires_grad_() for p in (layer.lora_A, layer.lora_B))
    summed = base.weight + alpha / r * torch.einsum("or,ri->oi", b, a)
    want = torch.nn.functional.linear(x, summed, base.bias)
    got = layer(x)
    close = {"rtol": 1e-10, "atol": 1e-10}
    torch.testing.assert_close(got, want, **close)
    theirs = torch.autograd.grad((want * dout).sum(), (x, a, b))
    ours = torch.autograd.grad((got * dout).sum(), (x, layer.lora_A, layer.lora_B))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, **close)


def test_the_handouts_gradients_are_those_of_autograd() -> None:
    base, layer = adapted()
    x = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    dout = torch.randn(6, 4, dtype=torch.float64)
    (layer(x) * dout).sum().backward()
    s = 7.0 / 3
    dh = s * torch.einsum("no,ok->nk", dout, layer.lora_B)
    db = s * torch.einsum("no,nk->ok", dout, x @ layer.lora_A.T)
    da = torch.einsum("nk,ni->ki", dh, x)
    dx = torch.einsum("no,oi->ni", dout, base.weight) + torch.einsum("nk,ki->ni", dh, layer.lora_A)
    for got, want in ((layer.lora_A.grad, da), (layer.lora_B.grad, db), (x.grad, dx)):
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-10)


def test_autograd_agrees_with_finite_differences() -> None:
    _, layer = adapted()
    x = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (x,))


def test_an_optimizer_moves_the_matrices_and_nothing_else() -> None:
    base, layer = adapted()
    weight, bias = base.weight.detach().clone(), base.bias.detach().clone()
    a, b = layer.lora_A.detach().clone(), layer.lora_B.detach().clone()
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, weight_decay=0.1)
    layer(torch.randn(6, 5, dtype=torch.float64)).square().sum().backward()
    optimizer.step()
    assert torch.equal(base.weight, weight) and torch.equal(base.bias, bias)
    assert base.weight.grad is None and base.bias.grad is None
    assert (layer.lora_A != a).all() and (layer.lora_B != b).all()
    named = layer.named_parameters()
    assert {name for name, p in named if p.requires_grad} == {"lora_A", "lora_B"}


def test_the_first_step_moves_b_only_and_both_zero_never_learn() -> None:
    layer = LoRALinear(torch.nn.Linear(4, 4), 2, 2.0)
    x, target = torch.randn(8, 4), torch.randn(8, 4)

    def moved() -> list[bool]:
        loss = (layer(x) - target).square().sum()
        return [bool(g.any()) for g in torch.autograd.grad(loss, (layer.lora_A, layer.lora_B))]

    assert moved() == [False, True]
    torch.nn.init.zeros_(layer.lora_A)
    assert moved() == [False, False]


def test_a_change_of_rank_r_is_learned_exactly() -> None:
    base = torch.nn.Linear(6, 6, dtype=torch.float64)
    layer = LoRALinear(base, 2, 4.0)
    change = torch.randn(6, 2, dtype=torch.float64) @ torch.randn(2, 6, dtype=torch.float64)
    x = torch.eye(6, dtype=torch.float64)
    target = base(x) + x @ change.T
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
    for _ in range(800):
        optimizer.zero_grad()
        loss = (layer(x) - target).square().mean()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1e-6
    torch.testing.assert_close(
        layer.merge().weight @ x, target.T - base.bias[:, None], atol=0.02, rtol=0
    )


def test_merging_is_done_in_place_and_once() -> None:
    base, layer = adapted()
    x = torch.randn(3, 5, dtype=torch.float64)
    before, weight = layer(x).detach(), base.weight
    for _ in range(2):
        merged = layer.merge()
        assert merged is base and base.weight is weight and layer.base is base
        assert not weight.requires_grad and weight.is_leaf and not base.bias.requires_grad
        torch.testing.assert_close(merged(x), before, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(layer(x), before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_the_matrices_and_the_output_follow_the_dtype_of_the_base(dtype: str) -> None:
    kind = getattr(torch, dtype)
    layer = LoRALinear(torch.nn.Linear(4, 3, dtype=kind), 2, 5)
    assert layer.lora_A.dtype == layer.lora_B.dtype == kind
    assert layer(torch.ones(2, 4, dtype=kind)).dtype == kind
    assert layer.merge().weight.dtype == kind


def test_the_matrices_follow_the_device_of_the_base() -> None:
    layer = LoRALinear(torch.nn.Linear(4, 3, device="meta"), 2, 5.0)
    assert layer.lora_A.device.type == layer.lora_B.device.type == "meta"
    assert layer(torch.empty(2, 4, device="meta")).shape == (2, 3)


def test_a_is_drawn_from_the_global_generator_at_the_scale_of_the_input() -> None:
    base = torch.nn.Linear(400, 2)
    torch.manual_seed(5)
    one, two = LoRALinear(base, 300, 1.0), LoRALinear(base, 300, 1.0)
    torch.manual_seed(5)
    again = LoRALinear(base, 300, 1.0)
    assert torch.equal(one.lora_A, again.lora_A) and not torch.equal(one.lora_A, two.lora_A)
    assert one.lora_A.std().item() == pytest.approx(0.05, rel=0.02)
    assert not one.lora_B.any()


def test_a_state_dict_carries_over_to_another_layer() -> None:
    base, layer = adapted()
    other = LoRALinear(copy.deepcopy(base), 3, 7.0)
    other.load_state_dict(layer.state_dict())
    x = torch.randn(2, 5, dtype=torch.float64)
    assert torch.equal(other(x), layer(x))


@pytest.mark.parametrize("r", [0, -1])
def test_a_rank_below_one_is_refused_and_the_base_left_alone(r: int) -> None:
    base = torch.nn.Linear(3, 2)
    with pytest.raises(ValueError, match=f"r is {r}; a rank is at least 1"):
        LoRALinear(base, r, 1.0)
    assert base.weight.requires_grad and base.bias.requires_grad
