"""What PyTorch has recorded behind a tensor that student code returned."""

from typing import Any

# What only changes how numbers lie in memory, or their dtype.
_LAYOUT = (
    *("View", "UnsafeView", "ReshapeAlias", "Clone", "Transpose", "Permute", "T", "ToCopy"),
    *("Unsqueeze", "Squeeze", "Alias"),
)


# A graph made by hand is small; one that is not is somebody's who wants to keep us busy.
_MOST = 100


def recorded(student: Any, out: Any) -> str:
    """The first operation behind `out` that the library differentiates, "" if there is none.

    That is one which is no `torch.autograd.Function` in Python, and changes more than a layout. A
    tensor without a gradient has "nothing" behind it. Nodes are asked for by PyTorch's own
    descriptors, which no Python code replaces.

    Args:
        student: Whose code returned `out`.
        out: A handle of a tensor.
    """
    node_of = student.library("torch._C.TensorBase.grad_fn.__get__")
    kind, is_a = student.library("torch._C._FunctionBase"), student.library("builtins.isinstance")
    todo = [student.keep(node_of, out)]
    if is_a(todo[0], student.library("types.NoneType")):
        return "nothing"
    for _ in range(_MOST):
        if not todo:
            return ""
        node = todo.pop()
        # A class may be called anything: names are kept out of the transcript.
        name = str(student.fetch(student.keep(node.name), record=False))
        plain = name.rstrip("0123456789").removesuffix("Backward") in _LAYOUT
        if not (plain or name == "torch::autograd::AccumulateGrad" or is_a(node, kind)):
            return name
        todo += [inner for inner, _ in node.next_functions if inner is not None]
    return "more than can be looked at"
