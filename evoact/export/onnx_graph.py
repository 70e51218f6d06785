"""ONNX graphs that are written down by computing with values of them.

A `Value` has the operators and methods that the text of torch asks of tensors; it
computes nothing: what is asked of it becomes a node of its graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper, numpy_helper

OPSET: Final = 20  # the first that has Gelu
IR_VERSION: Final = 9  # which came with it

Arrays = Mapping[str, npt.NDArray[np.float32]]
Shape = tuple[int | str, ...]  # a text stands for any size


class Graph:
    """Nodes in the order in which they run; what is asked for again is the same node.

    Args:
        parameters: by the names of their initialisers.
    """

    def __init__(self, parameters: Arrays) -> None:
        self.initializers: dict[str, npt.NDArray[Any]] = dict(parameters)
        self.nodes: list[Any] = []
        self._constants: dict[tuple[str, Shape, bytes], str] = {}
        self._written: dict[tuple[Any, ...], list[str]] = {}

    def parameter(self, name: str) -> Value:
        """Return a parameter; one number a channel stands in dimension 1, as those of `x`."""
        shape = self.initializers[name].shape
        value = Value(self, name, shape)
        axes = self.constant([0], np.int64) if shape else None
        return node("Unsqueeze", value, axes, shape=(1, *shape)) if shape else value

    def constant(self, given: Any, dtype: Any = np.float32) -> Value:
        """Return a number, or several."""
        with np.errstate(over="ignore"):  # infinite in float32, as it is in torch
            array = np.asarray(given, dtype)
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = f"c{len(self._constants)}"
            self.initializers[self._constants[key]] = array
        return Value(self, self._constants[key], array.shape)

    def write(self, op: str, inputs: Sequence[Value], outputs: int = 1, **how: Any) -> list[str]:
        """Return the names of what an operation gives."""
        names = [value.name for value in inputs]
        key = (op, *names, *sorted(how.items()))
        if key not in self._written:
            name = f"{op.lower()}_{len(self.nodes)}"
            given = [name, *(f"{name}_{index}" for index in range(1, outputs))]
            self.nodes.append(helper.make_node(op, names, given, name=name, **how))
            self._written[key] = given
        return self._written[key]

    def model(self, x: Value, result: Value) -> ModelProto:
        """Return the model whose input is `x`, and its output `y` the result."""
        y = self._output(result)
        ends = [
            helper.make_tensor_value_info(end.name, TensorProto.FLOAT, ["batch", *end.shape[1:]])
            for end in (x, y)
        ]
        tensors = [numpy_helper.from_array(*pair[::-1]) for pair in self.initializers.items()]
        graph = helper.make_graph(self.nodes, "activation", ends[:1], ends[1:], tensors)
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(
            graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="evoact"
        )

    def _output(self, value: Value) -> Value:
        if not self.nodes or value.name not in self.nodes[-1].output:
            value = node("Identity", value)
        last = self.nodes[-1].output
        last[list(last).index(value.name)] = "y"
        return Value(self, "y", value.shape)


def node(op: str, *args: Any, shape: Shape | None = None, truth: bool = False, **how: Any) -> Value:
    """Write an operation down; return its result.

    Args:
        op: of ONNX.
        args: values and numbers, one a value at least.
        shape: of the result; by default the arguments are broadcast.
        truth: whether the result is true or false, not a number.
        how: the attributes.
    """
    graph = next(arg.graph for arg in args if isinstance(arg, Value))
    values = [arg if isinstance(arg, Value) else graph.constant(arg) for arg in args]
    (name,) = graph.write(op, values, **how)
    if shape is None:
        shape = max((value.shape for value in values), key=len)
    return Value(graph, name, shape, truth=truth)


def _operator(op: str, *, reflected: bool = False, truth: bool = False) -> Callable[..., Any]:
    def operator(left: Value, right: Any) -> Any:
        if not isinstance(right, Value | int | float):
            return NotImplemented
        args = [_number(arg) for arg in (left, right)]
        return node(op, *(reversed(args) if reflected else args), truth=truth)

    return operator


def _number(arg: Any) -> Any:
    """As torch, take what is true for 1 and what is false for 0."""
    truth = isinstance(arg, Value) and arg.truth
    return node("Cast", arg, to=TensorProto.FLOAT) if truth else arg


class Value:
    """A tensor of a graph; its methods are those of torch's tensors.

    Args:
        graph: where it is computed.
        name: there.
        shape: its sizes; those of dimension 0 are not read.
        truth: whether it is true or false, not a number.
    """

    def __init__(self, graph: Graph, name: str, shape: Shape, *, truth: bool = False) -> None:
        self.graph, self.name, self.shape, self.truth = graph, name, shape, truth

    __add__, __radd__ = _operator("Add"), _operator("Add", reflected=True)
    __sub__, __rsub__ = _operator("Sub"), _operator("Sub", reflected=True)
    __mul__, __rmul__ = _operator("Mul"), _operator("Mul", reflected=True)
    __truediv__, __rtruediv__ = _operator("Div"), _operator("Div", reflected=True)
    __pow__, __rpow__ = _operator("Pow"), _operator("Pow", reflected=True)
    __gt__, __ge__ = _operator("Greater", truth=True), _operator("GreaterOrEqual", truth=True)
    __lt__, __le__ = _operator("Less", truth=True), _operator("LessOrEqual", truth=True)
    __eq__ = _operator("Equal", truth=True)  # of each element, as torch's
    __hash__ = None  # type: ignore[assignment]  # of what is equal in some elements there is none

    def __neg__(self) -> Value:
        return node("Neg", self)

    def __or__(self, other: Value) -> Value:
        return node("Or", self, other, truth=True)

    def detach(self) -> Value:
        """Return itself, as nothing is differentiated."""
        return self

    def where(self, condition: Value, other: Any) -> Value:
        """Return itself where a condition holds, elsewhere the other."""
        return node("Where", condition, self, other)

    def chunk(self, count: int, dim: int) -> list[Value]:
        """Return equal parts."""
        return self._split([self.size(dim) // count] * count, dim)

    def tensor_split(self, places: tuple[int], dim: int) -> list[Value]:
        """Return what is before a place, and what is behind it."""
        return self._split([places[0], self.size(dim) - places[0]], dim)

    def _split(self, sizes: list[int], dim: int) -> list[Value]:
        inputs = [self, self.graph.constant(sizes, np.int64)]
        names = self.graph.write("Split", inputs, len(sizes), axis=dim)
        shapes = [(*self.shape[:dim], size, *self.shape[dim + 1 :]) for size in sizes]
        return [Value(self.graph, *pair) for pair in zip(names, shapes, strict=True)]

    def unflatten(self, dim: int, sizes: tuple[int, int]) -> Value:
        """Return groups of the second of the sizes, in a dimension behind."""
        return self._reshape(*self.shape[:dim], self.size(dim) // sizes[1], sizes[1])

    def flatten(self, dim: int, last: int) -> Value:
        """Return the last two dimensions as one."""
        return self._reshape(*self.shape[:dim], self.size(dim) * self.size(last))

    def _reshape(self, *shape: int | str) -> Value:
        sizes = self.graph.constant([0, *shape[1:]], np.int64)  # 0: as many as there are
        return node("Reshape", self, sizes, shape=shape)

    def amax(self, dim: int) -> Value:
        """Return the largest along a dimension."""
        axes = self.graph.constant([dim], np.int64)
        shape = self.shape[:dim] + self.shape[dim + 1 :]
        return node("ReduceMax", self, axes, shape=shape, keepdims=0)

    def sort(self, dim: int) -> Any:
        """Return what has `values` in increasing order."""
        inputs = [self, self.graph.constant([self.size(dim)], np.int64)]
        values, _ = self.graph.write("TopK", inputs, 2, axis=dim, largest=0)
        return SimpleNamespace(values=Value(self.graph, values, self.shape))

    def size(self, dim: int) -> int:
        """Return how many there are in a dimension."""
        size = self.shape[dim]
        assert isinstance(size, int), "what is groupwise is written for a number of channels"
        return size
